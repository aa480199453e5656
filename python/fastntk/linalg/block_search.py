# SPDX-License-Identifier: Apache-2.0
"""Block conjugate gradients, preconditioned, with float32 products where they serve [1]_ - [3]_.

All right-hand sides search one common space: each pass multiplies K by the directions of all
columns not yet solved, and every column takes the best step within their span. Nearly dependent
directions are dropped [2]_, so that equal or converging right-hand sides do no harm. Residuals are
carried along by the products; a float64 product replaces them by the true ones, while the search
directions stay [3]_: after each two digits won with float32 products, and before the end in any
case. Tall arrays belong to the operator's library (`array_namespace`); small problems are solved on
the host.

A product of 16 columns takes as long as one of 10 (0.60 s at N = 60,000, packed): random right-hand
sides fill up the block, whose solutions nobody asks for. At N = 16,000 they save a tenth of the
passes.

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
from fastntk.linalg.solution import column_norms
from fastntk.linalg.solve_course import Course

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator
    from fastntk.linalg.preconditioner import PartialCholesky

_EPS = float(np.finfo(np.float64).eps)
# float32 products lose what they know of a residual at their own rounding: it is replaced before.
_DIGITS = 0.01
# Residuals carried along are stopped a little below the tolerance, which the true ones must meet.
_MARGIN = 0.9
# Squared length of what a direction of length 1 must have outside the span of the others.
_INDEPENDENT = 1e-12
# Progress is a residual below this part of the least one; after so many passes without, something
# is wrong with the system.
_PROGRESS = 0.9
_PATIENCE = 20
# Growth of the residual, over its least, beyond what a condition of 1 / eps explains.
_DIVERGED = 1e8
# Columns that a product takes at a time: fewer cost as much, where there are more than half of it.
_WIDTH = 16

OUT_OF_PASSES = "raise max_passes, rank, ridge or tol"
INDEFINITE = (
    "K + ridge I is not positive definite to rounding: raise ridge, or use a float64 operator"
)
DIVERGED = "K + ridge I is singular to rounding: raise ridge"
STAGNATED = "float64 products certify nothing smaller: raise tol or ridge"


def companions(columns: int) -> int:
    """Return how many random right-hand sides join those given."""
    return -columns % _WIDTH if columns > _WIDTH // 2 else 0


class BlockSearch:
    """A common search of all right-hand sides for solutions of (K + ridge I) / scale X = B.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    ridge : float
        Not negative.
    precondition : PartialCholesky
        Of the same matrix; it has the scale.
    max_passes : int
        Most products, at least 2.
    rng : numpy.random.Generator
        Draws the right-hand sides that fill up the block.
    progress : callable, optional
        Told of the digits won.
    doubt : callable, optional
        Called after each 20 passes without progress: what it raises ends the search.

    Attributes
    ----------
    X : ndarray of shape (N, C)
        Solutions so far, whenever the search is interrupted; None before the first.
    errors : ndarray of shape (C,)
        Norms of the residuals, on the host; during a search those carried along.
    passes : int
        Products so far.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        ridge: float,
        precondition: PartialCholesky,
        max_passes: int,
        rng: np.random.Generator,
        progress: Progress | None,
        doubt: Callable[[], None] | None = None,
    ) -> None:
        self.op, self.ridge, self.precondition = op, ridge, precondition
        self.scale, self.xp = precondition.scale, array_namespace(op)
        self.passes, self.max_passes = 0, max_passes
        self.rng, self.progress = rng, progress
        # The norm of what entries are rounded by: curvature of the null space looks like this.
        self.noise = float(np.finfo(op.dtype).eps) * op.shape[0] ** 0.5
        self.course: Course | None = None
        self.X: Any = None
        self.errors: NDArray[np.float64] = np.empty(0)
        self.left: Any = 0.0
        self.flat: Any = 0.0
        self.doubt = doubt

    def run(self, B: Any, tol: float, stage: str, start: Any = None) -> str:
        """Search until the true residuals meet ``tol``; return "", or why it ended before.

        ``B`` has columns of norm 1 or 0, and ``start`` is X to begin with. Each run may take
        ``max_passes``.
        """
        xp = self.xp
        # Nothing of the run before is told of this one, whenever it is interrupted.
        self.X, self.errors = None, np.ones(B.shape[1])
        self.B, self.last = B, self.passes + self.max_passes
        self.single = self.op.dtype == np.float32
        self.certain, self.certified = xp.zeros(B.shape), column_norms(B)
        self.R, self.errors = B.copy(), self.certified.copy()
        self.X = self.certain.copy()
        if start is not None:
            self.X += start
            self._certify()
            self._return()  # columns that are better begun at 0
        self.others = xp.asarray(self.rng.standard_normal((len(B), companions(B.shape[1]))))
        self.others /= xp.asarray(column_norms(self.others))
        self._forget()
        self.best, self.idle, self.flat = np.inf, 0, 0.0
        self._judge(self.R, float(self.errors.max()))
        if self.progress is not None:
            self.course = Course(self.progress, stage, float(self.errors.max()), tol)
        return self._search(tol)

    @property
    def stuck(self) -> Any:
        """The size in each row, (N,), of what is in the way.

        That is the least residual so far, and a direction in which the matrix is singular.
        """
        return self.left + self.flat

    def _forget(self) -> None:
        """Leave the directions searched so far: the next ones start anew."""
        self.P: Any = None
        self.Q: Any = None
        self.inverse: NDArray[np.float64] = np.empty((0, 0))

    def _search(self, tol: float) -> str:
        reason = ""
        while (self.errors > tol).any():
            before = float(self.errors.max())
            goal = max(_MARGIN * tol, (_DIGITS if self.single else _EPS) * before)
            carried, reason = self._descend(_MARGIN * tol, goal)
            self._certify()
            after = float(self.errors.max())
            if reason or after <= tol:
                break
            if self.passes == self.last:
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
                    self._forget()
        if self.course is not None:
            self.course.reached(float(self.errors.max()))
        self.X, self.errors = self.certain, self.certified
        return "" if (self.errors <= tol).all() else reason

    def _certify(self) -> None:
        """Replace the residuals by the true ones; keep what is better than before."""
        self.R = self.B - self._product(self.X, np.dtype(np.float64))
        self.errors = column_norms(self.R)
        better = np.flatnonzero(self.errors < self.certified)
        columns = self.xp.asarray(better)
        self.certain[:, columns] = self.X[:, columns]
        self.certified[better] = self.errors[better]

    def _return(self) -> None:
        """Go back to the columns' best solutions that are certified; those are 0, or the last."""
        worse = np.flatnonzero(self.errors > self.certified)
        columns = self.xp.asarray(worse)
        self.X[:, columns] = self.certain[:, columns]
        self.R[:, columns] = self.B[:, columns]
        self.errors[worse] = self.certified[worse]

    def _descend(self, solved: float, goal: float) -> tuple[float, str]:
        """Step until the largest residual carried along is at ``goal``; return it, and any reason.

        Columns at ``solved`` take no further steps. One pass is left for the true residuals.
        """
        xp = self.xp
        active = np.flatnonzero(self.errors > solved)
        R, largest = self._joined(self.R, active), float(self.errors.max())
        while largest > goal:
            if self.passes >= self.last - 1:
                return largest, OUT_OF_PASSES
            if not self._turn(self.precondition(R)):
                return largest, STAGNATED
            reason = self._multiply()
            if reason:
                return largest, reason
            step = xp.asarray(self.inverse @ to_host(self.P.T @ R))
            count = len(active)
            self.X[:, xp.asarray(active)] += self.P @ step[:, :count]
            R -= self.Q @ step
            errors = column_norms(R[:, :count])
            self.errors[active] = errors
            largest = float(errors.max())
            if self.course is not None:
                self.course.reached(largest)
            if largest > _DIVERGED * self.best:
                return largest, DIVERGED
            self._judge(R[:, :count], largest)
            rest = np.flatnonzero(errors > solved)
            self.others = R[:, count:]
            if len(rest) < count:
                active, R = active[rest], self._joined(R, rest)
        return largest, ""

    def _judge(self, R: Any, largest: float) -> None:
        """Note where the least residual is large; say so where it does not become less."""
        if largest < _PROGRESS * self.best:
            self.best, self.idle = largest, 0
            rows = self.xp.abs(R).max(axis=1)
            self.left = rows / (float(rows.max()) or 1.0)
            return
        self.idle += 1
        if self.idle % _PATIENCE == 0 and self.doubt is not None:
            self.doubt()

    def _joined(self, R: Any, active: NDArray[np.integer[Any]]) -> Any:
        """Return some columns of R, and those that fill up the block."""
        return self.xp.concatenate([R[:, self.xp.asarray(active)], self.others], axis=1)

    def _turn(self, Z: Any) -> bool:
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

    def _multiply(self) -> str:
        """Multiply the directions by the matrix; return "", or why there is no step along them."""
        while True:
            if self.single:
                # The step goes along the directions that were multiplied.
                self.P = self.P.astype(np.float32).astype(np.float64)
            self.Q = self._product(self.P, np.dtype(np.float32 if self.single else np.float64))
            D = to_host(self.P.T @ self.Q)
            values, V = np.linalg.eigh(D / 2 + D.T / 2)
            rounding = 8 * _EPS * max(self.precondition.largest, float(values[-1]))
            kept = values > rounding
            if values[0] < self.noise:
                # A vector of the null space, or of a negative eigenvalue, as far as one can see.
                flat = self.xp.abs(self.P @ self.xp.asarray(V[:, 0]))
                self.flat = flat / flat.max()
            if kept.all():
                self.inverse = (V / values) @ V.T
                return ""
            if not self.single:
                if values[0] < -rounding - self.noise or not kept.any():
                    return INDEFINITE
                # No step goes along the null space.
                some = self.xp.asarray(V[:, kept])
                self.P, self.Q = self.P @ some, self.Q @ some
                self.inverse = np.diag(1 / values[kept])
                return ""
            if self.passes >= self.last - 1:
                return OUT_OF_PASSES
            self.single = False

    def _product(self, V: Any, precision: np.dtype[Any]) -> Any:
        """Return (K + ridge I) / scale times the columns of V."""
        self.passes += 1
        product = block_product(self.op, V.astype(precision, copy=False), "", self.course)
        product += self.ridge * V
        product /= self.scale
        return product
