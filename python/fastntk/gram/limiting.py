# SPDX-License-Identifier: Apache-2.0
"""Limiting NTK and NNGP Gram matrices: arguments to the native engine, and results back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._memory import available_for, require
from fastntk._progress import of_stage
from fastntk.gram.program import KERNELS, LayerProgram, Shares

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._cpu import LimitingKernel32, LimitingKernel64
    from fastntk._progress import Progress
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
) -> LimitingKernel32 | LimitingKernel64:
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
    TileSource
        Holds the data packed for products in two layouts, of 1 to 8 bytes per value each, and a
        few numbers per row and layer: at most `prepared_bytes`.

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
    outputs = program.trained_shares(kernel)
    prepared = _prepared(rows, columns, program)
    return _source(
        program, rows, columns, outputs, scale, result, device, workers, prepared, budget
    )


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
    shape = (rows.shape[0], rows.shape[0] if columns is None else columns.shape[0])
    flat = [shares for output in outputs for shares in output]
    count = len(flat)
    out = _validate.output(out, shape, result, *_present(rows, columns))
    prepared = _prepared(rows, columns, program)
    if out is None:
        needed = count * shape[0] * shape[1] * result.itemsize
        available = available_for(needed + prepared)
        require(needed, available, "{} kernel(s) of shape {} in {}", count, shape, result)
        budget = available - needed
    else:
        budget = None
    source = _source(program, rows, columns, flat, scale, result, device, workers, prepared, budget)
    native = _backend.native_module(device)
    planes = native.empty((count, *shape), result) if out is None else out[np.newaxis]
    source.to_dense_all(list(planes), workers, of_stage(progress, "kernel"))
    kernels = []
    first = 0
    for name, shares in zip(names, outputs, strict=True):
        plane = planes[first : first + len(shares)]
        kernels.append(plane if name == "layers" else plane[0])
        first += len(shares)
    return tuple(kernels) if out is None else (out,)


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
    common = np.result_type(rows, columns)
    return rows.astype(common, copy=False), columns.astype(common, copy=False)


def _source(
    program: LayerProgram,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    outputs: list[Shares],
    scale: float,
    dtype: np.dtype[Any],
    device: str,
    threads: int,
    prepared: int,
    budget: int | None,
) -> LimitingKernel32 | LimitingKernel64:
    factor = _validate.positive(scale, "scale")
    # Pixels are scaled in the first layer, other data row by row.
    pixels = rows.dtype == np.uint8
    if pixels:
        _require_moderate(factor * program.weight_std[0], "scale times weight_std")
    else:
        _require_moderate(program.weight_std[0], "weight_std")
    if max(program.bias_std) > 1 / _SMALLEST:
        largest = max(program.bias_std)
        raise ValueError(f"bias_std must be at most {1 / _SMALLEST:g}, got {largest:g}")
    native = _backend.native_module(device)
    available = available_for(prepared) if budget is None else budget
    require(prepared, available, "preparing data of shape {}", rows.shape)
    kernel: type[LimitingKernel32 | LimitingKernel64] = (
        native.LimitingKernel32 if dtype == np.float32 else native.LimitingKernel64
    )
    source = kernel(
        rows,
        columns,
        factor,
        program.activations,
        program.weight_std,
        program.bias_std,
        outputs,
        threads,
    )
    limit = float(np.finfo(dtype).max)
    if not source.largest_diagonal <= limit:
        raise ValueError(
            f"scale, weight_std and X must keep the kernel within {dtype}, whose largest number is "
            f"{limit:.3g}; got {source.largest_diagonal:.3g} on the diagonal"
        )
    return source


def _prepared(rows: NDArray[Any], columns: NDArray[Any] | None, program: LayerProgram) -> int:
    return sum(prepared_bytes(side, program) for side in _present(rows, columns))


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
