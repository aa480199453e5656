# SPDX-License-Identifier: Apache-2.0
"""Outputs at new points, from the coefficients of the kernel at the training points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastntk import _backend
from fastntk.dynamics.new_points import NewPoints

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.dynamics.problem import Problem


class NewOutputs:
    """f_0(Z) + K(Z, X) c; what cannot be is refused before any c is computed.

    Parameters
    ----------
    problem : Problem
        The training points, and f_0 there.
    Z, f0_Z, cross
        As of `GradientFlow.outputs`; Z or cross.
    """

    def __init__(self, problem: Problem, Z: Any, f0_Z: Any, cross: Any) -> None:
        self._problem, self._given = problem, Z
        self._new = NewPoints(problem.op, Z, cross)
        with problem.op.here():
            self._start = problem.start_at(Z, f0_Z, self._new.rows)

    def of(self, coefficients: Any, room: Budget, progress: Progress | None = None) -> Any:
        """Return outputs for several c, by one product.

        Parameters
        ----------
        coefficients : ndarray of shape (T, rows of K, columns)
            Each c, where the operator is.
        room : Budget
            For the result.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (T, M, C), or (T, M) for a y of shape (N,)
            float64, in the library of Z or cross.
        """
        c, problem = coefficients, self._problem
        with problem.op.here():
            product = self._new.times(c.transpose(1, 0, 2).reshape(c.shape[1], -1), room, progress)
            moves = product.reshape(len(product), len(c), -1).transpose(1, 0, 2)
            f = moves if self._start is None else moves + self._start
            return _backend.like(problem.shaped(f, self._new.xp), self._given)
