# SPDX-License-Identifier: Apache-2.0
"""Spherical harmonics: how many there are, their polynomials, the rule that projects on them."""

import math

import numpy as np
import pytest
from scipy.special import eval_chebyt, eval_gegenbauer, eval_legendre

from fastntk.theory import harmonics

DIMENSIONS = [2, 3, 5, 20, 784]


def test_multiplicities():
    """Known ones of the circle and the sphere; harmonics up to k are the polynomials up to k."""
    assert [harmonics.multiplicity(2, k) for k in range(4)] == [1, 2, 2, 2]
    assert [harmonics.multiplicity(3, k) for k in range(5)] == [1, 3, 5, 7, 9]
    for d in DIMENSIONS:
        total = sum(harmonics.multiplicity(d, k) for k in range(7))
        assert total == math.comb(6 + d - 1, d - 1) + math.comb(5 + d - 1, d - 1)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_polynomials(dimension):
    """Against SciPy's, normalised to 1 at 1; 1e-12: SciPy's own error at degree 200."""
    angles = np.linspace(0.01, math.pi / 2, 50)
    cosines = np.cos(angles)
    for k, found in enumerate(harmonics.polynomials(dimension, 200, angles)):
        if dimension == 2:
            wanted = eval_chebyt(k, cosines)
        elif dimension == 3:
            wanted = eval_legendre(k, cosines)
        else:
            a = dimension / 2 - 1
            wanted = eval_gegenbauer(k, a, cosines) / eval_gegenbauer(k, a, 1.0)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_small_angles_keep_their_digits():
    """1 - P_k = k (k + d - 2) / (2 (d - 1)) t^2 up to t^4: from cos t it would be 0."""
    t = np.array([1e-9])
    *_, last = harmonics.polynomials(4, 100, t + 1e-3)
    assert last != 1
    steps = [p[0] for p in harmonics.polynomials(2, 1000, np.array([1e-4]))]
    np.testing.assert_allclose(steps, np.cos(1e-4 * np.arange(1001)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dimension", [*DIMENSIONS, 1_000_000])
def test_rule_is_of_the_angle_between_uniform_points(dimension):
    """E[c^2] = 1/d, E[c^4] = 3 / (d (d + 2)); mass 1/2 on each half; 1e-13: 100 roundings."""
    rule = harmonics.angle_rule(dimension, 4)
    c = np.cos(rule.angles)
    assert rule.weights.sum() == pytest.approx(0.5, rel=1e-13)
    assert 2 * rule.weights @ c**2 == pytest.approx(1 / dimension, rel=1e-12)
    fourth = 3 / (dimension * (dimension + 2))
    assert 2 * rule.weights @ c**4 == pytest.approx(fourth, rel=1e-12)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_harmonics_are_orthogonal(dimension):
    """E[P_j P_k] = delta_jk / N(d, k): a zonal function is its own projection."""
    rule = harmonics.angle_rule(dimension, 12)
    for k, p in enumerate(harmonics.polynomials(dimension, 6, rule.angles)):
        found, rounding = harmonics.project(p, (-1) ** k * p, rule, dimension, 6)
        wanted = np.zeros(7)
        wanted[k] = 1 / harmonics.multiplicity(dimension, k)
        assert (np.abs(found - wanted) <= rounding + 1e-13 * wanted).all()
