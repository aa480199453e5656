# SPDX-License-Identifier: Apache-2.0
"""Gradient descent in plain float64 NumPy, with the reference's dense Jacobian."""

import numpy as np

from reference.finite import flat, jacobian, outputs, rates, with_flat


def least_squares(f, y):
    """Minus N times the derivative of the mean of |f - y|^2 / 2."""
    return y - f


def softmax(f, y):
    """That of the cross-entropy with one-hot labels."""
    weights = np.exp(f)
    return y - weights / weights.sum(axis=1, keepdims=True)


def logistic(f, y):
    """That of one output with labels 0 and 1."""
    return y - 1 / (1 + np.exp(-f))


def hinge(f, y):
    """That of the hinge with labels -1 and 1, its corner a parabola of width 1."""
    return y * np.clip(1 - y * f, 0, 1)


def trajectory(maps, activation, X, y, direction, rate, batches):
    """Parameters before each step and after the last, (S + 1, P)."""
    theta = [flat(maps)]
    for rows in batches:
        now = with_flat(maps, theta[-1])
        points = X[rows].astype(np.float64)
        d = direction(outputs(now, activation, points), y[rows])
        J = jacobian(now, activation, points)
        theta.append(theta[-1] + rate / len(points) * rates(maps) * (J.T @ d.ravel()))
    return np.array(theta)
