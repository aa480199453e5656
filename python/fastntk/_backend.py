# SPDX-License-Identifier: Apache-2.0
"""Where things are computed: the one place that imports CuPy, and decides between engines.

An engine (`fastntk._engine`) is the CPU or one GPU; a tile source knows its own, `engine_of`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from fastntk._arrays import HOST, kind_of, on_device, place_of
from fastntk._cpu import activations, default_threads, tile_edge
from fastntk._cuda_engine import CudaEngine, device_text
from fastntk._engine import CpuEngine, Engine

__all__ = [
    "CPU",
    "CudaError",
    "Engine",
    "activations",
    "as_array",
    "cuda_facts",
    "default_threads",
    "engine",
    "engine_of",
    "engines",
    "like",
    "strict_linalg",
    "tile_edge",
]

_CUDA = "fastntk._cuda"
# Names the device that "auto" is for arrays in the host's memory.
_DEVICE_VARIABLE = "FASTNTK_DEVICE"
# DLPack's numbers of devices whose memory CUDA reads: its own, and managed.
_DLPACK_CUDA = (2, 13)
_LEADING_DIGITS = re.compile(r"\d+")


class CudaError(RuntimeError):
    """A call of CUDA failed: the message has the call and CUDA's name of the error."""


CPU = CpuEngine()


def engine(device: str = HOST, **arrays: Any) -> Engine:
    """Return what computes on ``device``.

    Parameters
    ----------
    device : str
        "auto": where the arrays are; for arrays in the host's memory what the environment variable
        FASTNTK_DEVICE says, else a GPU if there is one, else the CPU. "cpu". "cuda": where the
        arrays are, else CuPy's current device. "cuda:N".
    **arrays
        What will be read and written, by the names that messages call them; None for none.

    Raises
    ------
    TypeError
        The arrays are on several devices, or on another one than asked for.
    ValueError
        There is no such device, or nothing in this build for it: the message says which.
    """
    where = {name: place_of(array) for name, array in arrays.items() if array is not None}
    first = next(iter(where), "")
    place = where.get(first, HOST)
    for name, other in where.items():
        if other != place:
            raise TypeError(
                f"{name} must be where {first} is: {first} is {kind_of(arrays[first])}, "
                f"{name} is {kind_of(arrays[name])}"
            )
    wanted, asked = _parsed(device), f"device={device!r}"
    if wanted == "auto" and place == HOST:
        wanted, asked = _default_device()
    if wanted == HOST:
        if place != HOST:
            raise TypeError(
                f"device='cpu' needs {first} in the host's memory, got {kind_of(arrays[first])}: "
                f"pass device='auto', or {first}.get()"
            )
        return CPU
    reason = _why_no_cuda()
    if reason is not None:
        asked = asked if place == HOST else f"{first}, {kind_of(arrays[first])},"
        raise ValueError(f"{asked} needs a GPU: {reason}")
    if place == HOST:
        return _gpu(wanted)
    if wanted not in ("auto", "cuda", place):
        raise TypeError(f"device={device!r}, but {first} is {kind_of(arrays[first])}")
    return _gpu(place)


def engines(devices: Sequence[int | str]) -> list[Engine]:
    """Return the engine of each GPU: by number, or by name as in "cuda:0"."""
    if isinstance(devices, str) or not isinstance(devices, Sequence) or not devices:
        raise ValueError(f"devices must be a list such as [0, 1] or ['cuda:0'], got {devices!r}")
    numbers = (int, np.integer)
    found = [engine(f"cuda:{d}" if isinstance(d, numbers) else d) for d in devices]
    names = [one.name for one in found]
    if len(set(names)) != len(names) or HOST in names:
        raise ValueError(f"devices must be GPUs, each once, got {devices!r}")
    return found


def engine_of(source: Any) -> Engine:
    """Return the engine that a tile source belongs to."""
    found: Engine = getattr(source, "engine", CPU)
    return found


def as_array(X: Any) -> Any:
    """Return data as an array of NumPy or CuPy, without a copy wherever there is a way.

    Arrays of other libraries (PyTorch, JAX, Numba) are taken by DLPack or the interface for arrays
    in device memory, and are CuPy's if they are on a GPU.
    """
    if isinstance(X, np.ndarray):
        return np.asarray(X)  # not as a matrix or a masked array
    if on_device(X):
        return X
    dlpack = getattr(X, "__dlpack_device__", None)
    if dlpack is not None and dlpack()[0] in _DLPACK_CUDA:
        return _cupy_for(X).from_dlpack(X)
    if dlpack is None and hasattr(X, "__cuda_array_interface__"):
        return _cupy_for(X).asarray(X)
    return np.asarray(X)


def like(result: Any, X: object) -> Any:
    """Return a result as a PyTorch tensor where the data were one; it shares the memory."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(X, torch.Tensor):
        return torch.from_dlpack(result)
    return result


@contextlib.contextmanager
def strict_linalg(xp: Any) -> Iterator[None]:
    """Let failures of CuPy's linear algebra raise LinAlgError, as NumPy's do."""
    if xp is np:
        yield
        return
    with importlib.import_module("cupyx").errstate(linalg="raise"):
        yield


def cuda_facts() -> dict[str, Any]:
    """Return what there is for GPUs: the engine of this build, and the devices that CuPy sees."""
    native = _native_cuda()
    if native is None:
        built = "not built"
    elif native.emulated:
        built = "emulated on the CPU, for tests"
    else:
        built = f"built for {', '.join(native.architectures)}"
    reason = _why_no_cupy()
    if reason is not None:
        return {"engine": built, "available": False, "reason": reason}
    count = _cupy().cuda.runtime.getDeviceCount()
    devices = [f"cuda:{index} ({device_text(_cupy(), index)})" for index in range(count)]
    return {"engine": built, "available": native is not None, "devices": devices}


def _default_device() -> tuple[str, str]:
    """Return what "auto" is for arrays in the host's memory, and how messages call it."""
    named = _parsed(os.environ.get(_DEVICE_VARIABLE, "auto"), _DEVICE_VARIABLE)
    if named == "auto":
        named = "cuda" if _gpu_serves() else HOST
    return named, f"{_DEVICE_VARIABLE}={named}"


def _parsed(device: str, argument: str = "device") -> str:
    known = "'auto', 'cpu', 'cuda' or 'cuda:N'"
    if not isinstance(device, str):
        raise ValueError(f"{argument} must be {known}, got {device!r}")
    name, colon, number = device.partition(":")
    if colon and name == "cuda" and number.isascii() and number.isdigit():
        return f"cuda:{int(number)}"
    if device not in ("auto", HOST, "cuda"):
        raise ValueError(f"{argument} must be {known}, got {device!r}")
    return device


def _gpu(name: str) -> Engine:
    cupy, native = _cupy(), _native_cuda()
    count = cupy.cuda.runtime.getDeviceCount()
    index = int(name[5:]) if ":" in name else cupy.cuda.Device().id
    if index >= count:
        there = ", ".join(f"'cuda:{i}'" for i in range(count))
        raise ValueError(f"device must be one of {there} on this machine, got '{name}'")
    if _is_too_old(index):
        raise ValueError(
            f"cuda:{index} ({device_text(cupy, index)}) is older than what this build is for: "
            f"{', '.join(native.architectures)}"
        )
    return CudaEngine(cupy, native, index)


def _is_too_old(index: int) -> bool:
    """Return whether no machine code or intermediate code of this build runs on a device."""
    built = [_LEADING_DIGITS.match(name) for name in _native_cuda().architectures]
    least = min((int(found[0]) for found in built if found), default=0)
    # CuPy remembers this; a device's properties it asks for every time, which takes longer than a
    # small kernel.
    return int(_cupy().cuda.Device(index).compute_capability) < least


def _why_no_cuda() -> str | None:
    """Why nothing can be computed on a GPU; None if it can."""
    if _native_cuda() is None:
        return "this build of fastntk has no CUDA engine (it is built where nvcc is found)"
    return _why_no_cupy()


def _gpu_serves() -> bool:
    """Return whether CuPy's current device can be used."""
    return _why_no_cuda() is None and not _is_too_old(_cupy().cuda.Device().id)


def _why_no_cupy() -> str | None:
    cupy = _cupy()
    if cupy is None:
        return "CuPy is not installed, or does not load (pip install cupy-cuda13x)"
    if not cupy.is_available():
        return "CuPy sees no CUDA device"
    return None


def _imported(name: str) -> Callable[[], Any]:
    """Return a function that imports a module once, and knows if it is not there."""
    known: list[ModuleType | None] = []

    def module() -> Any:
        if name in sys.modules:
            return sys.modules[name]
        if not known:
            try:
                known.append(importlib.import_module(name))
            # A CuPy of another CUDA version fails in many ways; none of them concerns the CPU.
            except Exception:
                known.append(None)
        return known[0]

    return module


_native_cuda = _imported(_CUDA)
_cupy = _imported("cupy")


def _cupy_for(X: Any) -> Any:
    cupy = _cupy()
    if cupy is None:
        raise TypeError(
            f"an array on a GPU ({type(X).__module__}.{type(X).__name__}) is read by CuPy, which "
            "is not installed, or does not load"
        )
    return cupy
