# SPDX-License-Identifier: Apache-2.0
"""Power iteration with deflation against LAPACK, by products of an operator alone."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.paper.power_iteration import power_iteration


class Counted:
    """A matrix of which only products are seen."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.products = matrix, matrix.shape, 0

    def __matmul__(self, v):
        self.products += 1
        return self.matrix @ v


def test_against_lapack(rng):
    """Values, orthonormal vectors, residuals and the number of products."""
    Q = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    A = Counted(Q * np.geomspace(1, 1e-4, 40) @ Q.T)
    found = power_iteration(A, 4, tol=1e-8, seed=3)
    assert A.products == sum(found.products)
    # Neighbours are 0.79 of each other: some 80 products reach 1e-8.
    assert max(found.products) < 200
    values, vectors = np.linalg.eigh(A.matrix)
    np.testing.assert_allclose(found.values, values[::-1][:4], rtol=1e-12)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-12)
    cosines = np.abs(np.sum(found.vectors * vectors[:, ::-1][:, :4], axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-12)
    assert (found.residuals <= 1e-8 * found.values).all()


def test_of_a_network(rng):
    """The paper's: Theta of a network by its Jacobian, never formed."""
    w = fn.FiniteNetwork(fn.FullyConnected(2), (5, 30, 30, 1), dtype="float64")
    X = rng.standard_normal((12, 5))
    theta = fn.JacobianOperator(w.jacobian(X))
    found = power_iteration(theta, 2, tol=1e-5)
    exact = np.linalg.eigvalsh(w.ntk(X))[::-1]
    np.testing.assert_allclose(found.values, exact[:2], rtol=1e-8)


def test_what_stops_it(rng):
    """The most products, an operator of rank 1, and numbers of pairs that there are not."""
    A = np.diag([1.0, 0.999, 0.5])
    found = power_iteration(A, 1, tol=1e-12, most=7)
    assert found.products == [7]
    v = found.vectors[:, 0]
    assert np.linalg.norm(A @ v - found.values[0] * v) == pytest.approx(found.residuals[0])
    u = rng.standard_normal(6)
    found = power_iteration(np.outer(u, u), 2)
    np.testing.assert_allclose(found.values, [u @ u, 0], atol=1e-12 * (u @ u))
    for k in (0, 4):
        with pytest.raises(ValueError, match=rf"k must be in \[1, 3\], got {k}"):
            power_iteration(A, k)
