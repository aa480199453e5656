# SPDX-License-Identifier: Apache-2.0
"""Block conjugate gradients, preconditioned, with float32 products where they serve [1]_ - [3]_.

All right-hand sides search one common space: each pass multiplies K by the directions of all
columns not yet solved, and every column takes the best step within their span. Nearly dependent
directions are dropped [2]_, so that equal or converging right-hand sides do no harm. Residuals are
carried along by the products; a float64 product replaces them by the true ones, while the search
directions stay [3]_: after each digit won with float32 products, and before the end in any case.
Tall arrays belong to the operator's library (`array_namespace`); small problems are solved on the
host.

References
----------
.. [1] D. P. O'Leary, "The block conjugate gradient algorithm and related methods", Linear Algebra
   Appl. 29 (1980), 293-322.
.. [2] H. Ji, Y. Li, "A breakdown-free block conjugate gradient method", BIT 57 (2017), 379-403.
.. [3] H. A. van der Vorst, Q. Ye, "Residual replacement strategies for Krylov subspace iterative
   methods for the convergence of true residuals", SIAM J. Sci. Comput. 22 (2000), 835-852.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import block_product
from fastntk.linalg.preconditioner import (
    NystromPreconditioner,
    preconditioner_bytes,
    select_rank,
)
from fastntk.linalg.solution import Solution, column_norms

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

_EPS = float(np.finfo(np.float64).eps)
# float32 products lose what they know of a residual at their own rounding: it is replaced before.
_DIGIT = 0.1
# Residuals carried along are stopped a little below the tolerance, which the true ones must meet.
_MARGIN = 0.9
# Squared length of what a direction of length 1 must have outside the span of the others.
_INDEPENDENT = 1e-12

OUT_OF_PASSES = "raise max_passes, rank, ridge or tol"
INDEFINITE = (
    "K + ridge I is not positive definite to rounding: raise ridge, or use a float64 operator"
)
STAGNATED = "float64 products certify nothing smaller: raise tol or ridge"


def gradients_bytes(n: int, columns: int) -> int:
    """Return the bytes that `conjugate_gradients` takes beside its preconditioner."""
    # Solutions, residuals, directions, products, and the temporaries of a step.
    return 8 * n * columns * 12


def conjugate_gradients(
    op: SymmetricOperator,
    B: Any,
    ridge: float,
    tol: float,
    rng: np.random.Generator,
    *,
    rank: int | None,
    max_passes: int,
    room: Budget,
    progress: Progress | None,
) -> tuple[Solution, str]:
    """Return the solution for right-hand sides of norm 1 or 0, and what to try if it stopped early.

    Other arguments are those of `fastntk.solve`, checked.
    """
    n, columns = B.shape
    held = gradients_bytes(n, columns)
    room.require(held, f"conjugate gradients with {columns} columns of {n} rows")
    if rank is None:
        rank = select_rank(n, room, held)
    needed = held + preconditioner_bytes(n, rank)
    room.require(needed, f"a preconditioner of rank {rank} for {n} rows")
    search = Search(op, B, ridge, rank, max_passes, rng, progress)
    reason = search.run(tol)
    residuals, A = search.errors, search.X / search.scale
    return Solution(A, residuals, reason == "", "cg", search.passes), reason


class Search:
    """A common search of all right-hand sides for the solution X of (K + ridge I) / scale X = B."""

    def __init__(
        self,
        op: SymmetricOperator,
        B: Any,
        ridge: float,
        rank: int,
        max_passes: int,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> None:
        self.op, self.B, self.ridge, self.progress = op, B, ridge, progress
        self.xp = array_namespace(op)
        self.scale = float(np.abs(to_host(op.diagonal())).max()) + ridge or 1.0
        self.precondition = NystromPreconditioner(op, ridge, self.scale, rank, rng, progress)
        self.passes, self.max_passes = 0, max_passes
        self.single = op.dtype == np.float32
        self.X = self.xp.zeros(B.shape)
        self.R, self.errors = B.copy(), column_norms(B)
        self.forget()

    def forget(self) -> None:
        """Leave the directions searched so far: the next ones start anew."""
        self.P: Any = None
        self.Q: Any = None
        self.inverse: NDArray[np.float64] = np.empty((0, 0))

    def run(self, tol: float) -> str:
        """Search until the true residuals meet ``tol``; return "", or why it ended before."""
        reason = ""
        while (self.errors > tol).any():
            before = float(self.errors.max())
            goal = max(_MARGIN * tol, _DIGIT * before) if self.single else _MARGIN * tol
            carried, reason = self.descend(_MARGIN * tol, goal)
            self.R = self.B - self.product(self.X, np.dtype(np.float64))
            self.errors = column_norms(self.R)
            after = float(self.errors.max())
            if reason or after <= tol:
                break
            if self.passes == self.max_passes:
                reason = OUT_OF_PASSES
                break
            stalled = after > before / 2
            if stalled and not self.single:
                reason = STAGNATED
                break
            if self.single and (stalled or after > 2 * carried):
                # The error of the products, not the search, decides by now.
                self.single = False
                if stalled:
                    self.forget()
        return "" if (self.errors <= tol).all() else reason

    def descend(self, solved: float, goal: float) -> tuple[float, str]:
        """Step until the largest residual carried along is at ``goal``; return it, and any reason.

        Columns at ``solved`` take no further steps. One pass is left for the true residuals.
        """
        xp = self.xp
        active = np.flatnonzero(self.errors > solved)
        R, largest = self.R[:, xp.asarray(active)], float(self.errors.max())
        while largest > goal:
            if self.passes >= self.max_passes - 1:
                return largest, OUT_OF_PASSES
            if not self.turn(self.precondition(R)):
                return largest, STAGNATED
            reason = self.multiply()
            if reason:
                return largest, reason
            step = xp.asarray(self.inverse @ to_host(self.P.T @ R))
            self.X[:, xp.asarray(active)] += self.P @ step
            R -= self.Q @ step
            errors = column_norms(R)
            largest = float(errors.max())
            rest = np.flatnonzero(errors > solved)
            if len(rest) < len(active):
                active, R = active[rest], R[:, xp.asarray(rest)]
        return largest, ""

    def turn(self, Z: Any) -> bool:
        """Take new directions from Z, conjugate to the last ones; False where nothing is left."""
        xp = self.xp
        if self.P is not None:
            Z -= self.P @ xp.asarray(self.inverse @ to_host(self.Q.T @ Z))
        lengths = column_norms(Z)
        Z /= xp.asarray(np.where(lengths > 0, lengths, 1.0))
        values, V = np.linalg.eigh(to_host(Z.T @ Z))
        kept = values > _INDEPENDENT
        if not kept.any():
            return False
        self.P = Z @ xp.asarray(V[:, kept] / np.sqrt(values[kept]))
        return True

    def multiply(self) -> str:
        """Multiply the directions by the matrix; return "", or why there is no step along them."""
        while True:
            if self.single:
                # The step goes along the directions that were multiplied.
                self.P = self.P.astype(np.float32).astype(np.float64)
            self.Q = self.product(self.P, np.dtype(np.float32 if self.single else np.float64))
            D = to_host(self.P.T @ self.Q)
            values, V = np.linalg.eigh(D / 2 + D.T / 2)
            rounding = 8 * _EPS * max(self.precondition.largest, float(values[-1]))
            if values[0] > rounding:
                self.inverse = (V / values) @ V.T
                return ""
            if not self.single:
                return INDEFINITE
            if self.passes >= self.max_passes - 1:
                return OUT_OF_PASSES
            self.single = False

    def product(self, V: Any, precision: np.dtype[Any]) -> Any:
        """Return (K + ridge I) / scale times the columns of V."""
        self.passes += 1
        stage = f"solve, pass {self.passes}"
        product = block_product(self.op, V.astype(precision, copy=False), stage, self.progress)
        product += self.ridge * V
        product /= self.scale
        return product
