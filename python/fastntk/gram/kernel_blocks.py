# SPDX-License-Identifier: Apache-2.0
"""Gram matrices of kernels that Python functions evaluate, block by block, as tile sources.

A symmetric matrix is evaluated on and above the diagonal of its blocks only, and is symmetric to
the bit: a block on the diagonal is the mean of itself and its transpose.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._tiles import TileProgress

# (points, points) -> the kernel between them, an array of the engine's library.
Values = Callable[[Any, Any], Any]
# Points of the blocks whose diagonals are taken: their other entries are evaluated for nothing.
_DIAGONAL_POINTS = 64


class BlockSource(ABC):
    """A matrix known by its blocks; see `fastntk._tiles.TileSource`.

    Products are formed by the array library, in float32 within a block where the matrix and the
    vectors are both float32, else in float64; blocks are summed in float64.

    Attributes
    ----------
    engine : Engine
        Where blocks are.
    shape, dtype, symmetric, nbytes
        As of any tile source.
    edge : int
        Rows and columns of a block, at most.
    """

    engine: Engine
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    symmetric: bool
    nbytes: int
    edge: int

    @abstractmethod
    def block(self, rows: slice, columns: slice) -> Any:
        """Return one block, as `blocks` cuts them."""

    @abstractmethod
    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N,), of a symmetric source."""

    @property
    def packed_nbytes(self) -> int:
        """The most bytes held while the triangle is stored, those of this source included."""
        n = self.shape[0]
        return self.nbytes + n * (n + min(n, self.edge)) // 2 * self.dtype.itemsize

    def packed(self, threads: int = 0, progress: TileProgress | None = None) -> StoredTriangle:
        """Return the blocks on and above the diagonal, stored."""
        return StoredTriangle(self, progress)

    def to_dense(self, out: Any, threads: int = 0, progress: TileProgress | None = None) -> None:
        """Write every entry to ``out``."""
        for rows, columns in self.blocks(progress):
            block = self.block(rows, columns)
            out[rows, columns] = block
            if self.symmetric and rows != columns:
                out[columns, rows] = block.T

    def matmat(
        self, V: Any, out: Any, threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write the product with ``V`` to ``out``, both C-contiguous."""
        out[...] = 0.0
        for rows, columns in self.blocks(progress):
            block = self.block(rows, columns).astype(V.dtype, copy=False)
            out[rows] += block @ V[columns]
            if self.symmetric and rows != columns:
                out[columns] += block.T @ V[rows]

    def blocks(self, progress: TileProgress | None = None) -> Iterator[tuple[slice, slice]]:
        """Give rows and columns of the blocks: none below the diagonal if symmetric."""
        (n, m), edge = self.shape, self.edge
        cuts = [
            (slice(i, min(n, i + edge)), slice(j, min(m, j + edge)))
            for i in range(0, n, edge)
            for j in range(i if self.symmetric else 0, m, edge)
        ]
        for done, pair in enumerate(cuts):
            if progress is not None:
                progress(done, len(cuts))
            yield pair
        if progress is not None:
            progress(len(cuts), len(cuts))


class KernelBlocks(BlockSource):
    """A kernel between points, evaluated when asked.

    Parameters
    ----------
    engine : Engine
        Where the points are.
    values : callable
        ``values(A, B)`` returns the kernel between two sets of points, checked, (a R, b R).
    X : ndarray of shape (n, d)
        Points of the rows; they must not change.
    Y : ndarray of shape (m, d) or None
        Points of the columns; None: those of the rows, and the kernel is symmetric.
    dtype : dtype
        Of the entries.
    rows_per_point : int
        R.
    block_points : int
        Points of a block, at most.
    nbytes : int
        Bytes that the evaluation of a block takes.
    """

    def __init__(
        self,
        engine: Engine,
        values: Values,
        X: Any,
        Y: Any,
        dtype: np.dtype[Any],
        rows_per_point: int,
        block_points: int,
        nbytes: int,
    ) -> None:
        self.engine, self._values, self.dtype, self.nbytes = engine, values, dtype, nbytes
        self._X, self._Y, self.symmetric = X, X if Y is None else Y, Y is None
        self._per_point, self.edge = rows_per_point, rows_per_point * block_points
        self.shape = (len(X) * rows_per_point, len(self._Y) * rows_per_point)

    def block(self, rows: slice, columns: slice) -> Any:
        """Return one block."""
        A, B = self._X[self._points(rows)], self._Y[self._points(columns)]
        block = self._values(A, B).astype(self.dtype, copy=False)
        return (block + block.T) / 2 if self.symmetric and rows == columns else block

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, by small blocks."""
        diagonal = self.engine.empty(self.shape[:1], self.dtype)
        step = min(self.edge, _DIAGONAL_POINTS * self._per_point)
        for start in range(0, len(diagonal), step):
            part = slice(start, min(len(diagonal), start + step))
            diagonal[part] = self.block(part, part).diagonal()
        result: NDArray[Any] = diagonal
        return result

    def _points(self, rows: slice) -> slice:
        return slice(rows.start // self._per_point, rows.stop // self._per_point)


class StoredTriangle(BlockSource):
    """The blocks of a symmetric source on and above the diagonal.

    Parameters
    ----------
    source : BlockSource
        Evaluated once, here.
    progress : callable, optional
        Called with (done, total) blocks.
    """

    symmetric = True

    def __init__(self, source: BlockSource, progress: TileProgress | None = None) -> None:
        self.engine, self.shape, self.dtype = source.engine, source.shape, source.dtype
        self.edge = source.edge
        self._blocks = {
            (rows.start, columns.start): source.block(rows, columns)
            for rows, columns in source.blocks(progress)
        }
        self.nbytes = sum(int(block.nbytes) for block in self._blocks.values())

    def block(self, rows: slice, columns: slice) -> Any:
        """Return one block."""
        return self._blocks[rows.start, columns.start]

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal."""
        diagonal = self.engine.empty(self.shape[:1], self.dtype)
        for (row, column), block in self._blocks.items():
            if row == column:
                diagonal[row : row + len(block)] = block.diagonal()
        result: NDArray[Any] = diagonal
        return result
