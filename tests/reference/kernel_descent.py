# SPDX-License-Identifier: Apache-2.0
"""Kernel gradient descent in plain float64 NumPy: closed forms, steps, a fixed time step."""

import numpy as np


def least_squares_flow(K, y, f0, t):
    """f_t = y + e^{-t K / N} (f_0 - y) at the training points; N is the number of rows of y."""
    values, vectors = np.linalg.eigh(K)
    start = (f0 - y).reshape(len(K), -1)
    left = vectors @ (np.exp(-t * values / len(y))[:, None] * (vectors.T @ start))
    return y + left.reshape(y.shape)


def softmax(f, y):
    """Minus the gradient of the cross-entropy with rows of probabilities."""
    weights = np.exp(f)
    return y - weights / weights.sum(axis=1, keepdims=True)


def cross_entropy(f, y):
    return -np.mean(np.sum(y * (f - np.log(np.exp(f).sum(axis=1, keepdims=True))), axis=1))


def runge_kutta(K, direction, f0, t, steps):
    """Outputs (N, C) and coefficients at time t, by the classical method of order 4."""
    N, h = len(f0), t / steps

    def rates(f):
        d = direction(f)
        return (K @ d.reshape(len(K), -1)).reshape(f.shape) / N, d / N

    f, alpha = f0.copy(), np.zeros_like(f0)
    for _ in range(steps):
        k1, a1 = rates(f)
        k2, a2 = rates(f + h / 2 * k1)
        k3, a3 = rates(f + h / 2 * k2)
        k4, a4 = rates(f + h * k3)
        f = f + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        alpha = alpha + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    return f, alpha


def plain_steps(K, direction, f0, rate, steps):
    """Outputs (N, C) and coefficients after steps of a learning rate."""
    N, f, alpha = len(f0), f0.copy(), np.zeros_like(f0)
    for _ in range(steps):
        d = direction(f)
        f = f + rate / N * (K @ d.reshape(len(K), -1)).reshape(f.shape)
        alpha = alpha + rate / N * d
    return f, alpha
