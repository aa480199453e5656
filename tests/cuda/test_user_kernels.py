# SPDX-License-Identifier: Apache-2.0
"""Kernels of users on a GPU: blocks of CuPy arrays, and results where the arguments are."""

import numpy as np
import pytest

import fastntk as fn


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_operators_of_device_functions(gpu, rng, storage):
    cp = gpu.cupy
    X, Z = rng.standard_normal((300, 3)), rng.standard_normal((20, 3))
    V = rng.standard_normal((300, 2))

    def seen(A, B):
        assert isinstance(A, cp.ndarray)
        return (1 + A @ B.T) ** 2

    tight = {"rtol": 0, "atol": 1e-10}  # sums of 300 terms of size 100
    for kernel in (fn.UserKernel(seen), fn.RBF(2.0)):
        plain = kernel if isinstance(kernel, fn.RBF) else lambda A, B: (1 + A @ B.T) ** 2
        K, K_ZX = plain(X, X), plain(Z, X)
        for data in (cp.asarray(X), X):
            op = fn.GramOperator(kernel, data, storage=storage, device="cuda", memory=2 * 10**6)
            assert op.place == "cuda:0"
            product = op @ cp.asarray(V)
            assert isinstance(product, cp.ndarray)
            np.testing.assert_allclose(product.get(), K @ V, **tight)
            assert isinstance(op @ V, np.ndarray)
            np.testing.assert_allclose(op.cross_matmat(Z, V), K_ZX @ V, **tight)
            assert type(op.diagonal()) is type(data)
            dense = op.to_dense()
            assert type(dense) is type(data)
            np.testing.assert_allclose(cp.asnumpy(dense), K, **tight)


def test_functions_return_what_they_are_given(gpu, rng):
    X = gpu.cupy.asarray(rng.standard_normal((9, 2)))
    with pytest.raises(TypeError, match=r"must return an array of the library .* got a NumPy"):
        fn.GramOperator(fn.UserKernel(lambda A, B: np.ones((len(A), len(B)))), X)
