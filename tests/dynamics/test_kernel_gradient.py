# SPDX-License-Identifier: Apache-2.0
"""Kernel gradients and norms of directions: the sums of their definition."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2, bias_std=0.1)
# Sums of at most 60 terms of size 1.
TIGHT = {"rtol": 0, "atol": 1e-13}


def data(rng, N=20, M=7):
    return rng.random((N, 3)), rng.random((M, 3))


@pytest.mark.parametrize("storage", ["dense", "lazy"])
def test_on_and_off_the_data(rng, storage):
    X, Z = data(rng)
    op = fn.GramOperator(NET, X, storage=storage)
    K, K_ZX = NET.ntk(X), NET.ntk(Z, X)
    for d in (rng.standard_normal((20, 4)), rng.standard_normal(20)):
        on, off = K @ d / 20, K_ZX @ d / 20
        for kernel in (op, K):
            np.testing.assert_allclose(fn.kernel_gradient(kernel, d), on, **TIGHT)
            np.testing.assert_allclose(fn.kernel_gradient(kernel, d, cross=K_ZX), off, **TIGHT)
            norm = np.sqrt(np.sum(d * (K @ d))) / 20
            assert fn.kernel_norm(kernel, d) == pytest.approx(norm, rel=1e-13)
        np.testing.assert_allclose(fn.kernel_gradient(op, d, Z), off, **TIGHT)


def test_matrix_valued(rng):
    """Rows i C + k; N counts points."""
    X, Z = data(rng, N=6)
    w = fn.FiniteNetwork(NET, (3, 8, 8, 2), dtype="float64")
    op, d = fn.GramOperator(w, X), rng.standard_normal((6, 2))
    K, K_ZX = (w.ntk(A, X).reshape(len(A), 2, 6, 2) for A in (X, Z))
    on, off = (np.einsum("ikjl,jl->ik", one, d) / 6 for one in (K, K_ZX))
    np.testing.assert_allclose(fn.kernel_gradient(op, d), on, **TIGHT)
    np.testing.assert_allclose(fn.kernel_gradient(op, d, Z), off, **TIGHT)
    norm = np.sqrt(np.einsum("ik,ikjl,jl", d, K, d)) / 6
    assert fn.kernel_norm(op, d) == pytest.approx(norm, rel=1e-13)
    # A network that follows d moves so: to first order in the step.
    step = 1e-6
    start = w(Z)
    w.train(X, direction=lambda f, t: d, learning_rate=step, steps=1)
    np.testing.assert_allclose((w(Z) - start) / step, off, rtol=0, atol=1e-4)


def test_null_space_has_no_norm():
    """Where rounding would leave less than 0, too."""
    K = np.ones((3, 3)) * 0.1
    assert fn.kernel_norm(K, [0.1, 0.2, -0.3]) < 1e-9
    assert fn.kernel_norm(K, [1.0, 1.0, 1.0]) == pytest.approx(np.sqrt(0.9) / 3)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_norms_whose_squares_are_out_of_range(size):
    assert fn.kernel_norm(np.eye(2), [3 * size, -4 * size]) / size == pytest.approx(2.5)
    assert fn.kernel_norm(np.eye(2), [0.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda op, d: fn.kernel_gradient(op, d[:4]), "d must have 5 rows, or as many numbers"),
        (lambda op, d: fn.kernel_gradient(op, d * np.nan), r"d must be finite, got nan at \[0\]"),
        (lambda op, d: fn.kernel_gradient(op.to_dense(), d, np.eye(5)), r"needs cross=K\(Z, X\)"),
        (lambda op, d: fn.kernel_gradient(op, d, cross=np.eye(4)), r"cross must have shape \(M, 5"),
        (lambda op, d: fn.kernel_gradient(op, d, np.eye(5), cross=np.eye(5)), "one of them"),
        (lambda op, d: fn.kernel_norm(np.triu(np.ones((5, 5))), d), "K must be symmetric"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(fn.GramOperator(NET, np.eye(5)), np.arange(5.0))
