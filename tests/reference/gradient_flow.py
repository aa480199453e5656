# SPDX-License-Identifier: Apache-2.0
"""Gradient flow of least squares in plain float64 NumPy: eigenpairs, or steps one by one."""

import numpy as np


def phis(K, points, times):
    """The matrices phi_t(K); N is the number of points, which may be less than the rows."""
    values, vectors = np.linalg.eigh(K)
    return [(vectors * (-np.expm1(-t * values / points) / values)) @ vectors.T for t in times]


def outputs(K, K_ZX, y, f0, f0_Z, times):
    """f_t at training points and at new ones; y (N, C), K may have N C rows."""
    found = []
    for map_t in phis(K, len(y), times):
        c = map_t @ (y - f0).reshape(len(K), -1)
        found.append((f0 + (K @ c).reshape(y.shape), f0_Z + (K_ZX @ c).reshape(f0_Z.shape)))
    return found


def steps(K, y, f0, rate, count):
    """Gradient descent in function space, step by step."""
    f = f0.copy()
    for _ in range(count):
        f = f + rate / len(y) * (K @ (y - f).reshape(len(K), -1)).reshape(y.shape)
    return f


def law(K, K_ZX, S, S_ZX, S_ZZ, t):
    """The map A from targets to outputs at new points, and the covariance of f_t there."""
    A = K_ZX @ phis(K, len(K), [t])[0]
    joint = np.block([[S, S_ZX.T], [S_ZX, S_ZZ]])
    both = np.hstack([-A, np.eye(len(A))])
    return A, both @ joint @ both.T
