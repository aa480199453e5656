# SPDX-License-Identifier: Apache-2.0
"""Solutions of linear systems with certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host


# Arrays have no single truth value: solutions are compared by identity.
@dataclass(frozen=True, eq=False)
class Solution:
    """The solution A of (K + ridge I) A = B with certificates.

    Attributes
    ----------
    value : ndarray of shape (N,) or (N, C)
        A, float64, shaped like B and of its library.
    residuals : ndarray of shape (C,)
        ``||B_c - (K + ridge I) A_c|| / ||B_c||`` of each column, from a float64 product with the
        operator, that of ``refine`` where given; 0 for a zero column. One number where B is a
        vector.
    converged : bool
        Whether every residual met the tolerance.
    method : str
        "cholesky" or "cg".
    passes : int
        Products of the operator with a block of vectors; columns of K that a preconditioner reads
        are not counted, nor products of ``refine``, of which there is one per array in ``refined``
        and block of right-hand sides.
    op_residuals : ndarray of shape (C,)
        Residuals for the operator itself, before any refinement.
    refined : tuple of ndarray of shape (C,)
        Residuals for ``refine``: of that first solution, and after each refinement. Empty without.
    """

    value: Any
    residuals: NDArray[np.float64]
    converged: bool
    method: str
    passes: int
    op_residuals: NDArray[np.float64]
    refined: tuple[NDArray[np.float64], ...] = ()


class SolveInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped conjugate gradients.

    Attributes
    ----------
    solution : Solution
        Up to the last whole step, ``converged=False``: ``solve(..., start=solution.value)`` goes
        on. Its residuals are those carried along by the products, not true ones: 1 for columns that
        are not begun yet.
    """

    def __init__(self, message: str, solution: Solution) -> None:
        super().__init__(message)
        self.solution = solution

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.solution)


def column_norms(A: Any) -> NDArray[np.float64]:
    """Return the Euclidean norms of the columns in the host's memory, without overflow."""
    xp = array_namespace(A)
    largest = xp.abs(A).max(axis=0)
    divisor = xp.where(largest > 0, largest, 1.0)
    norms: NDArray[np.float64] = to_host(largest * xp.sqrt(((A / divisor) ** 2).sum(axis=0)))
    return norms
