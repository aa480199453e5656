# SPDX-License-Identifier: Apache-2.0
"""Kernels of users: the contract of operators, all that is computed with one, and bad functions."""

import math
import pickle

import numpy as np
import pytest

import fastntk as fn
from operator_contract import Contract


def gaussian(X, Y, length_scale=1.0):
    """The Gaussian kernel, pair by pair."""
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    return np.exp([-((Y - x) ** 2).sum(axis=1) / (2 * length_scale**2) for x in X])


def quadratic(X, Y):
    return (1 + X @ Y.T) ** 2


def two_rows(X, Y):
    """phi(x) phi(x')^T, phi having the rows x and x^2."""
    features = [np.stack([A, A**2], axis=1).reshape(-1, A.shape[1]) for A in (X, Y)]
    return features[0] @ features[1].T


class TestGaussian(Contract):
    def make(self, rng, dtype, storage="lazy"):
        X = rng.standard_normal((300, 3)).astype(dtype)
        op = fn.GramOperator(fn.RBF(6.0), X, storage=storage, scale=2.0)
        K = fn.RBF(6.0)(2 * X).astype(np.float64)
        np.testing.assert_allclose(K, gaussian(2 * X, 2 * X, 6.0), rtol=8 * np.finfo(dtype).eps)
        return op, K


class TestPacked(TestGaussian):
    def make(self, rng, dtype):
        return super().make(rng, dtype, "packed")


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_several_blocks(rng, storage):
    """1,100 rows are two blocks each way; two rows per point."""
    X, Z = rng.standard_normal((550, 3)), rng.standard_normal((70, 3))
    kernel = fn.UserKernel(two_rows, rows_per_point=2)
    op = fn.GramOperator(kernel, X, storage=storage, scale=0.5)
    K, K_ZX = two_rows(X / 2, X / 2), two_rows(Z / 2, X / 2)
    assert op.shape == K.shape
    assert op.nbytes >= {"dense": 1100**2, "packed": 1100**2 // 2, "lazy": 1}[storage] * 8
    V = rng.standard_normal((1100, 2))
    # Sums of 1,100 terms of size 10.
    tight = {"rtol": 0, "atol": 1e-10}
    np.testing.assert_allclose(op @ V, K @ V, **tight)
    np.testing.assert_allclose(op.diagonal(), np.diag(K), **tight)
    np.testing.assert_allclose(op.cross(Z), K_ZX, **tight)
    np.testing.assert_allclose(op.cross_matmat(Z, V), K_ZX @ V, **tight)
    some = np.array([3, 4, 1050])
    np.testing.assert_allclose(op.columns(some), K[:, some], **tight)
    dense = op.to_dense()
    np.testing.assert_array_equal(dense, dense.T)
    np.testing.assert_allclose(dense, K, **tight)


def test_blocks_fit_the_budget(rng):
    """64 points at least; the function is never given more than the budget allows."""
    sizes = []

    def seen(X, Y):
        sizes.append(len(X) * len(Y))
        return quadratic(X, Y)

    X, kernel = rng.standard_normal((500, 2)), fn.UserKernel(seen)
    for memory, most in ((10**6, 128**2), (200_000, 64**2), (10**9, 500**2)):
        sizes.clear()
        op = fn.GramOperator(kernel, X, storage="lazy", memory=memory)
        np.testing.assert_allclose(op @ np.ones(500), quadratic(X, X).sum(axis=1), rtol=1e-12)
        assert max(sizes) == most
        # Two calls on a sample, and the blocks on the diagonal and above it.
        b = -(-500 // math.isqrt(most))
        assert len(sizes) == 2 + b * (b + 1) // 2
    with pytest.raises(MemoryError, match="a block of a user's kernel, of 64 points, needs"):
        fn.GramOperator(kernel, X, storage="lazy", memory=100_000)


def test_algorithms(rng):
    """Eigenpairs, systems, kernel PCA."""
    X = rng.standard_normal((60, 2))
    K, y = gaussian(X, X), rng.standard_normal(60)
    for storage in ("packed", "lazy"):
        op = fn.GramOperator(fn.RBF(), X, storage=storage)
        values = fn.eigenpairs(op, 4, method="krylov", tol=1e-10).values
        np.testing.assert_allclose(values, np.linalg.eigvalsh(K)[:-5:-1], rtol=1e-10)
        want = np.linalg.solve(K + 0.1 * np.eye(60), y)
        for method in ("cholesky", "cg"):
            solution = op.solve(y, 0.1, method=method, tol=1e-10)
            # The residual over the ridge.
            np.testing.assert_allclose(solution.value, want, rtol=0, atol=1e-9 * np.linalg.norm(y))
    projected = fn.KernelPCA(fn.RBF(), n_components=2).fit(X).transform(X)
    values, vectors = np.linalg.eigh(K)
    want = vectors[:, :-3:-1] * np.sqrt(values[:-3:-1])
    np.testing.assert_allclose(np.abs(projected), np.abs(want), rtol=0, atol=1e-5)


def test_training_in_function_space(rng):
    """The closed form of least squares, the same by integration, and its limit as a regression."""
    X, Z, y = rng.standard_normal((30, 2)), rng.standard_normal((5, 2)), rng.standard_normal(30)
    K, K_ZX = gaussian(X, X, 0.5), gaussian(Z, X, 0.5)
    op = fn.GramOperator(fn.RBF(0.5), X, storage="packed")
    values, vectors = np.linalg.eigh(K)
    c = vectors @ (-np.expm1(-50 * values / 30) / values * (vectors.T @ y))
    np.testing.assert_allclose(fn.GradientFlow(op, y).outputs(50.0, Z), K_ZX @ c, rtol=0, atol=1e-9)
    record = fn.KernelDescent(op, y).flow(50.0, tolerance=1e-8)
    np.testing.assert_allclose(record.outputs(Z)[-1], K_ZX @ c, rtol=0, atol=1e-6)
    fit = fn.KernelRidge(fn.RBF(0.5), ridge=0.1).fit(X, y)
    want = K_ZX @ np.linalg.solve(K + 0.1 * np.eye(30), y)
    np.testing.assert_allclose(fit.predict(Z), want, rtol=0, atol=1e-5)


def test_types_and_copies(rng):
    """Functions see the operator's type, scaled, and may change what they are given."""
    seen = set()

    def careless(X, Y):
        seen.add((X.dtype.name, Y.dtype.name))
        K = X @ Y.T
        X[...] = Y[...] = np.nan
        return K

    X = rng.integers(0, 9, (20, 4)).astype(np.uint8)
    op = fn.GramOperator(fn.UserKernel(careless), X, scale=0.5, storage="lazy")
    assert op.dtype == np.float32
    np.testing.assert_array_equal(op.to_dense(), (X / 2.0) @ (X / 2.0).T)
    assert seen == {("float32", "float32")}
    # Integers become the operator's type.
    op = fn.GramOperator(fn.UserKernel(lambda X, Y: np.ones((len(X), len(Y)), int)), X)
    np.testing.assert_array_equal(op @ np.ones(20), np.full(20, 20.0))


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_functions_may_fill_a_buffer(rng, storage):
    """One for each shape, of which 2,100 points have several blocks."""
    X, buffers = rng.standard_normal((2100, 2)), {}

    def filled(X, Y):
        buffer = buffers.setdefault((len(X), len(Y)), np.empty((len(X), len(Y))))
        return np.dot(X, Y.T, out=buffer)

    op, v = fn.GramOperator(fn.UserKernel(filled), X, storage=storage), np.ones(2100)
    np.testing.assert_allclose(op @ v, X @ (X.T @ v), rtol=0, atol=1e-9)


def test_bools_are_numbers(rng):
    X = rng.integers(0, 3, (20, 1)).astype(float)
    op = fn.GramOperator(fn.UserKernel(lambda X, Y: X == Y.T), X)
    np.testing.assert_array_equal(op.to_dense(), (X == X.T).astype(float))


def test_called_and_pickled(rng):
    X, Y = rng.standard_normal((5, 2)), rng.standard_normal((3, 2))
    kernel = pickle.loads(pickle.dumps(fn.RBF(0.7)))
    np.testing.assert_allclose(kernel(X, Y), gaussian(X, Y, 0.7), rtol=1e-14)
    np.testing.assert_allclose(kernel(X), gaussian(X, X, 0.7), rtol=1e-14)
    assert kernel(X.astype(np.float32)).dtype == np.float32
    assert fn.UserKernel(quadratic).name == "quadratic"
    with pytest.raises(ValueError, match="Y must have X's 2 columns"):
        kernel(X, np.ones((2, 3)))


def test_distances_keep_their_digits(rng):
    """Points far from 0, nearer to each other than the rounding of their norms' squares."""
    X = 1e4 + 1e-3 * rng.standard_normal((8, 3))
    # Data round at 2e-12, 2e-9 of the length scale.
    np.testing.assert_allclose(fn.RBF(1e-3)(X), gaussian(X, X, 1e-3), rtol=0, atol=1e-8)
    # Exact in float32, in which their squares are not.
    X = (1e3 + rng.integers(0, 9, (8, 3)) / 8).astype(np.float32)
    np.testing.assert_allclose(fn.RBF(0.5)(X), gaussian(X, X, 0.5), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda X, Y: np.ones((len(X), 2)), ValueError, r"must return shape \(9, 9\) .* \(9, 2\)"),
        (lambda X, Y: np.ones(len(X)), ValueError, r"got \(9,\)"),
        (lambda X, Y: X @ Y.T + 1j, TypeError, "the result of <lambda> must hold real numbers"),
        (lambda X, Y: None, TypeError, "the result of <lambda> must hold real numbers"),
        (lambda X, Y: X @ Y.T / 0, ValueError, "<lambda> must return finite numbers"),
        (lambda X, Y: X @ (Y**2).T, ValueError, "a kernel must be symmetric, .* on 9 of the"),
        (
            lambda X, Y: (X - X.mean(0)) @ (Y - Y.mean(0)).T,
            ValueError,
            "a function of two points, but .* when it is alone",
        ),
        (lambda X, Y: X @ Y.T @ X, ValueError, "must return shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_functions(rng, function, error, message):
    with pytest.raises(error, match=message):
        fn.GramOperator(fn.UserKernel(function), rng.standard_normal((9, 2)), storage="lazy")


def test_bad_arguments(tmp_path):
    X = np.eye(3)
    with pytest.raises(TypeError, match="function must be callable, got 'rbf'"):
        fn.UserKernel("rbf")
    with pytest.raises(ValueError, match="rows_per_point must be at least 1"):
        fn.UserKernel(quadratic, rows_per_point=0)
    with pytest.raises(ValueError, match="length_scale must be positive"):
        fn.RBF(0.0)
    with pytest.raises(TypeError, match="name must be a str, got 3"):
        fn.UserKernel(quadratic, name=3)
    for kernel, points in ((fn.RBF(), X * 1e200), (fn.RBF(1e-320), X)):
        with pytest.raises(ValueError, match="points must have finite squared distances in units"):
            kernel(points)
    with pytest.raises(ValueError, match="outputs must be 'full' for a user's kernel"):
        fn.GramOperator(fn.RBF(), X, outputs=(0, 0))
    with pytest.raises(ValueError, match=r"storage in a file .* network's .*RBF\(length_scale=1"):
        fn.GramOperator(fn.RBF(), X, storage=tmp_path / "K.gram")
    assert list(tmp_path.iterdir()) == []
