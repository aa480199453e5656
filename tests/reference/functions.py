# SPDX-License-Identifier: Apache-2.0
"""Nonlinearities and their derivatives as they are written on paper, in extended precision.

By the texts that the package reads. Where a derivative jumps it has the value on the left.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.hermite_e import HermiteE


class Function(NamedTuple):
    """f and f' of arrays of long doubles; ``magnitude`` bounds the terms that f' is a sum of."""

    f: object
    df: object
    magnitude: object = None


L = np.longdouble
PI = L("3.14159265358979323846264338327950288")


def erf(u):
    """The error function of doubles, two units in the last place of which it is good for."""
    return np.vectorize(math.erf, otypes=[L])(u.astype(float))


def erfc(u):
    """1 - erf, with all digits."""
    return np.vectorize(math.erfc, otypes=[L])(u.astype(float))


def bell(u):
    """exp(-u^2 / 2) / sqrt(2 pi)."""
    return np.exp(-u * u / 2) / np.sqrt(2 * PI)


def cdf(u):
    """The normal distribution function."""
    return erfc(-u / np.sqrt(L(2))) / 2


def piecewise(a, b):
    """A min(u, 0) + b max(u, 0)."""
    return Function(
        lambda u: np.where(u > 0, L(b) * u, L(a) * u), lambda u: np.where(u > 0, L(b), L(a))
    )


def power(p):
    """max(u, 0)^p."""
    return Function(
        lambda u: np.maximum(u, 0) ** p, lambda u: p * np.maximum(u, 0) ** (p - 1) * (u > 0)
    )


def sine(frequency, phase, factor=1):
    """Factor sin(frequency u + phase)."""
    w, c, a = L(frequency), L(phase), L(factor)
    return Function(
        lambda u: a * np.sin(w * u + c),
        lambda u: a * w * np.cos(w * u + c),
        lambda u: a * w * (1 + abs(w * u) + abs(c)),
    )


def polynomial(series):
    """A polynomial of numpy."""
    p = series.convert(kind=Polynomial, domain=(-1, 1), window=(-1, 1))
    d = p.deriv()
    absolute = Polynomial(abs(d.coef))
    return Function(
        lambda u: p(u).astype(L) + 0 * u,
        lambda u: d(u).astype(L) + 0 * u,
        lambda u: absolute(abs(u)) + abs(p.coef[0]),
    )


def hermite(n):
    """He_n / sqrt(n!)."""
    return polynomial(HermiteE([0] * n + [1 / math.sqrt(math.factorial(n))]))


def sigmoid(u):
    """1 / (1 + exp(-u))."""
    return 1 / (1 + np.exp(-u))


def mish_slope(u):
    """By the product rule."""
    t = np.tanh(np.log1p(np.exp(u)))
    return t + u * (1 - t * t) * sigmoid(u)


def elu(scale, alpha):
    """Scale times u, or times alpha (exp(u) - 1)."""
    s, a = L(scale), L(alpha)
    return Function(
        lambda u: s * np.where(u > 0, u, a * np.expm1(u)),
        lambda u: s * np.where(u > 0, 1, a * np.exp(u)),
    )


FUNCTIONS = {
    "relu": piecewise(0, 1),
    "leaky_relu(0.1)": piecewise(0.1, 1),
    "absolute": piecewise(-1, 1),
    "ab_relu(-0.3, 0.7)": piecewise(-0.3, 0.7),
    "identity": piecewise(1, 1),
    "relu_power(2)": power(2),
    "relu_power(3)": power(3),
    "erf": Function(erf, lambda u: 2 / np.sqrt(PI) * np.exp(-u * u)),
    "gelu": Function(
        lambda u: u * cdf(u), lambda u: cdf(u) + u * bell(u), lambda u: cdf(u) + abs(u) * bell(u)
    ),
    "sin": sine(1, 0),
    "sin(2, 0.3)": sine(2, 0.3),
    "cos": sine(1, PI / 2),
    "cos(0.5, 1)": sine(0.5, 1 + PI / 2),
    "rbf(0.7)": sine(np.sqrt(L(2) * L(0.7)), PI / 4, np.sqrt(L(2))),
    "exp": Function(np.exp, np.exp),
    "gaussian": Function(lambda u: np.exp(-u * u), lambda u: -2 * u * np.exp(-u * u)),
    "gaussian(0.3)": Function(
        lambda u: np.exp(-L(0.3) * u * u), lambda u: -2 * L(0.3) * u * np.exp(-L(0.3) * u * u)
    ),
    "sign": Function(np.sign, np.zeros_like),
    "step": Function(lambda u: (u > 0) * L(1), np.zeros_like),
    "monomial(2)": polynomial(Polynomial([0, 0, 1])),
    "monomial(3)": polynomial(Polynomial([0, 0, 0, 1])),
    "polynomial(0.5, -1, 0.25, 0.125)": polynomial(Polynomial([0.5, -1, 0.25, 0.125])),
    "hermite(2)": hermite(2),
    "hermite(5)": hermite(5),
    "tanh": Function(np.tanh, lambda u: 1 / np.cosh(u) ** 2),
    "sigmoid": Function(sigmoid, lambda u: sigmoid(u) * sigmoid(-u)),
    "softplus": Function(lambda u: np.log1p(np.exp(u)), sigmoid),
    "silu": Function(
        lambda u: u * sigmoid(u),
        lambda u: sigmoid(u) + u * sigmoid(u) * sigmoid(-u),
        lambda u: sigmoid(u) + abs(u) * sigmoid(u) * sigmoid(-u),
    ),
    "mish": Function(
        lambda u: u * np.tanh(np.log1p(np.exp(u))), mish_slope, lambda u: 1 + abs(mish_slope(u))
    ),
    # The two constants of Klambauer et al. 2017, section 2.
    "selu": elu("1.0507009873554804934193349852946", "1.6732632423543772848170429916717"),
    "elu": elu(1, 1),
}
# Not even their limit at initialisation is covered by theorem 1; of the last two there is no NTK.
JUMPING = ("sign", "step")
STEEP = (
    "relu_power(2)",
    "relu_power(3)",
    "exp",
    "monomial(2)",
    "monomial(3)",
    "polynomial(0.5, -1, 0.25, 0.125)",
    "hermite(2)",
    "hermite(5)",
    *JUMPING,
)
SMOOTH = (
    "identity",
    "erf",
    "gelu",
    "sin",
    "sin(2, 0.3)",
    "cos",
    "cos(0.5, 1)",
    "rbf(0.7)",
    "gaussian",
    "gaussian(0.3)",
    "tanh",
    "sigmoid",
    "softplus",
    "silu",
    "mish",
)


def dual(function, q, p, s):
    """E[f(u) f(v)] and E[f'(u) f'(v)] of (u, v) ~ N(0, [[q, s], [s, p]]), each of s's shape.

    In polar coordinates, where u = 0 and v = 0 are rays: between those f, with a kink at 0 or none,
    is smooth. 1e-13 of sqrt(E[f(u)^2] E[f(v)^2]) for variances up to some 10.
    """
    triples = np.stack(np.broadcast_arrays(q, p, s), axis=-1)
    different, where = np.unique(triples.reshape(-1, 3), axis=0, return_inverse=True)
    results = np.array([_one_dual(*function[:2], *one) for one in different])[where.reshape(-1)]
    return results[:, 0].reshape(triples.shape[:-1]), results[:, 1].reshape(triples.shape[:-1])


def _one_dual(f, df, q, p, s):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    r = 6 * (nodes + 1)
    radial = 6 * weights * r * np.exp(-r * r / 2) / (2 * np.pi)
    theta = np.arccos(np.clip(s / np.sqrt(q * p), -1, 1))
    rays = np.sort([-np.pi / 2, theta - np.pi / 2, np.pi / 2, theta + np.pi / 2])
    sums = np.zeros(2)
    for start, end in zip(rays, [*rays[1:], rays[0] + 2 * np.pi], strict=True):
        phi = start + (end - start) * (nodes + 1) / 2
        u = np.sqrt(q) * r[:, None] * np.cos(phi)
        v = np.sqrt(p) * r[:, None] * np.cos(phi - theta)
        both = weights * (end - start) / 2
        sums += [(radial @ (g(u) * g(v)).astype(float)) @ both for g in (f, df)]
    return sums
