# SPDX-License-Identifier: Apache-2.0
"""Kernels of arrays on a GPU: the same numbers, in the caller's library, and what is refused."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastntk as fn
from tolerances import gram_gate

NET = fn.FullyConnected(2)


def close(K, want, data, dtype):
    """Both are within the gate of the exact kernel."""
    gate = 2 * gram_gate(dtype, data.dtype, NET.hidden_layers)
    scale = np.sqrt(np.outer(np.diag(want), np.diag(want))) if want.shape[0] == want.shape[1] else 1
    np.testing.assert_array_less(np.abs(K - want), gate * np.maximum(np.abs(want), scale) + 1e-300)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_results_are_where_the_data_are(gpu, X, dtype, kind):
    data = X.astype(kind)
    want = NET.ntk(data, dtype=dtype, device="cpu")
    K = NET.ntk(gpu.cupy.asarray(data), dtype=dtype)
    assert isinstance(K, gpu.cupy.ndarray)
    assert K.dtype == dtype
    close(K.get(), want, data, dtype)


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_numpy_arrays_go_there_and_back(gpu, X, device):
    K = NET.ntk(X, device=device)
    assert isinstance(K, np.ndarray)
    close(K, NET.ntk(X, device="cpu"), X, "float32")


def test_two_sets_of_points(gpu, X):
    want = NET.ntk(X, X[:9].astype(float), device="cpu")
    K = NET.ntk(gpu.cupy.asarray(X), gpu.cupy.asarray(X[:9].astype(float)))
    assert K.shape == (300, 9)
    np.testing.assert_allclose(K.get(), want, rtol=2 * gram_gate("float64", "float64", 2))


def test_several_kernels(gpu, X):
    want = NET.kernels(X, get=("layers", "nngp"), device="cpu")
    got = NET.kernels(gpu.cupy.asarray(X), get=("layers", "nngp"))
    assert [K.shape for K in got] == [(3, 300, 300), (300, 300)]
    # A part of the NTK is held to the gate of the whole.
    atol = 2 * gram_gate("float32", "uint8", 2) * NET.ntk(X, device="cpu").max()
    for K, expected in zip(got, want, strict=True):
        np.testing.assert_allclose(K.get(), expected, rtol=0, atol=atol)


def test_what_is_not_contiguous_or_native_is_copied(gpu, X):
    data = gpu.cupy.asarray(X)
    for view in (data[::2], data[:, ::-1], data.T, gpu.cupy.asarray(X.astype(np.int16))):
        K = NET.ntk(view)
        close(K.get(), NET.ntk(view.get(), device="cpu"), view, K.dtype)


def test_out(gpu, X):
    data = gpu.cupy.asarray(X)
    out = gpu.cupy.empty((300, 300), dtype=np.float32)
    assert NET.ntk(data, out=out) is out
    close(out.get(), NET.ntk(X, device="cpu"), X, "float32")
    host = np.empty((300, 300), dtype=np.float32)
    assert NET.ntk(X, out=host, device="cuda") is host
    close(host, NET.ntk(X, device="cpu"), X, "float32")


def test_unfit_outs(gpu, X):
    cp = gpu.cupy
    data = cp.asarray(X)
    for error, match, out in [
        (TypeError, "dtype float32", cp.empty((300, 300), dtype=np.float64)),
        (ValueError, r"shape \(300, 300\)", cp.empty((300, 301), dtype=np.float32)),
        (ValueError, "C-contiguous", cp.empty((300, 300), dtype=np.float32, order="F")),
        (
            TypeError,
            "out must be where X is: X is a CuPy array on cuda:0, out is a NumPy array",
            np.empty((300, 300), dtype=np.float32),
        ),
        (TypeError, "NumPy or CuPy array, got list", [[1.0]]),
    ]:
        with pytest.raises(error, match=match):
            NET.ntk(data, out=out)
    with pytest.raises(TypeError, match="out is a CuPy array on cuda:0"):
        NET.ntk(X, out=cp.empty((300, 300), dtype=np.float32))
    square = cp.asarray(np.eye(4, dtype=np.float32))
    with pytest.raises(ValueError, match="overlap"):
        NET.ntk(square, out=square)


def test_bad_data(gpu, X):
    cp = gpu.cupy
    for error, match, bad in [
        (ValueError, r"X must be 2-D \(samples, features\), got shape \(20,\)", X[0]),
        (ValueError, "at least one sample", X[:0]),
        (TypeError, "real numbers, got dtype complex128", X.astype(complex)),
    ]:
        with pytest.raises(error, match=match):
            NET.ntk(cp.asarray(bad))
    with pytest.raises(ValueError, match="Y must have X's 20 columns"):
        NET.ntk(cp.asarray(X), cp.asarray(X[:, 1:]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["X", "Y"])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_not_finite(gpu, X, name, value, kind):
    good, bad = X.astype(kind), X.astype(kind)
    bad[7, 13] = value
    args = [gpu.cupy.asarray(a) for a in ([bad] if name == "X" else [good, bad])]
    with pytest.raises(ValueError, match=rf"{name} must be finite, got {value} at \[7, 13\] \(1 "):
        NET.ntk(*args)


def test_overflow(gpu, X):
    data = gpu.cupy.asarray(X.astype(float) * 1e30)
    with pytest.raises(ValueError, match="must keep the kernel within float32"):
        NET.ntk(data, dtype="float32")


def test_mixed_places(gpu, X):
    data = gpu.cupy.asarray(X)
    with pytest.raises(TypeError, match="Y must be where X is: X is a CuPy array on cuda:0, Y is"):
        NET.ntk(data, X)
    with pytest.raises(TypeError, match="X is a NumPy array, Y is a CuPy array on cuda:0"):
        NET.ntk(X, data)
    with pytest.raises(TypeError, match="device='cpu' needs X in the host's memory, got a CuPy"):
        NET.ntk(data, device="cpu")


def test_unknown_device(gpu, X):
    count = gpu.cupy.cuda.runtime.getDeviceCount()
    with pytest.raises(ValueError, match=f"device must be one of 'cuda:0'.*, got 'cuda:{count}'"):
        NET.ntk(X, device=f"cuda:{count}")


def test_explain_names_the_device(gpu, X):
    route = NET.explain(gpu.cupy.asarray(X))
    assert "compute capability" in route.instruction_set
    assert route.product == "exact 32-bit integers"


def test_the_best_device_is_taken(standin, X):
    K = NET.ntk(X)
    assert isinstance(K, np.ndarray)
    assert [name for name, *_ in standin.native.calls] == ["prepare", "to_dense"]
    standin.native.calls.clear()
    NET.ntk(X, device="cpu")
    assert standin.native.calls == []


def test_current_device(standin, X):
    with standin.cupy.cuda.Device(1):
        NET.ntk(X, device="cuda")
    assert {device for _, device, _ in standin.native.calls} == {1}


def test_another_device_than_the_current_one(standin, X):
    with standin.cupy.cuda.Device(1):
        data = standin.cupy.asarray(X)
    K = NET.ntk(data)
    assert K.device.id == 1
    assert {device for _, device, _ in standin.native.calls} == {1}
    with pytest.raises(TypeError, match="device='cuda:0', but X is a CuPy array on cuda:1"):
        NET.ntk(data, device="cuda:0")
    with pytest.raises(TypeError, match="X is a CuPy array on cuda:1, Y is a CuPy array on cuda:0"):
        NET.ntk(data, standin.cupy.asarray(X))


def test_copies_stay_on_the_device_of_the_data(standin, X):
    """Of views, other types, and NaN that has to be looked for."""
    cp = standin.cupy
    with cp.cuda.Device(1):
        data = cp.asarray(X)
        views = (data[::2], data.astype(np.int64), data.astype(np.float16))
        bad = cp.asarray(np.full((3, 20), np.nan))
    for view in views:
        assert NET.ntk(view).device.id == 1
        assert NET.ntk(view, data[:5]).device.id == 1
        assert fn.GramOperator(NET, view, storage="lazy").diagonal().device.id == 1
    with cp.cuda.Device(1):
        matrix = cp.asarray(np.eye(20, dtype=np.int64))
    assert fn.eigenpairs(matrix, 2).values.device.id == 1
    with pytest.raises(ValueError, match="X must be finite, got nan"):
        NET.ntk(bad)
    assert {device for _, device, _ in standin.native.calls} == {1}


def test_without_cupy_or_the_module(standin, X, monkeypatch):
    monkeypatch.setattr(standin.cupy, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device='cuda' needs a GPU: CuPy sees no CUDA device"):
        NET.ntk(X, device="cuda")
    assert standin.native.calls == []
    NET.ntk(X)  # the CPU does it
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ValueError, match="CuPy is not installed"):
        NET.ntk(X, device="cuda")
    NET.ntk(X)
    monkeypatch.setitem(sys.modules, "fastntk._cuda", None)
    with pytest.raises(ValueError, match="this build of fastntk has no CUDA engine"):
        NET.ntk(X, device="cuda:0")
    NET.ntk(X)


@pytest.mark.parametrize(
    ("built", "serves"),
    [
        (["80-real", "90a-real", "90-virtual"], True),
        (["90-virtual"], True),
        (["100-real", "120"], False),
    ],
)
def test_devices_older_than_the_build(standin, X, monkeypatch, built, serves):
    """Of compute capability 9.0."""
    monkeypatch.setattr(standin.native, "architectures", built)
    NET.ntk(X)
    assert bool(standin.native.calls) == serves
    if not serves:
        message = r"cuda:0 \(stand-in, compute capability 9.0\) is older than .*: 100-real, 120"
        with pytest.raises(ValueError, match=message):
            NET.ntk(standin.cupy.asarray(X))


def test_device_arrays_without_the_module(standin, X, monkeypatch):
    data = standin.cupy.asarray(X)
    monkeypatch.setitem(sys.modules, "fastntk._cuda", None)
    with pytest.raises(ValueError, match="X, a CuPy array on cuda:0, needs a GPU: this build"):
        NET.ntk(data)


def test_errors_of_cuda(standin, X):
    standin.native.failure.append("cudaLaunchKernel: cudaErrorInvalidValue")
    with pytest.raises(fn.CudaError, match="cudaLaunchKernel: cudaErrorInvalidValue"):
        NET.ntk(X, device="cuda")
    assert issubclass(fn.CudaError, RuntimeError)


class Tensor:
    """What PyTorch gives: DLPack, and nothing of NumPy."""

    def __init__(self, array, device):
        self.array, self.device = array, device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **options):
        return self.array if self.device[0] == 2 else self.array.__dlpack__(**options)

    def __array__(self, dtype=None, copy=None):
        assert self.device[0] == 1, "a conversion through the host"
        return self.array


@pytest.fixture
def torch(monkeypatch):
    """A PyTorch that has tensors, and takes them by DLPack."""

    def from_dlpack(array):
        return Tensor(array, (2, 0) if hasattr(array, "__cuda_array_interface__") else (1, 0))

    module = SimpleNamespace(Tensor=Tensor, from_dlpack=from_dlpack)
    monkeypatch.setitem(sys.modules, "torch", module)
    return module


def test_tensors_come_back_as_tensors(standin, torch, X):
    for array, device in [(X, (1, 0)), (standin.cupy.asarray(X), (2, 0))]:
        K = NET.ntk(Tensor(array, device))
        assert isinstance(K, torch.Tensor)
        assert K.device == device
        assert type(K.array) is type(array)


def test_foreign_arrays_on_a_gpu_are_cupy_s(standin, X):
    """JAX and Numba: by DLPack, or by the interface alone."""
    K = NET.ntk(Tensor(standin.cupy.asarray(X), (2, 0)))
    assert isinstance(K, standin.cupy.ndarray)

    class Interface:
        array = standin.cupy.asarray(X)
        __cuda_array_interface__ = array.__cuda_array_interface__

    assert isinstance(NET.ntk(Interface()), standin.cupy.ndarray)


def test_foreign_arrays_on_a_gpu_need_cupy(standin, X, monkeypatch):
    tensor = Tensor(standin.cupy.asarray(X), (2, 0))
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(TypeError, match=r"Tensor.* is read by CuPy, which is not installed"):
        NET.ntk(tensor)
