# SPDX-License-Identifier: Apache-2.0
"""One GPU as an engine: CuPy's memory and streams around the native module ``_cuda``.

Work is queued on CuPy's current stream of the device, and nothing here waits for it, but for the
one read-back that preparing data takes. Temporary memory comes from CuPy's pool.

A tile source remembers the stream on which it was made. A product on another stream waits there
until the source is ready, and later work on the first stream waits for the product: memory that the
source gives back to the pool is not used again too early.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._engine import Engine, Native, Terms
from fastntk._memory import UNASKED, Budget, parse_bytes

if TYPE_CHECKING:
    from fastntk._tiles import TileProgress

# The rest stays for what cuBLAS, cuSOLVER and CuPy's kernels allocate.
_DEFAULT_SHARE = 0.9


def device_text(cupy: Any, index: int) -> str:
    """Return a device's name and compute capability."""
    properties = cupy.cuda.runtime.getDeviceProperties(index)
    name, version = properties["name"].decode(), f"{properties['major']}.{properties['minor']}"
    return f"{name}, compute capability {version}"


class CudaEngine(Engine):
    """A GPU.

    Parameters
    ----------
    cupy, native : module
        CuPy and ``fastntk._cuda``.
    index : int
        CuPy's number of the device.
    """

    def __init__(self, cupy: Any, native: Any, index: int) -> None:
        self.xp, self.native, self.index = cupy, native, index
        self.name = f"cuda:{index}"

    @property
    def description(self) -> str:
        """The device's name for programs, its own, and its compute capability."""
        return f"{self.name} ({device_text(self.xp, self.index)})"

    def limiting_activations(self) -> frozenset[str]:
        """Return the names of functions with limiting kernels."""
        return frozenset(self.native.limiting_activations())

    def limiting_kernel(
        self,
        dtype: np.dtype[Any],
        X: Any,
        Y: Any,
        *arguments: Any,
        threads: int = 0,
        batch: int = 1,
    ) -> CudaSource:
        """Return the tile source of a limiting kernel of device arrays."""
        single = dtype == np.float32
        kernel = self.native.LimitingKernel32 if single else self.native.LimitingKernel64
        with self.here() as stream:
            native = kernel(X, Y, *arguments, self.context(stream), batch)
            return CudaSource(self, native, stream, native.largest_diagonal, X, Y)

    def limiting_gradients(
        self, dtype: np.dtype[Any], X: Any, Y: Any, *arguments: Any, threads: int = 0
    ) -> Any:
        """Return the source of a kernel's tiles and of its derivatives', of device arrays."""
        single = dtype == np.float32
        gradients = self.native.LimitingGradients32 if single else self.native.LimitingGradients64
        with self.here() as stream:
            native = gradients(X, Y, *arguments, self.context(stream))
            return CudaSource(self, native, stream, native.largest_diagonal, X, Y)

    def empirical_kernel(
        self,
        dtype: np.dtype[Any],
        rows: Terms,
        cols: Terms | None,
        factors: Sequence[tuple[float, float]],
        outputs: int,
        threads: int = 0,
    ) -> CudaSource:
        """Return the tile source of an empirical kernel; waits for its diagonal."""
        single = dtype == np.float32
        kernel = self.native.EmpiricalKernel32 if single else self.native.EmpiricalKernel64
        rows, cols = tuple(rows), None if cols is None else tuple(cols)
        with self.here() as stream:
            native = kernel(rows, cols, factors, outputs, self.context(stream))
            return CudaSource(self, native, stream, native.largest_diagonal, rows, cols)

    def activate(
        self, activation: Native, z: Any, factor: float, shift: Any, out: Any, threads: int = 0
    ) -> None:
        """Set z to factor * z + shift, and out to f(z)."""
        with self.here() as stream:
            self.native.activate(activation, z, factor, shift, out, self.context(stream))

    def apply_slope(
        self, activation: Native, z: Any, signals: Any, factor: float, threads: int = 0
    ) -> None:
        """Multiply signals by factor * f'(z)."""
        with self.here() as stream:
            self.native.apply_slope(activation, z, signals, factor, self.context(stream))

    # CuPy has float32 matrices multiplied in full precision. Only who sets CUPY_TF32=1 has them
    # multiplied in TF32, with an error of 1e-3 in place of 1e-6.

    def rows_product(self, A: Any, B: Any) -> Any:
        """Return A @ B.T."""
        with self.here():
            return A @ B.T

    def product(self, A: Any, B: Any) -> Any:
        """Return A @ B."""
        with self.here():
            return A @ B

    def pack_triangle(
        self, source: CudaSource, threads: int = 0, progress: TileProgress | None = None
    ) -> CudaSource:
        """Return a symmetric source as a stored triangle."""
        with source.used(progress) as (stream, native, context):
            packed = self.native.pack_triangle(native, source.largest_magnitude or 1.0, context)
            return CudaSource(self, packed, stream, source.largest_magnitude)

    def dense_source(self, K: Any) -> CudaSource:
        """Return a symmetric matrix on the device as a tile source; waits for its largest entry."""
        with self.here() as stream:
            largest = max(float(K.max()), -float(K.min()))
            return CudaSource(self, self.native.dense_source(K, largest or 1.0), stream, largest, K)

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
        """Return a device array for results."""
        with self.here():
            return self.xp.empty(tuple(shape), dtype)

    def pinned(self, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array in host memory that the device copies from while the host goes on."""
        count = math.prod(shape)
        memory = self.xp.cuda.alloc_pinned_memory(count * dtype.itemsize)
        return np.frombuffer(memory, dtype, count).reshape(shape)

    def asarray(self, array: Any) -> Any:
        """Return an array on this device; copied from the host's memory."""
        with self.here():
            return self.xp.asarray(array)

    @contextlib.contextmanager
    def here(self) -> Iterator[Any]:
        """Make the device current, and give CuPy's current stream of it."""
        with self.xp.cuda.Device(self.index):
            try:
                yield self.xp.cuda.get_current_stream()
            except self.xp.cuda.memory.OutOfMemoryError as error:
                hint = Budget(0, 0, self.name).hint
                raise MemoryError(f"{self.name}: {str(error).rstrip('.')}{hint}") from None

    def wait(self) -> None:
        """Return when what was queued on CuPy's current stream of the device is done."""
        with self.here() as stream:
            stream.synchronize()

    def available(self) -> int:
        """Return the bytes that CuPy can still allocate: free ones, and those in its pool."""
        with self.xp.cuda.Device(self.index):
            pool = self.xp.get_default_memory_pool()
            free = self.xp.cuda.runtime.memGetInfo()[0] + pool.free_bytes()
            limit = pool.get_limit()
            return int(min(free, limit - pool.used_bytes()) if limit else free)

    def room(self, needed: int) -> Budget:
        """Return what a request of so many bytes may take; small ones are granted unasked."""
        return Budget(UNASKED if needed <= UNASKED else self.available(), 0, self.name)

    def budget_bytes(self, memory: int | str | None) -> int:
        """Return the budget that the public argument ``memory`` stands for."""
        if memory is None:
            return max(1, int(self.available() * _DEFAULT_SHARE))
        return parse_bytes(memory)

    def event(self) -> Any:
        """Return an event that orders streams."""
        return self.xp.cuda.Event(disable_timing=True)

    def context(self, stream: Any) -> Any:
        """Return where a native call shall run."""
        return self.native.Context(self.index, stream.ptr, self.xp.cuda.alloc)


class CudaSource:
    """A native tile source on a device, used in order on any stream.

    Parameters
    ----------
    engine : CudaEngine
        The device.
    native : object
        The native source.
    stream : cupy.cuda.Stream
        On which it was made.
    largest_magnitude : float
        No entry exceeds it but by rounding.
    *kept : cupy.ndarray
        What the native source reads as long as it lives.
    """

    def __init__(
        self,
        engine: CudaEngine,
        native: Any,
        stream: Any,
        largest_magnitude: float,
        *kept: Any,
    ) -> None:
        self.engine, self._native, self._home, self._kept = engine, native, stream, kept
        self.largest_magnitude = largest_magnitude
        self._ready = engine.event()
        self._ready.record(stream)
        self.shape: tuple[int, int] = native.shape
        self.dtype: np.dtype[Any] = native.dtype
        self.symmetric: bool = native.symmetric
        self.nbytes: int = native.nbytes

    @property
    def largest_diagonal(self) -> float:
        """Largest entry on the diagonal; of a limiting or an empirical kernel."""
        return float(self._native.largest_diagonal)

    @property
    def route(self) -> dict[str, Any]:
        """What was chosen for the data; of a limiting or an empirical kernel."""
        return {"isa": device_text(self.engine.xp, self.engine.index), **self._native.route}

    def diagonal(self) -> Any:
        """Return the diagonal as a device array."""
        with self.used() as (_, native, context):
            out = self.engine.xp.empty(self.shape[0], self.dtype)
            native.diagonal(out, context)
            return out

    def to_dense(self, out: Any, threads: int = 0, progress: TileProgress | None = None) -> None:
        """Write every entry to a device array."""
        self.to_dense_all([out], threads, progress)

    def to_dense_all(
        self, outs: Sequence[Any], threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write every entry of each output to a device array."""
        with self.used(progress) as (_, native, context):
            native.to_dense_all(list(outs), context)

    def matmat(
        self, V: Any, out: Any, threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write the product with device vectors to a float64 device array."""
        with self.used(progress) as (_, native, context):
            native.matmat(V, out, context)

    @contextlib.contextmanager
    def used(self, progress: TileProgress | None = None) -> Iterator[tuple[Any, Any, Any]]:
        """Give the stream, the native source and a context, in order with other streams.

        ``progress`` is told of the beginning, and of the end of queueing.
        """
        if progress is not None:
            progress(0, 1)
        with self.engine.here() as stream:
            other = stream.ptr != self._home.ptr
            if other:
                stream.wait_event(self._ready)
            try:
                yield stream, self._native, self.engine.context(stream)
            finally:
                if other:
                    done = self.engine.event()
                    done.record(stream)
                    self._home.wait_event(done)
        if progress is not None:
            progress(1, 1)
