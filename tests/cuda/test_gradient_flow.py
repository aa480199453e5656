# SPDX-License-Identifier: Apache-2.0
"""Gradient flow on a GPU: the results of the CPU, in the library of the arguments."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2, bias_std=0.1)
TIMES = [0.0, 2.0, np.inf]


@pytest.fixture
def problem(rng):
    X = rng.standard_normal((90, 5))
    return X, rng.standard_normal((90, 3)), rng.standard_normal((8, 5))


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_flows(gpu, problem, method):
    cp, (X, y, Z) = gpu.cupy, problem
    host = fn.GradientFlow(fn.GramOperator(NET, X, device="cpu"), y, y / 2, method="dense")
    for library in (np, cp):
        of = (lambda a: a) if library is np else cp.asarray
        plain = (lambda a: a) if library is np else (lambda a: a.get())
        op = fn.GramOperator(NET, of(X), device="cuda")
        flow = fn.GradientFlow(op, of(y), of(y / 2), method=method, tol=1e-9)
        train, new = flow.outputs(TIMES), flow.outputs(TIMES, of(Z), of(np.zeros((8, 3))))
        c = flow.coefficients(2.0)
        assert type(train) is type(new) is type(c) is type(of(y))
        want = host.outputs(TIMES, Z, np.zeros((8, 3)))
        np.testing.assert_allclose(plain(train), host.outputs(TIMES), rtol=0, atol=1e-7)
        np.testing.assert_allclose(plain(new), want, rtol=0, atol=1e-7)
        np.testing.assert_allclose(plain(c), host.coefficients(2.0), rtol=0, atol=1e-7)
        assert flow.max_learning_rate == pytest.approx(host.max_learning_rate, rel=1e-6)
        np.testing.assert_allclose(flow.cost(TIMES), host.cost(TIMES), rtol=1e-6, atol=1e-14)
        assert np.max(flow.error(TIMES, of(Z))) < 1e-8
        parts = flow.components(4)
        np.testing.assert_allclose(plain(parts.parts), host.components(4).parts, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_laws_and_early_stopping(gpu, problem, method):
    cp, (X, y, Z) = gpu.cupy, problem
    host = fn.GradientFlow(fn.GramOperator(NET, X, device="cpu"), y[:, 0], method="dense")
    op = fn.GramOperator(NET, cp.asarray(X))
    flow = fn.GradientFlow(op, cp.asarray(y[:, 0]), method=method, tol=1e-9)
    law, want = flow.gaussian(3.0, cp.asarray(Z)), host.gaussian(3.0, Z)
    sigma = [NET.nngp(*points, device="cpu") for points in ((X,), (Z, X), (Z,))]
    given = flow.gaussian(3.0, cross=cp.asarray(NET.ntk(Z, X, device="cpu")), prior=sigma)
    np.testing.assert_allclose(given.covariance.get(), want.covariance, rtol=0, atol=1e-7)
    np.testing.assert_allclose(law.mean.get(), want.mean, rtol=0, atol=1e-7)
    np.testing.assert_allclose(law.covariance.get(), want.covariance, rtol=0, atol=1e-7)
    np.testing.assert_allclose(law.std.get(), want.std, rtol=0, atol=1e-5)
    low, high = law.percentiles([5, 95]).get()
    assert (low < high).all()
    np.testing.assert_allclose(law.sample(2).get().shape, (2, 8))
    stop = flow.early_stopping(cp.asarray(Z), cp.asarray(np.zeros(8)), times=[0.0, 1.0, 9.0])
    assert (stop.time, stop.value) == (0.0, 0.0)
    assert isinstance(stop.values, np.ndarray)


def test_equal_rows(gpu, problem):
    cp, (X, y, _) = gpu.cupy, problem
    X[40] = X[2]
    for method in ("dense", "krylov"):
        flow = fn.GradientFlow(fn.GramOperator(NET, cp.asarray(X)), cp.asarray(y), method=method)
        with pytest.warns(UserWarning, match="rows 2 and 40"):
            flow.outputs(np.inf)


def test_places(standin, problem):
    X, y, _ = problem
    op = fn.GramOperator(NET, X, device="cuda:1")
    with pytest.raises(TypeError, match="y must be where the operator is, on cuda:1, got a CuPy"):
        fn.GradientFlow(op, standin.cupy.asarray(y))
    assert isinstance(fn.GradientFlow(op, y, method="krylov").outputs(1.0), np.ndarray)
    with pytest.raises(MemoryError, match="on cuda:1"):
        fn.GradientFlow(op, y, method="dense", memory=1000)
