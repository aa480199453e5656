# SPDX-License-Identifier: Apache-2.0
"""What a user sees when something goes wrong: one message and an exit code, no traceback.

Exit codes: 2 for an argument or a data file that cannot be used, 1 for a machine that cannot do it
(memory, disk, network, a missing package) or numbers out of range, 130 after Ctrl-C. Any other
exception is a defect of the program and shows its traceback; ``FASTNTK_DEBUG=1`` shows them all.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import partial
from typing import Any

import numpy as np
from typer.core import TyperGroup

from fastntk._backend import CudaError
from fastntk._stops import DivergenceError
from fastntk.linalg.dense import BACKGROUND

#: Numbers out of range. LinAlgError is a ValueError too, but no argument is at fault: it is asked
#: for first.
OUT_OF_RANGE = (FloatingPointError, DivergenceError, np.linalg.LinAlgError)
_CANNOT_COMPUTE = (*OUT_OF_RANGE, MemoryError, CudaError)
_BAD_REQUEST = (ValueError, FileNotFoundError, IsADirectoryError, NotADirectoryError)
# The package speaks of its arguments; the command line's options have the same names with dashes.
_ARGUMENT = re.compile(
    r"\b(hidden_layers|weight_std|bias_std|init_std)\b"
    r"|^(samples|seed|scale|activation|storage|memory|threads|device|data|tol|ridge)(?= (?:must|'))"
    r"|\b(normalize|dtype|device|storage)='([\w:]+)'"
)
_INTERRUPTED = 130
# How like a known option a mistyped one must be for it to be offered.
_LIKENESS = 0.85


class _InterruptedError(Exception):
    """Ctrl-C, under a name that the argument parser leaves alone."""


class OneLineErrors(TyperGroup):
    """A command group that reports every expected failure as one message."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a Ctrl-C leaves as an ordinary exception, with its message if any."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise _InterruptedError(*stop.args) from None

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
        except (_InterruptedError, KeyboardInterrupt) as stop:
            message = str(stop) or "interrupted; no file was left half written"
            _leave_at_once(message, _INTERRUPTED)
        except Exception as error:
            if os.environ.get("FASTNTK_DEBUG"):
                raise
            _leave(*_explain(error))
        if code == _INTERRUPTED:  # while the arguments were parsed
            _leave("interrupted", code)
        sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> tuple[str, int]:
    # Argument errors are recognised by shape: their class moved between versions of typer.
    describe = getattr(error, "format_message", None)
    if describe is not None:
        _drop_far_fetched(error)
        ctx = getattr(error, "ctx", None)
        hint = f" (see {ctx.command_path} --help)" if ctx is not None else ""
        message = " ".join(str(describe()).split()).rstrip(".").replace("Value error, ", "")
        return message + hint, int(getattr(error, "exit_code", 2))
    message = _ARGUMENT.sub(_as_option, str(error)) or type(error).__name__
    # A GPU that fails while CuPy waits for it, or a library of CUDA that CuPy does not find.
    if isinstance(error, _CANNOT_COMPUTE) or type(error).__module__.startswith("cupy"):
        return message, 1
    if isinstance(error, _BAD_REQUEST):
        return message, 2
    # An import that fails by itself has the module's name; our advice what to install has not.
    if isinstance(error, OSError) or (isinstance(error, ImportError) and error.name is None):
        return message, 1
    raise error


def _as_option(match: re.Match[str]) -> str:
    name = match[1] or match[2] or match[3]
    return f"--{name.replace('_', '-')}" + (f" {match[4]}" if match[4] else "")


def _drop_far_fetched(error: Any) -> None:
    """Keep of the parser's suggestions those that resemble what was typed."""
    typed = getattr(error, "option_name", None)
    if typed and getattr(error, "possibilities", None):
        error.possibilities = [
            name
            for name in error.possibilities
            if name.startswith(typed) or SequenceMatcher(None, typed, name).ratio() >= _LIKENESS
        ]


def _leave_at_once(message: str, code: int) -> None:
    """Leave without waiting for a LAPACK call in the background, which nothing can stop."""
    if any(thread.name == BACKGROUND for thread in threading.enumerate()):
        print(f"fastntk: {message}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(code)
    _leave(message, code)


def _leave(message: str, code: int) -> None:
    print(f"fastntk: {message}", file=sys.stderr)
    sys.exit(code)
