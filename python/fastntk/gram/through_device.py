# SPDX-License-Identifier: Apache-2.0
"""Kernels between the host's memory and GPUs: whole, by blocks of rows, or on several GPUs.

Blocks are rectangular kernels: every pair is computed, and K and its transpose agree as far as the
bounds of the errors reach, not to the bit.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

from fastntk import _backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk._tiles import TileProgress
    from fastntk.gram.problem import Problem


def through_device(
    engine: Engine,
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    planes: NDArray[Any],
    progress: TileProgress | None,
) -> None:
    """Compute results on a device into the host's memory: whole, or by blocks of rows.

    Parameters
    ----------
    engine : Engine
        The device.
    problem : Problem
        What is computed.
    rows, columns : ndarray
        The points, in the host's memory; no columns for those of the rows.
    planes : ndarray of shape (outputs, n, m)
        Written.
    progress : callable, optional
        Called with (done, total) rows.
    """
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
    problem: Problem,
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


def across_devices(
    engines: Sequence[Engine],
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    planes: NDArray[Any],
    progress: TileProgress | None,
) -> None:
    """Compute results on several devices at once, an equal share of the rows on each.

    Parameters are those of `through_device`.
    """
    n, edge = planes.shape[1], _backend.tile_edge()
    each = edge * -(-n // (edge * len(engines)))
    others = rows if columns is None else columns
    shares = [slice(start, min(n, start + each)) for start in range(0, n, each)]
    done = 0
    with ThreadPoolExecutor(len(shares), "fastntk-device") as threads:
        futures = {
            threads.submit(
                through_device, engine, problem, rows[share], others, planes[:, share], None
            ): share
            for engine, share in zip(engines, shares, strict=False)
        }
        for future in as_completed(futures):
            future.result()
            done += futures[future].stop - futures[future].start
            if progress is not None:
                progress(done, n)
