# SPDX-License-Identifier: Apache-2.0
"""Limiting NTK and NNGP Gram matrices: arguments to the native engine, and results back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace
from fastntk._memory import Budget
from fastntk._progress import of_stage
from fastntk.gram.program import KERNELS, LayerProgram, Shares

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk._tiles import LimitingSource, TileProgress
    from fastntk.gram.program import Network

_SMALLEST = 1e-70
# Columns of uint8 whose products the engine forms in 32 bits.
_INTEGER_COLUMNS = 33025
# Layouts of bytes hold whole runs of this many columns; bytes of a value there, by its own size:
# one per pixel, three per float32.
_RUN = 64
_RUN_BYTES = {1: 1, 4: 3, 8: 0}
# What the engine keeps per row: numbers per layer (mixing, an activation's own), bytes besides.
_ROW_NUMBERS = 7
_ROW_BYTES = 160


def limiting_source(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    *,
    kernel: str = "ntk",
    scale: float = 1.0,
    dtype: DTypeLike | None = None,
    device: str = "auto",
    threads: int | None = None,
    budget: int | None = None,
) -> LimitingSource:
    """Return a limiting Gram matrix as a source of tiles, none of which is computed yet.

    Parameters
    ----------
    net : FullyConnected
        The architecture, or whatever else has a layer program.
    X, Y, scale, dtype, device, threads
        As for `FullyConnected.ntk`; threads prepare the data.
    kernel : {"ntk", "nngp"}
        Which kernel.
    budget : int, optional
        Bytes that the source may hold; by default what the system has available.

    Returns
    -------
    LimitingSource
        Holds the data packed for products in two layouts, of 1 to 8 bytes per value each, and a
        few numbers per row and layer: at most `prepared_bytes`. On a GPU it holds the data too.

    Raises
    ------
    MemoryError
        The source does not fit the budget: said before anything is prepared.
    """
    _validate.choice(kernel, "kernel", ("ntk", "nngp"))
    workers = _validate.thread_count(threads)
    rows, columns = _data(X, Y)
    result = _validate.result_dtype(dtype, *_present(rows, columns))
    program = net.program()
    problem = _Problem(program, program.trained_shares(kernel), scale, result, workers)
    engine = _backend.engine(device, X=rows, Y=columns)
    needed = problem.bytes_for(engine, rows, columns)
    room = engine.room(needed) if budget is None else Budget(budget, 0, engine.name)
    return problem.source(engine, rows, columns, room)


def gram(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike | None,
    get: tuple[str, ...],
    scale: float,
    dtype: DTypeLike | None,
    out: NDArray[Any] | None,
    device: str,
    threads: int | None,
    progress: Progress | None,
) -> tuple[NDArray[Any], ...]:
    """Return whole kernels; see `FullyConnected.kernels`. ``out`` is for a single one."""
    names = _kernel_names(get)
    workers = _validate.thread_count(threads)
    rows, columns = _data(X, Y)
    result = _validate.result_dtype(dtype, *_present(rows, columns))
    program = net.program()
    outputs = [program.trained_shares(name) for name in names]
    flat = [shares for output in outputs for shares in output]
    shape = (rows.shape[0], rows.shape[0] if columns is None else columns.shape[0])
    out = _validate.output(out, shape, result, *_present(rows, columns))
    engine = _backend.engine(device, X=rows, Y=columns, out=out)
    problem = _Problem(program, flat, scale, result, workers)
    prepared = problem.bytes_for(engine, rows, columns)
    stage = of_stage(progress, "kernel")
    if engine.xp is not array_namespace(rows):
        planes = _results(_backend.CPU, len(flat), shape, result, out)
        _through_device(engine, problem, rows, columns, planes, stage)
    else:
        needed = 0 if out is not None else len(flat) * shape[0] * shape[1] * result.itemsize
        room = engine.room(needed + prepared)
        room.require(needed, "{} kernel(s) of shape {} in {}", len(flat), shape, result)
        left = Budget(room.total - needed, 0, room.place)
        source = problem.source(engine, rows, columns, left)
        planes = _results(engine, len(flat), shape, result, out)
        source.to_dense_all(list(planes), workers, stage)
    if out is not None:
        return (out,)
    kernels = []
    first = 0
    for name, shares in zip(names, outputs, strict=True):
        plane = planes[first : first + len(shares)]
        kernels.append(_backend.like(plane if name == "layers" else plane[0], X))
        first += len(shares)
    return tuple(kernels)


@dataclass(frozen=True)
class _Problem:
    """What is computed of some data, all but the data."""

    program: LayerProgram
    outputs: list[Shares]
    scale: float
    dtype: np.dtype[Any]
    threads: int

    def bytes_for(self, engine: Engine, rows: NDArray[Any], columns: NDArray[Any] | None) -> int:
        """Bytes that a source takes: prepared data, and the data where the engine copies them."""
        sides = _present(rows, columns)
        copied = 0 if engine.xp is array_namespace(rows) else sum(s.nbytes for s in sides)
        return copied + sum(prepared_bytes(side, self.program) for side in sides)

    def source(
        self, engine: Engine, rows: NDArray[Any], columns: NDArray[Any] | None, room: Budget
    ) -> LimitingSource:
        """Prepare the data."""
        factor = _validate.positive(self.scale, "scale")
        program = self.program
        # Pixels are scaled in the first layer, other data row by row.
        if rows.dtype == np.uint8:
            _require_moderate(factor * program.weight_std[0], "scale times weight_std")
        else:
            _require_moderate(program.weight_std[0], "weight_std")
        if max(program.bias_std) > 1 / _SMALLEST:
            largest = max(program.bias_std)
            raise ValueError(f"bias_std must be at most {1 / _SMALLEST:g}, got {largest:g}")
        needed = self.bytes_for(engine, rows, columns)
        room.require(needed, "preparing data of shape {}", rows.shape)
        source = engine.limiting_kernel(
            self.dtype,
            engine.asarray(rows),
            None if columns is None else engine.asarray(columns),
            factor,
            program.activations,
            program.weight_std,
            program.bias_std,
            self.outputs,
            threads=self.threads,
        )
        limit = float(np.finfo(self.dtype).max)
        if not source.largest_diagonal <= limit:
            # Data on a GPU have not been looked at yet.
            _validate.require_finite(rows, "X")
            if columns is not None:
                _validate.require_finite(columns, "Y")
            raise ValueError(
                f"scale, weight_std and X must keep the kernel within {self.dtype}, whose largest "
                f"number is {limit:.3g}; got {source.largest_diagonal:.3g} on the diagonal"
            )
        found: LimitingSource = source
        return found


def _through_device(
    engine: Engine,
    problem: _Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    planes: NDArray[Any],
    progress: TileProgress | None,
) -> None:
    """Compute results on a device into the host's memory: whole, or by blocks of rows."""
    count, n, m = planes.shape
    row = count * m * planes.itemsize
    whole = problem.bytes_for(engine, rows, columns) + n * row
    room = engine.room(whole)
    if whole <= room.left:
        _compute_block(engine, problem, rows, columns, planes, room)
        if progress is not None:
            progress(n, n)
        return
    others = rows if columns is None else columns
    edge = _backend.tile_edge()
    fixed = problem.bytes_for(engine, rows[:0], others)
    each = edge * row + problem.bytes_for(engine, rows[:edge], None)
    room.require(fixed + each, "{} rows of a kernel of shape {}", edge, (n, m))
    size = edge * ((room.left - fixed) // each)
    others = engine.asarray(others)
    for start in range(0, n, size):
        block = slice(start, min(n, start + size))
        _compute_block(engine, problem, rows[block], others, planes[:, block], room)
        if progress is not None:
            progress(block.stop, n)


def _compute_block(
    engine: Engine,
    problem: _Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    planes: NDArray[Any],
    room: Budget,
) -> None:
    source = problem.source(engine, rows, columns, room)
    results = engine.empty(planes.shape, problem.dtype)
    source.to_dense_all(list(results), problem.threads)
    with engine.here():
        for result, plane in zip(results, planes, strict=True):
            result.get(out=plane)


def _results(
    engine: Engine,
    count: int,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    out: NDArray[Any] | None,
) -> NDArray[Any]:
    """One matrix per output, in ``out`` if that is given."""
    return engine.empty((count, *shape), dtype) if out is None else out[np.newaxis]


def _kernel_names(get: tuple[str, ...]) -> tuple[str, ...]:
    names = (get,) if isinstance(get, str) else tuple(get)
    if not names:
        raise ValueError(f"get must name at least one of {KERNELS}, got {get!r}")
    for name in names:
        _validate.choice(name, "get", KERNELS)
    return names


def _present(*arrays: NDArray[Any] | None) -> list[NDArray[Any]]:
    return [array for array in arrays if array is not None]


def _data(X: ArrayLike, Y: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Both sets of points, checked, in one dtype that holds either exactly."""
    rows = _validate.samples(X, "X")
    if Y is None:
        return rows, None
    columns = _validate.samples(Y, "Y")
    _validate.same_columns(columns, rows)
    common = np.result_type(rows.dtype, columns.dtype)
    return rows.astype(common, copy=False), columns.astype(common, copy=False)


def prepared_bytes(data: NDArray[Any], program: LayerProgram) -> int:
    """Return the bytes of one side: two layouts of its values, numbers per row and layer."""
    edge = _backend.tile_edge()
    rows: int = -(-data.shape[0] // edge) * edge
    exact_in_32_bits = data.itemsize == 1 and data.shape[1] <= _INTEGER_COLUMNS
    value = 2 if exact_in_32_bits else 8
    runs = -(-data.shape[1] // _RUN) * _RUN
    layout = max(value * data.shape[1], _RUN_BYTES[data.itemsize] * runs)
    per_layer = _ROW_NUMBERS * len(program.activations) * 8  # the recursion may run in float64
    return int(rows * (2 * layout + per_layer + _ROW_BYTES))


def _require_moderate(value: float, name: str) -> None:
    """Refuse factors whose squares, and the ratios of those, leave the range of float64."""
    if not _SMALLEST <= value <= 1 / _SMALLEST:
        raise ValueError(f"{name} must be in [{_SMALLEST:g}, {1 / _SMALLEST:g}], got {value:g}")
