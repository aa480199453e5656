# SPDX-License-Identifier: Apache-2.0
"""Entry point of ``fastntk`` and ``python -m fastntk``; imports nothing heavy before its guard."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
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
    with _ending_at_once():
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            print(
                f"fastntk: the command line needs {' and '.join(missing)}, not installed here; "
                f'run\n  {sys.executable} -m pip install "fastntk[app]"',
                file=sys.stderr,
            )
            raise SystemExit(1)
        from fastntk.app.commands import app
    app(args=None if args is None else list(args), prog_name="fastntk")


@contextlib.contextmanager
def _ending_at_once() -> Iterator[None]:
    """End the process on Ctrl-C while the imports run; commands answer for themselves.

    A KeyboardInterrupt would not do: the import system loses one that comes in its callbacks.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield  # Ctrl-C is somebody else's
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> None:
    os.write(2, b"fastntk: interrupted\n")
    os._exit(130)
