# SPDX-License-Identifier: Apache-2.0
"""The functions F_q(g) = f(sqrt(q) g) / sqrt(E f^2) of a range of variances, and a basis of few.

F_q = sum_r psi_r(q) Phi_r, with Phi_r orthonormal under the Gaussian measure: the singular value
decomposition of F at Chebyshev nodes in log q.  The psi_r fall by a factor of three to ten from one
to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.callables import Array, Function, gaussian_reach
from fastntk.duals.sectors import graded, panel_rule, stretch_levels

_MOST_NODES = 80
_MOST_TERMS = 4096  # of a Hermite expansion
_END = 1e-10  # of their size: only products of two coefficients count
_POINTS = 20  # of the Gauss rule on each panel


@dataclass(frozen=True)
class Family:
    """F at the nodes, and its basis.

    Attributes
    ----------
    variances : (m,) ndarray
        q at the nodes; a last one of 0 where there is a row for it.
    moments : (m,) ndarray
        E[f(u)^2] there.
    psi : (m, k) ndarray
        psi_r there.
    mixing : (k, m) ndarray
        Phi_r = sum_i mixing[r, i] F_{q_i}.
    hermite : (k, terms) ndarray or None
        Normalised Hermite coefficients of Phi_r, where they converge.
    reach : float
        Radius g beyond which all functions are negligible.
    """

    variances: Array
    moments: Array
    psi: Array
    mixing: Array
    hermite: Array | None
    reach: float


def node_count(q_range: tuple[float, float], digits: int = 12) -> int:
    """Nodes in log q: functions of it are analytic for |Im log q| < pi."""
    half_width = np.log(q_range[1] / q_range[0]) / 2
    if half_width == 0:
        return 1
    rate = np.pi / half_width + np.hypot(1, np.pi / half_width)
    return int(min(_MOST_NODES, 4 + np.ceil(3 * digits / np.log(rate))))


def log_variance(q_range: tuple[float, float]) -> tuple[float, float]:
    """Middle and half the width of log q."""
    low, high = np.log(q_range[0]), np.log(q_range[1])
    return float((low + high) / 2), float((high - low) / 2)


def family(
    f: Function,
    kinks: Sequence[float],
    q_range: tuple[float, float],
    zero_row: bool,
    count: int,
    name: str,
) -> Family:
    """Sample F at ``count`` nodes and decompose it; messages call the function ``name``."""
    middle, half = log_variance(q_range)
    variances = np.exp(middle + half * chebyshev.nodes(count))
    reach = max(gaussian_reach(f, float(q), name) for q in q_range)
    sampled = np.append(variances, 0.0) if zero_row else variances
    hermite = None if kinks else _hermite_coefficients(f, sampled)
    features = _samples(f, kinks, sampled, reach) if hermite is None else hermite
    moments = np.sum(features**2, axis=1)
    features = features / np.sqrt(moments)[:, None]
    left, sizes, right = np.linalg.svd(features, full_matrices=False)
    kept = sizes > 1e-15 * sizes[0]
    signs = np.where(left.sum(axis=0) < 0, -1.0, 1.0)[kept]  # psi_0 is near 1
    left, sizes, right = left[:, kept] * signs, sizes[kept], right[kept] * signs[:, None]
    mixing = left.T / sizes[:, None]
    return Family(
        variances=sampled,
        moments=moments,
        psi=left * sizes,
        mixing=mixing,
        hermite=None if hermite is None else right,
        reach=reach,
    )


def _samples(f: Function, kinks: Sequence[float], variances: Array, reach: float) -> Array:
    """f(sqrt(q) g) at the points of a rule in g, times the roots of its weights."""
    roots = np.sqrt(variances)
    breaks = {k / root for k in kinks for root in roots if root > 0}
    ends = sorted({-reach, 0.0, reach, *(b for b in breaks if abs(b) < reach)})
    levels = stretch_levels(float(roots.max()) * reach)
    parts = []
    for a, b in pairwise(ends):
        g, weight = panel_rule(graded(a, b, levels), _POINTS)
        root_weight = np.sqrt(weight * np.exp(-g * g / 2) / np.sqrt(2 * np.pi))
        parts.append(f(roots[:, None] * g) * root_weight)
    return np.concatenate(parts, axis=1)


def _hermite_coefficients(f: Function, variances: Array) -> Array | None:
    """Normalised Hermite coefficients of f(sqrt(q) g), or None where they fall too slowly."""
    roots = np.sqrt(variances)[:, None]
    terms = 256
    while terms <= _MOST_TERMS:
        step = 1 / np.sqrt(terms)
        g = step * np.arange(-np.ceil(13.5 / step), np.ceil(13.5 / step) + 1)
        values = f(roots * g) * (step * np.exp(-g * g / 4) / (2 * np.pi) ** 0.25)
        found = values @ hermite_functions(terms, g).T
        size = np.abs(found).max(axis=0) * np.sqrt(1 + np.arange(terms))
        if size[-terms // 8 :].max() < _END * size.max():
            last = np.flatnonzero(size > _END * size.max())[-1]
            return np.asarray(found[:, : last + 1])
        terms *= 2
    return None


def hermite_functions(terms: int, g: Array) -> Array:
    """h_k(g) phi(g)^(1/2), phi the standard normal density, h_k orthonormal under it."""
    found = np.empty((terms, g.size))
    found[0] = (2 * np.pi) ** -0.25 * np.exp(-g * g / 4)
    found[1] = g * found[0]
    for k in range(1, terms - 1):
        found[k + 1] = (g * found[k] - np.sqrt(k) * found[k - 1]) / np.sqrt(k + 1)
    return found
