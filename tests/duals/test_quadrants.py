# SPDX-License-Identifier: Apache-2.0
"""Duals of a basis' slopes: quadrature on quadrants, and Mehler's sums, against closed forms."""

import numpy as np
import pytest
from scipy import special

from fastntk.duals.angular import Variable, angular_series, hermite_slopes, quadrature_slopes
from fastntk.duals.family import family, node_count

# In pairs that sum to pi; some are narrower than the features of f at large variances.
ANGLES = np.array([0.0, 5e-4, 0.02, 0.3, 1.1, np.pi / 2])
ANGLES = np.concatenate([ANGLES, np.pi - ANGLES[-2::-1]])


def relu_slope(q, p, theta):
    return np.sqrt(q * p) * (np.pi - theta) / (2 * np.pi)


def erf_slope(q, p, theta):
    s = np.sqrt(q * p)
    sine = 4 * s * s * np.sin(theta) ** 2
    return s * 4 / np.pi / np.sqrt(1 + 2 * q + 2 * p + sine)


def erf_moment(q):
    return 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q))


CASES = {
    # f, f', kinks, E[f'(u) f'(v)] sqrt(q p), E[f(u)^2]
    "relu": (
        lambda u: np.maximum(u, 0),
        lambda u: (u > 0) * 1.0,
        (0.0,),
        relu_slope,
        lambda q: q / 2,
    ),
    "erf": (
        special.erf,
        lambda u: 2 / np.sqrt(np.pi) * np.exp(-u * u),
        (),
        erf_slope,
        erf_moment,
    ),
}


def worst(slopes, basis, slope, moment):
    """Largest error of the dual of F at the nodes, relative to the steepest."""
    found = basis.psi @ slopes @ basis.psi.T
    q, p = basis.variances[:, None], basis.variances
    exact = slope(q, p, ANGLES[:, None, None]) / np.sqrt(moment(q) * moment(p))
    return abs(found - exact).max() / max(1, exact.max())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("q_range", "digits"), [((0.5, 2.0), 12), ((1.0, 1e4), 12), ((1, 1e4), 7)])
def test_quadrature(name, q_range, digits):
    f, df, kinks, slope, moment = CASES[name]
    basis = family(f, kinks, q_range, False, node_count(q_range), "f")
    slopes = quadrature_slopes(df, kinks, basis, digits)(ANGLES)
    # A twentieth of what a table may err.
    assert worst(slopes, basis, slope, moment) < 0.5 * 10.0 ** (-digits - 1)


def test_mehlers_sums():
    f, _, kinks, slope, moment = CASES["erf"]
    basis = family(f, kinks, (0.5, 2.0), False, node_count((0.5, 2.0)), "f")
    # Hermite coefficients end at 1e-10 of the largest: 1e-20 of the products, times the order.
    assert worst(hermite_slopes(basis.hermite)(ANGLES), basis, slope, moment) < 1e-14


@pytest.mark.parametrize("variable", [Variable(None, 1.0), Variable(0.3, 1.0), Variable(0.8, 0.5)])
def test_series_of_the_angle(variable):
    """Angles are sampled until the series end; gaps are mean slopes."""
    f, _, kinks, slope, moment = CASES["erf"]
    basis = family(f, kinks, (2.0, 2.0), False, 1, "f")
    sampled = []

    def slopes(theta):
        sampled.extend(theta)
        return hermite_slopes(basis.hermite)(theta)

    series = angular_series(slopes, abs(basis.psi).max(axis=0), 1e-14)
    assert len(sampled) == len(set(sampled)) == series.slope.shape[0]
    theta = variable.angles(10)
    gap, found = (basis.psi @ one @ basis.psi.T for one in series.at(theta))
    np.testing.assert_allclose(found[:, 0, 0], slope(2, 2, theta) / moment(2), atol=1e-13)
    dual = 2 / np.pi * np.arcsin(4 * np.cos(theta) / 5) / moment(2)
    x = np.sin(theta / 2) ** 2
    # 1 - dual has lost what 1e-16 is of x.
    np.testing.assert_allclose(gap[:, 0, 0] * x, (1 - dual) / 2, atol=1e-14)


@pytest.mark.parametrize(("width", "ends"), [(0.02, True), (1e-3, False), (1e-9, False)])
def test_series_that_do_not_end_are_left(width, ends):
    """Layers at angle 0 that are too narrow are told from few angles."""
    sampled = []

    def slopes(theta):
        sampled.extend(theta)
        return (1 / np.sqrt(1 + (np.sin(theta) / width) ** 2))[:, None, None]

    series = angular_series(slopes, np.ones(1), 1e-14, needed=1e-7)
    assert series.hopeless != ends
    assert len(sampled) <= (513 if ends else 129)
