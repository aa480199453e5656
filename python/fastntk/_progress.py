# SPDX-License-Identifier: Apache-2.0
"""How long work reports how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

# Seconds between two reports.
_INTERVAL = 0.1


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


class Meter:
    """Counts the steps of one stage, and reports them ten times a second and at the end.

    Parameters
    ----------
    progress : callable or None
        Told of the steps, see `Progress`.
    stage : str
        Its name.
    total : int
        Steps of the stage.
    """

    def __init__(self, progress: Progress | None, stage: str, total: int) -> None:
        self._tell, self._total = of_stage(progress, stage), total
        self._done, self._told = 0, -_INTERVAL

    def add(self, steps: int) -> None:
        """Count steps that are done."""
        self._done += steps
        if self._tell is None:
            return
        now = time.monotonic()
        if now - self._told >= _INTERVAL or self._done >= self._total:
            self._told = now
            self._tell(min(self._done, self._total), self._total)
