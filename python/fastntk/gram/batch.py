# SPDX-License-Identifier: Apache-2.0
"""Kernels of many small problems of one shape: on a GPU by one launch, else one by one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside, in_library
from fastntk.gram.problem import Problem, present

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._backend import Engine
    from fastntk._tiles import TileProgress
    from fastntk.gram.program import LayerProgram, Shares

# Problems that a launch takes, and rows of all of them together.
_MOST_PROBLEMS = 65535
_MOST_ROWS = 2**30


def is_batch(X: object) -> bool:
    """Return whether an array is one of problems: three axes."""
    return getattr(X, "ndim", 2) == 3


def planes_of_batch(
    program: LayerProgram,
    outputs: list[Shares],
    X: ArrayLike,
    Y: ArrayLike | None,
    scale: float,
    dtype: DTypeLike | None,
    out: NDArray[Any] | None,
    device: str,
    threads: int,
    progress: TileProgress | None,
) -> NDArray[Any]:
    """Return every output of every problem.

    Parameters
    ----------
    program, outputs
        The network's layers, and what of them is trained in each matrix.
    X : array_like of shape (b, n, d)
        b problems of n points each.
    Y : array_like of shape (b, m, d), optional
        Their second sets of points.
    scale, dtype, device, threads
        As for `FullyConnected.ntk`.
    out : ndarray of shape (b, n, m), optional
        For the only output.
    progress : callable, optional
        Called with (done, total) problems.

    Returns
    -------
    ndarray of shape (outputs, b, n, m)
        Where X is.
    """
    rows = _problems(X, "X")
    columns = None if Y is None else _problems(Y, "Y")
    if columns is not None:
        expected = (rows.shape[0], "m", rows.shape[2])
        if columns.shape[::2] != rows.shape[::2]:
            raise ValueError(f"Y must have shape {expected} beside X, got {columns.shape}")
        common = np.result_type(rows.dtype, columns.dtype)
        with beside(rows):
            rows = rows.astype(common, copy=False)
        with beside(columns):
            columns = columns.astype(common, copy=False)
    sides = present(rows, columns)
    result = _validate.result_dtype(dtype, *sides)
    count, n, _ = rows.shape
    shape = (count, n, n if columns is None else columns.shape[1])
    out = _validate.output(out, shape, result, *sides)
    engine = _backend.engine(device, X=rows, Y=columns, out=out)
    problem = Problem(program, outputs, scale, result, threads)
    here = engine.xp is array_namespace(rows)
    needed = len(outputs) * math.prod(shape) * result.itemsize
    step = _step(engine, shape)
    flat = [side[:step].reshape(-1, side.shape[2]) for side in sides]
    prepared = problem.bytes_for(engine, flat[0], flat[1] if columns is not None else None)
    room = engine.room(needed + prepared)
    room.require(needed + prepared, "{} kernels of shape {} in {}", count, shape[1:], result)
    planes: NDArray[Any]
    if out is not None and here:
        planes = out[np.newaxis]
    else:
        planes = engine.empty((len(outputs), *shape), result)
    for start in range(0, count, step):
        part = slice(start, min(count, start + step))
        source = problem.source(
            engine,
            rows[part].reshape(-1, rows.shape[2]),
            None if columns is None else columns[part].reshape(-1, columns.shape[2]),
            room,
            batch=part.stop - start,
        )
        several = part.stop - start > 1
        targets = [plane[part] if several else plane[start] for plane in planes]
        source.to_dense_all(targets, threads)
        if progress is not None:
            progress(part.stop, count)
    if here:
        return planes
    planes = in_library(planes, array_namespace(rows))
    if out is None:
        return planes
    out[...] = planes[0]
    return out[np.newaxis]


def _problems(X: ArrayLike, name: str) -> NDArray[Any]:
    """Return data as `_validate.samples` does, in three axes."""
    array = _validate.real_array(X, name)
    if array.ndim != 3 or array.size == 0:
        raise ValueError(
            f"{name} must be 3-D (problems, samples, features) and not empty, "
            f"got shape {array.shape}"
        )
    flat = _validate.samples(array.reshape(-1, array.shape[2]), name)
    return flat.reshape(array.shape)


def _step(engine: Engine, shape: tuple[int, int, int]) -> int:
    """Problems at a time."""
    if engine is _backend.CPU:
        return 1
    return int(max(1, min(shape[0], _MOST_PROBLEMS, _MOST_ROWS // max(shape[1:]))))
