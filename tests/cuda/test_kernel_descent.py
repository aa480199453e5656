# SPDX-License-Identifier: Apache-2.0
"""Kernel descent on a GPU: that of the CPU, products and costs on the device."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, SmoothHinge

pytest.importorskip("scipy")
NET = fn.FullyConnected(2)


@pytest.fixture
def data(rng):
    return rng.random((40, 5)), rng.random((6, 5)), rng.standard_normal((40, 2))


@pytest.mark.parametrize("cost", [None, CrossEntropy(), SmoothHinge()], ids=["", "CE", "hinge"])
def test_descents_are_those_of_the_cpu(gpu, data, rng, cost):
    cp = gpu.cupy
    X, Z, f0 = data
    y = f0[::-1].copy() if cost is None else rng.integers(0, 2, 40)
    f0_Z = rng.standard_normal((6, 2))
    host = fn.KernelDescent(fn.GramOperator(NET, X, device="cpu"), y, f0, cost=cost)
    op = fn.GramOperator(NET, cp.asarray(X))
    for device, library in (
        (fn.KernelDescent(op, cp.asarray(y), cp.asarray(f0), cost=cost), cp),
        (fn.KernelDescent(op, y, f0, cost=cost), np),
    ):
        for method in (lambda d: d.flow([1.0, 9.0], tolerance=1e-8), lambda d: d.steps(5, 2.0)):
            ours, theirs = method(device), method(host)
            assert isinstance(ours.outputs(), library.ndarray)
            assert isinstance(ours.cost, np.ndarray)
            tight = {"rtol": 0, "atol": 1e-7}  # steps of the flow may be others
            np.testing.assert_allclose(cp.asnumpy(ours.outputs()), theirs.outputs(), **tight)
            np.testing.assert_allclose(ours.cost, theirs.cost, **tight)
            np.testing.assert_allclose(ours.norm_squared, theirs.norm_squared, **tight)
            new, new_f0 = cp.asarray(Z), cp.asarray(f0_Z)
            f = ours.outputs(new, new_f0)
            assert isinstance(f, cp.ndarray)
            np.testing.assert_allclose(f.get(), theirs.outputs(Z, f0_Z), **tight)


def test_directions_see_device_arrays(gpu, data):
    cp = gpu.cupy
    X, _, d = data

    def direction(f, t):
        assert isinstance(f, cp.ndarray)
        return cp.asarray(d) - f if t > 1 else d - f.get()

    op = fn.GramOperator(NET, cp.asarray(X))
    want = fn.KernelDescent(NET.ntk(X, device="cpu"), d).steps(4, 0.5).outputs()
    record = fn.KernelDescent(op, direction=direction, outputs=2).steps(4, 0.5)
    np.testing.assert_allclose(cp.asnumpy(record.outputs()), want, rtol=0, atol=1e-10)


def test_gradients(gpu, data):
    """Results are of the library of what they are at."""
    cp = gpu.cupy
    X, Z, d = data
    op = fn.GramOperator(NET, cp.asarray(X))
    K, K_ZX = NET.ntk(X, device="cpu"), NET.ntk(Z, X, device="cpu")
    tight = {"rtol": 0, "atol": 1e-12}
    on, off = fn.kernel_gradient(op, cp.asarray(d)), fn.kernel_gradient(op, d, cp.asarray(Z))
    assert isinstance(on, cp.ndarray)
    assert isinstance(off, cp.ndarray)
    np.testing.assert_allclose(on.get(), K @ d / 40, **tight)
    np.testing.assert_allclose(off.get(), K_ZX @ d / 40, **tight)
    for library, value in ((np, d), (cp, cp.asarray(d))):
        assert isinstance(fn.kernel_gradient(op, value), library.ndarray)
        assert fn.kernel_norm(op, value) == pytest.approx(np.sqrt((d * (K @ d)).sum()) / 40)


def test_another_device(standin, data):
    """The second one, for NumPy arrays and its own."""
    X, Z, d = data
    with standin.cupy.cuda.Device(1):
        there = standin.cupy.asarray(d)
    op = fn.GramOperator(NET, X, device="cuda:1")
    for y in (d, there):
        descent = fn.KernelDescent(op, y)
        record = descent.steps(2, record=descent.flow([1.0]))
        assert type(record.outputs()) is type(record.coefficients) is type(y)
        assert isinstance(record.outputs(Z), np.ndarray)
        assert fn.kernel_norm(op, y) > 0
    with pytest.raises(MemoryError, match="the memory budget on cuda:1 is"):
        fn.KernelDescent(op, d, memory=100).steps(1)
    assert {device for _, device, _ in standin.native.calls} == {1}
