# SPDX-License-Identifier: Apache-2.0
"""Whole Gram matrices in plain float64 NumPy: the textbook formulas, one temporary each.

Loses digits where cos(theta) is close to 1: about 2e-8 per layer on the diagonal.
"""

import numpy as np

from reference.network import NetworkLike, gradient_factor


def relu_duals(q: np.ndarray, p: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[f f] and E[f' f'] of ReLU."""
    norm = np.sqrt(q * p)
    cos = np.clip(np.divide(s, norm, out=np.zeros_like(s), where=norm > 0), -1, 1)
    theta = np.arccos(cos)
    value = norm / (2 * np.pi) * (np.sin(theta) + (np.pi - theta) * cos)
    return value, (np.pi - theta) / (2 * np.pi)


def erf_duals(q: np.ndarray, p: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[f f] and E[f' f'] of erf."""
    product = (1 + 2 * q) * (1 + 2 * p)
    value = 2 / np.pi * np.arcsin(2 * s / np.sqrt(product))
    return value, 4 / np.pi / np.sqrt(product - 4 * s * s)


DUALS = {"relu": relu_duals, "erf": erf_duals}


def gram(
    net: NetworkLike, X: np.ndarray, Y: np.ndarray | None = None, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """NNGP and NTK of X's rows with Y's rows, each of shape (n, m)."""
    X = X.astype(np.float64) * scale
    Y = X if Y is None else Y.astype(np.float64) * scale
    factor, scaled = gradient_factor(net)
    w2, b2 = factor**2, net.bias_std**2
    own = w2 if scaled else 1.0
    duals = DUALS[net.activation]

    q = w2 * (X * X).sum(axis=1)[:, None] / X.shape[1] + b2
    p = w2 * (Y * Y).sum(axis=1)[None, :] / X.shape[1] + b2
    s = w2 * X @ Y.T / X.shape[1] + b2
    theta = own * X @ Y.T / X.shape[1] + b2
    for _ in range(net.hidden_layers):
        value, slope = duals(q, p, s)
        theta = w2 * slope * theta + own * value + b2
        q, p = (w2 * duals(v, v, v)[0] + b2 for v in (q, p))
        s = w2 * value + b2
    return s, theta
