# SPDX-License-Identifier: Apache-2.0
"""One contract for every symmetric operator; a class supplies an operator and its matrix."""

import copy
import pickle

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import CenteredOperator, GramOperator, SymmetricOperator

# Products relative to sum_j |K_ij| |V_j|: see "reduction" in tolerances.py; 300 terms here.
PRODUCT = {"float32": 3e-6, "float64": 1e-14}
NET = fn.FullyConnected(hidden_layers=2)


def gram(rng, dtype, storage, n=300):
    X = rng.random((n, 7)).astype(dtype)
    op = GramOperator(NET, X, storage=storage, scale=2.0)
    return op, NET.ntk(X, scale=2.0).astype(np.float64)


def centred(K):
    H = np.eye(len(K)) - 1 / len(K)
    return H @ K @ H


class Contract:
    """What an operator promises; ``make(rng, dtype)`` gives one and its matrix in float64."""

    # Of the matrix's largest entry: what the operator's entries may be off by.
    entries = 0.0

    def make(self, rng, dtype):
        raise NotImplementedError

    @pytest.fixture
    def made(self, rng, dtype):
        return self.make(rng, dtype)

    def close(self, got, want, K, V):
        """Check a product within the rounding of its sums."""
        dtype = np.result_type(K_dtype := got[1], V.dtype).name
        size = np.abs(K) @ np.abs(V)
        entries = self.entries * np.finfo(K_dtype).eps * np.abs(K).max() * np.abs(V).sum(axis=0)
        assert (np.abs(got[0] - want) <= PRODUCT[dtype] * size + entries).all()

    def test_attributes(self, made, dtype):
        op, K = made
        assert isinstance(op, SymmetricOperator)
        assert op.shape == K.shape
        assert op.dtype == dtype
        assert 0 < op.nbytes < op.budget
        assert f"{len(K)} x {len(K)}" in repr(op)

    @pytest.mark.parametrize("columns", [1, 3, 64])
    @pytest.mark.parametrize("vectors", ["float32", "float64"])
    def test_products(self, made, rng, columns, vectors):
        op, K = made
        V = rng.standard_normal((len(K), columns)).astype(vectors)
        product = op.matmat(V)
        assert product.dtype == np.float64
        assert product.shape == V.shape
        self.close((product, op.dtype), K @ V.astype(np.float64), K, V)

    @pytest.mark.parametrize("vectors", ["float32", "float64", "int64", "bool"])
    def test_matmul_promotes_as_numpy_does(self, made, rng, vectors):
        op, K = made
        V = rng.integers(0, 2, (len(K), 4)).astype(vectors)
        product = op @ V
        assert product.dtype == ("float32" if op.dtype == vectors == "float32" else "float64")
        np.testing.assert_array_equal(product, op.matmat(V).astype(product.dtype))
        assert (op @ V[:, 0]).shape == (len(K),)

    def test_layout_does_not_matter(self, made, rng):
        op, K = made
        V = rng.standard_normal((len(K), 6))
        want = op @ V
        V.flags.writeable = False
        unaligned = np.empty(V.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(V.shape)
        unaligned[...] = V
        strided = np.repeat(V, 2, axis=1)[:, ::2]
        for same in (np.asfortranarray(V), V.astype(">f8"), strided, unaligned):
            np.testing.assert_array_equal(op @ same, want)

    def test_no_columns(self, made):
        op, K = made
        assert (op @ np.empty((len(K), 0))).shape == (len(K), 0)

    def test_to_dense_is_symmetric_and_is_what_multiplies(self, made):
        op, K = made
        dense = op.to_dense()
        np.testing.assert_array_equal(dense, dense.T)
        self.close((dense, op.dtype), K, K, np.eye(len(K)))
        out = np.full(op.shape, np.nan, dtype=op.dtype)
        assert op.to_dense(out) is out
        np.testing.assert_array_equal(out, dense)
        double = op.to_dense(np.empty(op.shape))
        np.testing.assert_array_equal(double.astype(op.dtype), dense)

    def test_diagonal(self, made):
        op, _ = made
        assert op.diagonal().dtype == op.dtype
        np.testing.assert_allclose(
            op.diagonal(), np.diag(op.to_dense()), rtol=0, atol=8 * np.finfo(op.dtype).eps
        )

    @pytest.mark.parametrize(
        ("bad", "error", "message"),
        [
            (lambda n: np.ones((n + 1, 2)), ValueError, r"V must have shape \(300, columns\), got"),
            (lambda n: np.ones((n, 2, 2)), ValueError, "V must have shape"),
            (lambda n: np.ones(n + 1), ValueError, "V must have shape"),
            (lambda n: np.full((n, 2), np.nan), ValueError, "V must be finite"),
            (lambda n: np.full((n, 2), 1j), TypeError, "V must hold real numbers, got .* complex"),
            (lambda n: np.full((n, 2), "x"), TypeError, "V must hold real numbers"),
            (lambda n: [[1.0]] * (n - 1) + [[1.0, 2.0]], TypeError, "V must .* unequal lengths"),
            (
                lambda n: np.ma.masked_less(np.eye(n), 0.5),
                ValueError,
                "V .* masked entries, got 89700",
            ),
        ],
    )
    def test_bad_vectors(self, made, bad, error, message):
        op, K = made
        with pytest.raises(error, match=message):
            op @ bad(len(K))

    def test_bad_out(self, made):
        op, K = made
        n = len(K)
        for out, error, message in (
            (np.empty((n, n + 1), op.dtype), ValueError, "out must have shape"),
            (np.empty((n, n), np.float16), TypeError, "out must have dtype float.*, got float16"),
            (np.empty((n, n), op.dtype, order="F"), ValueError, "out must be C-contiguous"),
            ([[1.0]], TypeError, "out must be a NumPy or CuPy array, got list"),
        ):
            with pytest.raises(error, match=message):
                op.to_dense(out)

    def test_progress_reaches_the_end(self, made):
        op, K = made
        calls = []
        op.matmat(np.ones((len(K), 1)), lambda *call: calls.append(call))
        assert all(stage == "product" and 0 <= done <= total for stage, done, total in calls)


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
    message = "a GramOperator holds native memory and cannot be pickled; pickle the network and"
    with pytest.raises(TypeError, match=message):
        copy(GramOperator(NET, np.eye(3)))


def test_an_operator_from_a_matrix_has_no_points():
    op = GramOperator.from_matrix(np.eye(3))
    for call in (lambda: op.cross(np.ones((1, 2))), lambda: op.cross_matmat(np.ones((1, 2)), op)):
        with pytest.raises(ValueError, match="an operator from a matrix or a file has no data"):
            call()
