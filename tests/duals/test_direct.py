# SPDX-License-Identifier: Apache-2.0
"""Duals by quadrature against closed forms, and against integrals in multiple precision."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import special

from fastntk.duals.callables import derivative
from fastntk.duals.direct import dual_of_callable

ROOT_PI = np.sqrt(np.pi)


def erf_dual(q, p, c):
    s = c * np.sqrt(q * p)
    value = 2 / np.pi * np.arcsin(2 * s / np.sqrt((1 + 2 * q) * (1 + 2 * p)))
    return value, 4 / np.pi / np.sqrt((1 + 2 * q) * (1 + 2 * p) - 4 * s * s)


def relu_dual(q, p, c):
    theta = np.arccos(c)
    value = np.sqrt(q * p) * (np.sin(theta) + (np.pi - theta) * c) / (2 * np.pi)
    return value, (np.pi - theta) / (2 * np.pi)


def sin_dual(q, p, c):
    s, fall = c * np.sqrt(q * p), np.exp(-(q + p) / 2)
    return fall * np.sinh(s), fall * np.cosh(s)


CLOSED = {
    "erf": (special.erf, lambda u: 2 / ROOT_PI * np.exp(-u * u), (), erf_dual),
    "relu": (lambda u: np.maximum(u, 0), lambda u: (u > 0) * 1.0, (0.0,), relu_dual),
    "sin": (np.sin, np.cos, (), sin_dual),
}
# Variances and cosines, equal and opposite rows among them.
POINTS = [(1, 1, 0.3), (0.1, 3, 0.9), (2, 2, 1), (1, 1, -1), (1, 1, 1 - 1e-10), (1e-6, 1e-6, 0.5)]


def relative(found, exact, q, p, dual):
    """Difference relative to the diagonals."""
    own = np.array(dual(q, q, 1.0)) * np.array(dual(p, p, 1.0))
    return np.abs(np.array(found) - np.array(exact)) / np.sqrt(own)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name):
    f, df, kinks, dual = CLOSED[name]
    points = POINTS + ([] if name == "sin" else [(100, 50, 0.5), (1e6, 1e-6, 0.5)])
    for q, p, c in points:
        found = dual_of_callable(f, df, kinks, q, p, c)
        # Successive rules agree to 1e-13; they are as good as sums of thousands of terms.
        assert relative(found, dual(q, p, c), q, p, dual).max() < 1e-14


@pytest.mark.parametrize("name", CLOSED)
def test_derivative_found_by_itself(name):
    f, _, kinks, dual = CLOSED[name]
    for q, p, c in [(0.1, 3, 0.9), (1e-6, 1e-6, 0.5)]:
        found = dual_of_callable(f, None, kinks, q, p, c)
        # What differentiating a series of degree 24 loses.
        assert relative(found, dual(q, p, c), q, p, dual).max() < 1e-12


@pytest.mark.parametrize("reach", [1.0, 1e3])
def test_derivative_of_low_degree(reach):
    """That of a leaky ReLU is constant on both sides: a higher degree would be rounding."""
    slope = derivative(lambda u: np.where(u > 0, u, 0.1 * u), (0.0,), reach)
    u = np.linspace(-reach, reach, 999)
    # Two roundings of the quotient; terms of degree 24 would add a thousand.
    np.testing.assert_allclose(slope(u[u != 0]), np.where(u > 0, 1, 0.1)[u != 0], rtol=1e-14)


def test_kinks_away_from_zero():
    # P(|u| < 1, |v| < 1), by the conditional distribution of v.
    q, p, c = 0.5, 3.0, 0.9
    with mp.workdps(25):
        spread = mp.sqrt(mpf(p) * (1 - mpf(c) ** 2))
        mean = mpf(c) * mp.sqrt(mpf(p) / mpf(q))

        def inner(u):
            inside = mp.ncdf((1 - mean * u) / spread) - mp.ncdf((-1 - mean * u) / spread)
            return inside * mp.npdf(u, 0, mp.sqrt(mpf(q)))

        exact = float(mp.quad(inner, mp.linspace(-1, 1, 9)))
    _, slope = dual_of_callable(
        lambda u: np.clip(u, -1, 1), lambda u: (np.abs(u) < 1) * 1.0, (-1, 1), q, p, c
    )
    assert slope == pytest.approx(exact, rel=1e-14)


def test_tanh_in_multiple_precision():
    # The trapezoidal rule in two dimensions errs by exp(-2 pi (pi / 2) / step) here, 1e-21.
    q, p, c, digits = 1.0, 0.5, 0.6, 25
    with mp.workdps(digits):
        step = mpf(1) / 5
        grid = [step * k for k in range(-48, 49)]
        weights = [step * mp.npdf(g) for g in grid]
        cosine, sine = mpf(c), mp.sqrt(1 - mpf(c) ** 2)
        root = mp.sqrt(mpf(p))
        value = slope = mpf(0)
        for g, w in zip(grid, weights, strict=True):
            left = mp.tanh(g)
            sums = [mpf(0), mpf(0)]
            for h, weight in zip(grid, weights, strict=True):
                right = mp.tanh(root * (cosine * g + sine * h))
                sums[0] += weight * right
                sums[1] += weight * (1 - right**2)
            value += w * left * sums[0]
            slope += w * (1 - left**2) * sums[1]
    found = dual_of_callable(np.tanh, lambda u: 1 / np.cosh(u) ** 2, (), q, p, c)
    assert found[0] == pytest.approx(float(value), rel=1e-14)
    assert found[1] == pytest.approx(float(slope), rel=1e-14)


def test_shapes_broadcast():
    value, slope = dual_of_callable(np.tanh, None, (), np.ones((2, 1)), 1.0, [0.1, 0.2, 0.3])
    assert value.shape == slope.shape == (2, 3)
    assert np.array_equal(value[0], value[1])
    assert dual_of_callable(np.tanh, None, (), np.ones(0), 1.0, 0.5)[0].shape == (0,)


@pytest.mark.parametrize(
    ("f", "q", "c", "message"),
    [
        (np.tanh, 0.0, 0.5, "q and p must be positive"),
        (np.tanh, 1.0, 1.5, "c must lie in"),
        (lambda u: np.exp(u * u), 1.0, 0.5, "grows too fast"),
        (lambda u: 1 / u, 1.0, 0.5, "f must be finite"),
        (lambda u: np.where(u > 1, np.nan, u), 1.0, 0.5, "f must be finite"),
        (lambda u: u.astype(np.float32), 1.0, 0.5, "must return a float64 array"),
        (lambda u: u.ravel()[:1], 1.0, 0.5, "must return a float64 array"),
        (np.zeros_like, 1.0, 0.5, "must not be 0 everywhere"),
        (lambda u: np.maximum(u - 0.3, 0), 1.0, 0.5, "name all kinks"),
    ],
)
def test_refusals(f, q, c, message):
    with pytest.raises(ValueError, match=message):
        dual_of_callable(f, None, (), q, 1.0, c)
