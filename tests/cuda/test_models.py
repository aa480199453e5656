# SPDX-License-Identifier: Apache-2.0
"""Estimators of arrays on a GPU: the numbers of the CPU, in the library of the points."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import fastntk as fn

NET = fn.FullyConnected(2)
# Kernels on both sides are within 2e-15 of the exact ones; the condition of K + r I is below 1e5.
EXACT = 1e-8


@pytest.fixture
def X(rng):
    return rng.integers(0, 256, (60, 20)).astype(np.uint8)


@pytest.fixture
def Z(rng):
    return rng.integers(0, 256, (17, 20)).astype(np.uint8)


@pytest.fixture
def y(X):
    return np.stack([X[:, 0] / 255, np.sin(X[:, 1])], axis=1)


def host(array):
    return array if isinstance(array, np.ndarray) else array.get()


def close(found, want):
    np.testing.assert_allclose(host(found), want, rtol=0, atol=EXACT * max(1, np.abs(want).max()))


OPTIONS = {"scale": 1 / 255, "dtype": "float64"}


@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_regression(gpu, X, Z, y, method):
    cp = gpu.cupy
    options = {**OPTIONS, "ridge": 0.01, "ridge_units": "trace", "method": method, "tol": 1e-11}
    want = fn.KernelRidge(NET, device="cpu", **options).fit(X, y)
    for data, targets in ((X, y), (cp.asarray(X), y), (cp.asarray(X), cp.asarray(y))):
        model = fn.KernelRidge(NET, device="cuda", **options).fit(data, targets)
        points = type(data)  # NumPy's or CuPy's arrays
        new = Z if points is np.ndarray else cp.asarray(Z)
        assert isinstance(model.dual_coef_, points)
        assert isinstance(model.predict(new), points)
        assert isinstance(model.residuals_, np.ndarray)
        close(model.predict(new), want.predict(Z))
        assert abs(model.score(data, targets) - want.score(X, y)) <= EXACT


def test_classification(gpu, X, Z):
    cp = gpu.cupy
    labels = np.arange(60) % 3 + 5
    want = fn.KernelClassifier(NET, device="cpu", **OPTIONS).fit(X, labels)
    for given in (labels, cp.asarray(labels), np.array(["a", "b", "c"])[labels - 5]):
        model = fn.KernelClassifier(NET, **OPTIONS).fit(cp.asarray(X), given)
        outputs = model.decision_function(cp.asarray(Z))
        assert isinstance(outputs, cp.ndarray)
        close(outputs, want.decision_function(Z))
        assert isinstance(model.predict(cp.asarray(Z)), np.ndarray)
        assert model.score(cp.asarray(X), given) == want.score(X, labels)


@pytest.mark.parametrize(
    ("law", "t", "method"),
    [
        ("nngp", np.inf, "dense"),
        ("ntk", np.inf, "iterative"),
        ("ntk", 50.0, "dense"),
        ("ntkgp", np.inf, "dense"),
    ],
)
def test_processes(gpu, X, Z, y, law, t, method):
    cp = gpu.cupy
    options = {**OPTIONS, "t": t, "method": method, "tol": 1e-11}
    options["ridge"] = 1e-3 if np.isinf(t) else 0.0
    want = fn.GaussianProcess(NET, law, device="cpu", **options).fit(X, y)
    for data, new in ((X, Z), (cp.asarray(X), cp.asarray(Z))):
        model = fn.GaussianProcess(NET, law, device="cuda", **options).fit(data, y)
        assert isinstance(model.dual_coef_, type(data))
        for moment in ({}, {"return_std": True}, {"return_cov": True}):
            found, expected = model.predict(new, **moment), want.predict(Z, **moment)
            pairs = zip(found, expected, strict=True) if moment else [(found, expected)]
            for one, other in pairs:
                assert isinstance(one, type(data))
                close(one, other)
        drawn = model.sample_y(new, 3)
        assert isinstance(drawn, type(data))
        assert drawn.shape == (17, 2, 3)
        if np.isinf(t):
            for one, other in zip(model.leave_one_out(), want.leave_one_out(), strict=True):
                assert isinstance(one, type(data))
                np.testing.assert_allclose(host(one), other, rtol=1e-5, atol=1e-8)
        if law != "ntk":
            value = want.log_marginal_likelihood()
            assert abs(model.log_marginal_likelihood() - value) <= 1e-9 * abs(value)


def test_another_device(standin, X, Z, y):
    cp = standin.cupy
    with cp.cuda.Device(1):
        data, new = cp.asarray(X), cp.asarray(Z)
    for model in (fn.KernelRidge(NET), fn.GaussianProcess(NET, "ntk", ridge=0.1)):
        model.fit(data, y).predict(new)
    model.predict(new, return_std=True), model.leave_one_out()
    assert model.sample_y(new).device.id == 1
    assert {device for _, device, _ in standin.native.calls} == {1}


def test_refusals(gpu, X, Z, y):
    cp = gpu.cupy
    for model in (fn.KernelRidge(NET), fn.GaussianProcess(NET, ridge=0.1)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(cp.asarray(X), cp.asarray(y[1:]))
        with pytest.raises(ValueError, match="Input y contains NaN"):
            model.fit(cp.asarray(X), cp.asarray(np.full(60, np.nan)))
        model.fit(cp.asarray(X), cp.asarray(y))
        with pytest.raises(TypeError, match="X_fit_ must be where X is"):
            model.predict(Z)
        twice = np.concatenate([X, X[3:4]])
        with pytest.raises(ValueError, match="as rows 3 and 60 of X"):
            model.set_params(ridge=0.0).fit(cp.asarray(twice), cp.asarray(np.arange(61.0)))


@pytest.mark.parametrize("law", ["nngp", "ntkgp"])
def test_likelihoods(gpu, X, y, law):
    cp = gpu.cupy
    options = {**OPTIONS, "ridge": 0.1, "ridge_units": "trace"}
    want = fn.GaussianProcess(NET, law, device="cpu", **options).fit(X, y)
    value, gradient = want.log_marginal_likelihood(eval_gradient=True)
    model = fn.GaussianProcess(NET, law, **options).fit(cp.asarray(X), cp.asarray(y))
    found, its_gradient = model.log_marginal_likelihood(eval_gradient=True)
    assert abs(found - value) <= 1e-9 * abs(value)
    np.testing.assert_allclose(its_gradient, gradient, rtol=1e-7)
    model.fit(cp.asarray(X), y, optimize=["ridge"])
    want.fit(X, y, optimize=["ridge"])
    # The search ends within 1e-5 of a flat top.
    assert abs(model.ridge_ - want.ridge_) <= 1e-3 * want.ridge_
