# SPDX-License-Identifier: Apache-2.0
"""Theta = J J^T as an operator: the contract of all operators, and what algorithms make of it."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.networks.callbacks import CallbackJacobian
from operator_contract import Contract

NET = fn.FullyConnected(hidden_layers=2)


def network(dtype, **options):
    return fn.FiniteNetwork(NET, (7, 24, 20, 3), seed=3, dtype=dtype, **options)


def gradients(w, X):
    """The dense Jacobian of the stored parameters, in float64."""
    double = fn.FiniteNetwork(NET, w.widths, parametrisation=w.parametrisation, dtype="float64")
    double.flat = w.flat
    return double.jacobian(X.astype(np.float64)).to_dense()


class TestNetwork(Contract):
    # Entries between two outputs are sums over some 20 units whose terms are as large as those of
    # the diagonal, but of both signs.
    entries = 8.0

    def make(self, rng, dtype):
        w, X = network(dtype), rng.random((100, 7)).astype(dtype)
        J = gradients(w, X)
        return fn.JacobianOperator(w.jacobian(X)), J @ J.T


class TestRates(Contract):
    """Learning rates of a parametrisation, and a layer that is not trained."""

    entries = TestNetwork.entries

    def make(self, rng, dtype):
        w = network(dtype, parametrisation="mup", trainable=[0, 2])
        X = rng.random((100, 7)).astype(dtype)
        jacobian, J = w.jacobian(X), gradients(w, X)
        assert len({factor for _, factor in jacobian.rates}) > 1
        return fn.JacobianOperator(jacobian), (J * jacobian.multipliers) @ J.T


class TestCallbacks(Contract):
    # Callbacks in float32 sum 400 products and 300 more, whatever the vectors: a root of as many
    # roundings.
    entries = 30.0

    def make(self, rng, dtype):
        J = (rng.random((300, 400)) / 20).astype(dtype)
        jacobian = CallbackJacobian(
            lambda v: J @ v, lambda u: J.T @ u, J.shape, outputs=3, dtype=dtype
        )
        K = J.astype(np.float64)
        return fn.JacobianOperator(jacobian), K @ K.T

    def test_attributes(self, made, dtype):
        op, K = made
        assert (op.shape, op.dtype, op.nbytes) == (K.shape, dtype, 0)
        assert "300 x 300" in repr(op)


@pytest.fixture
def theta(rng):
    w, X = network("float64"), rng.standard_normal((100, 7))
    return fn.JacobianOperator(w.jacobian(X)), w.ntk(X)


def test_it_is_the_networks_ntk(theta):
    op, K = theta
    # Both are sums of products of about 20 terms, in another order.
    np.testing.assert_allclose(op.to_dense(), K, rtol=0, atol=1e-13 * K.max())
    np.testing.assert_allclose(op @ np.eye(300), K, rtol=0, atol=1e-13 * K.max())


def test_default_dense_form_is_the_layers_one(theta):
    """Blocks of gradients, as for callbacks, give what the network's formula gives."""
    op, K = theta
    jacobian = op.jacobian
    plain = CallbackJacobian(jacobian.__matmul__, jacobian.T.__matmul__, jacobian.shape, outputs=3)
    room = 8 * 3 * (2 * jacobian.shape[1] + 3 * 300)
    for budget in (plain.budget, 7 * room):  # all samples at once, and 7 of them
        plain.budget = budget
        got = fn.JacobianOperator(plain).to_dense(np.empty(K.shape))
        np.testing.assert_array_equal(got, got.T)
        np.testing.assert_allclose(got, K, rtol=0, atol=1e-13 * K.max())
        np.testing.assert_allclose(
            fn.JacobianOperator(plain).diagonal(), np.diag(K), rtol=0, atol=1e-13 * K.max()
        )


def test_columns(theta):
    op, K = theta
    some = np.array([299, 0, 17])
    np.testing.assert_allclose(op.columns(some), K[:, some], rtol=0, atol=1e-13 * K.max())


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_eigenpairs(theta, method):
    op, K = theta
    pairs = fn.eigenpairs(op, k=5, method=method, tol=1e-10)
    want = np.linalg.eigvalsh(K)[::-1][:5]
    assert pairs.converged
    # The error of an eigenvalue is at most its residual.
    np.testing.assert_allclose(pairs.values, want, rtol=0, atol=1e-10 * want[0])


@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_solve(theta, rng, method):
    op, K = theta
    B = rng.standard_normal((300, 2))
    solution = op.solve(B, ridge=1e-2, method=method, tol=1e-10)
    assert solution.converged
    residual = K @ solution.value + 1e-2 * solution.value - B
    # What was asked for, and the rounding of this test's own K times A.
    assert np.linalg.norm(residual) <= 1e-9 * np.linalg.norm(B)


def test_the_centred_operator(theta):
    op, K = theta
    H, centred = np.eye(300) - 1 / 300, fn.CenteredOperator(op)
    np.testing.assert_allclose(centred.to_dense(), H @ K @ H, rtol=0, atol=1e-12 * K.max())
    want = np.linalg.eigvalsh(H @ K @ H)[::-1][:4]
    pairs = fn.eigenpairs(centred, k=4, method="krylov", tol=1e-10)
    np.testing.assert_allclose(pairs.values, want, rtol=0, atol=1e-9 * want[0])


def test_columns_are_taken_as_the_budget_allows(rng):
    """Budgets for one, two and all columns at a time give one result."""
    w, X = network("float64"), rng.standard_normal((20, 7))
    V = rng.standard_normal((60, 5))
    full = fn.JacobianOperator(w.jacobian(X)).matmat(V)
    gradient = 8 * w.n_parameters
    for columns in (1, 2):
        jacobian = w.jacobian(X)
        op = fn.JacobianOperator(jacobian, memory=jacobian.nbytes + 2 * columns * gradient)
        # Sums over the same numbers in a BLAS's order for other shapes.
        np.testing.assert_allclose(op.matmat(V), full, rtol=0, atol=1e-13 * abs(full).max())
    op = fn.JacobianOperator(jacobian, memory=jacobian.nbytes + 2 * gradient - 1)
    with pytest.raises(MemoryError, match="the gradient of one column and its product needs"):
        op.matmat(V)
    with pytest.raises(MemoryError, match="a dense 60 x 60 float64 matrix needs"):
        fn.JacobianOperator(jacobian, memory=jacobian.nbytes + 1000).to_dense()


def test_only_jacobians():
    with pytest.raises(TypeError, match="jacobian must be a Jacobian, got ndarray"):
        fn.JacobianOperator(np.eye(3))


def test_progress_counts_both_products(rng):
    w, calls = network("float64"), []
    op = fn.JacobianOperator(w.jacobian(rng.random((20, 7))))
    op.matmat(np.ones((60, 4)), lambda *call: calls.append(call))
    assert calls[-1] == ("product", 160, 160)
