# SPDX-License-Identifier: Apache-2.0
"""Jacobians and averages of networks on a GPU agree with the CPU's, in the caller's library."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
# Products of CuPy and NumPy sum in another order.
BOUNDS = {"float32": 1e-5, "float64": 1e-12}


def jacobians(X, dtype):
    """The same network's on the GPU and on the CPU."""
    return [
        fn.FiniteNetwork(NET, (5, 12, 10, 2), dtype=dtype, device=device).jacobian(X)
        for device in ("cuda", "cpu")
    ]


@pytest.fixture
def X(rng):
    return rng.standard_normal((30, 5))


def test_products(gpu, X, dtype, rng):
    cp, (there, host) = gpu.cupy, jacobians(X, dtype)
    assert (there.place, there.xp, there.host) == ("cuda:0", cp, True)
    V = rng.standard_normal((host.shape[1], 3)).astype(dtype)
    U = rng.standard_normal((60, 3)).astype(dtype)
    theta, theta_host = fn.JacobianOperator(there), fn.JacobianOperator(host)
    for call, columns in (
        (lambda J, op, V: J @ V, V),
        (lambda J, op, U: J.T @ U, U),
        (lambda J, op, U: op.matmat(U), U),
    ):
        want = call(host, theta_host, columns)
        got = call(there, theta, columns)
        device = call(there, theta, cp.asarray(columns))
        assert isinstance(got, np.ndarray)
        assert isinstance(device, cp.ndarray)
        assert got.dtype == device.dtype == want.dtype
        for found in (got, device.get()):
            np.testing.assert_allclose(found, want, rtol=0, atol=BOUNDS[dtype] * abs(want).max())


@pytest.mark.parametrize("library", ["numpy", "cupy"])
def test_dense_forms(gpu, X, dtype, library):
    cp = gpu.cupy
    there, host = jacobians(X, dtype)
    if library == "cupy":
        there = jacobians(X, dtype)[0]
        w = fn.FiniteNetwork(NET, (5, 12, 10, 2), dtype=dtype, device="cuda")
        there = w.jacobian(cp.asarray(X))
    op, wanted = fn.JacobianOperator(there), fn.JacobianOperator(host)
    for got, want in (
        (there.to_dense(), host.to_dense()),
        (op.to_dense(), wanted.to_dense()),
        (op.diagonal(), wanted.diagonal()),
    ):
        assert isinstance(got, (np if library == "numpy" else cp).ndarray)
        found = got if library == "numpy" else got.get()
        np.testing.assert_allclose(found, want, rtol=0, atol=BOUNDS[dtype] * abs(want).max())
    pairs = fn.eigenpairs(op, k=2)
    values = pairs.values if library == "numpy" else pairs.values.get()
    want = fn.eigenpairs(wanted, k=2).values
    np.testing.assert_allclose(values, want, rtol=0, atol=BOUNDS[dtype] * want[0])


def test_callbacks_are_given_arrays_of_the_device(gpu, rng):
    cp, J = gpu.cupy, rng.standard_normal((6, 12))
    on_device = cp.asarray(J)
    jacobian = fn.CallbackJacobian(
        lambda v: on_device @ v, lambda u: on_device.T @ u, J.shape, device="cuda"
    )
    V = rng.standard_normal((12, 2))
    np.testing.assert_allclose((jacobian @ cp.asarray(V)).get(), J @ V, rtol=0, atol=1e-13)
    np.testing.assert_allclose(jacobian @ V, J @ V, rtol=0, atol=1e-13)
    K = fn.JacobianOperator(jacobian).to_dense()
    assert isinstance(K, cp.ndarray)
    np.testing.assert_allclose(K.get(), J @ J.T, rtol=0, atol=1e-13)


def test_averages(gpu, X, dtype):
    cp = gpu.cupy
    for data, library in ((X, np), (cp.asarray(X), cp)):
        got, want = (
            fn.monte_carlo_kernels(
                NET, points, (5, 12, 10, 2), networks=3, dtype=dtype, device=device
            )
            for points, device in ((data, "cuda"), (X, "cpu"))
        )
        for name in ("ntk", "nngp"):
            a, b = getattr(got, name), getattr(want, name)
            assert isinstance(a.mean, library.ndarray)
            size = BOUNDS[dtype] * abs(b.limit).max()
            for found, wanted in ((a.mean, b.mean), (a.limit, b.limit)):
                host = found if library is np else found.get()
                np.testing.assert_allclose(host, wanted, rtol=0, atol=size)
            assert a.distance() == pytest.approx(b.distance(), rel=1e-3)
