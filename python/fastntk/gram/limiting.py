# SPDX-License-Identifier: Apache-2.0
"""Limiting NTK and NNGP Gram matrices: arguments to the native engine, and results back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside, on_device, to_host
from fastntk._memory import Budget
from fastntk._progress import of_stage
from fastntk.gram.batch import is_batch, planes_of_batch
from fastntk.gram.problem import Problem, present
from fastntk.gram.program import KERNELS
from fastntk.gram.tables import tables_for
from fastntk.gram.through_device import across_devices, through_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk._tiles import LimitingSource, TileProgress
    from fastntk.gram.program import Network, Shares


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
    rows, columns = both_sides(X, Y)
    result = _validate.result_dtype(dtype, *present(rows, columns))
    program = net.program()
    problem = Problem(program, program.trained_shares(kernel), scale, result, workers)
    engine = _backend.engine(device, X=rows, Y=columns)
    needed = problem.bytes_for(engine, rows, columns)
    room = engine.room(needed) if budget is None else Budget(budget, 0, engine.name)
    return problem.source(engine, rows, columns, room, needed=needed)


def table_notes(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike | None,
    *,
    scale: float,
    dtype: DTypeLike | None,
    device: str,
) -> tuple[str, ...]:
    """Return what there is to say of the tables that stand for activations; see `tables_for`."""
    rows, columns = both_sides(X, Y)
    result = _validate.result_dtype(dtype, *present(rows, columns))
    engine = _backend.engine(device, X=rows, Y=columns)
    return tables_for(net.program(), engine, rows, columns, scale, result).notes


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
    devices: Sequence[int | str] | None = None,
) -> tuple[NDArray[Any], ...]:
    """Return whole kernels; see `FullyConnected.kernels`. ``out`` is for a single one."""
    names = _kernel_names(get)
    workers = _validate.thread_count(threads)
    program = net.program()
    outputs = [program.trained_shares(name) for name in names]
    flat = [shares for output in outputs for shares in output]
    stage = of_stage(progress, "kernel")
    if is_batch(X):
        if devices is not None:
            raise ValueError("devices share the rows of a 2-D X; give device for a batch")
        planes = planes_of_batch(program, flat, X, Y, scale, dtype, out, device, workers, stage)
        return (out,) if out is not None else _by_name(names, outputs, planes, X)
    rows, columns = both_sides(X, Y)
    result = _validate.result_dtype(dtype, *present(rows, columns))
    shape = (rows.shape[0], rows.shape[0] if columns is None else columns.shape[0])
    out = _validate.output(out, shape, result, *present(rows, columns))
    problem = Problem(program, flat, scale, result, workers, progress=progress)
    stack = (len(flat), *shape)
    if devices is not None:
        planes = _on_several(devices, device, problem, rows, columns, out, stack, stage)
    else:
        planes = planes_of(problem, rows, columns, stack, device, stage, out)
    return (out,) if out is not None else _by_name(names, outputs, planes, X)


def planes_of(
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    stack: tuple[int, ...],
    device: str,
    progress: TileProgress | None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return all outputs of a problem, where the data are.

    Parameters
    ----------
    problem : Problem
        What is computed of the data.
    rows, columns : ndarray
        What `both_sides` returned.
    stack : tuple of int
        The shape of the result: (outputs, n, m).
    device, progress
        As for `FullyConnected.ntk`; progress without its stage.
    out : ndarray of shape (n, m), optional
        For the only output.
    """
    engine = _backend.engine(device, X=rows, Y=columns, out=out)
    if engine.xp is array_namespace(rows):
        return _in_place(engine, problem, rows, columns, out, stack, progress)
    planes = _results(_backend.CPU, stack, problem.dtype, out)
    through_device(engine, problem, rows, columns, planes, progress)
    return planes


def _by_name(
    names: tuple[str, ...], outputs: list[list[Shares]], planes: NDArray[Any], X: ArrayLike
) -> tuple[NDArray[Any], ...]:
    """Return the kernels asked for of all their matrices, as X's library has arrays."""
    kernels = []
    first = 0
    for name, shares in zip(names, outputs, strict=True):
        plane = planes[first : first + len(shares)]
        kernels.append(_backend.like(plane if name == "layers" else plane[0], X))
        first += len(shares)
    return tuple(kernels)


def _in_place(
    engine: Engine,
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    out: NDArray[Any] | None,
    stack: tuple[int, ...],
    progress: TileProgress | None,
) -> NDArray[Any]:
    """Compute all outputs where the data are."""
    needed = 0 if out is not None else math.prod(stack) * problem.dtype.itemsize
    prepared = problem.bytes_for(engine, rows, columns)
    room = engine.room(needed + prepared)
    room.require(needed, "{} kernel(s) of shape {} in {}", stack[0], stack[1:], problem.dtype)
    left = Budget(room.total - needed, 0, room.place)
    source = problem.source(engine, rows, columns, left, needed=prepared)
    planes = _results(engine, stack, problem.dtype, out)
    source.to_dense_all(list(planes), problem.threads, progress)
    return planes


def _on_several(
    devices: Sequence[int | str],
    device: str,
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    out: NDArray[Any] | None,
    stack: tuple[int, ...],
    progress: TileProgress | None,
) -> NDArray[Any]:
    """Compute all outputs on several GPUs, through the host's memory."""
    if device != "auto":
        raise ValueError(f"give device or devices, got device={device!r} and devices={devices!r}")
    engines = _backend.engines(devices)
    home: Engine = _backend.CPU
    if on_device(rows):
        home = _backend.engine("cuda", X=rows, Y=columns, out=out)
        rows, columns = to_host(rows), to_host(columns)
        _validate.require_finite(rows, "X")
        if columns is not None:
            _validate.require_finite(columns, "Y")
    elif on_device(out) or on_device(columns):
        _backend.engine("cuda", X=rows, Y=columns, out=out)  # says what is where
    planes = _results(_backend.CPU, stack, problem.dtype, None if on_device(out) else out)
    across_devices(engines, problem, rows, columns, planes, progress)
    if home is _backend.CPU:
        return planes
    if out is None:
        moved: NDArray[Any] = home.asarray(planes)
        return moved
    with home.here():
        out[...] = home.asarray(planes[0])
    return out[np.newaxis]


def _results(
    engine: Engine,
    stack: tuple[int, ...],
    dtype: np.dtype[Any],
    out: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return memory for one matrix per output, in ``out`` if that is given."""
    results: NDArray[Any] = engine.empty(stack, dtype) if out is None else out[np.newaxis]
    return results


def _kernel_names(get: tuple[str, ...]) -> tuple[str, ...]:
    names = (get,) if isinstance(get, str) else tuple(get)
    if not names:
        raise ValueError(f"get must name at least one of {KERNELS}, got {get!r}")
    for name in names:
        _validate.choice(name, "get", KERNELS)
    return names


def both_sides(X: ArrayLike, Y: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return both sets of points, checked, in one dtype that holds either exactly."""
    rows = _validate.samples(X, "X")
    if Y is None:
        return rows, None
    columns = _validate.samples(Y, "Y")
    _validate.same_columns(columns, rows)
    common = np.result_type(rows.dtype, columns.dtype)
    with beside(rows):
        rows = rows.astype(common, copy=False)
    with beside(columns):
        return rows, columns.astype(common, copy=False)
