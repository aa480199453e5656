# SPDX-License-Identifier: Apache-2.0
"""Entries of the limiting NNGP and NTK in mpmath: the textbook recursion, with cos(theta).

Jacot, Gabriel, Hongler (2018), Proposition 1 and Theorem 1, for one pair of points at a time:

    Sigma_1 = w^2 x.x' / n0 + b^2             Sigma_{l+1} = w^2 E[s(u) s(v)] + b^2
    Theta_1 = Sigma_1                         Theta_{l+1} = w^2 E[s'(u) s'(v)] Theta_l + Sigma_{l+1}

with (u, v) ~ N(0, Sigma_l). Weights of standard deviation w under an unscaled forward map
(``init_std``) leave Sigma as it is and drop w^2 from the new term of every Theta. A cosine that
differs from 1 by 1e-36 still leaves more than 20 digits of the angle at 80 digits.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

from reference.network import NetworkLike, gradient_factor

DIGITS = 80


class Entry(NamedTuple):
    """One pair of points: Sigma of the last layer, Theta, and Theta's parts by layer."""

    nngp: mpf
    ntk: mpf
    layers: list[mpf]


def relu_duals(q: mpf, p: mpf, s: mpf) -> tuple[mpf, mpf]:
    """E[f(u) f(v)] and E[f'(u) f'(v)] of ReLU for variances q, p and covariance s."""
    norm = mp.sqrt(q * p)
    if norm == 0:
        return mpf(0), mpf(0)
    cos = max(mpf(-1), min(mpf(1), s / norm))
    theta = mp.acos(cos)
    rest = mp.pi - theta
    return norm * (mp.sin(theta) + rest * cos) / (2 * mp.pi), rest / (2 * mp.pi)


def erf_duals(q: mpf, p: mpf, s: mpf) -> tuple[mpf, mpf]:
    """E[f(u) f(v)] and E[f'(u) f'(v)] of erf for variances q, p and covariance s."""
    product = (1 + 2 * q) * (1 + 2 * p)
    value = 2 / mp.pi * mp.asin(2 * s / mp.sqrt(product))
    return value, 4 / mp.pi / mp.sqrt(product - 4 * s * s)


DUALS = {"relu": relu_duals, "erf": erf_duals}


def _inner(x: np.ndarray, y: np.ndarray) -> mpf:
    """Inner product of two rows, each number taken as the exact value it stores."""
    if x.dtype == y.dtype == np.uint8:
        return mpf(int(x.astype(np.int64) @ y.astype(np.int64)))
    return mp.fdot(*([mpf(float(v)) for v in row] for row in (x, y)))


def _recursion(net: NetworkLike, xx: mpf, yy: mpf, xy: mpf) -> Entry:
    """Run the layers for inner products already divided by the number of inputs."""
    factor, scaled = gradient_factor(net)
    w2, b2 = mpf(factor) ** 2, mpf(net.bias_std) ** 2
    duals = DUALS[net.activation]

    q, p, s = (w2 * v + b2 for v in (xx, yy, xy))
    layers = [(w2 if scaled else 1) * xy + b2]
    for _ in range(net.hidden_layers):
        value, slope = duals(q, p, s)
        layers = [w2 * slope * part for part in layers]
        layers.append((w2 if scaled else 1) * value + b2)
        q, p, s = (w2 * v + b2 for v in (duals(q, q, q)[0], duals(p, p, p)[0], value))
    return Entry(s, mp.fsum(layers), layers)


def entries(
    net: NetworkLike,
    X: np.ndarray,
    Y: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    scale: float = 1.0,
) -> list[Entry]:
    """Entries (i, j) of the kernels of X's rows with Y's rows.

    Parameters
    ----------
    net : NetworkLike
    X, Y : ndarray of shape (n, d) and (m, d)
        Real numbers; each is taken as the exact value it stores.
    pairs : sequence of (int, int)
        Rows of X and of Y.
    scale : float
        Multiplies both X and Y.

    Returns
    -------
    list of Entry
        In the order of `pairs`.
    """
    with mp.workdps(DIGITS):
        unit = mpf(scale) ** 2 / X.shape[1]
        xx = {i: unit * _inner(X[i], X[i]) for i in {i for i, _ in pairs}}
        yy = {j: unit * _inner(Y[j], Y[j]) for j in {j for _, j in pairs}}
        return [_recursion(net, xx[i], yy[j], unit * _inner(X[i], Y[j])) for i, j in pairs]


def entry(net: NetworkLike, x: Any, y: Any, scale: float = 1.0) -> Entry:
    """Kernels of a single pair of points, each of shape (d,)."""
    return entries(net, np.atleast_2d(x), np.atleast_2d(y), [(0, 0)], scale)[0]
