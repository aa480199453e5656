# SPDX-License-Identifier: Apache-2.0
"""What eigensolvers and models ask of a symmetric matrix, stored or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _validate
from fastntk._arrays import array_namespace, beside
from fastntk.linalg.placed import Placed, float_columns

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.linalg.solution import Solution


class SymmetricOperator(Placed, ABC):
    """A symmetric N x N matrix known by its products.

    Its attributes are those of ``fastntk.linalg.placed.Placed``, and:

    Attributes
    ----------
    shape : tuple of int
        ``(N, N)``.
    rounding : float
        Absolute error of float64 products with unit vectors beyond that relative to the largest
        eigenvalue: not 0 where the operator is a difference of larger ones.
    """

    rounding: float = 0.0

    @abstractmethod
    def matmat(self, V: ArrayLike, progress: Progress | None = None) -> NDArray[np.float64]:
        """Return the product with the columns of V, (N, k), accumulated in float64.

        Parameters
        ----------
        V : array_like of shape (N, k)
            Finite. Where V and the operator are both float32, products within a tile are formed in
            float32 (about 1e-7 of the largest eigenvalue, and faster); otherwise in float64.
            The result is of the library of V. On a GPU, NumPy arrays are copied there and back; a
            CuPy array is not waited for, and where a column of it is not finite the result's column
            is NaN.
        progress : callable, optional
            Called with (stage, done, total).
        """

    @abstractmethod
    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N,), of the operator's dtype."""

    @abstractmethod
    def to_dense(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the whole matrix, written to ``out`` (N, N) where given.

        ``out`` has the operator's dtype, or float64 for one rounding less where entries are sums.

        Raises
        ------
        MemoryError
            No ``out``, and the matrix does not fit beside what the operator holds.
        """

    def columns(self, indices: NDArray[np.integer[Any]]) -> Any:
        """Return some columns, (N, len(indices)), in float32 or float64; by default by a product.

        They are arrays of the library ``xp``.

        Parameters
        ----------
        indices : ndarray of int
            Which ones, in any order.
        """
        xp, count = array_namespace(self), len(indices)
        with self.here():
            units = xp.zeros((self.shape[0], count), dtype=self.dtype)
            units[xp.asarray(indices), xp.arange(count)] = 1
            return self.matmat(units)

    def solve(self, B: ArrayLike, ridge: float = 0.0, **options: Any) -> Solution:
        """Return the solution of (K + ridge I) A = B; see `fastntk.solve` for the arguments."""
        from fastntk.linalg.solver import solve  # which knows of operators itself

        return solve(self, B, ridge, **options)

    def __matmul__(self, V: ArrayLike) -> NDArray[Any]:
        """Return the product with a vector (N,) or columns (N, k), in the promoted dtype."""
        columns = float_columns(V)
        vector = columns.ndim == 1
        product = self.matmat(columns[:, np.newaxis] if vector else columns)
        result = product[:, 0] if vector else product
        with beside(result):
            return result.astype(np.result_type(self.dtype, columns.dtype), copy=False)

    def __repr__(self) -> str:
        n = self.shape[0]
        return f"<{n} x {n} {type(self).__name__}, {self.dtype}>"

    def _check_columns(self, V: ArrayLike) -> Any:
        """V as a C-contiguous (N, k) array of a type and place that the native module takes."""
        return self._checked(V, self.shape[0])

    def _dense_out(self, out: NDArray[Any] | None) -> NDArray[Any]:
        """``out`` checked, or a new array within the budget."""
        if out is None:
            n = self.shape[0]
            needed = n * n * self.dtype.itemsize
            self.room.require(needed, f"a dense {n} x {n} {self.dtype} matrix")
            with self.here():
                new: NDArray[Any] = (np if self.host else self.xp).empty(self.shape, self.dtype)
                return new
        double = getattr(out, "dtype", None) == np.float64
        checked = _validate.output(out, self.shape, np.dtype(np.float64) if double else self.dtype)
        assert checked is not None
        self._check_place(checked, "out")
        return checked


def require_symmetric(K: NDArray[Any]) -> float:
    """Require a non-empty, square, finite matrix that is symmetric to rounding.

    Returns
    -------
    float
        The largest magnitude of an entry.
    """
    if K.ndim != 2 or K.shape[0] != K.shape[1] or K.size == 0:
        raise ValueError(f"K must be a non-empty square matrix, got shape {K.shape}")
    largest, difference = 0.0, 0.0
    step = max(1, 2**22 // len(K))  # blocks of rows, so that no second matrix is held
    for i in range(0, len(K), step):
        rows = K[i : i + step]
        if not array_namespace(rows).isfinite(rows).all():
            raise ValueError("K must be finite, got NaN or infinity")
        largest = max(largest, float(abs(rows).max()))
        difference = max(difference, float(abs(rows - K[:, i : i + step].T).max()))
    # Room for a matrix whose triangles a BLAS summed in a different order.
    if difference > 64 * np.finfo(K.dtype).eps * largest:
        raise ValueError(
            f"K must be symmetric, but K and its transpose differ by {difference:.3g} "
            f"where the largest entry is {largest:.3g}"
        )
    return largest
