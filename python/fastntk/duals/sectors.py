# SPDX-License-Identifier: Apache-2.0
"""E[f(u) f(v)] for functions that are smooth between kinks, in polar coordinates.

With u = sqrt(q) r cos(a), v = sqrt(p) r cos(a - theta) the pair's density is
r exp(-r^2 / 2) / (2 pi).  A kink at 0 is a ray, a = +-pi/2 or theta +- pi/2; one at k != 0 is
r = k / (sqrt(q) cos a).  Gauss rules stand between them, on panels that shrink towards the rays,
where f changes within a = 1 / (sqrt(q) r).
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from fastntk.duals.callables import Array, Function

_SHRINK = 0.25  # of a panel from its neighbour, towards a ray


@lru_cache(maxsize=64)
def gauss_legendre(n: int) -> tuple[Array, Array]:
    """Nodes and weights of the rule with n points on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def panel_rule(edges: Array, n: int) -> tuple[Array, Array]:
    """Gauss rule with n points on each panel between edges, (..., k) -> twice (..., (k - 1) n)."""
    nodes, weights = gauss_legendre(n)
    width = np.diff(edges)[..., None]
    points = edges[..., :-1, None] + width * nodes
    flat = (*edges.shape[:-1], -1)
    return points.reshape(flat), (width * weights).reshape(flat)


def graded(a: float, b: float, levels: int) -> Array:
    """Edges of panels on [a, b] that shrink towards both ends."""
    steps = (b - a) / 2 * _SHRINK ** np.arange(levels + 1)
    return np.concatenate([[a], a + steps[::-1], (b - steps)[1:], [b]])


def stretch_levels(stretch: float) -> int:
    """How often panels shrink, for features of width 1 / stretch."""
    return max(0, int(np.ceil(np.log(max(stretch, 1.0) / 4) / -np.log(_SHRINK))))


def second_moment(f: Function, kinks: Sequence[float], q: float, reach: float, n: int) -> float:
    """E[f(u)^2], u ~ N(0, q), by n points a panel."""
    return line_moment(f, kinks, q, q, 1.0, reach, n)


def line_moment(
    f: Function, kinks: Sequence[float], q: float, p: float, sign: float, reach: float, n: int
) -> float:
    """E[f(sqrt(q) g) f(sign sqrt(p) g)], g ~ N(0, 1), by n points a panel."""
    left, right = np.sqrt(q), sign * np.sqrt(p)
    breaks = {k / root for k in kinks for root in (left, right)}
    ends = sorted({-reach, 0.0, reach, *(b for b in breaks if abs(b) < reach)})
    levels = stretch_levels(max(left, abs(right)) * reach)
    total = 0.0
    for a, b in pairwise(ends):
        g, weight = panel_rule(graded(a, b, levels), n)
        total += float(np.sum(weight * np.exp(-g * g / 2) * f(left * g) * f(right * g)))
    return float(total / np.sqrt(2 * np.pi))


def _angles(
    kinks: Sequence[float], q: float, p: float, theta: float, n: int, reach: float
) -> tuple[Array, Array]:
    half = np.pi / 2
    breaks = {
        half % (2 * np.pi),
        3 * half,
        (theta + half) % (2 * np.pi),
        (theta + 3 * half) % (2 * np.pi),
    }
    away = [k for k in kinks if k != 0]
    sine = np.sin(theta)
    if away and sine > 0:
        for ku in kinks:
            for kv in kinks:
                x, y = ku / np.sqrt(q), kv / np.sqrt(p)
                if (x, y) != (0.0, 0.0):
                    # (r cos a, r cos(a - theta)) = (x, y)
                    breaks.add(float(np.arctan2((y - x * np.cos(theta)) / sine, x) % (2 * np.pi)))
    ends = sorted(breaks)
    ends.append(ends[0] + 2 * np.pi)
    levels = stretch_levels(np.sqrt(max(q, p)) * reach)
    if away:
        levels += 4
    nodes, weights = [], []
    for a, b in pairwise(ends):
        if b - a > 1e-15:
            # Narrow sectors need no panels of their own: f hardly changes across them.
            own = max(0, levels + int(np.log(max((b - a) / np.pi, 1e-16)) / -np.log(_SHRINK)))
            points, weight = panel_rule(graded(a, b, own), n)
            nodes.append(points)
            weights.append(weight)
    return np.concatenate(nodes), np.concatenate(weights)


def _radii(
    kinks: Sequence[float], x: Array, y: Array, reach: float, stretch: float, n: int
) -> tuple[Array, Array]:
    """Rule in r for each angle: breaks where x r or y r meets a kink."""
    fixed = graded(0.0, reach, stretch_levels(stretch))[: stretch_levels(stretch) + 2]
    fixed = np.concatenate([fixed, np.linspace(fixed[-1], reach, 5)[1:]])
    away = [k for k in kinks if k != 0]
    if not away:
        return panel_rule(fixed, n)
    with np.errstate(divide="ignore"):
        meets = [np.where(k / side > 0, k / side, 0.0) for k in away for side in (x, y)]
    edges = np.stack([*meets, *(np.full(x.shape, edge) for edge in fixed)], axis=-1)
    return panel_rule(np.sort(np.clip(edges, 0.0, reach), axis=-1), n)


def pair_moments(
    functions: Sequence[Function],
    kinks: Sequence[float],
    q: float,
    p: float,
    theta: float,
    reach: float,
    n: int,
) -> list[float]:
    """E[f(u) f(v)] of each function f, by n points a panel.

    Parameters
    ----------
    functions : sequence of callable
        Elementwise on float64 arrays, smooth between kinks.
    kinks : sequence of float
        Where a function or its derivatives jump.
    q, p : float
        Variances of u and v.
    theta : float
        Angle between them, in [0, pi].
    reach : float
        Radius beyond which the integrands are negligible.
    n : int
        Points of the Gauss rule on each panel, in either direction.

    Returns
    -------
    list of float
    """
    if theta in (0.0, np.pi):
        sign = 1.0 if theta == 0 else -1.0
        return [line_moment(f, kinks, q, p, sign, reach, n) for f in functions]
    angle, angle_weight = _angles(kinks, q, p, theta, n, reach)
    x, y = np.sqrt(q) * np.cos(angle), np.sqrt(p) * np.cos(angle - theta)
    r, r_weight = _radii(kinks, x, y, reach, np.sqrt(max(q, p)) * reach, n)
    weight = angle_weight[:, None] * (r_weight * r * np.exp(-r * r / 2)) / (2 * np.pi)
    u, v = x[:, None] * r, y[:, None] * r
    return [float(np.sum(weight * f(u) * f(v))) for f in functions]
