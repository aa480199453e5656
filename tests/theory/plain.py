# SPDX-License-Identifier: Apache-2.0
"""Nonlinearities with duals in closed form, and the limiting recursion in a few lines of NumPy."""

import math
from types import SimpleNamespace

import numpy as np
from scipy.special import erf


class Plain:
    """A function, and E[f(u) f(v)], E[f'(u) f'(v)] of variances q, p and cosine c."""

    def __init__(self, f, dual):
        self.f, self.formula = f, dual

    def __call__(self, u):
        return self.f(np.asarray(u, dtype=np.float64))

    def dual(self, q, p, c):
        return self.formula(*np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (q, p, c))))


def _relu_dual(q, p, c):
    t = np.arccos(np.clip(c, -1, 1))
    values = np.sqrt(q * p) * (np.sin(t) + (np.pi - t) * np.cos(t)) / (2 * np.pi)
    return values, (np.pi - t) / (2 * np.pi)


def _erf_dual(q, p, c):
    s, squares = c * np.sqrt(q * p), (1 + 2 * q) * (1 + 2 * p)
    values = 2 / np.pi * np.arcsin(2 * s / np.sqrt(squares))
    return values, 4 / np.pi / np.sqrt(squares - 4 * s * s)


def polynomial(*coefficients):
    """Return c0 + c1 u + c2 u^2 + ..., its duals by a Gauss-Hermite rule that is exact."""
    f = np.polynomial.Polynomial(coefficients)
    slope = f.deriv()
    nodes, weights = np.polynomial.hermite_e.hermegauss(len(coefficients) + 1)
    weights = np.outer(weights, weights) / (2 * math.pi)

    def dual(q, p, c):
        rest = np.sqrt(np.maximum(1 - c * c, 0))
        u = np.sqrt(q)[..., None, None] * nodes[:, None]
        v = c[..., None, None] * nodes[:, None] + rest[..., None, None] * nodes
        v = np.sqrt(p)[..., None, None] * v
        return tuple(np.sum(weights * g(u) * g(v), axis=(-2, -1)) for g in (f, slope))

    return Plain(f, dual)


RELU = Plain(lambda u: np.maximum(u, 0), _relu_dual)
ERF = Plain(erf, _erf_dual)


def with_attributes(net, **others):
    """Return what has a network's attributes, and others."""
    names = ("activations", "bias_stds", "hidden_layers", "init_std", "program", "weight_stds")
    return SimpleNamespace(**{name: getattr(net, name) for name in names} | others)


def kernels(functions, X, bias_std, weight_std=1.0):
    """Return the NNGP and the NTK of a network of these nonlinearities, by the recursion."""
    nngp = weight_std**2 * X @ X.T / X.shape[1] + bias_std**2
    ntk = nngp
    for f in functions:
        q = np.diag(nngp)
        c = np.clip(nngp / np.sqrt(np.outer(q, q)), -1, 1)
        values, slopes = f.dual(q[:, None], q[None, :], c)
        nngp = weight_std**2 * values + bias_std**2
        ntk = weight_std**2 * slopes * ntk + nngp
    return nngp, ntk
