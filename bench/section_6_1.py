# SPDX-License-Identifier: Apache-2.0
"""The task of the paper's section 6.1: f*(x) = x_1 x_2 at random inputs, 200 steps of rate 1.

The paper does not say how many inputs: here there are 16, drawn from N(0, I_2), not on the circle.
Its depth L = 4 is ``hidden_layers=3``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn

POINTS = 16
HIDDEN_LAYERS = 3
BIAS_STD = 0.1
LEARNING_RATE = 1.0
STEPS = 200
_SEED = 61


def limiting_network() -> fn.FullyConnected:
    """Return the network of infinite width."""
    return fn.FullyConnected(hidden_layers=HIDDEN_LAYERS, bias_std=BIAS_STD)


def finite_network(width: int, seed: int) -> fn.FiniteNetwork:
    """Return one initialisation with `width` units in each hidden layer, in float32."""
    widths = (2, *[width] * HIDDEN_LAYERS, 1)
    return fn.FiniteNetwork(limiting_network(), widths, seed=seed)


def data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the training inputs (16, 2) and targets (16,)."""
    X = np.random.default_rng(_SEED).standard_normal((POINTS, 2))
    return X, X[:, 0] * X[:, 1]


def train(w: fn.FiniteNetwork, record: Any, steps: int = STEPS) -> Any:
    """Train a network on the task."""
    X, y = data()
    return w.train(X, y, learning_rate=LEARNING_RATE, steps=steps, record=record)
