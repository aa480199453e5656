# SPDX-License-Identifier: Apache-2.0
"""E[Phi_r'(g) Phi_s'(g')] of all pairs of a basis by quadrature, at angles of all sizes.

By its symmetries the plane is eight times the wedge 0 < y < x, with the angles theta and
pi - theta and the even and odd parts of the functions.  There x = g, and y = c x + s z with
z ~ N(0, 1) independent, c = cos(theta), s = sin(theta).  Functions of y are Chebyshev series on
panels, so that one matrix for each angle serves all of them, whatever f costs.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.callables import Array, Function
from fastntk.duals.family import Family
from fastntk.duals.sectors import panel_rule, stretch_levels

_MOST_PANELS = 160
_JUMP = 0.01  # of a function's size in the last terms of the smallest panels: it is not smooth
_OUTER = 4  # panels on the three quarters of an interval away from its graded end


class Unresolved(Exception):
    """Functions have no series on panels; ``share`` of their size is left in the last terms."""

    def __init__(self, share: float) -> None:
        super().__init__(share)
        self.share = share


@dataclass(frozen=True)
class PanelSeries:
    """Even and odd parts of functions on [0, reach], Chebyshev series on each panel.

    Attributes
    ----------
    edges : (panels + 1,) ndarray
        From 0 to the reach.
    parts : (2, panels * terms, k) ndarray
        Coefficients of Phi(y) + Phi(-y) and Phi(y) - Phi(-y).
    """

    edges: Array
    parts: Array

    @property
    def terms(self) -> int:
        """Terms on a panel."""
        return int(self.parts.shape[1]) // (self.edges.size - 1)

    def sums(self, y: Array, weight: Array) -> Array:
        """Matrix (n, panels * terms) that takes coefficients to sums over y (n, m), weighted.

        Along its second axis y does not fall.
        """
        panels, terms = self.edges.size - 1, self.terms
        panel = np.clip(np.searchsorted(self.edges, y, side="right") - 1, 0, panels - 1)
        low, high = self.edges[:-1], self.edges[1:]
        local = ((2 * y - (low + high)[panel]) / (high - low)[panel]).ravel()
        place = (np.arange(y.shape[0])[:, None] * panels + panel).ravel()
        values = np.empty((terms, place.size))
        values[0] = weight.ravel()
        np.multiply(local, values[0], out=values[1])
        local *= 2
        for k in range(2, terms):
            np.multiply(local, values[k - 1], out=values[k])
            values[k] -= values[k - 2]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        matrix = np.zeros((y.shape[0] * panels, terms))
        matrix[place[starts]] = np.add.reduceat(values, starts, axis=1).T
        return matrix.reshape(y.shape[0], panels * terms)


def panel_series(df: Function, basis: Family, terms: int, tolerance: float) -> PanelSeries:
    """Fit the slopes of a basis on panels that are halved until the series end.

    Raises
    ------
    Unresolved
        They jump, or turn too often.
    """
    roots = np.sqrt(basis.variances)[:, None]
    scale = np.sqrt(basis.variances / basis.moments)[:, None]
    points = chebyshev.nodes(terms)
    finest = 0.5 ** np.ceil(np.log2(max(1.0, float(roots.max()) * basis.reach)))
    ends = [0.0, *(2.0 ** np.arange(np.log2(finest), 1) * basis.reach)]
    waiting = list(pairwise(ends))
    found: list[tuple[float, Array]] = []
    size, left = 0.0, 0.0
    while waiting:
        a, b = waiting.pop(0)
        y = (a + b) / 2 + (b - a) / 2 * points
        above, below = df(roots * y) * scale, df(-roots * y) * scale
        series = chebyshev.interpolate(np.stack([above + below, above - below]).transpose(2, 0, 1))
        # What lies far out has no weight.
        density = np.exp(-a * a / 4)
        size = max(size, density * float(np.abs(series).max()))
        rest = density * float(np.abs(series[-2:]).max())
        few = len(found) + len(waiting) < _MOST_PANELS
        if few and rest > tolerance * size and b - a > 1e-9 * basis.reach:
            waiting += [(a, (a + b) / 2), ((a + b) / 2, b)]
            continue
        left = max(left, rest)
        found.append((b, series))
    if left > _JUMP * size:
        raise Unresolved(left / size)
    found.sort(key=lambda one: one[0])
    coefficients = np.concatenate([one[1] for one in found])  # (panels * terms, 2, m)
    return PanelSeries(
        edges=np.array([0.0, *(one[0] for one in found)]),
        parts=np.ascontiguousarray((coefficients @ basis.mixing.T).transpose(1, 0, 2)),
    )


def quadrant_slopes(series: PanelSeries, theta: Array, points: int, stretch: float) -> Array:
    """E[Phi_r'(g) Phi_s'(g')] at angles, (angles, k, k).

    Parameters
    ----------
    series : PanelSeries
        Of the slopes.
    theta : (angles,) ndarray
        Ascending in [0, pi], with pi - theta wherever there is theta.
    points : int
        Of the Gauss rules on each panel.
    stretch : float
        Functions change within 1 / stretch of the reach.
    """
    k = series.parts.shape[2]
    products = np.empty((2, theta.size, k, k))
    for n, angle in enumerate(theta):
        x, y, weight = _wedge_rule(float(angle), float(series.edges[-1]), points, stretch)
        first = series.sums(x[None].T, np.ones((x.size, 1)))
        second = series.sums(y, weight)
        for part, coefficients in enumerate(series.parts):
            products[part, n] = (first @ coefficients).T @ (second @ coefficients)
    even, odd = products
    wedges = (even + odd + even[::-1] - odd[::-1]) / 2
    return np.asarray(wedges + wedges.transpose(0, 2, 1))


def _fractions(stretch: float) -> Array:
    """Edges of panels on [0, 1] that shrink towards 0 until features of 1 / stretch are wide."""
    levels = stretch_levels(stretch) + 1
    return np.concatenate(
        [[0.0], 0.25 ** np.arange(levels, 1, -1), np.linspace(0.25, 1, _OUTER + 1)]
    )


def _wedge_rule(
    theta: float, reach: float, points: int, stretch: float
) -> tuple[Array, Array, Array]:
    """Rule on 0 < y < x: x (n,), y (n, m) rising along its rows, and weights with the density."""
    cosine, sine = np.cos(theta), np.sin(theta)
    # Beyond, x^2 + z^2 is above the square of the reach.
    farthest = reach * (sine if theta > np.pi / 2 else 1.0)
    # Where x is as small as theta the wedge is cut by y < x.
    own = stretch * sine if theta > np.pi / 2 else max(stretch, 4 * reach / max(theta, 1e-6))
    x, x_weight = panel_rule(farthest * _fractions(own), points)
    share, share_weight = panel_rule(_fractions(stretch * sine), points)
    round_ = np.sqrt(np.maximum(reach * reach - x * x, 0.0))
    with np.errstate(divide="ignore"):
        low = np.maximum(-x * (cosine / sine if sine > 0 else np.inf), -round_)
    high = np.minimum(x * np.tan(theta / 2), round_)
    width = np.maximum(high - low, 0.0)[:, None]
    z = low[:, None] + width * share
    start = np.maximum(cosine * x + sine * low, 0.0)[:, None]
    y = start + sine * width * share
    density = np.exp(-(x[:, None] ** 2 + z * z) / 2) / (2 * np.pi)
    return x, y, (x_weight[:, None] * width) * share_weight * density
