# SPDX-License-Identifier: Apache-2.0
"""Spherical harmonics of any dimension: multiplicities, and projections of a function of the angle.

A function of the angle t between two points of the unit sphere of R^d has the eigenvalue

    lambda_k = int_0^pi kappa(t) P_k(cos t) dm(t),    dm(t) = sin(t)^(d-2) dt / int_0^pi sin^(d-2)

for all harmonics of degree k (Funk and Hecke [Atkinson and Han 2012, "Spherical Harmonics and
Approximations on the Unit Sphere", Theorem 2.22]), P_k being the Gegenbauer polynomial with
P_k(1) = 1: Legendre's for d = 3, cos(k t) for d = 2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Float64s = NDArray[np.float64]

_NODES_PER_PANEL = 16
_PHASE_PER_PANEL = 4.0  # 16 nodes integrate cos(4 t) over a unit interval to the last digit
_FINEST_PANEL = 2.0**-26


class AngleRule(NamedTuple):
    """A rule of integration over both halves of [0, pi] at once.

    Attributes
    ----------
    angles : ndarray of shape (m,)
        Nodes t in (0, pi / 2); each stands for t and for pi - t.
    weights : ndarray of shape (m,)
        Of the probability measure of the angle between a fixed and a uniform point; their sum is
        1/2.
    """

    angles: Float64s
    weights: Float64s


def multiplicity(dimension: int, degree: int) -> int:
    """Return the number of independent harmonics of a degree on the unit sphere of R^dimension."""
    whole = math.comb(degree + dimension - 1, dimension - 1)
    return whole - (math.comb(degree + dimension - 3, dimension - 1) if degree >= 2 else 0)


def angle_rule(dimension: int, degree: int, refinement: int = 1) -> AngleRule:
    """Return Gauss-Legendre panels that resolve P_degree and the weight sin(t)^(dimension-2).

    In the angle a limiting kernel is analytic, also where it has a square root singularity in the
    cosine; panels that halve towards 0 (and, by the reflection, pi) bring within reach what is
    analytic only very near there, as the duals of steep activations are.
    """
    wiggles = (degree + 4 * math.sqrt(dimension)) * math.pi / 2
    count = refinement * math.ceil(wiggles / _PHASE_PER_PANEL + 4)
    edges = np.linspace(0, math.pi / 2, count + 1)
    steps = math.ceil(math.log2(edges[1] / _FINEST_PANEL))
    graded = edges[1] * 2.0 ** -np.arange(steps, 0, -1)
    edges = np.concatenate([[0.0], graded, edges[1:]])

    nodes, weights = np.polynomial.legendre.leggauss(_NODES_PER_PANEL)
    half = np.diff(edges)[:, None] / 2
    angles = (edges[:-1, None] + half * (1 + nodes)).ravel()
    density = np.exp((dimension - 2) * np.log(np.sin(angles)))
    masses = (half * weights).ravel() * density
    # The rule's own sum: a quotient of Gamma functions loses digits where the dimension is large.
    return AngleRule(angles, masses / (2 * masses.sum()))


def polynomials(dimension: int, degree: int, angles: Float64s) -> Iterator[Float64s]:
    """Yield P_0, P_1, ..., P_degree at cos(angles), for angles up to pi / 2.

    Notes
    -----
    The three-term recurrence as one of differences, after Reinsch:

        (k + d - 2) (P_{k+1} - P_k) = k (P_k - P_{k-1}) - (2 k + d - 2) (1 - cos t) P_k,

    which keeps the digits of small angles, where cos t itself is 1 to rounding.
    """
    deficit = 2 * np.sin(angles / 2) ** 2
    value, step = np.ones_like(angles), -deficit
    yield value
    for k in range(1, degree + 1):
        value = value + step
        yield value
        step = (k * step - (2 * k + dimension - 2) * deficit * value) / (k + dimension - 2)


def project(
    ahead: Float64s, behind: Float64s, rule: AngleRule, dimension: int, degree: int
) -> tuple[Float64s, Float64s]:
    """Return the eigenvalues of degrees 0 to ``degree``, and what rounding may have done to each.

    Parameters
    ----------
    ahead, behind : ndarray of shape (m,)
        The kernel at the rule's angles t, and at pi - t.
    rule : AngleRule
    dimension, degree : int

    Notes
    -----
    P_k(-c) = (-1)^k P_k(c): even degrees see the sum of the two halves, odd ones the difference,
    so that a degree which vanishes by symmetry is no difference of two large integrals. Cost:
    O(degree * m).
    """
    halves = (rule.weights * (ahead + behind), rule.weights * (ahead - behind))
    size = rule.weights * (np.abs(ahead) + np.abs(behind))
    values, rounding = np.empty(degree + 1), np.empty(degree + 1)
    for k, polynomial in enumerate(polynomials(dimension, degree, rule.angles)):
        values[k] = halves[k % 2] @ polynomial
        rounding[k] = size @ np.abs(polynomial)
    # The weight sin^(d-2), where it is not small, magnifies an angle's rounding by some sqrt(d).
    return values, rounding * (4 + math.sqrt(dimension)) * np.finfo(np.float64).eps
