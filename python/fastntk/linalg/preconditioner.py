# SPDX-License-Identifier: Apache-2.0
"""A preconditioner from columns of K: a partial Cholesky factor and the diagonal it leaves [1]_.

With a random sample S of points, C C^T = K_SS + ridge I and F = K_:S C^-T (so that F_S = C),

    M = F F^T + D,    D_i = K_ii + ridge - |F_i|^2 off the sample, 0 on it:

M has the rows and the diagonal of K + ridge I exactly; only what two points off the sample have in
common beyond it is missing. Columns of a kernel on data cost O(N d) each, no product.

Passes to 1e-6 of the ten classes of MNIST digits (4 hidden layers, bias_std 0.1, ridge 0):

=========================================================  ===========  ===========
columns                                                    1000         2000
=========================================================  ===========  ===========
N = 8,000: M                                               29           21
the Nystrom preconditioner of [2]_, same columns           36           30
M, columns by randomly pivoted Cholesky [3]_               31           24
M, D with blocks of 256 neighbours instead of a diagonal   29           19
N = 16,000: M                                              43           31
M, D a constant                                            66           51
N = 3,000, Gaussian kernel of length 7, ridge 1e-4: M      30
the Nystrom preconditioner, same columns                   66
=========================================================  ===========  ===========

With 1,000 columns at N = 16,000, float32 products and the stops of `fastntk.linalg.block_search`
are 49 passes, 58 with F in float32, and 40 with all in float64, of twice the time each. Products
with all earlier directions made conjugate again do not help. All 60,000 digits take 55 passes with
3,000 columns; the Nystrom preconditioner took 87 with 1,000.

Uniform columns serve best: what decides is the diagonal left at the many points in between, not the
trace, which the choices of [3]_ (and still more the largest pivot: 42 passes with [2]_) lower.

References
----------
.. [1] S. Zhao, T. Xu, H. Huang, E. Chow, Y. Xi, "An adaptive factorized Nystrom preconditioner for
   regularized kernel matrices", SIAM J. Sci. Comput. 46 (2024), A2351-A2376: with a sparse factor
   in the place of D.
.. [2] Z. Frangella, J. A. Tropp, M. Udell, "Randomized Nystrom preconditioning", SIAM J. Matrix
   Anal. Appl. 44 (2023), 718-752.
.. [3] Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, "Randomly pivoted Cholesky: practical
   approximation of a kernel matrix with few entry evaluations", Comm. Pure Appl. Math. 78 (2025),
   995-1041.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import require_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Columns read, and columns of the factor formed, at a time.
_BLOCK = 256
# Rows replaced at a time: the temporaries stay in cache.
_ROWS = 1024
_MOST = 3000
# Steps of the power method: the order of the largest eigenvalue is all that is asked for.
_POWERS = 4


def preconditioner_bytes(op: SymmetricOperator, rank: int) -> int:
    """Return the bytes that a preconditioner takes while it is made."""
    n = op.shape[0]
    if rank == 0:
        return 0
    small = 40 * rank * rank + 16 * _ROWS * rank
    return 8 * n * rank + 16 * n * min(rank, _BLOCK) + small + 48 * n


def select_rank(op: SymmetricOperator, room: Budget, held: int) -> int:
    """Return how many columns to read: those that pay off, as far as they fit beside ``held``."""
    n = op.shape[0]
    rank = min(n // 2, max(n // 16, 64), _MOST)
    while rank and held + preconditioner_bytes(op, rank) > room.left:
        rank //= 2
    return rank


class PartialCholesky:
    """M^-1 of (K + ridge I) / scale, in float64: in float32 it would cost one pass in five.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    ridge : float
        Not negative.
    rank : int
        Number of columns; 0 for the identity.
    rng : numpy.random.Generator
        Draws the columns.
    progress : callable, optional
        Called with ("preconditioner", columns read or formed, 2 rank).

    Attributes
    ----------
    scale : float
        The order of the entries of K + ridge I; solutions are divided by it.
    largest : float
        The order of the largest eigenvalue of K / scale, from below; 0 for rank 0.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        ridge: float,
        rank: int,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        self.xp, self.largest = array_namespace(op), 0.0
        diagonal = self.xp.asarray(op.diagonal()).astype(np.float64)
        self.scale = float(np.abs(to_host(diagonal)).max()) + ridge or 1.0
        if not np.isfinite(self.scale):
            raise FloatingPointError("an entry of K + ridge I is not finite in float64")
        self.F: Any = None
        if rank:
            rows = np.sort(rng.choice(op.shape[0], rank, replace=False))
            self.rows = self.xp.asarray(rows)
            Y = self._columns(op, rows, progress)
            entry = float(np.finfo(op.dtype).eps)
            self._factor(Y, diagonal / self.scale, ridge / self.scale, entry, rng, progress)

    def __call__(self, R: Any) -> Any:
        """Return M^-1 R."""
        if self.F is None:
            return R.copy()
        sampled = self.inverse @ R[self.rows]
        Z = R - self.F @ sampled
        Z *= self.weights
        Z[self.rows] = self.inverse.T @ (sampled - self.F.T @ Z)
        return Z

    def _columns(
        self, op: SymmetricOperator, rows: NDArray[np.int64], progress: Progress | None
    ) -> Any:
        """Return the columns of the sample, divided by the scale."""
        rank = len(rows)
        Y = self.xp.empty((op.shape[0], rank))
        for start in range(0, rank, _BLOCK):
            stop = min(start + _BLOCK, rank)
            block = self.xp.asarray(op.columns(rows[start:stop]))
            require_finite(block, "a column")
            Y[:, start:stop] = block / self.scale
            if progress is not None:
                progress("preconditioner", stop, 2 * rank)
        return Y

    def _factor(
        self,
        Y: Any,
        diagonal: Any,
        ridge: float,
        entry: float,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        xp, (n, rank) = self.xp, Y.shape
        G = to_host(Y[self.rows])
        G = G / 2 + G.T / 2
        size = float(np.trace(G))
        if not size > 0:
            return
        # K + (ridge + shift) I: entries are rounded, and rows may be equal.
        shift = entry * size
        while True:
            try:
                C = np.linalg.cholesky(G + (ridge + shift) * np.eye(rank))
                break
            except np.linalg.LinAlgError:
                shift *= 10
                if shift > size:
                    return  # far from semidefinite: there is nothing to gain
        Y[self.rows, xp.arange(rank)] += ridge + shift
        inverse = xp.asarray(np.linalg.inv(C))
        D = diagonal + (ridge + shift)
        for start in range(0, n, _ROWS):
            rows = slice(start, start + _ROWS)
            D[rows] -= self._formed(Y[rows], inverse)
            if progress is not None:
                progress("preconditioner", rank + rank * min(start + _ROWS, n) // n, 2 * rank)
        weights = 1 / xp.maximum(D, ridge + shift)
        weights[self.rows] = 0.0
        self.weights, self.inverse, self.F = weights[:, np.newaxis], inverse, Y
        v = xp.asarray(rng.standard_normal((rank, 1)))
        for _ in range(_POWERS):
            v /= xp.sqrt((v * v).sum())
            v = Y.T @ (Y @ v)
        self.largest = float(xp.sqrt((v * v).sum()))

    def _formed(self, Y: Any, inverse: Any) -> Any:
        """Replace rows of K_:S by those of F; return the squares of their lengths.

        The inverse is a lower triangle: a block of its rows has nothing beyond its last column.
        """
        xp, rank = self.xp, Y.shape[1]
        rows, squares = Y.copy(), xp.zeros(len(Y))
        for start in range(0, rank, _BLOCK):
            stop = min(start + _BLOCK, rank)
            block = rows[:, :stop] @ inverse[start:stop, :stop].T
            squares += (block * block).sum(axis=1)
            Y[:, start:stop] = block
        return squares
