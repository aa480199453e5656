# SPDX-License-Identifier: Apache-2.0
"""The empirical NTK as one would write it in NumPy: forward, backward, two Grams per layer.

    z = w W a + c b,   a = max(z, 0),   w = weight_std / sqrt(inputs of the layer),   c = bias_std
    Theta = sum over layers of (D D^T) * (w^2 A A^T + c^2)

with the backward signals D = df / dz and the inputs A of each layer, rows point by point and output
by output.  NumPy knows A @ A.T for symmetric and does half of the work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Parameters = list[tuple[Any, Any]]  # (outputs, inputs) and (outputs,) per layer


@dataclass(frozen=True)
class Network:
    """Parameters of a ReLU network, and the factors of its forward map."""

    parameters: Parameters
    weight_std: float
    bias_std: float

    def factor(self, W: Any) -> float:
        """Return what multiplies W in the forward map."""
        return self.weight_std / math.sqrt(W.shape[1])


def empirical_ntk(X: Any, net: Network, xp: Any = np) -> Any:
    """Return the (N C, N C) kernel of the network at X (N, inputs), in the parameters' dtype.

    `xp` is numpy, or cupy for arrays of a GPU.
    """
    activations = _forward(X.astype(net.parameters[0][0].dtype, copy=False), net, xp)
    last, _ = net.parameters[-1]
    outputs, points = len(last), len(X)
    G = _inner_products(activations[-1], last, net)
    if outputs == 1:
        K = G
    else:
        K = xp.zeros((points, outputs, points, outputs), G.dtype)
        for k in range(outputs):
            K[:, k, :, k] = G
    D = (last * net.factor(last))[None]  # the same for every point
    for layer in reversed(range(len(net.parameters) - 1)):
        W, _ = net.parameters[layer]
        D = D * (activations[layer + 1] > 0)[:, None, :]
        rows = D.reshape(points * outputs, len(W))
        S = rows @ rows.T
        G = _inner_products(activations[layer], W, net)
        if outputs == 1:
            S *= G
        else:
            S = S.reshape(K.shape)
            S *= G[:, None, :, None]
        K += S
        if layer:
            D = (rows @ W).reshape(points, outputs, W.shape[1])
            D *= net.factor(W)
    return K.reshape(points * outputs, points * outputs)


def _forward(a: Any, net: Network, xp: Any) -> list[Any]:
    """Return the input of every layer."""
    activations = [a]
    for W, b in net.parameters[:-1]:
        z = activations[-1] @ W.T
        z *= net.factor(W)
        z += net.bias_std * b
        activations.append(xp.maximum(z, 0, out=z))
    return activations


def _inner_products(A: Any, W: Any, net: Network) -> Any:
    G = A @ A.T
    G *= net.factor(W) ** 2
    G += net.bias_std**2
    return G
