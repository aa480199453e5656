# SPDX-License-Identifier: Apache-2.0
"""The dual of a basis as functions of the angle alone.

With x = (1 - c) / 2, slope_rs(c) = E[Phi_r'(g) Phi_s'(g')] and
gap_rs(c) = (E[Phi_r Phi_s](1) - E[Phi_r Phi_s](c)) / (2 x), which is the mean of slope_rs over
[0, x] by Price's theorem [Price 1958].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.callables import Array, Function
from fastntk.duals.family import Family
from fastntk.duals.sectors import gauss_legendre, pair_moments, sector_rule


@dataclass(frozen=True)
class Variable:
    """What polynomials are in: sigma = (2 s - s_0 - s_1) / (s_0 - s_1), s_0 and s_1 at the ends.

    For smooth f, s = c (1 + B) / (1 + sqrt(B^2 + (1 - B^2)(1 - c^2))), B the width of the layers
    at c = +-1: the map that takes the plane cut outside of [-1 / R, 1 / R], R^2 = 1 - B^2, to a
    disc.  For f with kinks, whose dual is a smooth function of the angle, s = theta / pi and the
    width is None.
    """

    width: float | None
    y_max: float

    @property
    def ends(self) -> tuple[float, float]:
        """The variable where c = 1, and at the other end of the range."""
        if self.width is None:
            return 0.0, self.y_max
        return 1.0, float(self.of_angle(np.array([np.pi * self.y_max]))[0])

    def of_angle(self, theta: Array) -> Array:
        """Return the variable of an angle before it is scaled."""
        if self.width is None:
            return np.asarray(theta / np.pi)
        b = self.width
        return np.asarray(
            np.cos(theta) * (1 + b) / (1 + np.sqrt(b * b + (1 - b * b) * np.sin(theta) ** 2))
        )

    def sigma(self, theta: Array) -> Array:
        """Return the variable scaled to [-1, 1], which is 1 where theta = 0."""
        first, last = self.ends
        return (2 * self.of_angle(theta) - first - last) / (first - last)

    def angles(self, count: int) -> Array:
        """Theta at Chebyshev nodes of sigma."""
        first, last = self.ends
        s = (first + last) / 2 + (first - last) / 2 * chebyshev.nodes(count)
        if self.width is None:
            return np.asarray(np.pi * s)
        t = s / (1 + self.width)
        return np.arccos(np.clip(2 * t / ((1 - self.width**2) * t * t + 1), -1.0, 1.0))


def hermite_duals(hermite: Array, theta: Array) -> tuple[Array, Array]:
    """Gap and slope, (angles, k, k) each, from Hermite coefficients: Mehler's sums."""
    terms = hermite.shape[1]
    order = np.arange(terms)
    powers = np.cos(theta)[:, None] ** np.maximum(order - 1, 0)
    slope = (hermite * (powers * order)[:, None, :]) @ hermite.T
    # (1 - c^k) / (1 - c) = 1 + c + ... + c^(k - 1)
    sums = np.cumsum(np.cos(theta)[:, None] ** order[:-1], axis=1)
    sums = np.concatenate([np.zeros((theta.size, 1)), sums], axis=1)
    gap = (hermite * sums[:, None, :]) @ hermite.T
    return gap, slope


def quadrature_slopes(
    df: Function, kinks: Sequence[float], basis: Family, theta: Array, points: int
) -> Array:
    """slope_rs at angles, (angles, k, k), by quadrature between the kinks."""
    count = basis.variances.size
    scale = np.sqrt(basis.variances / basis.moments)
    if any(kinks):
        pairs = np.empty((theta.size, count, count))
        for n, angle in enumerate(theta):
            for i in range(count):
                for j in range(i, count):
                    q, p = float(basis.variances[i]), float(basis.variances[j])
                    found = 0.0
                    if q > 0 and p > 0:
                        (found,) = pair_moments(
                            (df,), kinks, q, p, float(angle), basis.reach, points
                        )
                    pairs[n, i, j] = pairs[n, j, i] = found * scale[i] * scale[j]
        return np.asarray(basis.mixing @ pairs @ basis.mixing.T)
    slopes = np.empty((theta.size, basis.psi.shape[1], basis.psi.shape[1]))
    roots = np.sqrt(basis.variances)[:, None]
    mixing = basis.mixing * scale
    for n, angle in enumerate(theta):
        x, y, weight = sector_rule(float(angle), float(roots.max()), basis.reach, points)
        u, v = mixing @ df(roots * x), mixing @ df(roots * y)
        slopes[n] = (u * weight) @ v.T
    return np.asarray((slopes + slopes.transpose(0, 2, 1)) / 2)


def mean_slopes(series: Array, variable: Variable, theta: Array) -> Array:
    """gap_rs at angles, from the Chebyshev series of slope_rs in sigma."""
    count = series.shape[0]
    share, weight = gauss_legendre(40 + count // 2)
    gap = np.empty((theta.size, *series.shape[1:]))
    for n, angle in enumerate(theta):
        inner = angle * share
        # Of dx = sin(theta) / 2 dtheta, relative to x.
        density = weight * angle * np.sin(inner) / (2 * np.sin(angle / 2) ** 2)
        terms = np.polynomial.chebyshev.chebvander(variable.sigma(inner), count - 1)
        gap[n] = np.tensordot(density @ terms, series, axes=1)
    return gap
