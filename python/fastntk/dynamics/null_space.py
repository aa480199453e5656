# SPDX-License-Identifier: Apache-2.0
"""What a flow never learns, and which rows of the data are the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import to_host
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk.dynamics.problem import Problem

# Squared distance of equal rows in the kernel's feature space, relative to their own size: the
# rounding of the three entries that it is a difference of.
_EQUAL = 8.0


def unlearnt(problem: Problem, left: Any, accuracy: float) -> str:
    """Return a sentence about the part of y - f_0 in the null space of K; "" if it is none.

    Parameters
    ----------
    problem : Problem
        The flow's.
    left : ndarray of shape (rows, columns)
        Delta_0.
    accuracy : float
        What ``left`` may be, relative to y - f_0, by the errors of the method.
    """
    whole = column_norms(problem.residual)
    share = float((column_norms(left) / np.where(whole > 0, whole, np.inf)).max())
    if share <= 2 * accuracy:
        return ""
    op, xp = problem.op, problem.op.xp
    most = xp.abs(left).max(axis=1)
    row = int(most.argmax())
    diagonal = to_host(op.diagonal()).astype(np.float64)
    column = to_host(op.columns(np.array([row])))[:, 0]
    distance = diagonal[row] + diagonal - 2 * column.astype(np.float64)
    equal = distance <= _EQUAL * float(np.finfo(op.dtype).eps) * diagonal[row]
    gaps = np.abs(to_host(problem.residual - problem.residual[row])).max(axis=1) * equal
    other = int(gaps.argmax())
    why = "y - f0 has a part in the null space of the kernel, which stays as it is"
    # Of equal rows the mean is learnt: what stays of one is at most its distance to another.
    if 2 * gaps[other] >= float(most[row]):
        first, second = sorted((row, other))
        why = f"rows {first} and {second} of the kernel are equal, and their targets are not"
    return f"{share:.1e} of y - f0 is never learnt: {why}"
