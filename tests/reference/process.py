# SPDX-License-Identifier: Apache-2.0
"""Gaussian processes as textbook formulas on dense float64 matrices."""

import numpy as np


def posterior(K, K_ZX, K_ZZ, y, ridge):
    """Mean and covariance of f(Z) given y = f(X) + noise of variance ridge, f ~ GP(0, K)."""
    inverse = np.linalg.inv(K + ridge * np.eye(len(K)))
    return K_ZX @ inverse @ y, K_ZZ - K_ZX @ inverse @ K_ZX.T


def trained(ntk, ntk_ZX, nngp, nngp_ZX, nngp_ZZ, y, t, ridge=0.0):
    """Mean and covariance of networks trained for a time t on least squares, f_0 ~ GP(0, nngp)."""
    values, vectors = np.linalg.eigh(ntk)
    phi = (1 - np.exp(-t * values / len(values))) / (values + ridge)
    A = ntk_ZX @ (vectors * phi) @ vectors.T
    cross = A @ nngp_ZX.T
    return A @ y, nngp_ZZ - cross - cross.T + A @ nngp @ A.T


def log_likelihood(K, y, ridge):
    """Logarithm of the density of y, summed over its columns."""
    shifted = K + ridge * np.eye(len(K))
    columns = y.reshape(len(K), -1)
    fit = (columns * np.linalg.solve(shifted, columns)).sum()
    _, log_determinant = np.linalg.slogdet(shifted)
    constant = log_determinant + len(K) * np.log(2 * np.pi)
    return -fit / 2 - columns.shape[1] * constant / 2
