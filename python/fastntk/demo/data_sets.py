# SPDX-License-Identifier: Apache-2.0
"""Sets of points to begin with."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastntk.demo.state import DemoState, Point


def _on(function: Callable[[float], float], xs: list[float]) -> tuple[Point, ...]:
    return tuple((x, round(function(x), 3)) for x in xs)


def _evenly(count: int, low: float = -1.8, high: float = 1.8) -> list[float]:
    return [round(low + (high - low) * i / (count - 1), 3) for i in range(count)]


# The noise is written down rather than drawn: the same picture for everybody.
_NOISE = (0.11, -0.24, 0.31, -0.08, 0.19, -0.33, 0.02, 0.27, -0.17, -0.29, 0.22, 0.06)

DATA_SETS: dict[str, tuple[Point, ...]] = {
    "Five points": DemoState().points,
    "Sine wave": _on(lambda x: 0.9 * math.sin(2.6 * x), _evenly(9)),
    "Step": _on(lambda x: math.copysign(0.8, x), [-1.8, -1.3, -0.8, -0.25, 0.25, 0.8, 1.3, 1.8]),
    "Two clusters": _on(
        lambda x: 0.6 * math.sin(5 * x), [-1.7, -1.5, -1.3, -1.1, -0.9, 0.9, 1.1, 1.3, 1.5, 1.7]
    ),
    "Noisy line": tuple(
        (x, round(0.5 * x + noise, 3)) for x, noise in zip(_evenly(12), _NOISE, strict=True)
    ),
    "Twenty points": _on(lambda x: 0.7 * math.sin(3 * x) + 0.3 * math.cos(7 * x), _evenly(20)),
}
