# SPDX-License-Identifier: Apache-2.0
"""One layer of mean-field theory: what becomes of a variance, and of a correlation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastntk.theory.functions import Nonlinearity

# Variances beyond which a sequence counts as vanishing, or as diverging.
SMALLEST, LARGEST = 1e-9, 1e6
# Central differences of order 8, for steps of 1 to 4.
_STENCIL = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
_STEP = 0.02


class VarianceMap(NamedTuple):
    """V(q) = weight_std^2 E[f(u)^2] + bias_std^2 for u ~ N(0, q), and what belongs to it."""

    f: Nonlinearity
    weight_std: float
    bias_std: float

    def value(self, q: float) -> float:
        """Return V(q)."""
        return self.weight_std**2 * moments(self.f, q)[0] + self.bias_std**2

    def chi(self, q: float) -> float:
        """Return weight_std^2 E[f'(u)^2]."""
        return self.weight_std**2 * moments(self.f, q)[1]

    def slope(self, q: float) -> float:
        """Return V'(q), from d log V / d log q; inf where V is."""
        total, here = 0.0, self.value(q)
        if not math.isfinite(here):
            return math.inf
        for k, factor in enumerate(_STENCIL, start=1):
            above, below = (self.value(q * math.exp(sign * k * _STEP)) for sign in (1, -1))
            total += factor * math.log(above / below) if above > 0 < below else 0.0
        return total / _STEP * here / q

    def correlation(self, q: float, c: float) -> tuple[float, float]:
        """Return the next layer's covariance at variance q and correlation c, and its slope in c.

        Both over q; at a fixed point q of V the first is the next correlation.
        """
        value, slope = (float(np.asarray(one)) for one in self.f.dual(q, q, c))
        return (
            (self.weight_std**2 * value + self.bias_std**2) / q,
            self.weight_std**2 * slope,  # dE[f f]/dc = q E[f' f'] (Price)
        )


def moments(f: Nonlinearity, q: float) -> tuple[float, float]:
    """Return E[f(u)^2] and E[f'(u)^2] for u ~ N(0, q); inf where they leave float64."""
    if _overflows(f, q):
        return math.inf, math.inf
    value, slope = f.dual(q, q, 1.0)
    return float(np.asarray(value)), float(np.asarray(slope))


def _overflows(f: Nonlinearity, q: float) -> bool:
    """Say whether E[f(u)^2] has a term above e^600, for which its dual may be refused."""
    z = np.linspace(-60, 60, 241)
    with np.errstate(all="ignore"):
        exponents = 2 * np.log(np.abs(f(math.sqrt(q) * z))) - z * z / 2
    return bool(np.nanmax(exponents) > 600)


def slope_at_zero(f: Nonlinearity) -> float:
    """Return the limit of E[f'(u)^2] for small variances, a power series in their root."""
    far, middle, near = (moments(f, SMALLEST / 4**k)[1] for k in range(3))
    return (4 * (2 * near - middle) - (2 * middle - far)) / 3


def root(g: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that changes its sign between two points is 0.

    The secant through the two, the value of an end that stays being halved (Illinois).
    """
    ends, values = [low, high], [g(low), g(high)]
    found, moved = math.inf, -1
    for _ in range(100):
        before = found
        found = (ends[0] * values[1] - ends[1] * values[0]) / (values[1] - values[0])
        value = g(found)
        if value == 0 or abs(found - before) <= 4e-16 * max(1.0, abs(found)):
            break
        end = int((value > 0) == (values[1] > 0))
        ends[end], values[end] = found, value
        if end == moved:
            values[1 - end] /= 2
        moved = end
    return found
