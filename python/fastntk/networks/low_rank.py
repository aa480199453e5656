# SPDX-License-Identifier: Apache-2.0
"""Weights that are a matrix and a product of two thin ones.

A step of gradient descent on N points adds a matrix of rank N at most to every weight,
``W += left^T right`` with left (N, n') and right (N, n). For few points and wide layers it is
cheaper to keep the thin factors beside W than to rewrite W, which is done once in many steps.

With s bytes per number a step reads W twice, and rewriting it moves another ``2 n' n s`` bytes.
Factors of r rows cost ``2 r (n' + n) s`` bytes in the products of a step instead, and the rewriting
once in r / N steps: the sum is least at ``r = N sqrt(h / N)`` with h the harmonic mean of n' and n.
Measured in float32 on two cores (OpenBLAS), the time of a step's two products and its update
relative to dense updates is 0.52 (n = n' = 512, N = 16), 0.55 (2,048, 4), 0.75 (2,048, 16), 0.65
(4,096, 16), 0.68 (8,192, 16), 0.9 (4,096, 64); there is nothing to gain at h = 16 N (1,024, 64:
1.04) and a loss below (512, 256: 1.4). A whole step of a 2-10000-10000-10000-1 network on 16 points
takes 0.40 s of one core in place of 0.64 s, 0.29 s of it to read the weights twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from fastntk._arrays import array_namespace

# Dense updates are as fast below: in a matrix with fewer inputs or outputs per point, or in one
# that a core's cache holds with room to spare.
_LEAST_WIDTH_PER_POINT = 24
_LEAST_ENTRIES = 2**16
# A block of an update stays in a core's second-level cache between its product and its addition.
_BLOCK_BYTES = 2_500_000


def low_rank_rows(shape: tuple[int, int], points: int) -> int:
    """Return how many rows of factors are kept before a weight is rewritten.

    Parameters
    ----------
    shape : (int, int)
        Of the weight.
    points : int
        Rows that each step adds.

    Returns
    -------
    int
        A multiple of ``points``; 0 where the weight is rewritten at every step.

    Examples
    --------
    >>> low_rank_rows((10_000, 10_000), 16)
    400
    >>> low_rank_rows((512, 512), 256)
    0
    """
    harmonic = 2 * shape[0] * shape[1] / (shape[0] + shape[1])
    if shape[0] * shape[1] < _LEAST_ENTRIES or harmonic < _LEAST_WIDTH_PER_POINT * points:
        return 0
    return points * round(math.sqrt(harmonic / points))


def add_product(W: Any, left: Any, right: Any) -> None:
    """Add ``left^T right`` to a matrix in place, by blocks of its rows.

    Parameters
    ----------
    W : ndarray of shape (n', n)
        C-contiguous.
    left, right : ndarray of shape (r, n') and (r, n)
        Of its type, on its device. A temporary of 2.5 MB, or of max(64, 2 r) rows, is made.
    """
    for rows, product in _products(W, left, right):
        part = W[rows]
        part += product


def _products(W: Any, left: Any, right: Any, begin: int = 0) -> Iterator[tuple[slice, Any]]:
    """Yield blocks of rows of W, from a row on, with those of ``left^T right``, to be changed."""
    xp = array_namespace(W)
    rank, columns = right.shape
    rows = min(len(W), max(64, 2 * rank, _BLOCK_BYTES // (columns * W.itemsize)))
    block = xp.empty((rows, columns), W.dtype)
    for first in range(begin, len(W), rows):
        last = min(first + rows, len(W))
        product = block[: last - first]
        xp.matmul(left[:, first:last].T, right, out=product)
        yield slice(first, last), product


class DenseUpdates:
    """A weight that is rewritten by every update.

    Parameters
    ----------
    weight : Weight
        The matrix; its array is changed in place.
    """

    def __init__(self, weight: Any) -> None:
        self._weight = weight

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the map."""
        shape: tuple[int, int] = self._weight.shape
        return shape

    @property
    def array(self) -> Any:
        """The whole matrix."""
        return self._weight.array

    def times(self, A: Any) -> Any:
        """Return A W^T."""
        return self._weight.times(A)

    def transposed_times(self, D: Any) -> Any:
        """Return D W."""
        return self._weight.transposed_times(D)

    def add(self, left: Any, right: Any) -> None:
        """Add ``left^T right``, of shapes (r, n') and (r, n)."""
        add_product(self._weight.array, left, right)

    def fold(self) -> None:
        """Do nothing: the matrix is complete."""


class LowRankUpdates(DenseUpdates):
    """A weight W = W_0 + left^T right, whose factors grow until they are folded into the matrix.

    Parameters
    ----------
    weight : Weight
        The matrix; its array is changed in place by `fold` only.
    rows : int
        The most rows of factors that are kept: ``rows (n' + n)`` numbers are allocated.
    """

    def __init__(self, weight: Any, rows: int) -> None:
        super().__init__(weight)
        W = weight.array
        xp = array_namespace(W)
        self._left = xp.empty((rows, W.shape[0]), W.dtype)
        self._right = xp.empty((rows, W.shape[1]), W.dtype)
        self._rank = 0
        # Of a fold: the rows of the matrix that are complete, and where the sum of a block goes.
        self._folded = 0
        self._sum: tuple[slice, Any] | None = None

    @property
    def array(self) -> Any:
        """The whole matrix, factors folded in."""
        self.fold()
        return self._weight.array

    def times(self, A: Any) -> Any:
        """Return A W^T, with the factors' part computed as (A right^T) left."""
        result = self._weight.times(A)
        if self._rank:
            result += (A @ self._right[: self._rank].T) @ self._left[: self._rank]
        return result

    def transposed_times(self, D: Any) -> Any:
        """Return D W, with the factors' part computed as (D left^T) right."""
        result = self._weight.transposed_times(D)
        if self._rank:
            result += (D @ self._left[: self._rank].T) @ self._right[: self._rank]
        return result

    def add(self, left: Any, right: Any) -> None:
        """Add ``left^T right``; folds first where the rows do not fit."""
        rows = len(left)
        if self._rank + rows > len(self._left):
            self.fold()
        if rows > len(self._left):
            super().add(left, right)
            return
        if not self._rank:
            self._folded = 0
        self._left[self._rank : self._rank + rows] = left
        self._right[self._rank : self._rank + rows] = right
        self._rank += rows

    def fold(self) -> None:
        """Add the factors to the matrix; after an exception in the middle, what is left of them."""
        if not self._rank:
            return
        W = self._weight.array
        xp = array_namespace(W)
        if self._sum is not None and self._sum[0].start == self._folded:
            self._write(W)
        left, right = self._left[: self._rank], self._right[: self._rank]
        for rows, product in _products(W, left, right, self._folded):
            xp.add(product, W[rows], out=product)
            # A sum may be written twice, where a product must not be added twice: an exception,
            # such as that of Ctrl-C, may come between any two operations.
            self._sum = rows, product
            self._write(W)
        self._sum = None
        self._rank = 0

    def _write(self, W: Any) -> None:
        assert self._sum is not None
        rows, values = self._sum
        W[rows] = values
        self._folded = rows.stop
