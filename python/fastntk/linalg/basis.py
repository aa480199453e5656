# SPDX-License-Identifier: Apache-2.0
"""An orthonormal basis of a block Krylov space, with full reorthogonalisation.

The basis Q is kept in float64 with the products K Q, so that whatever is computed from them can be
certified at no further pass over K. Tall arrays belong to the operator's library
(`array_namespace`); small problems are solved on the host.

Of a product, what lies in the last two blocks is removed first: without rounding that is all of it
[1]_. One sweep over the whole basis then removes what rounding left, and sees how little that was:
a second sweep, which would be needed after a large cancellation, is seldom made.

References
----------
.. [1] B. N. Parlett, "The symmetric eigenvalue problem", SIAM 1998, section 13 (and 6.9 for the
   second sweep).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import require_finite

if TYPE_CHECKING:
    from fastntk.linalg.operator import SymmetricOperator

# Tall arrays are updated in place by blocks of rows: the temporaries, of so many numbers, stay in
# cache, and fresh memory, which costs more than the arithmetic, is touched only where the basis
# grows.
_NUMBERS = 2**16
_ROWS = 1024
# What is left of columns after a sweep, relative to their size before it, for the sweep's rounding
# to leave them orthogonal to some 1e-13.
_KEPT = 1e-3


class Basis:
    """Orthonormal columns Q, the products W = K Q, and the small matrix H = Q^T K Q.

    Parameters
    ----------
    op : SymmetricOperator
        K.
    capacity : int
        Most columns.
    rng : numpy.random.Generator
        Of the directions that take the place of dependent ones.
    precision : type or None
        Of W; None where it is not kept.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        capacity: int,
        rng: np.random.Generator,
        precision: type | None,
    ) -> None:
        self.n, self.capacity, self.size, self.rng = op.shape[0], capacity, 0, rng
        self.xp = array_namespace(op)
        # Columns are contiguous; memory not yet used is not touched.
        self.Q = self.xp.empty((self.n, capacity), order="F")
        self.W: Any = None
        if precision is not None:
            self.W = self.xp.empty((self.n, capacity), dtype=precision, order="F")
        self.H = np.zeros((capacity, capacity))
        # First column of the block before the last, and the size of what the last sweep reduced.
        self._recent, self._before = 0, np.inf

    def random(self, columns: int) -> Any:
        """Return Gaussian columns."""
        return self.xp.asarray(self.rng.standard_normal((self.n, columns)))

    def append(self, V: Any, product: Any) -> Any:
        """Add columns and their products; leave of the products what is outside the basis."""
        old, new = self.size, self.size + V.shape[1]
        for rows in self._row_blocks():
            self.Q[rows, old:new] = V[rows]
            if self.W is not None:
                self.W[rows, old:new] = product[rows]
        self.size = new
        with np.errstate(over="ignore", invalid="ignore"):
            near = self._remove(product, self._recent)
            require_finite(near, "a projection")
            before = float((product * product).sum(axis=0).max()) ** 0.5
            self.H[:new, old:new] = self._remove(product)
        self.H[self._recent : new, old:new] += near
        self.H[old:new, :new] = self.H[:new, old:new].T
        corner = self.H[old:new, old:new]
        corner[:] = corner / 2 + corner.T / 2
        self._recent, self._before = old, before
        return product

    def next_block(self, remainder: Any, scale: float) -> Any:
        """Return the next columns from what `append` left, orthonormal. In place.

        Parameters
        ----------
        remainder : ndarray of shape (N, b)
            Fewer columns are taken where the basis would exceed N.
        scale : float
            The size of K: products of that size that leave nothing are replaced by random columns.
        """
        remainder /= scale
        return self.complement(remainder[:, : self.n - self.size], self._before / scale)

    def ritz(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the eigenvalues of H, descending, and its eigenvectors."""
        values, Y = np.linalg.eigh(self.H[: self.size, : self.size])
        require_finite(values, "an eigenvalue")
        return values[::-1], Y[:, ::-1]

    def residuals(
        self, values: NDArray[np.float64], Y: NDArray[np.float64], scale: float
    ) -> NDArray[np.float64]:
        """Return the norms of W y / scale - value Q y, from the stored products."""
        xp, m = self.xp, self.size
        left, right = xp.asarray(Y / scale), xp.asarray(Y * values)
        squares = xp.zeros(len(values))
        for rows in self._row_blocks():
            difference = self.W[rows, :m] @ left - self.Q[rows, :m] @ right
            squares += (difference * difference).sum(axis=0)
        norms: NDArray[np.float64] = np.sqrt(to_host(squares))
        return norms

    def restart(self, values: NDArray[np.float64], Y: NDArray[np.float64], kept: int) -> None:
        """Keep the first Ritz vectors and their products only."""
        m, y = self.size, self.xp.asarray(Y[:, :kept])
        for rows in self._row_blocks():
            self.Q[rows, :kept] = self.Q[rows, :m] @ y
            self.W[rows, :kept] = self.W[rows, :m] @ y
        self.H[:] = 0
        self.H[range(kept), range(kept)] = values[:kept]
        self.size = self._recent = kept

    def complement(self, C: Any, before: float = np.inf) -> Any:
        """Make C orthonormal and orthogonal to the basis; random where it spans less. In place.

        The columns of C had a size of about 1 before anything was removed from them: what is below
        the rounding of that is nothing, and a random direction serves the next product better.

        Parameters
        ----------
        C : ndarray of shape (N, b)
            Changed.
        before : float
            The size of its columns before the basis was last removed from them; infinite where it
            was not.
        """
        lengths = self._orthonormalise(C)
        if lengths.min() > max(_KEPT * before, 1e-14):
            self._orthonormalise(C)
            return C
        while True:
            lost = np.flatnonzero(lengths <= 1e-14)
            if len(lost):
                C[:, self.xp.asarray(lost)] = self.random(len(lost)) / self.n**0.5
            self._remove(C)
            lengths = self._orthonormalise(C)
            # Columns that kept their length lost no digits to the projection (Kahan and Parlett).
            if lengths.min() > 0.7:
                return C

    def _remove(self, C: Any, first: int = 0) -> NDArray[np.float64]:
        """Remove from C its part in the columns from ``first`` on; return the coefficients."""
        Q = self.Q[:, first : self.size]
        coefficients = Q.T @ C
        transposed = coefficients.T
        for rows in self._row_blocks(C.shape[1]):
            # A few rows times many columns is the faster way round.
            C[rows] -= (transposed @ Q[rows].T).T
        on_host: NDArray[np.float64] = to_host(coefficients)
        return on_host

    def _orthonormalise(self, C: Any) -> NDArray[np.float64]:
        """Replace C by an orthonormal basis; return what of each column was not in those before."""
        xp = self.xp
        try:
            L = to_host(xp.linalg.cholesky(C.T @ C))
            lengths: NDArray[np.float64] = np.diag(L)
            # Cholesky is ten times faster than Householder and loses the square of the condition,
            # which the next sweep restores.
            if lengths.min() > 1e-5 * lengths.max():
                inverse = xp.asarray(np.linalg.inv(L).T)
                for rows in self._row_blocks(C.shape[1]):
                    C[rows] = C[rows] @ inverse
                return lengths
        except np.linalg.LinAlgError:
            pass
        C[:], R = xp.linalg.qr(C)
        return np.abs(np.diag(to_host(R)))

    def _row_blocks(self, columns: int = _NUMBERS // _ROWS) -> list[slice]:
        step = max(_ROWS, _NUMBERS // columns)
        return [slice(i, i + step) for i in range(0, self.n, step)]
