# SPDX-License-Identifier: Apache-2.0
"""Entry point of ``fastntk`` and ``python -m fastntk``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

# Typer and rich draw the command line itself; matplotlib and the rest are asked for when needed.
_NEEDED = ("typer", "rich")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Parameters
    ----------
    args : sequence of str, optional
        Arguments; those of the process by default.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"fastntk: the command line needs {' and '.join(missing)}, not installed here; run\n"
            f'  {sys.executable} -m pip install "fastntk[app]"',
            file=sys.stderr,
        )
        raise SystemExit(1)
    try:
        from fastntk.app.commands import app

        app(args=None if args is None else list(args), prog_name="fastntk")
    except KeyboardInterrupt:
        # While the imports run; commands answer for themselves.
        print("fastntk: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
