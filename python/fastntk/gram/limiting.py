# SPDX-License-Identifier: Apache-2.0
"""Limiting NTK and NNGP Gram matrices: arguments to the native engine, and results back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._memory import available_bytes, require
from fastntk._progress import of_stage

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._cpu import LimitingKernel32, LimitingKernel64
    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected

KERNELS = ("nngp", "ntk", "layers")

_SMALLEST = 1e-70

# Weight and bias shares, one number each per linear map: what of the network is trained.
Shares = tuple[list[float], list[float]]


def trained_shares(net: FullyConnected, kernel: str) -> list[Shares]:
    """Return what is trained for a kernel: one pair of shares per output of the engine.

    The NTK trains all; the NNGP is the NTK of the last linear map alone, with its weights scaled in
    the forward map; "layers" trains one linear map at a time.
    """
    maps = net.hidden_layers + 1
    weight = net.trained_weight_share()
    if kernel == "ntk":
        return [([weight] * maps, [1.0] * maps)]
    if kernel == "nngp":
        return [(_only(1.0, maps - 1, maps), _only(1.0, maps - 1, maps))]
    return [(_only(weight, layer, maps), _only(1.0, layer, maps)) for layer in range(maps)]


def limiting_source(
    net: FullyConnected,
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
        The architecture.
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
    return _source(net, rows, columns, trained_shares(net, kernel), scale, result, device, 0)


def gram(
    net: FullyConnected,
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
    outputs = [trained_shares(net, name) for name in names]
    shape = (rows.shape[0], rows.shape[0] if columns is None else columns.shape[0])
    flat = [shares for output in outputs for shares in output]
    count = len(flat)
    out = _validate.output(out, shape, result, *_present(rows, columns))
    if out is None:
        what = f"{count} kernel(s) of shape {shape} in {result}"
        require(count * shape[0] * shape[1] * result.itemsize, available_bytes(), what)
    source = _source(net, rows, columns, flat, scale, result, device, workers)
    planes = np.empty((count, *shape), result) if out is None else out[np.newaxis]
    source.to_dense_all(list(planes), workers, of_stage(progress, "kernel"))
    kernels = []
    first = 0
    for name, shares in zip(names, outputs, strict=True):
        plane = planes[first : first + len(shares)]
        kernels.append(plane if name == "layers" else plane[0])
        first += len(shares)
    return tuple(kernels) if out is None else (out,)


def _only(value: float, index: int, count: int) -> list[float]:
    return [value if i == index else 0.0 for i in range(count)]


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
    net: FullyConnected,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    outputs: list[Shares],
    scale: float,
    dtype: np.dtype[Any],
    device: str,
    threads: int,
) -> LimitingKernel32 | LimitingKernel64:
    factor = _validate.positive(scale, "scale")
    weight_std, bias_std = net.linear_maps()
    # Pixels are scaled in the first layer, other data row by row.
    pixels = rows.dtype == np.uint8
    _require_moderate(weight_std[0] * (factor if pixels else 1.0), "scale times weight_std")
    if bias_std[0] > 1 / _SMALLEST:
        raise ValueError(f"bias_std must be at most {1 / _SMALLEST:g}, got {bias_std[0]:g}")
    native = _backend.native_module(device)
    # Two panel layouts of each side, at most one 8-byte number per value.
    panels = 2 * 8 * sum(array.size for array in _present(rows, columns))
    require(panels, available_bytes(), f"packing data of shape {rows.shape}")
    kernel: type[LimitingKernel32 | LimitingKernel64] = (
        native.LimitingKernel32 if dtype == np.float32 else native.LimitingKernel64
    )
    activations = [net.activation] * net.hidden_layers
    source = kernel(rows, columns, factor, activations, weight_std, bias_std, outputs, threads)
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
