# SPDX-License-Identifier: Apache-2.0
"""H K H with H = I - 1 1^T / N as an operator; H is never formed.

H K H is the Gram matrix of the features with their mean over the data removed. A product removes
the column means of V before the product with K and those of the result after it.
"""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk._arrays import array_namespace, in_library
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from fastntk._progress import Progress

# Centred together.
_ROWS = 16


class CenteredOperator(SymmetricOperator):
    """H K H of a symmetric operator K.

    Parameters
    ----------
    operator : SymmetricOperator of shape (N, N)
        K; kept, not copied.

    Attributes
    ----------
    operator : SymmetricOperator
        K.
    row_means : ndarray of shape (N,)
        Mean of each row of K, float64; one product, at the first use.

    Raises
    ------
    TypeError
        Not an operator.
    """

    def __init__(self, operator: SymmetricOperator) -> None:
        if not isinstance(operator, SymmetricOperator):
            raise TypeError(
                "operator must be a SymmetricOperator (GramOperator.from_matrix makes one), "
                f"got {type(operator).__name__}"
            )
        self.operator = operator
        self.shape, self.dtype = operator.shape, operator.dtype
        self.nbytes, self.budget = operator.nbytes, operator.budget
        self.place, self.xp, self.host = operator.place, operator.xp, operator.host
        # The trace bounds the norm of K, which may be far above that of H K H.
        with self.here():
            trace = float(abs(operator.diagonal()).sum())
        self.rounding = 8 * float(np.finfo(np.float64).eps) * trace

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the operator's device CuPy's current one, if it has one."""
        return self.operator.here()

    @property
    def row_means(self) -> NDArray[np.float64]:
        """Mean of each row of K, (N,), from one float64 product."""
        means: NDArray[np.float64] = self._returned(self._row_means)
        return means

    @cached_property
    def _row_means(self) -> Any:
        n = self.shape[0]
        with self.here():
            return self.operator.matmat(self.xp.full((n, 1), 1 / n))[:, 0]

    def matmat(self, V: ArrayLike, progress: Progress | None = None) -> NDArray[np.float64]:
        """Return the product with V's columns; see `fastntk.linalg.SymmetricOperator.matmat`."""
        columns = self._check_columns(V)
        with self.here():
            centred = columns - columns.mean(axis=0, dtype=np.float64)
            product = self.operator.matmat(centred.astype(columns.dtype, copy=False), progress)
            product -= product.mean(axis=0)
            returned: NDArray[np.float64] = self._returned(product, V)
            return returned

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N,), of the operator's dtype."""
        means = self.row_means
        with self.here():
            centred: NDArray[Any] = self.operator.diagonal() - 2 * means + means.mean()
            return centred.astype(self.dtype, copy=False)

    def columns(self, indices: NDArray[np.integer[Any]]) -> Any:
        """Return some columns; see `fastntk.linalg.SymmetricOperator.columns`."""
        means = self._row_means
        with self.here():
            own = means[self.xp.asarray(indices)] - means.mean()
            return self.operator.columns(indices) - means[:, np.newaxis] - own

    def to_dense(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the whole matrix; see `fastntk.linalg.SymmetricOperator.to_dense`."""
        K = self.operator.to_dense(self._dense_out(out))
        means = in_library(self._row_means, array_namespace(K))
        with self.here():
            grand = means.mean()
            for start in range(0, len(K), _ROWS):
                rows = slice(start, start + _ROWS)
                # m_i + m_j is rounded alike for (i, j) and (j, i): the result is symmetric to the
                # bit.
                K[rows] -= means[rows, np.newaxis] + means - grand
        return K
