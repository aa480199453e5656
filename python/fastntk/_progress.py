# SPDX-License-Identifier: Apache-2.0
"""How long work reports how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """A callable that is told how far a stage is, about ten times a second, on the calling thread.

    What it raises ends the work; Ctrl-C does too, whether there is a callable or not.
    """

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report ``done`` of ``total`` steps of ``stage``."""


def of_stage(progress: Progress | None, stage: str) -> Callable[[int, int], None] | None:
    """Return the callable (done, total) of one stage, for the native module."""
    if progress is None:
        return None
    if not callable(progress):
        raise TypeError(f"progress must be callable, got {progress!r}")
    return lambda done, total: progress(stage, done, total)
