# SPDX-License-Identifier: Apache-2.0
"""Gram matrices of empirical kernels: sums of products of two Gram matrices, whole or by blocks.

A kernel is a sum of terms, one per linear map,

    K[(i, k), (j, k')] = sum_terms S[(i, k), (j, k')] (alpha A_i . A_j + beta),

A_i the activations that the map reads at point i, and S the inner products of its signals, the
derivatives of output k at point i by what the map writes; where signals are None, S is the identity
over outputs. Rows are sample-major: point i, output k is row i C + k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastntk._arrays import place_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk._tiles import TileProgress, TileSource

# Activations (n, n_l) and signals (n C, m_l) of one map; None where it needs none.
Term = tuple[Any, Any]
# Terms by the number of their map: given one by one, or kept.
Terms = Iterator[tuple[int, Term]] | dict[int, Term]
# Which blocks of a kernel of C outputs: all, their sum over equal outputs, or one.
Outputs = str | tuple[int, int]

# Points of the smallest block: below this products run far from the machine's rate.
_BLOCK_POINTS = 64


@dataclass(frozen=True)
class Plane:
    """One kernel of several that share their activations and signals.

    Attributes
    ----------
    terms : tuple of int
        Which terms it consists of.
    factors : tuple of (float, float)
        alpha and beta of each of them.
    outputs : int
        Rows per point, C.
    """

    terms: tuple[int, ...]
    factors: tuple[tuple[float, float], ...]
    outputs: int


class Sides(Protocol):
    """Where the terms of points come from: the passes of a network."""

    @property
    def engine(self) -> Engine:
        """Where terms are computed."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the terms and the kernels: float32 or float64."""

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The kernels."""

    @property
    def symmetric(self) -> bool:
        """Whether rows and columns of the same points have the same terms."""

    @property
    def bytes_per_point(self) -> int:
        """The most that a point takes: its terms, their making, the engine's copies of them."""

    def rows(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give numbered terms of points as rows, from the last one down; each is read once."""

    def columns(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give numbered terms of points as columns, from the last one down."""


def empirical_source(
    sides: Sides,
    plane: Plane,
    rows: Terms,
    columns: Terms | None = None,
    threads: int = 0,
) -> TileSource:
    """Return one kernel between two sides, or of one, as a tile source.

    Parameters
    ----------
    sides : Sides
        Where the terms are from.
    plane : Plane
        Which kernel.
    rows, columns : iterator of (int, Term), or dict
        What `Sides` gives, for this one kernel, or a dict of it for several; no columns for a
        symmetric kernel.
    threads : int
        Prepare the terms; 0 for the engine's choice.

    Raises
    ------
    ValueError
        A value on the diagonal of a symmetric kernel is not finite.
    """
    source: Any = sides.engine.empirical_kernel(
        sides.dtype,
        list(_chosen(rows, plane)),
        None if columns is None else list(_chosen(columns, plane)),
        plane.factors[::-1],
        plane.outputs,
        threads,
    )
    limit = float(np.finfo(sides.dtype).max)
    if columns is None and not source.largest_diagonal <= limit:
        raise ValueError(
            f"scale, X and the parameters must keep the kernel within {sides.dtype}, whose largest "
            f"number is {limit:.3g}; got {source.largest_diagonal:.3g} on the diagonal"
        )
    made: TileSource = source
    return made


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
        rows: Terms = sides.rows(X)
        columns: Terms | None = None if symmetric else sides.columns(others)
        if len(outs) > 1:
            rows, columns = dict(rows), None if columns is None else dict(columns)
        for number, (plane, out) in enumerate(zip(sides.planes, outs, strict=True)):
            source = empirical_source(sides, plane, rows, columns, threads)
            if number + 1 == len(outs):
                del rows, columns  # the source keeps what it needs
            source.to_dense(out, threads, progress if len(outs) == 1 else None)
            if progress is not None and len(outs) > 1:
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


def _chosen(terms: Terms, plane: Plane) -> Iterator[Term]:
    """Give the terms of a kernel, from the last one down."""
    numbered = sorted(terms.items(), reverse=True) if isinstance(terms, dict) else terms
    return (term for number, term in numbered if number in plane.terms)


def _pairs(n: int, m: int, size: int, symmetric: bool) -> Iterator[tuple[slice, slice]]:
    """Give pairs of blocks of rows and columns, those of equal rows one after the other."""
    for i in range(0, n, size):
        for j in range(i if symmetric else 0, m, size):
            yield slice(i, min(n, i + size)), slice(j, min(m, j + size))
