# SPDX-License-Identifier: Apache-2.0
"""How far a solution is: digits of the residual, which conjugate gradients win at an even pace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastntk._progress import Progress

_PARTS = 1000  # of a digit


class Course:
    """Reports thousandths of digits of a residual won, as one stage.

    As a `Progress` it takes the tiles of a product for what the pass before won.

    Parameters
    ----------
    progress : callable
        Told of the stage.
    stage : str
        Its name.
    first, goal : float
        The residual to begin with, and the one to reach.
    """

    def __init__(self, progress: Progress, stage: str, first: float, goal: float) -> None:
        self.progress, self.stage, self.first = progress, stage, first
        self.total = max(1, self._won(goal))
        self.done = self.gain = self.told = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report part of a product; the last steps are left to the residual."""
        part = self.done + self.gain * done // max(total, 1)
        self._tell(min(part, self.total - 1))

    def reached(self, residual: float) -> None:
        """Report a residual."""
        won = min(max(self._won(residual), self.done), self.total)
        self.done, self.gain = won, won - self.done
        self._tell(won)

    def _won(self, residual: float) -> int:
        if not 0 < residual < self.first:
            return 0 if residual else _PARTS * 16
        return round(_PARTS * math.log10(self.first / residual))

    def _tell(self, done: int) -> None:
        self.told = max(self.told, done)
        self.progress(self.stage, self.told, self.total)
