# SPDX-License-Identifier: Apache-2.0
"""The kernel between new points and those of a Gram matrix: whole, or times vectors by blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, in_library, kind_of, on_device, place_of
from fastntk._memory import Budget

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.gram.kernel_maker import KernelMaker

# Columns that products pad vectors to, at most.
_LANES = 16


def cross_gram(
    maker: KernelMaker,
    Z: ArrayLike,
    X: NDArray[Any],
    *,
    dtype: DTypeLike,
    room: Budget,
    threads: int | None = None,
) -> NDArray[Any]:
    """Return K(Z, X); see `fastntk.GramOperator.cross`, and `cross_product` for the arguments."""
    engine = _backend.engine(place_of(X), X=X)
    with engine.here():
        points, library = _points(Z, X, "Z", room)
        C, result = maker.rows_per_point, np.dtype(dtype)
        shape = (len(points) * C, len(X) * C)
        needed = shape[0] * shape[1] * result.itemsize
        room.require(needed, f"the kernel of {len(points)} new points")
        common = np.result_type(points.dtype, X.dtype)
        copies = sum(a.size * common.itemsize for a in (points, X) if a.dtype != common)
        copies += 0 if library is engine.xp else points.nbytes
        left = room.left - needed - _validate.copied_bytes(points, Z) - copies
        source = maker.source(
            engine.asarray(points),
            X,
            dtype=dtype,
            device=engine.name,
            threads=threads,
            budget=max(left, 0),
        )
        out = engine.xp.empty(shape, dtype=result)
        source.to_dense(out, _validate.thread_count(threads))
        returned: NDArray[Any] = in_library(out, library)
        return returned


def cross_product(
    maker: KernelMaker,
    Z: ArrayLike,
    X: NDArray[Any],
    V: NDArray[Any],
    *,
    dtype: DTypeLike,
    room: Budget,
    threads: int | None = None,
    progress: Progress | None = None,
    name: str = "Z",
) -> NDArray[np.float64]:
    """Return K(Z, X) @ V by blocks of rows of Z, K(Z, X) never held.

    Parameters
    ----------
    maker : KernelMaker
        The kernel, with C rows per point.
    Z : array_like of shape (M, d)
        New points.
    X : ndarray of shape (N, d)
        The points that V belongs to, checked; on a GPU if they are CuPy's.
    V : ndarray of shape (N C, k)
        C-contiguous, float32 or float64, where X is.
    dtype : {"float32", "float64"}
        Type of the kernel values.
    room : Budget
        For the result, copies of Z and X in another type, and both prepared for products: all of X
        and a block of Z.
    threads : int, optional
        As for `FullyConnected.ntk`.
    progress : callable, optional
        Called with (stage, done, total) rows.
    name : str
        What messages call Z.

    Returns
    -------
    ndarray of shape (M C, k)
        float64, of the library of Z.

    Raises
    ------
    MemoryError
        The result, or a block of 256 rows, does not fit: said before it is prepared.
    """
    _validate.callback(progress)
    engine = _backend.engine(place_of(X), X=X)
    with engine.here():
        points, library = _points(Z, X, name, room)
        rows, columns, C = len(points), V.shape[1], maker.rows_per_point
        result = 8 * rows * C * columns
        room.require(result, f"the result of {rows} new points")
        # Both sides in the type that holds either; new points are converted by blocks.
        common = np.result_type(points.dtype, X.dtype)
        left = room.left - result - _validate.copied_bytes(points, Z)
        if X.dtype != common:
            left -= X.size * common.itemsize
        size, needed = _block_points(maker, X, common, columns, left)
        block = f"a block of {_backend.tile_edge()} new points, of which there are {rows},"
        room.require(room.left - left + needed, block)
        held = X.astype(common, copy=False)
        others = maker.prepared(held, threads)
        out = engine.xp.empty((rows * C, columns))
        for start in range(0, rows, size):
            stop = min(rows, start + size)
            part = engine.asarray(points[start:stop].astype(common, copy=False))
            source = maker.source(
                part, others, dtype=dtype, device=engine.name, threads=threads, budget=left
            )
            source.matmat(V, out[start * C : stop * C], _validate.thread_count(threads))
            del part, source  # before the next ones are made
            if progress is not None:
                progress("new points", stop, rows)
        returned: NDArray[np.float64] = in_library(out, library)
        return returned


def _points(Z: ArrayLike, X: NDArray[Any], name: str, room: Budget) -> tuple[Any, Any]:
    """Return new points, checked, and their library: NumPy, or that of X."""
    points = _validate.samples(Z, name, room=room)
    _validate.same_columns(points, X, name)
    if on_device(points):
        if place_of(points) != place_of(X):
            raise TypeError(
                f"{name} must be where the points of the kernel are, on {place_of(X)}, "
                f"got {kind_of(points)}"
            )
        _validate.require_finite(points, name)
    return points, array_namespace(points)


def _block_points(
    maker: KernelMaker,
    X: NDArray[Any],
    common: np.dtype[Any],
    columns: int,
    left: int,
) -> tuple[int, int]:
    """Return the points of a block that fit, and the bytes of the smallest block with X."""
    edge = _backend.tile_edge()
    # A point's rows of the vectors, or of the sums.
    padded = -(-columns // _LANES) * _LANES * 8 * maker.rows_per_point
    # What preparing takes depends on shape and type only.
    like_X = np.broadcast_to(np.zeros((), common), X.shape)
    # The packed vectors, and at most as many sums: few new points share the work by columns.
    fixed = maker.prepared_bytes(like_X) + 2 * len(X) * padded
    tile = maker.prepared_bytes(like_X[:1]) + edge * padded
    tile += edge * X.shape[1] * common.itemsize
    return edge * max(1, (left - fixed) // tile), fixed + tile
