# SPDX-License-Identifier: Apache-2.0
"""Files of what was on a GPU: read without one, and on the device that is asked for."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import fastntk as fn

NET = fn.FullyConnected(2)
# Of kernels on both sides, 2e-15, and sums in another order, times conditions below 1e4.
EXACT = 1e-9


@pytest.fixture
def X(rng):
    return rng.standard_normal((40, 5))


def host(array):
    return array if isinstance(array, np.ndarray) else array.get()


@pytest.mark.parametrize(
    "model",
    [
        fn.KernelPCA(NET, 2),
        fn.KernelRidge(NET, 0.1),
        fn.KernelClassifier(NET, 0.1),
        fn.GaussianProcess(NET, ridge=0.1),
        fn.GaussianProcess(NET, "ntk", t=30.0),
        fn.GaussianProcess(NET, "ntk", ridge=0.1, method="iterative", tol=1e-12),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators(gpu, tmp_path, X, model):
    cp, path = gpu.cupy, tmp_path / "model"
    y = X[:, 0] > 0 if isinstance(model, fn.KernelClassifier) else X[:, 0]

    def outputs(fitted, Z):
        if isinstance(fitted, fn.KernelPCA):
            return [fitted.transform(Z)]
        if isinstance(fitted, fn.GaussianProcess):
            return fitted.predict(Z, return_std=True)
        return [fitted.predict(Z)]

    Z = X[:7] + 0.1
    model.fit(cp.asarray(X), y).save(path)
    want = outputs(model, cp.asarray(Z))
    on_host, on_gpu = fn.load(path, device="cpu"), fn.load(path, device="cuda")
    assert isinstance(on_host.X_fit_, np.ndarray)
    assert not isinstance(on_gpu.X_fit_, np.ndarray)
    for found, expected in zip(outputs(on_gpu, cp.asarray(Z)), want, strict=True):
        np.testing.assert_array_equal(host(found), host(expected))
    for found, expected in zip(outputs(on_host, Z), want, strict=True):
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, host(expected), rtol=0, atol=EXACT)


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_operators(gpu, tmp_path, X, storage):
    path = tmp_path / "op"
    op = fn.GramOperator(NET, gpu.cupy.asarray(X), storage=storage)
    op.save(path)
    on_host, on_gpu = fn.load(path, device="cpu"), fn.load(path, device="cuda")
    assert (on_host.place, on_gpu.place, on_gpu.storage) == ("cpu", "cuda:0", storage)
    np.testing.assert_array_equal(on_gpu.to_dense(), host(op.to_dense()))
    np.testing.assert_allclose(on_host.to_dense(), host(op.to_dense()), rtol=0, atol=EXACT)
    if storage != "lazy":  # not computed again
        np.testing.assert_array_equal(on_host.to_dense(), host(op.to_dense()))


def test_the_second_device(standin, tmp_path, X):
    fn.GaussianProcess(NET, ridge=0.1).fit(X, X[:, 0]).save(tmp_path / "model")
    again = fn.load(tmp_path / "model", device="cuda:1")
    assert (again.device, again.X_fit_.device.id, again.dual_coef_.device.id) == ("cuda:1", 1, 1)
    Z = again.X_fit_[:3]
    assert again.predict(Z, return_std=True)[1].device.id == 1
    with pytest.raises(ValueError, match="device must be one of 'cuda:0', 'cuda:1'"):
        fn.load(tmp_path / "model", device="cuda:2")
