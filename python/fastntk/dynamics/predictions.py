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


def predictions(
    problem: Problem,
    coefficients: Any,
    Z: Any,
    f0_Z: Any,
    cross: Any,
    room: Budget,
    progress: Progress | None = None,
) -> Any:
    """Return f_0(Z) + K(Z, X) c for several c, by one product.

    Parameters
    ----------
    problem : Problem
        The training points, and f_0 there.
    coefficients : ndarray of shape (T, rows of K, columns)
        Each c, where the operator is.
    Z, f0_Z, cross
        As of `GradientFlow.outputs`; Z or cross.
    room : Budget
        For the result.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    ndarray of shape (T, M, C), or (T, M) for a y of shape (N,)
        float64, in the library of Z or cross.
    """
    new = NewPoints(problem.op, Z, cross)
    c = coefficients
    with problem.op.here():
        product = new.times(c.transpose(1, 0, 2).reshape(c.shape[1], -1), room, progress)
        start = problem.start_at(Z, f0_Z, len(product))
        moves = product.reshape(len(product), len(c), -1).transpose(1, 0, 2)
        f = problem.shaped(moves if start is None else moves + start, new.xp)
    return f if Z is None else _backend.like(f, Z)
