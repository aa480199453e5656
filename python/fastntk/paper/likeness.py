# SPDX-License-Identifier: Apache-2.0
"""How far networks' functions are from a Gaussian law, and those of two widths from each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import fastntk as fn

Array = NDArray[np.float64]

# Sets of draws of a law, and sets of networks drawn with replacement: both give standard errors,
# which err by 2 % of themselves with so many.
_SETS, _AT_ONCE = 1000, 100
_INNER = (10, 90)
_SHARE = 0.8


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float

    def within(self, margin: float) -> bool | None:
        """Return whether the value is within +-margin; None if that is a standard error away."""
        beyond = abs(self.value) - margin
        return None if abs(beyond) < self.error else beyond < 0


class Difference(NamedTuple):
    """Between functions and a law, or between functions of two kinds, in the law's deviations."""

    mean: Estimate
    """RMS distance of the means, less what so few functions are expected to show by chance."""
    spread: Estimate
    """Of the RMS deviations."""
    inside: Estimate
    """Of the shares of values between the law's 10th and 90th percentile."""


class Shown(NamedTuple):
    """What functions show, in the law's RMS deviation, and what resampled sets of them show."""

    mean: Array
    """Less the law's, (M,)."""
    noise: float
    """Expected mean square of what the finite number of functions adds to the mean."""
    spread: float
    """RMS deviation."""
    inside: float
    """Share of values from the law's 10th to its 90th percentile; its own: 80 %."""
    means: Array
    """(B, M)."""
    spreads: Array
    """(B,)."""
    insides: Array
    """(B,)."""


def shown(functions: Array, law: fn.Gaussian, rng: np.random.Generator) -> Shown:
    """Describe functions (m, M), m >= 2, at the law's M points, and bootstrap them."""
    count = len(functions)
    scaled = (functions - law.mean) / np.sqrt(law.variance.mean())
    low, high = law.percentiles(_INNER)
    shares = ((functions > low) & (functions < high)).mean(axis=1)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=_SETS) / count
    means = weights @ scaled
    # Rounding takes the variance of equal functions below 0.
    variances = np.maximum((weights @ scaled**2 - means**2).mean(axis=1), 0.0)
    spread = float(np.sqrt(scaled.var(axis=0, ddof=1).mean()))
    return Shown(
        scaled.mean(axis=0),
        spread**2 / count,
        spread,
        float(shares.mean()),
        means,
        np.sqrt(variances * count / (count - 1)),
        weights @ shares,
    )


def limit(points: int) -> Shown:
    """Describe the law itself at so many points: it has no error."""
    zero, one = np.zeros(points), np.ones(1)
    return Shown(zero, 0.0, 1.0, _SHARE, zero[None], one, _SHARE * one)


def difference(one: Shown, other: Shown) -> Difference:
    """Return how far two are apart, the first less the second."""
    noise = one.noise + other.noise
    # The means of resampled sets scatter about the mean as that does about the true one.
    distances = _beyond(_power(one.means - other.means), 2 * noise)
    return Difference(
        Estimate(float(_beyond(_power(one.mean - other.mean), noise)), float(distances.std())),
        _estimate(one.spread - other.spread, one.spreads - other.spreads),
        _estimate(one.inside - other.inside, one.insides - other.insides),
    )


def errors_of_draws(
    law: fn.Gaussian, count: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return the standard errors of the three with `count` draws of the law.

    The first is the root of the mean square over the points, 1 / sqrt(count). The covariance of the
    law must be known.
    """
    low, high = law.percentiles(_INNER)
    spreads, insides = [], []
    for _ in range(0, _SETS, _AT_ONCE):
        draws = law.sample(_AT_ONCE * count, rng).reshape(_AT_ONCE, count, -1)
        spreads.append(np.sqrt(draws.var(axis=1, ddof=1).mean(axis=1) / law.variance.mean()))
        insides.append(((draws > low) & (draws < high)).mean(axis=(1, 2)))
    return float(1 / np.sqrt(count)), float(np.std(spreads)), float(np.std(insides))


def _power(values: Array) -> Array:
    return np.asarray((values**2).mean(axis=-1))


def _beyond(power: Array, noise: float) -> Array:
    return np.asarray(np.sqrt(np.maximum(power - noise, 0.0)))


def _estimate(value: float, resampled: Array) -> Estimate:
    return Estimate(value, float(resampled.std()))
