# SPDX-License-Identifier: Apache-2.0
"""Gram operators of a kernel that the package does not know, given by a maker of its own."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator


class Products:
    """Tiles of A B^T, with the methods that `fastntk._tiles.TileSource` asks for."""

    def __init__(self, A, B, symmetric):
        self.A, self.B, self.symmetric = A, B, symmetric
        self.shape, self.dtype = (len(A), len(B)), A.dtype
        self.nbytes = A.nbytes

    def diagonal(self):
        return (self.A * self.A).sum(axis=1)

    def to_dense(self, out, threads=0, progress=None):
        np.matmul(self.A, self.B.T, out=out)

    def matmat(self, V, out, threads=0, progress=None):
        out[...] = self.A @ (self.B.T @ V)


class TwoRows:
    """k(x, x') = phi(x) phi(x')^T, phi having the rows x and x^2."""

    rows_per_point = 2
    place = None
    nbytes = 1000

    def __init__(self, scale):
        self.scale, self.prepared_calls = scale, 0

    def features(self, X):
        return np.stack([self.scale * X, (self.scale * X) ** 2], axis=1).reshape(-1, X.shape[1])

    def source(self, X, columns=None, *, dtype, device, threads, budget):
        A = self.features(X)
        return Products(A, A if columns is None else columns, columns is None)

    def prepared(self, X, threads):
        self.prepared_calls += 1
        return self.features(X)

    def prepared_bytes(self, X):
        return 256 * -(-len(X) // 256) * X.shape[1] * 16

    def result_dtype(self, dtype, X):
        return np.dtype("float64")

    def identity(self):
        return {"kernel": "two rows", "scale": self.scale}


class UserKernel:
    def kernel_maker(self, kernel, scale, outputs, *, copy):
        assert (kernel, outputs, copy) == ("ntk", "full", True)
        self.maker = TwoRows(scale)
        return self.maker


@pytest.mark.parametrize("storage", ["dense", "lazy"])
def test_operators_of_a_kernel_of_ones_own(rng, storage):
    X, Z = rng.standard_normal((300, 4)), rng.standard_normal((900, 4))
    net = UserKernel()
    op = GramOperator(net, X, storage=storage, scale=0.5, memory=10**7)
    A, B = net.maker.features(X), net.maker.features(Z)
    assert op.shape == (600, 600)
    assert op.net is net
    assert op.nbytes >= 1000
    np.testing.assert_allclose(op.to_dense(), A @ A.T, atol=1e-12)
    V = rng.standard_normal((600, 3))
    np.testing.assert_allclose(op @ V, A @ (A.T @ V), atol=1e-10)
    np.testing.assert_allclose(fn.eigenpairs(op, 2).values, np.linalg.svd(A)[1][:2] ** 2)
    np.testing.assert_allclose(op.cross_matmat(Z, V), B @ (A.T @ V), atol=1e-10)
    assert net.maker.prepared_calls == 1
