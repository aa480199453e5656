# SPDX-License-Identifier: Apache-2.0
"""A progress bar with the time to go, shown only when the work lasts long enough to wonder."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

# Work that ends before this many seconds draws nothing.
_DELAY = 0.7


class ProgressBar:
    """Draws the calls ``bar(stage, done, total)`` as one line, on a terminal only.

    A new stage takes the line of the one before, and the line disappears at the end: the timings
    are in the report. The share done and the time to go are those of the stage, the elapsed time
    is that of all stages. A stage of a single step has no share to show: it pulses. ``total = 0``
    means that no other call may come for long: such a stage is drawn at once.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw, usually standard error.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", justify="left", markup=False),
            BarColumn(bar_width=16),
            _Times(self),
            console=console,
            transient=True,
        )
        self._enabled = console.is_terminal
        self._started = time.monotonic()
        self._shown = False
        self._stage = ""

    @property
    def elapsed(self) -> float:
        """Seconds since the work began, all stages together."""
        return time.monotonic() - self._started

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
        known = total if total > 1 else None
        new = stage != self._stage or not self._progress.task_ids
        if new:
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
            self._stage = stage
            self._progress.add_task(stage, total=known, completed=done)
        else:
            self._progress.update(self._progress.task_ids[0], completed=done, total=known)
        if not self._shown and (total <= 0 or self.elapsed >= _DELAY):
            self._shown = True
            self._progress.start()
        if new and self._shown:
            # Native code may hold the interpreter from here on, the drawing thread with it.
            self._progress.refresh()


class _Times(ProgressColumn):
    """Share and time to go of the stage where its end is known; elapsed time of the whole."""

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__(Column(no_wrap=True))
        self._bar = bar

    def render(self, task: Task) -> Text:
        elapsed = f"{_spell(self._bar.elapsed)} elapsed"
        if task.total is None:
            return Text(elapsed, style="progress.elapsed")
        # "eigenpairs, pass 3": how many passes follow is not known, and must not be implied.
        _, _, number = task.description.rpartition(", pass ")
        whose = f" of pass {number}" if number.isdigit() else ""
        left = "--:--" if task.time_remaining is None else _spell(task.time_remaining)
        share = f"{task.percentage:3.0f}%{whose}, {left} to go"
        return Text(f"{share} · {elapsed}", style="progress.elapsed")


def _spell(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds))).removeprefix("0:")
