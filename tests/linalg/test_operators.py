# SPDX-License-Identifier: Apache-2.0
"""Operators of kernels and of matrices: the contract, and what is particular to each."""

import copy
import pickle

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import CenteredOperator, GramOperator
from operator_contract import Contract

NET = fn.FullyConnected(hidden_layers=2)


def gram(rng, dtype, storage, n=300):
    X = rng.random((n, 7)).astype(dtype)
    op = GramOperator(NET, X, storage=storage, scale=2.0)
    return op, NET.ntk(X, scale=2.0).astype(np.float64)


def centred(K):
    H = np.eye(len(K)) - 1 / len(K)
    return H @ K @ H


class TestMatrix(Contract):
    def make(self, rng, dtype):
        A = rng.standard_normal((300, 20))
        K = (A @ A.T).astype(dtype)
        K = np.triu(K) + np.triu(K, 1).T
        return GramOperator.from_matrix(K), K.astype(np.float64)

    def test_the_matrix_is_not_copied(self, rng, dtype):
        op, K = self.make(rng, dtype)
        assert op.nbytes == K.size * np.dtype(dtype).itemsize
        assert op.storage == "dense"
        assert op.net is op.X is op.kernel is op.scale is None


class TestDense(Contract):
    def make(self, rng, dtype):
        return gram(rng, dtype, "dense")


class TestPacked(Contract):
    def make(self, rng, dtype):
        return gram(rng, dtype, "packed")


class TestLazy(Contract):
    def make(self, rng, dtype):
        return gram(rng, dtype, "lazy")


class TestCentered(Contract):
    # Each entry is a difference of numbers as large as the largest entry of K, here about 15 times
    # the largest of H K H.
    entries = 60.0

    def make(self, rng, dtype):
        op, K = gram(rng, dtype, "packed")
        return CenteredOperator(op), centred(K)

    def test_rows_and_columns_sum_to_zero(self, made):
        op, K = made
        size = np.abs(K).sum()
        assert np.abs(op @ np.ones(len(K))).max() <= 1e-14 * size
        V = np.random.default_rng(0).standard_normal((len(K), 3))
        assert np.abs((op @ V).sum(axis=0)).max() <= 1e-14 * size

    def test_row_means(self, made):
        op, _ = made
        np.testing.assert_allclose(
            op.row_means, op.operator.to_dense().mean(axis=1, dtype=np.float64), rtol=1e-14
        )

    def test_centering_twice_changes_nothing(self, made, rng):
        op, K = made
        V = rng.standard_normal((len(K), 3))
        np.testing.assert_allclose(
            CenteredOperator(op) @ V, op @ V, rtol=0, atol=1e-13 * np.abs(K).sum()
        )


@pytest.mark.parametrize(
    ("K", "error", "message"),
    [
        (np.ones((2, 3)), ValueError, r"K must be a non-empty square matrix, got shape \(2, 3\)"),
        (np.ones(4), ValueError, "K must be a non-empty square matrix"),
        (np.ones((0, 0)), ValueError, "K must be a non-empty square matrix"),
        ([[1, np.nan], [np.nan, 1]], ValueError, "K must be finite, got NaN or infinity"),
        (
            [[1, 2.0], [3, 1]],
            ValueError,
            "K must be symmetric, but K and its transpose differ by 1",
        ),
        ([[1, 2j], [-2j, 1]], TypeError, "K must hold real numbers, got dtype complex128"),
        ([["a", "b"], ["b", "a"]], TypeError, "K must hold real numbers"),
        ([[1.0, 2.0], [2.0]], TypeError, "K must be .* got nested sequences of unequal lengths"),
    ],
)
def test_bad_matrices(K, error, message):
    with pytest.raises(error, match=message):
        GramOperator.from_matrix(K)


@pytest.mark.parametrize("last", [(0, 2999), (2999, 0), (1500, 1501)])
def test_asymmetry_is_found_in_every_block(last):
    K = np.ones((3000, 3000), dtype=np.float32)
    K[last] = 1.001
    with pytest.raises(ValueError, match="K must be symmetric"):
        GramOperator.from_matrix(K)


def test_rounding_is_not_asymmetry(rng, dtype):
    A = rng.standard_normal((50, 400)).astype(dtype)
    K = A @ A.T
    K[3, 4] = np.nextafter(K[3, 4], np.inf, dtype=dtype)
    assert GramOperator.from_matrix(K).dtype == dtype


def test_only_operators_are_centred():
    with pytest.raises(TypeError, match=r"operator must be a SymmetricOperator .* got ndarray"):
        CenteredOperator(np.eye(3))


def test_only_networks_have_kernels():
    for net in ("relu", fn.FullyConnected):
        with pytest.raises(TypeError, match=r"net must be a FullyConnected .*, got .*(relu|Fully)"):
            GramOperator(net, np.eye(3))


def test_the_storage_is_shown():
    op = GramOperator(NET, np.eye(3), storage="packed")
    assert repr(op) == "<3 x 3 GramOperator, float64, packed>"
    assert repr(CenteredOperator(op)) == "<3 x 3 CenteredOperator, float64>"


@pytest.mark.parametrize("copy", [pickle.dumps, copy.copy, copy.deepcopy])
def test_operators_are_not_pickled(copy):
    message = r"a GramOperator holds native memory and cannot be pickled; save\(path\) writes"
    with pytest.raises(TypeError, match=message):
        copy(GramOperator(NET, np.eye(3)))


def test_an_operator_from_a_matrix_has_no_points():
    op = GramOperator.from_matrix(np.eye(3))
    for call in (lambda: op.cross(np.ones((1, 2))), lambda: op.cross_matmat(np.ones((1, 2)), op)):
        with pytest.raises(ValueError, match="an operator from a matrix or a file has no data"):
            call()
