# SPDX-License-Identifier: Apache-2.0
"""A kernel on several devices: equal shares of the rows, one result, each device's own calls."""

import sys

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
# Two kernels, each within its gate of the exact one.
RTOL = 2 * 6e-7


@pytest.fixture
def X(rng):
    return rng.integers(1, 256, (700, 20)).astype(np.uint8)


def test_shares(standin, X):
    want = NET.ntk(X, device="cpu")
    K = NET.ntk(X, devices=[0, 1])
    assert isinstance(K, np.ndarray)
    np.testing.assert_allclose(K, want, rtol=RTOL)
    assert sorted((name, device) for name, device, _ in standin.native.calls) == [
        ("prepare", 0),
        ("prepare", 1),
        ("to_dense", 0),
        ("to_dense", 1),
    ]


def test_results(standin, X):
    cp = standin.cupy
    want = NET.nngp(X, X[:300], device="cpu")
    out = np.empty((700, 300), dtype=np.float32)
    assert NET.nngp(X, X[:300], devices=["cuda:1", np.int64(0)], out=out) is out
    np.testing.assert_allclose(out, want, rtol=RTOL)
    K = NET.nngp(cp.asarray(X), cp.asarray(X[:300]), devices=[1, 0])
    assert K.device.id == 0
    np.testing.assert_allclose(K.get(), want, rtol=RTOL)
    out = cp.empty((700, 300), dtype=np.float32)
    assert NET.nngp(cp.asarray(X), cp.asarray(X[:300]), devices=[0, 1], out=out) is out
    np.testing.assert_allclose(out.get(), want, rtol=RTOL)


def test_fewer_rows_than_devices_need(standin, X):
    K = NET.ntk(X[:3], devices=[0, 1])
    np.testing.assert_allclose(K, NET.ntk(X[:3], device="cpu"), rtol=RTOL)
    assert {device for _, device, _ in standin.native.calls} == {0}


def test_progress_is_told_on_this_thread(standin, X):
    told = []
    NET.ntk(X, devices=[0, 1], progress=lambda *step: told.append(step))
    assert told[-1] == ("kernel", 700, 700)
    assert len(told) == 2


def test_a_device_that_fails(standin, X):
    standin.native.failure.append("a call: cudaErrorLaunchFailure")
    with pytest.raises(fn.CudaError, match="cudaErrorLaunchFailure"):
        NET.ntk(X, devices=[0, 1])


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([0, 2], "device must be one of 'cuda:0', 'cuda:1' on this machine, got 'cuda:2'"),
        ([0, 0], r"devices must be GPUs, each once, got \[0, 0\]"),
        (["cpu", 0], "devices must be GPUs, each once"),
        ([], r"devices must be a list such as \[0, 1\] or \['cuda:0'\], got \[\]"),
        ("cuda:0", "devices must be a list"),
        (2, "devices must be a list"),
        ([-1], "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'cuda:-1'"),
    ],
)
def test_bad_devices(standin, X, devices, message):
    with pytest.raises(ValueError, match=message):
        NET.ntk(X, devices=devices)
    assert standin.native.calls == []


def test_bad_calls(standin, X):
    cp = standin.cupy
    with pytest.raises(ValueError, match="give device or devices, got device='cuda:0' and devices"):
        NET.ntk(X, device="cuda:0", devices=[0, 1])
    with pytest.raises(TypeError, match="Y must be where X is"):
        NET.ntk(X, cp.asarray(X), devices=[0, 1])
    with pytest.raises(TypeError, match="out must be where X is"):
        NET.ntk(cp.asarray(X), devices=[0], out=np.empty((700, 700), np.float32))
    with pytest.raises(TypeError, match="out must be where X is"):
        NET.ntk(X, devices=[0], out=cp.empty((700, 700), dtype=np.float32))
    bad = X.astype(float)
    bad[2, 3] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        NET.ntk(cp.asarray(bad), devices=[0, 1])


def test_the_environment_names_a_device(standin, X, monkeypatch):
    """For data in the host's memory; those on a GPU are computed there all the same."""
    monkeypatch.setenv("FASTNTK_DEVICE", "cpu")
    NET.ntk(X)
    assert standin.native.calls == []
    there = NET.ntk(standin.cupy.asarray(X))
    assert {device for _, device, _ in standin.native.calls} == {0}
    assert isinstance(there, standin.cupy.ndarray)
    standin.native.calls.clear()
    monkeypatch.setenv("FASTNTK_DEVICE", "cuda:1")
    NET.ntk(X)
    assert {device for _, device, _ in standin.native.calls} == {1}
    monkeypatch.setenv("FASTNTK_DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"FASTNTK_DEVICE must be 'auto', .* got 'gpu'"):
        NET.ntk(X)
    NET.ntk(X, device="cpu")


def test_a_named_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("FASTNTK_DEVICE", "cuda")
    monkeypatch.setitem(sys.modules, "fastntk._cuda", None)
    with pytest.raises(ValueError, match="FASTNTK_DEVICE=cuda needs a GPU"):
        NET.ntk(np.ones((3, 2)))
