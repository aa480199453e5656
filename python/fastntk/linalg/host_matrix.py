# SPDX-License-Identifier: Apache-2.0
"""A matrix in the host's memory that a GPU multiplies, slab by slab of its rows.

Two slabs take turns: while one is multiplied on the caller's stream, the next one is brought to
memory that the system does not move, and from there to the device on a stream of its own. Slabs
share no row of the result, so that it does not depend on how many there are.

    host      gather 0  gather 1  gather 2 ...
    copies              copy 0    copy 1    copy 2 ...
    caller's                      times 0   times 1 ...
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _backend
from fastntk._arrays import on_device, to_host

if TYPE_CHECKING:
    from fastntk._cuda_engine import CudaEngine
    from fastntk._memory import Budget
    from fastntk._tiles import TileProgress

# A slab that a bus copies in milliseconds: beside it what a product does once per slab takes no
# time, and larger ones would only take memory.
_SLAB_BYTES = 2**27
# Of the device's budget, for each of the two slabs: half of it is left to products and solvers.
_SLAB_SHARE = 4
# Slabs are cut where the kernel's tiles end.
_TILE_ROWS = 128
# Threads that gather a slab; a few of them take all the bandwidth of the host's memory.
_GATHERERS = 8


class HostMatrix:
    """A symmetric matrix in the host's memory as a tile source of a GPU.

    Parameters
    ----------
    engine : CudaEngine
        The GPU.
    K : ndarray of shape (N, N)
        NumPy's, float32 or float64, C-contiguous; read at every product. It may be mapped from a
        file.
    largest_magnitude : float
        No entry exceeds it.
    room : Budget
        For two slabs, at least 128 rows each.

    Raises
    ------
    MemoryError
        Two slabs do not fit.
    """

    symmetric = True

    def __init__(
        self, engine: CudaEngine, K: NDArray[Any], largest_magnitude: float, room: Budget
    ) -> None:
        self.engine, self._K, self._largest = engine, K, largest_magnitude or 1.0
        self.shape: tuple[int, int] = (len(K), len(K))
        self.dtype: np.dtype[Any] = K.dtype
        row_bytes = len(K) * K.itemsize
        tiles = min(_SLAB_BYTES, room.left // _SLAB_SHARE) // row_bytes // _TILE_ROWS
        self._rows = min(max(tiles, 1) * _TILE_ROWS, len(K))
        self.nbytes = 2 * self._rows * row_bytes
        what = f"copying K in slabs of {self._rows} rows"
        room.require(self.nbytes, what)
        _backend.CPU.room(self.nbytes).require(self.nbytes, what)
        # A progress callable may multiply with the operator: it is called between slabs.
        self._turn = threading.RLock()
        with engine.here() as stream:
            self._home, self._copies = stream, engine.xp.cuda.Stream(non_blocking=True)
            self._slots = [_Slot(engine, (self._rows, len(K)), K.dtype, stream) for _ in range(2)]

    def diagonal(self) -> Any:
        """Return the diagonal as a device array."""
        return self.engine.asarray(self._K.diagonal())

    def columns(self, indices: Any) -> Any:
        """Return some columns as a device array; they are the only ones that are copied."""
        return self.engine.asarray(self._K[to_host(indices)]).T

    def to_dense(self, out: Any, threads: int = 0, progress: TileProgress | None = None) -> None:
        """Write every entry to an array of any floating-point type, of NumPy or on the device."""
        with self.engine.here():
            for begin, end in self._slabs():
                rows = self._K[begin:end]
                out[begin:end] = self.engine.asarray(rows) if on_device(out) else rows

    def matmat(
        self, V: Any, out: Any, threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write the product with device vectors to a float64 device array.

        Returns once the last slab is queued. ``progress`` is told of each slab.
        """
        count = -(-self.shape[0] // self._rows)
        workers = min(threads or _backend.default_threads(), _GATHERERS)
        with (
            self._turn,
            ThreadPoolExecutor(workers) as pool,
            self.engine.here() as stream,
        ):
            context = self.engine.context(stream)
            try:
                for number, (begin, end) in enumerate(self._slabs()):
                    if progress is not None:
                        progress(number, count)
                    slot = self._slots[number % 2]
                    slab = slot.filled(self._K[begin:end], self._copies, pool, workers)
                    stream.wait_event(slot.copied)
                    block = self.engine.native.dense_block(slab, self._largest)
                    block.matmat(V, out[begin:end], context)
                    slot.multiplied.record(stream)
            except BaseException:
                # Nothing may use the slabs any more when the operator goes. A device that failed
                # says so again: the first error is the one to raise.
                with contextlib.suppress(RuntimeError):
                    self._copies.synchronize()
                    stream.synchronize()
                raise
            if stream.ptr != self._home.ptr:
                for slot in self._slots:  # their memory belongs to that stream
                    self._home.wait_event(slot.multiplied)
        if progress is not None:
            progress(count, count)

    def _slabs(self) -> Iterator[tuple[int, int]]:
        """Give the first row of each slab, and the one behind its last."""
        n = self.shape[0]
        for begin in range(0, n, self._rows):
            yield begin, min(begin + self._rows, n)


class _Slot:
    """Memory for a slab on the host and on the device, with events that say when it is free."""

    def __init__(
        self, engine: CudaEngine, shape: tuple[int, int], dtype: np.dtype[Any], stream: Any
    ) -> None:
        self._host = engine.pinned(shape, dtype)
        self._device = engine.xp.empty(shape, dtype)
        self.copied, self.multiplied = engine.event(), engine.event()
        self.copied.record(stream)
        self.multiplied.record(stream)

    def filled(self, rows: NDArray[Any], copies: Any, pool: ThreadPoolExecutor, parts: int) -> Any:
        """Return the device array that will have these rows once ``copied`` has happened."""
        count = len(rows)
        self.copied.synchronize()  # the copy before has read the host's memory
        staged = self._host[:count]
        bounds = [count * part // parts for part in range(parts + 1)]

        def gather(begin: int, end: int) -> None:
            staged[begin:end] = rows[begin:end]

        list(pool.map(gather, bounds[:-1], bounds[1:]))
        copies.wait_event(self.multiplied)
        slab = self._device[:count]
        slab.set(staged, stream=copies)
        self.copied.record(copies)
        return slab
