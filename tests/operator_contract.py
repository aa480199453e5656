# SPDX-License-Identifier: Apache-2.0
"""What every symmetric operator promises: a class of tests to inherit from."""

import numpy as np
import pytest

from fastntk.linalg import SymmetricOperator

# Products relative to sum_j |K_ij| |V_j|: see "reduction" in tolerances.py; 300 terms here.
PRODUCT = {"float32": 3e-6, "float64": 1e-14}


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
