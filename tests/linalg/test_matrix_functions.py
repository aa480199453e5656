# SPDX-License-Identifier: Apache-2.0
"""Functions of an operator from one Krylov space: values, residuals, what the space knows."""

import numpy as np
import pytest

from fastntk._memory import Budget
from fastntk.linalg import GramOperator
from fastntk.linalg.matrix_functions import KrylovSpace

ROOM = Budget(10**9)


def space_of(K, R, passes, **options):
    space = KrylovSpace(
        GramOperator.from_matrix(K),
        R,
        single=options.pop("single", False),
        rng=np.random.default_rng(0),
        room=ROOM,
    )
    for _ in range(passes):
        space.grow("test", None)
    return space


def matrix(rng, values):
    Q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    K = Q * values @ Q.T
    return (K + K.T) / 2, Q


def test_any_function_converges(rng):
    """Smooth functions of 200 eigenvalues from a space of 60 columns; polynomials are exact."""
    values = 5.0 / np.arange(1, 201) ** 2
    K, Q = matrix(rng, values)
    R = rng.standard_normal((200, 3)) * [1.0, 1e-3, 1e3]
    space = space_of(K, R, 20)
    assert (space.size, space.passes) == (60, 20)
    ritz = space.ritz()
    found = ritz.values * ritz.unit
    functions = (np.exp, lambda x: 1 / (1 + x), lambda x: x**3 - x, np.ones_like)
    applied = space.apply(ritz, [f(found) for f in functions])
    for f, result in zip(functions, applied, strict=True):
        want = Q @ (f(values)[:, None] * (Q.T @ R))
        error = np.linalg.norm(result - want, axis=0) / np.linalg.norm(R, axis=0)
        # Degree 19 on an interval of length 5; the reference's rounding.
        assert error.max() < 1e-10


def test_tails_are_residuals(rng):
    """E f(H) Q^T R as formed from Q, after any number of passes, each column over its norm."""
    K, _ = matrix(rng, 1.0 / np.arange(1, 121))
    R = rng.standard_normal((120, 2)) * [1.0, 1e5]
    space = space_of(K, R, 12)
    for passes in (5, 12):
        ritz = space.ritz(passes)
        m = len(ritz.values)
        Q = space._basis.Q[:, :m]
        H = Q.T @ K @ Q
        weights = np.exp(-3 * ritz.values)
        small = ritz.vectors @ (weights[:, None] * ritz.parts)
        want = np.linalg.norm((K @ Q - Q @ H) @ small, axis=0) / ritz.unit
        np.testing.assert_allclose(ritz.tail(weights[None])[0], want, rtol=1e-6, atol=1e-14)
        size = np.linalg.norm(small, axis=0)
        np.testing.assert_allclose(ritz.size(weights[None])[0], size, rtol=1e-12)
    Q = space._basis.Q[:, : space.size]
    assert np.abs(Q.T @ Q - np.eye(space.size)).max() < 1e-12


@pytest.mark.parametrize("columns", [1, 7, 130])
def test_whole_spaces_are_exact(rng, columns):
    """Blocks that do not divide N, and more columns than rows."""
    K, Q = matrix(rng, np.linspace(1, 2, 60))
    R = rng.standard_normal((60, columns))
    space = space_of(K, R, 0)
    while not space.full:
        space.grow("test", None)
    assert space.whole
    ritz = space.ritz()
    result = space.apply(ritz, [np.sqrt(ritz.values * ritz.unit)])[0]
    want = Q @ (np.sqrt(np.linspace(1, 2, 60))[:, None] * (Q.T @ R))
    np.testing.assert_allclose(result, want, rtol=0, atol=1e-12)
    assert ritz.tail(np.ones((1, 60))).max() == 0


def test_noise_is_that_of_float32_products(rng):
    """Within a factor of 2 of the true errors of products, in the mean over columns."""
    X = rng.random((700, 4))
    K = np.exp(-((X[:, None] - X) ** 2).sum(axis=2)).astype(np.float32)
    R = rng.standard_normal((700, 8))
    space = space_of(K, R, 14, single=True)
    Q = space._basis.Q[:, 40 : space.size]
    exact = K.astype(np.float64) @ Q
    error = GramOperator.from_matrix(K).matmat(Q.astype(np.float32)) - exact
    true = np.sqrt((error**2).sum(axis=0).mean()) / space.ritz().unit
    assert true / 2 < space.ritz().noise < 2 * true
