# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds, medians, and the band of a ratio.

One round runs every contestant once, products first; after the last round the products run once
more, so each baseline's time has a product's time on both sides and a machine that slows down slows
both.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter, sleep

# A slot repeats short calls for this long and reports their median.
_SLOT_SECONDS = 0.05
# BLAS workers spin for some 25 ms after a product; resting first keeps them out of the next slot.
_REST_SECONDS = 0.05


@dataclass(frozen=True)
class Ratio:
    """How many times faster than the baseline: median, smallest and largest over the rounds."""

    median: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the whole band lies on one side of 1."""
        return self.low > 1 or self.high < 1


def slot(run: Callable[[], object]) -> float:
    """Return the median seconds of `run` over one slot.  The result is freed outside the clock."""
    seconds: list[float] = []
    sleep(_REST_SECONDS)
    begin = perf_counter()
    while not seconds or perf_counter() - begin < _SLOT_SECONDS:
        start = perf_counter()
        result = run()
        seconds.append(perf_counter() - start)
        del result
    return statistics.median(seconds)


def interleave(
    products: Mapping[str, Callable[[], object]],
    baselines: Mapping[str, Callable[[], object]],
    rounds: int,
    seconds_of: Callable[[Callable[[], object]], float] = slot,
) -> dict[str, list[float]]:
    """Return the seconds of every slot: `rounds` for each baseline, one more for each product."""
    times: dict[str, list[float]] = {name: [] for name in (*products, *baselines)}
    for _ in range(rounds):
        for name, run in (*products.items(), *baselines.items()):
            times[name].append(seconds_of(run))
    for name, run in products.items():
        times[name].append(seconds_of(run))
    return times


def ratio(baseline: list[float], contestant: list[float]) -> Ratio:
    """Compare round by round; a contestant with one slot more is averaged over both neighbours."""
    if len(contestant) == len(baseline) + 1:
        contestant = [(a + b) / 2 for a, b in pairwise(contestant)]
    rounds = [b / c for b, c in zip(baseline, contestant, strict=True)]
    return Ratio(statistics.median(rounds), min(rounds), max(rounds))
