# SPDX-License-Identifier: Apache-2.0
"""How far functions are from a Gaussian law, beside what draws of that law itself would show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import fastntk as fn

Array = NDArray[np.float64]

# Sets of draws, and the quantiles of what they show: beyond them once in a hundred.
_SETS, _AT_ONCE = 1000, 100
_QUANTILES = (0.005, 0.5, 0.995)
_INNER = (10, 90)


class Likeness(NamedTuple):
    """Of functions and a law, each a number, or an array of one for each set of functions."""

    distance: Any
    """RMS distance of the functions' mean from the law's, in the law's RMS deviation."""
    spread: Any
    """RMS deviation of the functions, in that of the law."""
    inside: Any
    """Share of the functions' values from the law's 10th to its 90th percentile; its own: 80 %."""


class Range(NamedTuple):
    """What as many draws of the law show in 99 cases of 100, and their median."""

    low: Likeness
    median: Likeness
    high: Likeness


def likeness(functions: Array, law: fn.Gaussian) -> Likeness:
    """Compare functions (..., m, M) at the law's M points with it."""
    deviation = np.sqrt(law.variance.mean())
    off = functions.mean(axis=-2) - law.mean
    low, high = law.percentiles(_INNER)
    return Likeness(
        np.sqrt((off**2).mean(axis=-1)) / deviation,
        np.sqrt(functions.var(axis=-2, ddof=1).mean(axis=-1)) / deviation,
        ((functions > low) & (functions < high)).mean(axis=(-2, -1)),
    )


def of_draws(law: fn.Gaussian, count: int) -> Range:
    """Return what `count` draws of the law show; the covariance must be known."""
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(0, _SETS, _AT_ONCE):
        draws = law.sample(_AT_ONCE * count, rng)
        shown.append(likeness(draws.reshape(_AT_ONCE, count, -1), law))
    all_sets = np.concatenate(shown, axis=1)
    return Range(*(Likeness(*row) for row in np.quantile(all_sets, _QUANTILES, axis=1)))
