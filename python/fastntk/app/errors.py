# SPDX-License-Identifier: Apache-2.0
"""What a user sees when something goes wrong: one message and an exit code, no traceback.

Exit codes: 2 for an argument or a data file that cannot be used, 1 for a machine that cannot do it
(memory, disk, network, a missing package), 130 after Ctrl-C. ``FASTNTK_DEBUG=1`` shows tracebacks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from typer.core import TyperGroup

_BAD_REQUEST = (ValueError, TypeError, FileNotFoundError, IsADirectoryError, NotADirectoryError)
_CANNOT_DO = (MemoryError, OSError, ImportError)


class _InterruptedError(Exception):
    """Ctrl-C, under a name that the argument parser leaves alone."""


class OneLineErrors(TyperGroup):
    """A command group that reports every expected failure as one message."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a Ctrl-C leaves as an ordinary exception."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _InterruptedError from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Parse, run, and turn failures into a message and an exit code."""
        run = partial(
            super().main, args, prog_name, complete_var, False, windows_expand_args, **extra
        )
        if not standalone_mode:
            return run()
        try:
            code = run()
        except (_InterruptedError, KeyboardInterrupt):
            _leave("interrupted; no file was left half written", 130)
        except Exception as error:
            if os.environ.get("FASTNTK_DEBUG"):
                raise
            _leave(*_explain(error))
        sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> tuple[str, int]:
    # Argument errors are recognised by shape: their class moved between versions of typer.
    describe = getattr(error, "format_message", None)
    if describe is not None:
        ctx = getattr(error, "ctx", None)
        hint = f" (see {ctx.command_path} --help)" if ctx is not None else ""
        message = " ".join(str(describe()).split()).rstrip(".").replace("Value error, ", "")
        return message + hint, int(getattr(error, "exit_code", 2))
    if isinstance(error, _BAD_REQUEST):
        return str(error), 2
    if isinstance(error, _CANNOT_DO):
        return str(error) or type(error).__name__, 1
    raise error


def _leave(message: str, code: int) -> None:
    print(f"fastntk: {message}", file=sys.stderr)
    sys.exit(code)
