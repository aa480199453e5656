# SPDX-License-Identifier: Apache-2.0
"""Limiting NTK and NNGP Gram matrices: arguments to the native engine, and results back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._memory import available_bytes, require
from fastntk._progress import of_stage
from fastntk.gram.program import KERNELS, LayerProgram, Shares

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._cpu import LimitingKernel32, LimitingKernel64
    from fastntk._progress import Progress
    from fastntk.gram.program import Network

_SMALLEST = 1e-70


def limiting_source(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    *,
    kernel: str = "ntk",
    scale: float = 1.0,
    dtype: DTypeLike | None = None,
    device: str = "auto",
) -> LimitingKernel32 | LimitingKernel64:
    """Return a limiting Gram matrix as a source of tiles, none of which is computed yet.

    Parameters
    ----------
    net : FullyConnected
        The architecture, or whatever else has a layer program.
    X, Y, scale, dtype, device
        As for `FullyConnected.ntk`.
    kernel : {"ntk", "nngp"}
        Which kernel.

    Returns
    -------
    TileSource
        Holds the data packed for products, about twice its bytes.
    """
    _validate.choice(kernel, "kernel", ("ntk", "nngp"))
    rows, columns = _data(X, Y)
    result = _validate.result_dtype(dtype, *_present(rows, columns))
    program = net.program()
    outputs = program.trained_shares(kernel)
    return _source(program, rows, columns, outputs, scale, result, device, 0)


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
    if out is None:
        what = f"{count} kernel(s) of shape {shape} in {result}"
        require(count * shape[0] * shape[1] * result.itemsize, available_bytes(), what)
    source = _source(program, rows, columns, flat, scale, result, device, workers)
    planes = np.empty((count, *shape), result) if out is None else out[np.newaxis]
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
) -> LimitingKernel32 | LimitingKernel64:
    factor = _validate.positive(scale, "scale")
    # Pixels are scaled in the first layer, other data row by row.
    pixels = rows.dtype == np.uint8
    _require_moderate(program.weight_std[0] * (factor if pixels else 1.0), "scale times weight_std")
    if max(program.bias_std) > 1 / _SMALLEST:
        largest = max(program.bias_std)
        raise ValueError(f"bias_std must be at most {1 / _SMALLEST:g}, got {largest:g}")
    native = _backend.native_module(device)
    # Two panel layouts of each side, at most one 8-byte number per value.
    panels = 2 * 8 * sum(array.size for array in _present(rows, columns))
    require(panels, available_bytes(), f"packing data of shape {rows.shape}")
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


def _require_moderate(value: float, name: str) -> None:
    """Refuse factors whose squares, and the ratios of those, leave the range of float64."""
    if not _SMALLEST <= value <= 1 / _SMALLEST:
        raise ValueError(
            f"{name} must be in [{_SMALLEST:g}, {1 / _SMALLEST:g}], got {value:g}; scale the data"
        )
