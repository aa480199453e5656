# SPDX-License-Identifier: Apache-2.0
"""The kernels of any activation on a few rows, in plain float64 NumPy without closed forms.

E[f(u) f(v)] of a Gaussian pair is an integral over the plane.  In polar coordinates u = 0 and v = 0
are rays, and between them a function with a kink at 0, or none, is smooth: Gauss and Legendre's
rule in the angle and in the radius has all digits for the variances of images.

The angle of a pair is the arc cosine of a quotient, which loses nearly equal rows: rows are drawn
at random, a row beside itself has the angle 0, and near-duplicates are those of reference.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Array]

_RADIUS = 12.0  # exp(-72) of the weight lies outside
_NODES = 60
# Klambauer et al. 2017, section 2.
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@dataclass(frozen=True)
class Nonlinearity:
    """f and its derivative; None where that is a point mass."""

    f: Function
    df: Function | None


def _erf(u: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[float])(u))


def _cdf(u: Array) -> Array:
    return np.asarray((1 + _erf(u / math.sqrt(2))) / 2)


def _sigmoid(u: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-u)))


def _softplus(u: Array) -> Array:
    return np.asarray(np.log1p(np.exp(u)))


def _mish_slope(u: Array) -> Array:
    t = np.tanh(_softplus(u))
    return np.asarray(t + u * (1 - t * t) * _sigmoid(u))


def _rbf(derivative: bool) -> Function:
    wave = np.cos if derivative else np.sin
    return lambda u: np.asarray(math.sqrt(2) * wave(u + math.pi / 4))  # gamma = 1/2


NONLINEARITIES: dict[str, Nonlinearity] = {
    "relu": Nonlinearity(lambda u: np.maximum(u, 0), lambda u: 1.0 * (u > 0)),
    "leaky_relu(0.1)": Nonlinearity(
        lambda u: np.where(u > 0, u, 0.1 * u), lambda u: np.where(u > 0, 1, 0.1)
    ),
    "absolute": Nonlinearity(np.abs, np.sign),
    "relu_power(2)": Nonlinearity(lambda u: np.maximum(u, 0) ** 2, lambda u: 2 * np.maximum(u, 0)),
    "sign": Nonlinearity(np.sign, None),
    "step": Nonlinearity(lambda u: 1.0 * (u > 0), None),
    "identity": Nonlinearity(lambda u: u, np.ones_like),
    "hermite(3)": Nonlinearity(
        lambda u: (u**3 - 3 * u) / math.sqrt(6), lambda u: (3 * u**2 - 3) / math.sqrt(6)
    ),
    "erf": Nonlinearity(_erf, lambda u: 2 / math.sqrt(math.pi) * np.exp(-u * u)),
    "gelu": Nonlinearity(
        lambda u: u * _cdf(u),
        lambda u: _cdf(u) + u * np.exp(-u * u / 2) / math.sqrt(2 * math.pi),
    ),
    "sin": Nonlinearity(np.sin, np.cos),
    "rbf(0.5)": Nonlinearity(_rbf(derivative=False), _rbf(derivative=True)),
    "gaussian": Nonlinearity(lambda u: np.exp(-u * u), lambda u: -2 * u * np.exp(-u * u)),
    "tanh": Nonlinearity(np.tanh, lambda u: 1 / np.cosh(u) ** 2),
    "sigmoid": Nonlinearity(_sigmoid, lambda u: _sigmoid(u) * _sigmoid(-u)),
    "softplus": Nonlinearity(_softplus, _sigmoid),
    "silu": Nonlinearity(lambda u: u * _sigmoid(u), lambda u: _sigmoid(u) * (1 + u * _sigmoid(-u))),
    "mish": Nonlinearity(lambda u: u * np.tanh(_softplus(u)), _mish_slope),
    "selu": Nonlinearity(
        lambda u: _SELU_SCALE * np.where(u > 0, u, _SELU_ALPHA * np.expm1(np.minimum(u, 0))),
        lambda u: _SELU_SCALE * np.where(u > 0, 1, _SELU_ALPHA * np.exp(np.minimum(u, 0))),
    ),
}


def kernels(
    activation: str, X: Array, hidden_layers: int, weight_std: float, bias_std: float
) -> tuple[Array, Array | None]:
    """Return NNGP and NTK, (n, n), of a few rows; no NTK where f jumps."""
    one = NONLINEARITIES[activation]
    w, b = weight_std**2, bias_std**2
    S = w * X @ X.T / X.shape[1] + b
    T: Array | None = S.copy() if one.df else None
    for _ in range(hidden_layers):
        value = _dual(one.f, S)
        if T is not None:
            assert one.df is not None
            T = w * _dual(one.df, S) * T
        S = w * value + b
        T = None if T is None else T + S
    return S, T


def _dual(f: Function, S: Array) -> Array:
    """Return E[f(u) f(v)] for every pair of Gaussians with the covariance S."""
    rows, columns = np.tril_indices(len(S))
    deviations = np.sqrt(np.diag(S))
    a, b = deviations[rows], deviations[columns]
    theta = np.arccos(np.clip(S[rows, columns] / (a * b), -1, 1))
    theta[rows == columns] = 0
    values = np.zeros_like(S)
    values[rows, columns] = values[columns, rows] = _over_the_plane(f, a, b, theta)
    return values


def _over_the_plane(f: Function, a: Array, b: Array, theta: Array) -> Array:
    """Return E[f(a g) f(b h)], g and h standard Gaussians of correlation cos(theta)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    r = _RADIUS / 2 * (nodes + 1)
    radial = _RADIUS / 2 * weights * r * np.exp(-r * r / 2) / (2 * np.pi)
    quarter = np.pi / 2
    rays: list[Any] = [-quarter, theta - quarter, quarter, theta + quarter, 3 * quarter]
    total = np.zeros_like(theta)
    for start, end in pairwise(rays):
        half = (end - start) / 2
        phi = start + half * (1 + nodes[:, None])  # (angles, pairs)
        u = a * np.cos(phi) * r[:, None, None]  # (radii, angles, pairs)
        v = b * np.cos(phi - theta) * r[:, None, None]
        inner = np.einsum("r,rap->ap", radial, f(u) * f(v))
        total += half * (weights @ inner)
    return total
