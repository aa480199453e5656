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


def scaled(duals, input_scale: float, output_scale: float):
    """The duals of a f(b u), by the chain rule."""
    a, b = output_scale, input_scale

    def both(q, p, s):
        value, slope = duals(b**2 * q, b**2 * p, b**2 * s)
        return a**2 * value, (a * b) ** 2 * slope

    return both


def gram(
    net: NetworkLike, X: np.ndarray, Y: np.ndarray | None = None, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """NNGP and NTK of X's rows with Y's rows, each of shape (n, m)."""
    factor, scaled_map = gradient_factor(net)
    maps = net.hidden_layers + 1
    duals = [DUALS[net.activation]] * net.hidden_layers
    nngp, parts = layered(
        X, Y, scale, [factor] * maps, [net.bias_std] * maps, duals, scaled_map=scaled_map
    )
    return nngp, parts.sum(axis=0)


def layered(
    X, Y, scale, weight_std, bias_std, duals, *, scaled_map=True, residual=0.0, layer_norm=False
):
    """NNGP, (n, m), and each linear map's part of the NTK, (maps, n, m).

    ``weight_std`` and ``bias_std`` are one per linear map, ``duals`` one per hidden layer. With
    ``scaled_map`` the deviations of the weights are factors of the forward map, else those of their
    initial values. ``residual`` times its preactivations is what a hidden layer adds to those of
    the next; ``layer_norm`` divides what activations are given by its standard deviation.
    """
    X = X.astype(np.float64) * scale
    Y = X if Y is None else Y.astype(np.float64) * scale
    w2, b2 = np.square(weight_std), np.square(bias_std)
    own = w2 if scaled_map else np.ones_like(w2)

    q = w2[0] * (X * X).sum(axis=1)[:, None] / X.shape[1] + b2[0]
    p = w2[0] * (Y * Y).sum(axis=1)[None, :] / X.shape[1] + b2[0]
    s = w2[0] * X @ Y.T / X.shape[1] + b2[0]
    parts = [own[0] * X @ Y.T / X.shape[1] + b2[0]]
    for layer, dual in enumerate(duals, 1):
        added = residual**2 if layer < len(duals) else 0.0
        norms = np.sqrt(q * p) if layer_norm else np.ones_like(s)
        own_q, own_p = (np.ones_like(v) if layer_norm else v for v in (q, p))
        value, slope = dual(own_q, own_p, s / norms)
        parts = [(w2[layer] * slope / norms + added) * part for part in parts]
        parts.append(own[layer] * value + b2[layer])
        q, p = (
            w2[layer] * dual(v, v, v)[0] + b2[layer] + added * raw
            for v, raw in ((own_q, q), (own_p, p))
        )
        s = w2[layer] * value + b2[layer] + added * s
    return s, np.array(parts)
