# SPDX-License-Identifier: Apache-2.0
"""Nystrom preconditioners from columns of K [1]_.

K_S = Y G^-1 Y^T with the columns Y of a random sample S of points and their rows G approximates K
where it is large; U diag(values) U^T is its eigendecomposition, and

    P^-1 = I - U diag(1 - (values_min + ridge) / (values + ridge)) U^T

leaves of K + ridge I what K_S does not resolve. Columns instead of the Gaussian mixtures of [1]_:
those of a kernel on data cost O(N d) each instead of a product, and on 8,000 MNIST digits they save
as many passes (51 instead of 92 at rank 250, 44 at rank 500, with either).

References
----------
.. [1] Z. Frangella, J. A. Tropp, M. Udell, "Randomized Nystrom preconditioning", SIAM J. Matrix
   Anal. Appl. 44 (2023), 718-752, algorithm 2.1 and section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import require_finite

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Columns read at a time.
_BLOCK = 256
# Rows replaced at a time: the temporaries stay in cache.
_ROWS = 1024
# Up to here the small eigenproblem takes less than a second.
_MOST = 1000
# Eigenvalues below this part of the largest have vectors of too few digits (those of the square
# root of the rounding, to the power of 2/3).
_RESOLVED = 1e-10


def preconditioner_bytes(n: int, rank: int) -> int:
    """Return the bytes that a preconditioner takes while it is made."""
    if rank == 0:
        return 0
    return 8 * n * rank + 48 * rank * rank + 16 * n * min(rank, _BLOCK) + 16 * _ROWS * rank


def select_rank(n: int, room: Budget, held: int) -> int:
    """Return how many columns to read: those that pay off, as far as they fit beside ``held``."""
    rank = min(n // 2, max(n // 16, 64), _MOST)
    while rank and held + preconditioner_bytes(n, rank) > room.left:
        rank //= 2
    return rank


class NystromPreconditioner:
    """P^-1 of (K + ridge I) / scale.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    ridge : float
        Not negative.
    scale : float
        The order of the entries of K.
    rank : int
        Number of columns; 0 for the identity.
    rng : numpy.random.Generator
        Draws the columns.
    progress : callable, optional
        Called with ("preconditioner", columns read, rank).

    Attributes
    ----------
    largest : float
        Estimate of the largest eigenvalue of K / scale, from below; 0 for rank 0.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        ridge: float,
        scale: float,
        rank: int,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        self.xp, self.largest = array_namespace(op), 0.0
        self.U: Any = None
        if rank:
            self._build(op, ridge / scale, scale, rank, rng, progress)

    def __call__(self, R: Any) -> Any:
        """Return P^-1 R."""
        if self.U is None:
            return R.copy()
        return R - self.U @ (self.weights * (self.U.T @ R))

    def _build(
        self,
        op: SymmetricOperator,
        ridge: float,
        scale: float,
        rank: int,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        xp, n = self.xp, op.shape[0]
        sample = np.sort(rng.choice(n, rank, replace=False))
        Y = xp.empty((n, rank))
        for start in range(0, rank, _BLOCK):
            stop = min(start + _BLOCK, rank)
            Y[:, start:stop] = op.columns(sample[start:stop])
            if progress is not None:
                progress("preconditioner", stop, rank)
        Y /= scale
        require_finite(Y, "a column")
        rows = xp.asarray(sample)
        G = to_host(Y[rows])
        G = G / 2 + G.T / 2
        size = float(np.trace(G))
        if not size > 0:
            return
        # K + shift I instead of K: entries are rounded, and rows may be equal.
        shift = float(np.finfo(op.dtype).eps) * size
        while True:
            try:
                C = np.linalg.cholesky(G + shift * np.eye(rank))
                break
            except np.linalg.LinAlgError:
                shift *= 10
                if shift > size:
                    return  # far from semidefinite: there is nothing to gain
        Y[rows, xp.arange(rank)] += shift
        inverse = np.linalg.inv(C)
        M = inverse @ to_host(Y.T @ Y) @ inverse.T
        values, V = np.linalg.eigh(M / 2 + M.T / 2)
        kept = values > _RESOLVED * values[-1]
        V = inverse.T @ (V[:, kept] / np.sqrt(values[kept]))
        values = np.maximum(values[kept] - shift, 0) + ridge
        self.largest = float(values[-1])
        # A value of 0 belongs to what the shift added: it is left alone like what is not resolved.
        least = max(float(values[0]), shift)
        weights = 1 - least / np.maximum(values, least)
        self.weights = xp.asarray(weights[:, np.newaxis])
        factor = xp.asarray(V)
        count = factor.shape[1]
        # In the memory of Y, without gaps (CuPy would copy them out at each product): rows move
        # up only, to where none is read any more.
        self.U = Y.reshape(-1)[: n * count].reshape(n, count)
        for start in range(0, n, _ROWS):
            self.U[start : start + _ROWS] = Y[start : start + _ROWS] @ factor
