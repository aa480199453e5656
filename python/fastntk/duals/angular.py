# SPDX-License-Identifier: Apache-2.0
"""The dual of a basis as functions of the angle alone.

With x = (1 - c) / 2, slope_rs(c) = E[Phi_r'(g) Phi_s'(g')] and
gap_rs(c) = (E[Phi_r Phi_s](1) - E[Phi_r Phi_s](c)) / (2 x), which is the mean of slope_rs over
[0, x] by Price's theorem [Price 1958].  Both are Chebyshev series in theta first, whose nodes serve
whatever is asked of them next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.callables import Array, Function
from fastntk.duals.family import Family
from fastntk.duals.quadrants import panel_series, quadrant_slopes
from fastntk.duals.sectors import gauss_legendre, pair_moments

Slopes = Callable[[Array], Array]  # (angles,) -> (angles, k, k)

_FEWEST, _MOST = 33, 513  # angles: doubled, less one, until the series end
_ENOUGH = 257  # by when it has to, nearly, for a table's shorter series to
_SLOW = 0.25  # of the last terms is left by twice as many that converge
_WIDE_MOST = 65  # angles, each of which takes many panels where functions are stretched
_WIDE = 1e6  # so far
_AT_A_TIME = 8  # and as many opposite ones
FEW_DIGITS = 8  # asked of a table, that coarser rules give


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


@dataclass(frozen=True)
class AngularSeries:
    """Chebyshev series in theta on [0, pi].

    Attributes
    ----------
    slope, gap : (terms, k, k) ndarray
    rest : float
        What the last terms of the slopes sum to.
    hopeless : bool
        Whether more terms would not have come to what is needed.
    """

    slope: Array
    gap: Array
    rest: float
    hopeless: bool

    def at(self, theta: Array, k: int | None = None) -> tuple[Array, Array]:
        """Gap and slope at angles, (angles, k, k) each, of the first k functions or all."""
        terms = _terms(theta, self.slope.shape[0])
        gap, slope = (
            np.tensordot(terms, series[:, :k, :k], axes=1) for series in (self.gap, self.slope)
        )
        return gap, slope


def angular_series(
    slopes: Slopes,
    sizes: Array,
    tolerance: float,
    tell: Callable[[float], None] = lambda share: None,
    *,
    steepest: float = 1.0,
    needed: float = np.inf,
    most: int = _MOST,
) -> AngularSeries:
    """Sample slopes at more and more angles until their series end, or are seen not to.

    Parameters
    ----------
    slopes : callable
        E[Phi_r'(g) Phi_s'(g')] at ascending angles, symmetric about pi / 2.
    sizes : (k,) ndarray
        Largest value of each psi_r.
    tolerance : float
        What the last terms may sum to, times these sizes.
    tell : callable, optional
        Told the share of the angles that are done, of the most that there may be.
    steepest : float
        The largest slope.
    needed : float
        What the last terms must come down to, relative to that, for the series to be of use.
    most : int
        Angles, 2^n + 1.
    """
    before = np.inf
    count = _FEWEST
    values = _sampled(slopes, _angles(count), 0, tell)
    while True:
        series = chebyshev.interpolate_extrema(values)
        last = np.abs(series[-4:]).max(axis=0) * np.outer(sizes, sizes)
        rest = float(last.sum())
        # Terms that fall by a factor with each one have its square root at half their number.
        goal = min(1.0, 10 * needed) ** min(1.0, (count - 1) / (_ENOUGH - 1)) * steepest
        hopeless = rest > goal
        if rest <= tolerance or hopeless:
            break
        if count >= most or (count > 2 * _FEWEST and rest > _SLOW * before):
            hopeless = rest > needed * steepest
            break
        before = rest
        count = 2 * count - 1
        finer = np.empty((count, *values.shape[1:]))
        finer[::2] = values
        finer[1::2] = _sampled(slopes, _angles(count)[1::2], len(values), tell)
        values = finer
    gap = chebyshev.interpolate_extrema(_means(series))
    return AngularSeries(series, gap, rest, hopeless)


def most_angles(stretch: float) -> int:
    """Angles that are sampled of functions that change within 1 / stretch of their reach."""
    return _MOST if stretch <= _WIDE else _WIDE_MOST


def first_angle() -> float:
    """Return the smallest angle above 0 of the series that has to be enough."""
    return float(_angles(_ENOUGH)[1])


def _sampled(slopes: Slopes, theta: Array, before: int, tell: Callable[[float], None]) -> Array:
    """Sample slopes at angles, some and those opposite to them at a time."""
    parts = []
    middle = (theta.size + 1) // 2
    for start in range(0, middle, _AT_A_TIME):
        near = np.arange(start, min(middle, start + _AT_A_TIME))
        places = np.unique([near, theta.size - 1 - near])
        parts.append((places, slopes(theta[places])))
        tell((before + 2 * int(near[-1])) / _MOST)
    values = np.empty((theta.size, *parts[0][1].shape[1:]))
    for places, part in parts:
        values[places] = part
    return values


def hermite_slopes(hermite: Array) -> Slopes:
    """By Hermite coefficients (k, terms): Mehler's sums."""
    k, terms = hermite.shape
    r, s = np.triu_indices(k)
    order = np.arange(1, terms)
    products = hermite[r, 1:] * hermite[s, 1:] * order

    def slopes(theta: Array) -> Array:
        found = np.empty((theta.size, k, k))
        sums = np.cos(theta)[:, None] ** (order - 1) @ products.T
        found[:, r, s] = found[:, s, r] = sums
        return found

    return slopes


def quadrature_slopes(df: Function, kinks: Sequence[float], basis: Family, digits: int) -> Slopes:
    """By quadrature between the kinks."""
    many = digits > FEW_DIGITS
    if any(kinks):
        return lambda theta: _pair_slopes(df, kinks, basis, theta, 16 if many else 11)
    points, terms, tolerance = (20, 18, 3e-15) if many else (12, 12, 1e-10)
    series = panel_series(df, basis, terms, tolerance)
    stretch = float(np.sqrt(basis.variances.max())) * basis.reach
    return lambda theta: quadrant_slopes(series, theta, points, stretch)


def _pair_slopes(
    df: Function, kinks: Sequence[float], basis: Family, theta: Array, points: int
) -> Array:
    """Angle by angle and pair by pair."""
    count = basis.variances.size
    scale = np.sqrt(basis.variances / basis.moments)
    pairs = np.zeros((theta.size, count, count))
    for n, angle in enumerate(theta):
        for i in range(count):
            for j in range(i, count):
                q, p = float(basis.variances[i]), float(basis.variances[j])
                if q > 0 and p > 0:
                    (found,) = pair_moments((df,), kinks, q, p, float(angle), basis.reach, points)
                    pairs[n, i, j] = pairs[n, j, i] = found * scale[i] * scale[j]
    return np.asarray(basis.mixing @ pairs @ basis.mixing.T)


def _angles(count: int) -> Array:
    """Ascending angles at the extrema of a polynomial in theta."""
    return np.pi * (1 - chebyshev.extrema(count)) / 2


def _terms(theta: Array, count: int) -> Array:
    """Chebyshev polynomials in theta, (angles, count); as the extrema have it, 1 is theta = 0."""
    return np.asarray(np.polynomial.chebyshev.chebvander(1 - 2 * theta / np.pi, count - 1))


def _means(slope: Array) -> Array:
    """gap_rs at the angles of a series of slope_rs."""
    count = slope.shape[0]
    share, weight = gauss_legendre(40 + count // 2)
    theta = _angles(count)[1:]
    inner = theta[:, None] * share
    # Of dx = sin(theta) / 2 dtheta, relative to x.
    density = weight * theta[:, None] * np.sin(inner) / (2 * np.sin(theta / 2) ** 2)[:, None]
    means = np.empty((count, count))
    means[0] = 1.0  # all polynomials at theta = 0
    for n in range(1, count):
        means[n] = density[n - 1] @ _terms(inner[n - 1], count)
    return np.tensordot(means, slope, axes=1)
