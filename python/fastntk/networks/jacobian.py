# SPDX-License-Identifier: Apache-2.0
"""Jacobians of functions by their parameters, known by their products.

J has a row for each output at each sample, sample-major: row i C + k is the gradient of f_k(x_i).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _validate
from fastntk._arrays import array_namespace, in_library
from fastntk._progress import Meter
from fastntk.linalg.placed import Placed, float_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastntk._progress import Progress


class Jacobian(Placed, ABC):
    """The N C x P Jacobian of C outputs at N samples by P parameters.

    The products are ``J @ V``, ``J.T @ U``, and the same as methods that report progress.

    Attributes
    ----------
    shape : tuple of int
        ``(N * C, P)``.
    samples, outputs : int
        N and C.
    dtype : numpy.dtype
        Type of the parameters, float32 or float64.
    rates : tuple of (int, float)
        Multipliers of the learning rate, as runs of so many parameters: the NTK of training is
        ``J diag(multipliers) J^T``. Empty where all are 1.
    nbytes, budget, place, xp, host
        As of operators, see ``fastntk.linalg.placed``.
    """

    samples: int
    outputs: int
    rates: tuple[tuple[int, float], ...] = ()

    @abstractmethod
    def pushforward(self, V: Any, meter: Meter) -> Any:
        """Return J v of each row of V, (k, N C).

        Parameters
        ----------
        V : ndarray of shape (k, P)
            Of the library ``xp``, float32 or float64: products with float64 vectors are formed in
            float64 where the function can be.
        meter : Meter
            Counts N steps for each row.
        """

    @abstractmethod
    def pullback(self, U: Any, meter: Meter) -> Any:
        """Return J^T u of each row of U (k, N C): shape (k, P); see `pushforward`."""

    @property
    def multipliers(self) -> NDArray[np.float64]:
        """Multiplier of the learning rate of each parameter, (P,)."""
        if not self.rates:
            return np.ones(self.shape[1])
        counts, factors = zip(*self.rates, strict=True)
        return np.repeat(np.asarray(factors, np.float64), counts)

    def scale_by_rates(self, V: Any) -> None:
        """Multiply each row of V (k, P) by the multipliers, in place."""
        start = 0
        for count, factor in self.rates:
            if factor != 1.0:
                V[:, start : start + count] *= V.dtype.type(factor)
            start += count

    def matmat(self, V: ArrayLike, progress: Progress | None = None) -> NDArray[Any]:
        """Return J V.

        Parameters
        ----------
        V : array_like of shape (P, k)
            Directions in the space of parameters, finite.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (N C, k)
            float32 where V and the Jacobian are, else float64; of the library of V.

        Raises
        ------
        ValueError
            V of another shape, or not finite.
        MemoryError
            The product does not fit the budget: said before it is computed.
        """
        columns = self._checked(V, self.shape[1])
        with self.here():
            self._require_rows(columns.shape[1], self.shape, columns.dtype)
            product = self._product(self.pushforward, columns, self.shape[0], progress)
            returned: NDArray[Any] = self._returned(product.T, V)
            return returned

    def rmatmat(self, U: ArrayLike, progress: Progress | None = None) -> NDArray[Any]:
        """Return J^T U.

        Parameters
        ----------
        U : array_like of shape (N C, k)
            Weights of the outputs, sample-major, finite: each column gives the gradient of
            ``sum_ik u[i C + k] f_k(x_i)``.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (P, k)
            float32 where U and the Jacobian are, else float64; of the library of U. Columns are
            contiguous.

        Raises
        ------
        ValueError
            U of another shape, or not finite.
        MemoryError
            The product does not fit the budget: said before it is computed.
        """
        columns = self._checked(U, self.shape[0], "U")
        with self.here():
            self._require_rows(columns.shape[1], self.shape[::-1], columns.dtype)
            product = self._product(self.pullback, columns, self.shape[1], progress)
            returned: NDArray[Any] = self._returned(product.T, U)
            return returned

    @property
    def T(self) -> Transposed:
        """J^T, of which ``J.T @ U`` is the product."""
        return Transposed(self)

    def __matmul__(self, V: ArrayLike) -> NDArray[Any]:
        """Return J V of a vector (P,) or columns (P, k)."""
        columns = float_columns(V)
        if columns.ndim == 1:
            return self.matmat(columns[:, np.newaxis])[:, 0]
        return self.matmat(columns)

    def rows(self, first: int, last: int, dtype: DTypeLike) -> Any:
        """Return the gradients at the samples first .. last - 1, ((last - first) C, P).

        By default by one pullback of unit vectors, which costs as much as that many gradients over
        all samples.

        Parameters
        ----------
        first, last : int
            The samples.
        dtype : dtype
            Of the result.
        """
        C, xp = self.outputs, self.xp
        units = xp.zeros(((last - first) * C, self.shape[0]), dtype)
        units[xp.arange(len(units)), first * C + xp.arange(len(units))] = 1
        return self.pullback(units, Meter(None, "", 0)).astype(dtype, copy=False)

    def to_dense(
        self, out: NDArray[Any] | None = None, progress: Progress | None = None
    ) -> NDArray[Any]:
        """Return the whole Jacobian.

        Parameters
        ----------
        out : ndarray of shape (N C, P), optional
            Where it is written, of the Jacobian's dtype.
        progress : callable, optional
            Called with (stage, done, total).

        Raises
        ------
        MemoryError
            No ``out``, and the matrix does not fit the budget: said before it is computed.
        """
        checked = _validate.output(out, self.shape, self.dtype)
        with self.here():
            if checked is None:
                needed = self.shape[0] * self.shape[1] * self.dtype.itemsize
                what = f"a dense {self.shape[0]} x {self.shape[1]} Jacobian in {self.dtype}"
                self.room.require(needed, what)
                checked = (np if self.host else self.xp).empty(self.shape, self.dtype)
            self._check_place(checked, "out")
            meter = Meter(progress, "Jacobian", self.samples)
            library, C = array_namespace(checked), self.outputs
            step = self._samples_at_once(1, 0 if out is not None else checked.nbytes)
            for first in range(0, self.samples, step):
                last = min(first + step, self.samples)
                block = self.rows(first, last, self.dtype)
                checked[first * C : last * C] = in_library(block, library)
                meter.add(last - first)
        return checked

    def tangent_diagonal(self) -> Any:
        """Return the diagonal of ``J diag(multipliers) J^T``, (N C,) in float64."""
        xp, C = self.xp, self.outputs
        diagonal, step = xp.empty(self.shape[0]), self._samples_at_once(1)
        for first in range(0, self.samples, step):
            last = min(first + step, self.samples)
            squares = self.rows(first, last, np.float64)
            squares *= squares
            self.scale_by_rates(squares)
            diagonal[first * C : last * C] = squares.sum(axis=1)
            del squares  # before the next block is made
        return diagonal

    def tangent_kernel(self, out: Any, held: int = 0) -> None:
        """Write ``J diag(multipliers) J^T``, symmetric to the bit, to ``out`` (N C, N C).

        By default from blocks of gradients in float64. So many bytes of the budget are ``held``.
        """
        C, step = self.outputs, self._samples_at_once(2, held)
        for first in range(0, self.samples, step):
            last = min(first + step, self.samples)
            own = slice(first * C, last * C)
            rows = self.rows(first, last, np.float64)
            scaled = rows.copy() if self.rates else rows
            self.scale_by_rates(scaled)
            square = scaled @ rows.T
            out[own, own] = (square + square.T) / 2
            del rows  # at most two blocks are held
            for after in range(last, self.samples, step):
                end = min(after + step, self.samples)
                other = slice(after * C, end * C)
                block = scaled @ self.rows(after, end, np.float64).T
                out[own, other] = block
                out[other, own] = block.T
            del scaled

    def _samples_at_once(self, blocks: int, held: int = 0) -> int:
        """Return of how many samples so many blocks of float64 gradients, and products, fit.

        ``held`` bytes of what is left are taken.
        """
        rows, parameters = self.shape
        needed = 8 * self.outputs * (blocks * parameters + 3 * rows)
        self.room.require(held + needed, "the gradients of one sample")
        return max(1, min(self.samples, (self.room.left - held) // needed))

    def _product(
        self,
        function: Callable[[Any, Meter], Any],
        columns: Any,
        length: int,
        progress: Progress | None,
    ) -> Any:
        """Return a pushforward or pullback, as rows, of columns."""
        count = columns.shape[1]
        if count == 0:
            return self.xp.empty((0, length), columns.dtype)
        # Vectors are contiguous where layers read parts of them.
        rows = self.xp.ascontiguousarray(columns.T)
        return function(rows, Meter(progress, "Jacobian product", self.samples * count))

    def _require_rows(self, count: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        """Require room for so many vectors, a copy of them and their products."""
        needed = count * (shape[0] + shape[1]) * dtype.itemsize
        self.room.require(needed, "{} product(s) of length {} in {}", count, shape[0], dtype)

    def __repr__(self) -> str:
        rows, parameters = self.shape
        return f"<{rows} x {parameters} {type(self).__name__}, {self.dtype}>"


class Transposed:
    """J^T of a Jacobian J, for products.

    Attributes
    ----------
    shape : tuple of int
        ``(P, N * C)``.
    T : Jacobian
        J.
    """

    def __init__(self, jacobian: Jacobian) -> None:
        self.T = jacobian
        self.shape = jacobian.shape[::-1]

    def __matmul__(self, U: ArrayLike) -> NDArray[Any]:
        """Return J^T U of a vector (N C,) or columns (N C, k)."""
        columns = float_columns(U, "U")
        if columns.ndim == 1:
            return self.T.rmatmat(columns[:, np.newaxis])[:, 0]
        return self.T.rmatmat(columns)

    def __repr__(self) -> str:
        return f"<transpose of {self.T!r}>"
