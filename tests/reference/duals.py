# SPDX-License-Identifier: Apache-2.0
"""Duals of activations in mpmath, by closed forms, and by 2-D integration to check these.

With ``(u, v) ~ N(0, [[q, s], [s, p]])``, ``DUALS[name](q, p, s, *parameters)`` is the pair
``E[f(u) f(v)]``, ``E[f'(u) f'(v)]``; names and parameters are those of csrc/common/activations.
Where the derivative is a delta function the second is 0. `normalised` puts them into the form of
the engines.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mpmath import mp, mpf

DIGITS = 80

Function = Callable[[mpf], mpf]


class NormalisedDual(NamedTuple):
    """What an engine computes of a pair: see csrc/common/activations/activation.h."""

    moment_q: mpf  # A(q) = E[f(u)^2]
    moment_p: mpf
    deficit: mpf  # (1 - E[f(u) f(v)] / sqrt(A A')) / 2
    slope: mpf  # E[f'(u) f'(v)] sqrt(q p / (A A'))


def normalised(name: str, q: float, p: float, x: float, parameters: Sequence[float] = ()):
    """Deficit and slope at the angle of x = (1 - cos theta) / 2, or of x + 1 where x < 0."""
    with mp.workdps(DIGITS):
        q, p, x = mpf(float(q)), mpf(float(p)), mpf(float(x))
        exact = [mpf(float(c)) for c in parameters]
        cosine = 1 - 2 * (x + 1 if x < 0 else x)
        root = mp.sqrt(q * p)
        dual = DUALS[name]
        moments = dual(q, q, q, *exact)[0], dual(p, p, p, *exact)[0]
        value, slope = dual(q, p, root * cosine, *exact)
        norm = mp.sqrt(moments[0] * moments[1])
        deficit = max(mpf(0), (1 - value / norm) / 2)  # of equal rows it is 0 but for rounding
        return NormalisedDual(*moments, deficit, slope * root / norm)


# Kinks: the arc-cosine kernels [Cho and Saul 2009, section 2].


def _angle(q, p, s):
    return mp.acos(max(mpf(-1), min(mpf(1), s / mp.sqrt(q * p))))


def _arc_cosine(order, q, p, s):
    """E[max(u, 0)^n max(v, 0)^n], n the order."""
    theta = _angle(q, p, s)
    c, sine, rest = mp.cos(theta), mp.sin(theta), mp.pi - theta
    polynomial = (
        rest,
        sine + rest * c,
        3 * sine * c + rest * (1 + 2 * c**2),
        (4 + 11 * c**2) * sine + rest * (9 * c + 6 * c**3),
    )[order]
    return mp.sqrt(q * p) ** order * polynomial / (2 * mp.pi)


def _relu_power(order):
    return lambda q, p, s: (
        _arc_cosine(order, q, p, s),
        order**2 * _arc_cosine(order - 1, q, p, s) if order else mpf(0),
    )


def _sign(q, p, s):
    return 1 - 2 * _angle(q, p, s) / mp.pi, mpf(0)


def _piecewise_linear(q, p, s, a, b):
    return tuple(
        (a - b) ** 2 * _arc_cosine(order, q, p, s) + a * b * linear
        for order, linear in ((1, s), (0, mpf(1)))
    )


# Polynomials: moments of a pair of Gaussian numbers, by counting pairings [Isserlis 1918].


@functools.cache
def _pairings(i, j):
    """(k, ways): k of i numbers are paired with k of j others, the rest among themselves."""

    def among(n):
        return math.prod(range(n - 1, 0, -2))

    return [
        (k, math.comb(i, k) * math.comb(j, k) * math.factorial(k) * among(i - k) * among(j - k))
        for k in range(i % 2, min(i, j) + 1, 2)
        if (i - j) % 2 == 0
    ]


def _polynomial(q, p, s, *coefficients):
    def powers(number):
        return list(itertools.accumulate([number] * len(coefficients), operator.mul, initial=1))

    q_power, p_power, s_power = map(powers, (q, p, s))

    def dual(c):
        return mp.fsum(
            a * b * ways * q_power[(i - k) // 2] * p_power[(j - k) // 2] * s_power[k]
            for (i, a), (j, b) in itertools.product(enumerate(c), repeat=2)
            if a and b
            for k, ways in _pairings(i, j)
        )

    return dual(coefficients), dual([k * a for k, a in enumerate(coefficients)][1:])


# Exponentials, by E[exp(a u + b v)] = exp((a^2 q + b^2 p) / 2 + a b s).


def _sinusoid(q, p, s, sine, cosine):
    """f(u) = sin(u + phi): f(u) f(v) = (cos(u - v) - cos(u + v + 2 phi)) / 2."""
    eps = (sine**2 - cosine**2) / (sine**2 + cosine**2)  # -cos(2 phi)
    fall = mp.exp(-(q + p) / 2) / 2
    return fall * (mp.exp(s) + eps * mp.exp(-s)), fall * (mp.exp(s) - eps * mp.exp(-s))


def _exponential(q, p, s):
    return (mp.exp((q + p) / 2 + s),) * 2


def _rbf(q, p, s):
    """f(u) = sqrt(2) sin(u + pi / 4) = sin u + cos u."""
    return (mp.exp(s - (q + p) / 2),) * 2


def _gaussian(q, p, s):
    """f(u) = exp(-u^2): a determinant, and its derivative by s."""
    determinant = (1 + 2 * q) * (1 + 2 * p) - 4 * s**2
    return 1 / mp.sqrt(determinant), 4 * s / mp.sqrt(determinant) ** 3


# GELU, with density and distribution function of the normal law: csrc/common/activations/gelu.h.


def _gelu(q, p, s):
    u, v = 1 + q, 1 + p
    delta = u * v - s * s
    i = mpf(1) / 4 + mp.asin(s / mp.sqrt(u * v)) / (2 * mp.pi)
    j = 1 / (2 * mp.pi * mp.sqrt(delta))
    return (
        s * i + j * (q * p - s * s + s * s / u + s * s / v),
        i + j * s * (1 / u + 1 / v + 1 / delta),
    )


DUALS = {
    "gelu": _gelu,
    "piecewise_linear": _piecewise_linear,
    "step": _relu_power(0),
    "relu": _relu_power(1),
    "relu_squared": _relu_power(2),
    "relu_cubed": _relu_power(3),
    "sign": _sign,
    "polynomial": _polynomial,
    "sinusoid": _sinusoid,
    "exponential": _exponential,
    "rbf": _rbf,
    "gaussian": _gaussian,
}


# 2-D integration.


def integral_of_homogeneous(f: Function, degree: int, q: mpf, p: mpf, s: mpf) -> mpf:
    """E[f(u) f(v)] of ``f(r u) = r^degree f(u)``, r > 0, in polar coordinates."""
    theta = _angle(q, p, s)
    turn = 2 * mp.pi
    kinks = {mp.pi / 2, 3 * mp.pi / 2, (theta + mp.pi / 2) % turn, (theta - mp.pi / 2) % turn}

    def ray(phi):
        return f(mp.sqrt(q) * mp.cos(phi)) * f(mp.sqrt(p) * mp.cos(phi - theta))

    around = mp.quad(ray, [mpf(0), *sorted(kinks), turn])
    return mpf(2) ** degree * mp.factorial(degree) * around / turn


def integral_of_smooth(f: Function, q: mpf, p: mpf, s: mpf, step: float, reach: float) -> mpf:
    """E[f(u) f(v)] of an entire f by the trapezoidal rule, off by about exp(-2 (pi / step)^2)."""
    h = mpf(step)
    grid = [h * k for k in range(-round(reach / step), round(reach / step) + 1)]
    weights = [mp.exp(-g * g / 2) * h / mp.sqrt(2 * mp.pi) for g in grid]
    along, across = s / mp.sqrt(q), mp.sqrt(p - s * s / q)
    return mp.fsum(
        w
        * f(mp.sqrt(q) * g)
        * mp.fsum(x * f(along * g + across * k) for x, k in zip(weights, grid, strict=True))
        for w, g in zip(weights, grid, strict=True)
    )
