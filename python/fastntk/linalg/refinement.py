# SPDX-License-Identifier: Apache-2.0
"""Solutions of one block of right-hand sides, refined with a more precise operator [1]_.

With K' the precise operator, each refinement solves for the residual R = B - (K' + ridge I) A with
the operator at hand, to few digits, and adds what it finds:

    (K + ridge I) D = R,    A <- A + D:

what is left is R's share that the two operators differ by, about 1e-3 for float32 and float64.

References
----------
.. [1] N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., SIAM 2002, ch. 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastntk import _validate
from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import block_product
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk._progress import Progress

# A first solution below this is within the rounding of a float32 operator.
_FIRST = 1e-6
# The residual of a correction: less cannot be told from what the operators differ by, more would
# cost a product of the precise one.
_LEAST, _MOST = 1e-3, 1e-1
# Part of the diagonal by which one matrix differs from itself in float32, with room to spare.
_SAME = 1e-4

DIFFERENT = "refine does not lessen it: raise ridge or tol, or let both be operators of one matrix"
MORE = "raise refinements or tol"


class System(Protocol):
    """What solves (K + ridge I) A = B for blocks of right-hand sides of norm 1 or 0."""

    method: str
    resumes: bool

    @property
    def passes(self) -> int:
        """Products of the operator so far."""

    def solve(
        self, B: Any, tol: float, start: Any, stage: str
    ) -> tuple[Any, NDArray[np.float64], str]:
        """Return A, its true residuals, and why they do not meet ``tol`` if they do not."""

    def correct(self, R: Any, tol: float, stage: str) -> Any:
        """Return A for a residual, to few digits."""

    def partial(self) -> tuple[Any, NDArray[np.float64]] | None:
        """Return A and residuals of the call that is interrupted; None where nothing is known."""


@dataclass(frozen=True)
class Refinement:
    """What to refine with.

    Attributes
    ----------
    op : SymmetricOperator
        The precise operator.
    steps : int
        Most refinements.
    """

    op: SymmetricOperator
    steps: int


def checked_refinement(op: SymmetricOperator, refine: object, steps: int) -> Refinement | None:
    """Return the arguments ``refine`` and ``refinements`` of `fastntk.solve`, checked.

    Raises
    ------
    TypeError
        Not an operator, or one at another place.
    ValueError
        Another shape; another matrix, as the diagonal tells; a number of steps below 1.
    """
    steps = _validate.integer(steps, "refinements", at_least=1)
    if refine is None:
        return None
    if not isinstance(refine, SymmetricOperator):
        raise TypeError(f"refine must be a SymmetricOperator or None, got {type(refine).__name__}")
    if refine.shape != op.shape:
        raise ValueError(f"refine must have op's shape {op.shape}, got shape {refine.shape}")
    if refine.place != op.place:
        raise TypeError(f"refine must be where op is, on {op.place}, got one on {refine.place}")
    known, precise = (to_host(each.diagonal()).astype(np.float64) for each in (op, refine))
    difference, largest = np.abs(known - precise).max(), np.abs(precise).max()
    if difference > _SAME * largest:
        raise ValueError(
            "refine must be the same matrix as op, but their diagonals differ by up to "
            f"{difference:.3g}, where the largest entry is {largest:.3g}"
        )
    return Refinement(refine, steps)


class Block:
    """The solution of a block of right-hand sides, in the making.

    Attributes
    ----------
    A : ndarray of shape (N, C)
        What is known of it at any time.
    op_residuals : ndarray of shape (C,)
        Of the first solution, for the operator at hand.
    refined : list of ndarray of shape (C,)
        Residuals for the precise operator, before the first and after each refinement.
    """

    def __init__(self, B: Any, start: Any) -> None:
        self.B, self.start = B, start
        self.A = array_namespace(B).zeros(B.shape) if start is None else start
        self.op_residuals = np.ones(B.shape[1])
        self.refined: list[NDArray[np.float64]] = []

    @property
    def residuals(self) -> NDArray[np.float64]:
        """The residuals that are asked for."""
        return self.refined[-1] if self.refined else self.op_residuals

    def run(
        self,
        system: System,
        ridge: float,
        tol: float,
        refinement: Refinement | None,
        stage: str,
        progress: Progress | None,
    ) -> str:
        """Solve; return why the residuals do not meet ``tol``, or ""."""
        first = tol if refinement is None else max(tol / 2, _FIRST)
        try:
            self.A, self.op_residuals, reason = system.solve(self.B, first, self.start, stage)
        except KeyboardInterrupt:
            known = system.partial()
            if known is not None:
                self.A, self.op_residuals = known
            raise
        if refinement is None:
            return reason
        later = self._refine(system, ridge, tol, refinement, progress)
        return reason or later if later else ""

    def _refine(
        self,
        system: System,
        ridge: float,
        tol: float,
        refinement: Refinement,
        progress: Progress | None,
    ) -> str:
        xp = array_namespace(self.B)

        def residual(A: Any) -> Any:
            product = block_product(refinement.op, A, "residual of refine", progress)
            return self.B - product - ridge * A

        R = residual(self.A)
        errors = column_norms(R)
        self.refined.append(errors)
        for step in range(refinement.steps):
            wanted = np.flatnonzero(errors > tol)
            if not len(wanted):
                break
            columns, sizes = xp.asarray(wanted), xp.asarray(errors[wanted])
            enough = float(np.clip(tol / 2 / errors.max(), _LEAST, _MOST))
            refined = self.A.copy()
            try:
                D = system.correct(R[:, columns] / sizes, enough, f"refinement {step + 1}")
            except KeyboardInterrupt:
                known = system.partial()
                if known is not None:
                    refined[:, columns] += known[0] * sizes
                    self.A = refined
                raise
            refined[:, columns] += D * sizes
            S = residual(refined)
            after = column_norms(S)
            better = after < errors
            chosen = xp.asarray(better)
            self.A = xp.where(chosen, refined, self.A)
            R = xp.where(chosen, S, R)
            before, errors = errors, np.where(better, after, errors)
            self.refined.append(errors)
            if errors.max() > tol and errors.max() > before.max() / 2:
                return DIFFERENT
        return "" if (errors <= tol).all() else MORE
