# SPDX-License-Identifier: Apache-2.0
"""Gram matrices of empirical kernels within a memory budget: whole, or by blocks of points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import place_of
from fastntk.gram.empirical import Sides, Term, Terms, chosen, empirical_source, require_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._memory import Budget
    from fastntk._tiles import TileProgress

# Points of the smallest block: below this products run far from the machine's rate.
_BLOCK_POINTS = 64
# Terms of so many times the kernel's size are added to it before more are computed: then they weigh
# more than a second kernel to add up, and adding costs less than a tenth of their products.
_GROUP = 3
# Fewer bytes of terms are not worth a call of the engine.
_LEAST_GROUP = 2**20


def empirical_gram(
    sides: Sides,
    X: NDArray[Any],
    Y: NDArray[Any] | None,
    outs: Sequence[NDArray[Any]],
    room: Budget,
    threads: int = 0,
    progress: TileProgress | None = None,
) -> None:
    """Write every kernel between points, whole if its terms fit, else by blocks of points.

    Parameters
    ----------
    sides : Sides
        The kernels and where their terms come from.
    X, Y : ndarray of shape (n, d) and (m, d)
        Points; no Y for those of X.
    outs : sequence of ndarray
        For each plane, (n C, m C), C-contiguous, of the sides' dtype; may be in the host's memory
        where the engine is a GPU.
    room : Budget
        For everything but ``outs``.
    threads : int
        0 for the engine's choice.
    progress : callable, optional
        Called with (done, total).

    Raises
    ------
    MemoryError
        The smallest blocks do not fit: said before anything is computed.

    Notes
    -----
    A symmetric kernel is computed above the diagonal of blocks and mirrored: it is symmetric to the
    bit. With b blocks of points the passes run (b + 1) / 2 times for every point of a symmetric
    kernel, else b times for columns.
    """
    symmetric = Y is None and sides.symmetric
    others = X if Y is None else Y
    points = len(X) + (0 if symmetric else len(others))
    here = all(place_of(out) == sides.engine.name for out in outs)
    if here and sides.bytes_per_point * points <= room.left:
        if len(outs) == 1:
            _write_by_groups(
                sides,
                sides.rows(X),
                None if symmetric else sides.columns(others),
                outs[0],
                threads,
                progress,
            )
            return
        rows = dict(sides.rows(X))
        columns = None if symmetric else dict(sides.columns(others))
        for number, (plane, out) in enumerate(zip(sides.planes, outs, strict=True)):
            empirical_source(sides, plane, rows, columns, threads).to_dense(out, threads)
            if progress is not None:
                progress(number + 1, len(outs))
        return
    size = block_points(sides, room, max(len(X), len(others)))
    blocks = list(_pairs(len(X), len(others), size, symmetric))
    first = -1
    for done, (i, j) in enumerate(blocks):
        if i.start != first:
            rows, first = dict(sides.rows(X[i])), i.start
        diagonal = symmetric and i == j
        columns = None if diagonal else dict(sides.columns(others[j]))
        for plane, out in zip(sides.planes, outs, strict=True):
            C = plane.outputs
            source = empirical_source(sides, plane, rows, columns, threads)
            block = sides.engine.empty(source.shape, sides.dtype)
            source.to_dense(block, threads)
            values = block if place_of(out) == sides.engine.name else block.get()
            ik, jk = slice(i.start * C, i.stop * C), slice(j.start * C, j.stop * C)
            out[ik, jk] = values
            if symmetric and not diagonal:
                out[jk, ik] = values.T
            del source, block, values  # before the next ones are made
        del columns
        if progress is not None:
            progress(done + 1, len(blocks))


def block_points(sides: Sides, room: Budget, most: int) -> int:
    """Return the points of a block: two sides of them, and the kernel between, fit the budget.

    Parameters
    ----------
    sides : Sides
        What is computed.
    room : Budget
        The budget.
    most : int
        Points that there are.

    Raises
    ------
    MemoryError
        Not even blocks of 64 points, or of all of them, fit.
    """
    both = 2 * sides.bytes_per_point
    C = max(plane.outputs for plane in sides.planes)
    entry = C * C * sides.dtype.itemsize
    entry *= 1 if sides.engine.xp is np else 2  # and what comes to the host
    least = min(most, _BLOCK_POINTS)
    what = "an empirical kernel by blocks of {} points, beside its results,"
    room.require(both * least + entry * least**2, what, least)
    # both b + entry b^2 = left
    size = int((math.sqrt(both**2 + 4 * entry * room.left) - both) / (2 * entry))
    return max(least, min(most, size - size % _BLOCK_POINTS))


def _write_by_groups(
    sides: Sides,
    rows: Terms | None,
    columns: Terms | None,
    out: NDArray[Any],
    threads: int,
    progress: TileProgress | None,
) -> None:
    """Write the only kernel, a group of terms at a time, dropped when the engine has its copy."""
    (plane,) = sides.planes
    order, square = plane.terms[::-1], columns is None
    row_terms: Any = chosen(rows or {}, plane)
    column_terms: Any = chosen(columns or {}, plane)
    kept: dict[int, Term] = {}
    others: dict[int, Term] = {}
    written = False
    for number in order:
        kept[number] = next(row_terms)
        if not square:
            others[number] = next(column_terms)
        last = number == order[-1]
        if not last and not _outgrows(kept, others, sides, out):
            continue
        if last:  # the passes hold the last map's signals
            rows = columns = row_terms = column_terms = None
        source = empirical_source(
            sides, plane.of(tuple(kept)[::-1]), kept, None if square else others, threads
        )
        kept.clear()
        others.clear()
        if not written:
            source.to_dense(out, threads, progress if last else None)
        else:
            part = sides.engine.empty(out.shape, sides.dtype)
            source.to_dense(part, threads)
            with np.errstate(over="ignore"):
                np.add(out, part, out=out)
            if square:
                require_within(sides.dtype, float(out.diagonal().max()))
        if progress is not None and not (last and not written):
            progress(order.index(number) + 1, len(order))
        written = True
        del source


def _outgrows(
    kept: dict[int, Term], others: dict[int, Term], sides: Sides, out: NDArray[Any]
) -> bool:
    """Return whether terms take so much more than the kernel that a second one is worth it.

    A GPU's products read the terms where they are.
    """
    arrays = [array for side in (kept, others) for term in side.values() for array in term]
    held = sum(array.nbytes for array in arrays if array is not None)
    return sides.engine.xp is np and held >= max(_GROUP * out.nbytes, _LEAST_GROUP)


def _pairs(n: int, m: int, size: int, symmetric: bool) -> Iterator[tuple[slice, slice]]:
    """Give pairs of blocks of rows and columns, those of equal rows one after the other."""
    for i in range(0, n, size):
        for j in range(i if symmetric else 0, m, size):
            yield slice(i, min(n, i + size)), slice(j, min(m, j + size))
