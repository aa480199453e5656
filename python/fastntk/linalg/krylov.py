# SPDX-License-Identifier: Apache-2.0
"""Block Krylov: thick-restart block Lanczos with full reorthogonalisation [1]_, [2]_.

The basis Q is kept in float64 with the products K Q, so that Ritz pairs and their residuals
||K v - lambda v|| come from products that were made, not from estimates, at no further pass over K.
Tall arrays belong to the operator's library (`array_namespace`); small problems are solved on the
host.

References
----------
.. [1] K. Wu, H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM
   J. Matrix Anal. Appl. 22 (2000), 602-616.
.. [2] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
   singular value decomposition", NIPS 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import (
    Eigenpairs,
    block_product,
    require_finite,
    spectral_scale,
    with_signs,
)

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Float32 products err by up to about 1e-7 of the largest eigenvalue: they certify nothing smaller.
_FLOAT32_TOL = 5e-7
# Room for ten blocks besides the pairs: most problems end before a restart.
_BLOCKS_KEPT = 10
# Tall arrays are updated in place by blocks of rows: the temporaries stay in cache, and fresh
# memory, which costs more than the arithmetic, is touched only where the basis grows.
_ROWS = 1024


def block_krylov(
    op: SymmetricOperator,
    k: int,
    tol: float,
    rng: np.random.Generator,
    *,
    block: int,
    max_passes: int,
    room: Budget,
    progress: Progress | None,
) -> Eigenpairs:
    """Return the k largest eigenpairs of an operator, or the best of ``max_passes`` products.

    Arguments are those of `fastntk.eigenpairs`, checked; ``room`` is for the basis.
    """
    n = op.shape[0]
    single = op.dtype == np.float32 and tol >= _FLOAT32_TOL
    # Products made from float32 vectors hold no more digits than float32 keeps.
    precision = np.float32 if single else np.float64
    basis = Basis(op, capacity_for(n, k, block, room), rng, precision)
    V = basis.complement(basis.random(block))
    for done in range(1, max_passes + 1):
        stage = f"eigenpairs, pass {done}"
        product = block_product(op, V.astype(precision, copy=False), stage, progress)
        remainder = basis.append(V, product)
        values, Y = basis.ritz()
        scale = spectral_scale(values)
        relative = basis.residuals(values[:k] / scale, Y[:, :k], scale)
        converged = len(relative) == k and relative.max() <= max(tol, op.rounding / scale)
        if converged or done == max_passes or basis.size == n:
            break
        if basis.size + block > basis.capacity < n:
            basis.restart(values, Y, k + (basis.capacity - k - block) // 2)
        remainder /= scale
        V = basis.complement(remainder[:, : n - basis.size])
    vectors = with_signs(basis.Q[:, : basis.size] @ basis.xp.asarray(Y[:, :k]))
    return Eigenpairs(values[:k].copy(), vectors, relative * scale, "krylov", done, bool(converged))


def capacity_for(n: int, k: int, block: int, room: Budget) -> int:
    """Return the columns of basis that the budget allows, up to those that are useful."""
    # Beside the basis: the block, its product, and the copies made in rounding, centring and QR.
    spare, column = 48 * n * block + 8 * n * k, 16 * n
    least = min(n, k + 2 * block)
    room.require(spare + column * least, f"a Krylov basis of {least} columns for {n} rows")
    return min(n, k + _BLOCKS_KEPT * block, (room.left - spare) // column)


class Basis:
    """Orthonormal columns Q, the products W = K Q, and the small matrix H = Q^T K Q."""

    def __init__(
        self, op: SymmetricOperator, capacity: int, rng: np.random.Generator, precision: type
    ) -> None:
        self.n, self.capacity, self.size, self.rng = op.shape[0], capacity, 0, rng
        self.xp = array_namespace(op)
        # Columns are contiguous; memory not yet used is not touched.
        self.Q = self.xp.empty((self.n, capacity), order="F")
        self.W = self.xp.empty((self.n, capacity), dtype=precision, order="F")
        self.H = np.zeros((capacity, capacity))

    def random(self, columns: int) -> Any:
        """Return Gaussian columns."""
        return self.xp.asarray(self.rng.standard_normal((self.n, columns)))

    def append(self, V: Any, product: Any) -> Any:
        """Add columns and their products; leave of the products what is outside the basis."""
        old, new = self.size, self.size + V.shape[1]
        for rows in self._row_blocks():
            self.Q[rows, old:new], self.W[rows, old:new] = V[rows], product[rows]
        self.size = new
        with np.errstate(over="ignore", invalid="ignore"):
            coefficients = self.Q[:, :new].T @ product
        require_finite(coefficients, "a projection")
        self.H[:new, old:new] = to_host(coefficients)
        self.H[old:new, :new] = self.H[:new, old:new].T
        corner = self.H[old:new, old:new]
        corner[:] = corner / 2 + corner.T / 2
        return self._remove(product, coefficients)

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
        self.size = kept

    def complement(self, C: Any) -> Any:
        """Make C orthonormal and orthogonal to the basis; random where it spans less. In place.

        The columns of C had a size of about 1 before anything was removed from them: what is below
        the rounding of that is nothing, and a random direction serves the next product better.
        """
        Q = self.Q[:, : self.size]
        lengths = self._orthonormalise(C)
        while True:
            lost = np.flatnonzero(lengths <= 1e-14)
            if len(lost):
                C[:, self.xp.asarray(lost)] = self.random(len(lost)) / self.n**0.5
            lengths = self._orthonormalise(self._remove(C, Q.T @ C))
            # Columns that kept their length lost no digits to the projection (Kahan and Parlett).
            if lengths.min() > 0.7:
                return C

    def _remove(self, C: Any, coefficients: Any) -> Any:
        for rows in self._row_blocks():
            C[rows] -= self.Q[rows, : self.size] @ coefficients
        return C

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
                for rows in self._row_blocks():
                    C[rows] = C[rows] @ inverse
                return lengths
        except np.linalg.LinAlgError:
            pass
        C[:], R = xp.linalg.qr(C)
        return np.abs(np.diag(to_host(R)))

    def _row_blocks(self) -> list[slice]:
        return [slice(i, i + _ROWS) for i in range(0, self.n, _ROWS)]
