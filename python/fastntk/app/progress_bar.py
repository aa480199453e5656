# SPDX-License-Identifier: Apache-2.0
"""A progress bar with the time to go, shown only when the work lasts long enough to wonder."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Work that ends before this many seconds draws nothing.
_DELAY = 0.7


class ProgressBar:
    """Draws the calls ``bar(stage, done, total)`` as one line, on a terminal only.

    A new stage takes the line of the one before, and the line disappears at the end: the timings
    are in the report. ``total = 0`` means that the end is not known.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw, usually standard error.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", justify="left"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("·"),
            TimeElapsedColumn(),
            TextColumn("· to go"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._enabled = console.is_terminal
        self._started = time.monotonic()
        self._shown = False
        self._stage = ""
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        """Start the clock."""
        self._started = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the line, whatever happened."""
        if self._shown:
            self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` units of ``stage`` are finished."""
        if not self._enabled:
            return
        if not self._shown and time.monotonic() - self._started >= _DELAY:
            self._shown = True
            self._progress.start()
        known = total if total > 0 else None
        if self._task is None or stage != self._stage:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._stage = stage
            self._task = self._progress.add_task(stage, total=known, completed=done)
        else:
            self._progress.update(self._task, completed=done, total=known)
