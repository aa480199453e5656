# SPDX-License-Identifier: Apache-2.0
"""The closed forms of `reference.duals` are the 2-D integrals that they stand for, to 25 digits."""

from functools import reduce

import pytest
from mpmath import mp, mpf

from reference.duals import DUALS, integral_of_homogeneous, integral_of_smooth

POINTS = [("0.7", "2.5", "0.4"), ("3", "0.2", "-0.75")]  # q, p, cosine


def positive(u):
    return max(u, mpf(0))


def step(u):
    return mpf(u > 0)


def gelu(u):
    return u * mp.ncdf(u)


def gelu_slope(u):
    return mp.ncdf(u) + u * mp.npdf(u)


KINKED = {  # (name, parameters): degree, f, f'
    ("piecewise_linear", (-0.25, 1.5)): (
        1,
        lambda u: u * (1.5 if u > 0 else -0.25),
        lambda u: mpf(1.5 if u > 0 else -0.25),
    ),
    ("step", ()): (0, step, None),
    ("sign", ()): (0, mp.sign, None),
    ("relu", ()): (1, positive, step),
    ("relu_squared", ()): (2, lambda u: positive(u) ** 2, lambda u: 2 * positive(u)),
    ("relu_cubed", ()): (3, lambda u: positive(u) ** 3, lambda u: 3 * positive(u) ** 2),
}
COEFFICIENTS = (1.0, -1.0, 0.5, 0.25, 0.0, 0.125)
SLOPES = tuple(k * c for k, c in enumerate(COEFFICIENTS))[1:]
SMOOTH = {  # f, f'
    ("polynomial", COEFFICIENTS): (
        lambda u: reduce(lambda total, c: total * u + c, reversed(COEFFICIENTS)),
        lambda u: reduce(lambda total, c: total * u + c, reversed(SLOPES)),
    ),
    ("sinusoid", (0.0, 1.0)): (mp.sin, mp.cos),
    ("sinusoid", (0.6, -0.8)): (
        lambda u: mp.sin(u + mp.atan2(0.6, -0.8)),
        lambda u: mp.cos(u + mp.atan2(0.6, -0.8)),
    ),
    ("exponential", ()): (mp.exp, mp.exp),
    ("rbf", ()): (lambda u: mp.sin(u) + mp.cos(u), lambda u: mp.cos(u) - mp.sin(u)),
}


def closed_form(case, point):
    name, parameters = case
    q, p, cosine = (mpf(number) for number in point)
    s = cosine * mp.sqrt(q * p)
    return (q, p, s), DUALS[name](q, p, s, *map(mpf, parameters))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("case", KINKED, ids=lambda case: case[0])
def test_kinked(case, point):
    degree, f, df = KINKED[case]
    with mp.workdps(30):
        variances, (value, slope) = closed_form(case, point)
        assert mp.almosteq(value, integral_of_homogeneous(f, degree, *variances), mpf("1e-25"))
        if df is None:
            assert slope == 0
        else:
            expected = integral_of_homogeneous(df, degree - 1, *variances)
            assert mp.almosteq(slope, expected, mpf("1e-25"))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("case", SMOOTH, ids=lambda case: case[0])
def test_smooth(case, point):
    with mp.workdps(30):
        variances, dual = closed_form(case, point)
        for f, expected in zip(SMOOTH[case], dual, strict=True):
            # exp(-2 (pi / 0.4)^2) = 3e-54, times (2 pi / 0.4)^10 for powers: 3e-42, or times
            # exp(2 sqrt(3) 2 pi / 0.4) for waves: 1e-30; and the Gaussian's tail beyond 14 holds
            # 1e-43, times 14^10 or exp(2 sqrt(3) 14).
            assert mp.almosteq(integral_of_smooth(f, *variances, 0.4, 14), expected, mpf("1e-25"))


@pytest.mark.parametrize("point", POINTS)
def test_gaussian(point):
    with mp.workdps(30):
        variances, dual = closed_form(("gaussian", ()), point)
        functions = (lambda u: mp.exp(-u * u), lambda u: -2 * u * mp.exp(-u * u))
        for f, expected in zip(functions, dual, strict=True):
            # The integrand is a Gaussian of up to 1 + 2 q = 7 times the precision:
            # exp(-2 (pi / 0.2)^2 / 7) = 2e-31, and a tail beyond 12 of 1e-32.
            assert mp.almosteq(integral_of_smooth(f, *variances, 0.2, 12), expected, mpf("1e-25"))


@pytest.mark.parametrize("point", POINTS)
def test_gelu(point):
    with mp.workdps(30):
        variances, dual = closed_form(("gelu", ()), point)
        for f, expected in zip((gelu, gelu_slope), dual, strict=True):
            # Phi grows by exp(q y^2 / 2) off the real axis: exp(-2 (pi / 0.25)^2 / (1 + 3)) is
            # 5e-35; and the Gaussian's tail beyond 12 holds 4e-33, times 12^2.
            assert mp.almosteq(integral_of_smooth(f, *variances, 0.25, 12), expected, mpf("1e-25"))
