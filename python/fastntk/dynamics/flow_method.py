# SPDX-License-Identifier: Apache-2.0
"""Ways to evaluate a flow at many times, and which one serves a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk import _backend, _validate
from fastntk.dynamics.dense_flow import DenseFlow
from fastntk.dynamics.krylov_flow import KrylovFlow
from fastntk.linalg.dense import dense_bytes

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.dynamics.evolution import Evolution
    from fastntk.dynamics.problem import Problem
    from fastntk.linalg.operator import SymmetricOperator

FLOW_METHODS = ("auto", "dense", "krylov")
# Up to here LAPACK takes seconds, and all times are exact.
_DENSE_ROWS = 3000


def select_flow_method(op: SymmetricOperator, budget: int | None = None) -> str:
    """Return the method that "auto" runs for an operator.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only the shape is read.
    budget : int, optional
        Bytes that the method may take; unlimited by default.

    Returns
    -------
    str
        "dense" up to 3000 rows where it fits, else "krylov".
    """
    n = op.shape[0]
    fits = budget is None or dense_bytes(n) <= budget
    return "dense" if n <= _DENSE_ROWS and fits else "krylov"


def flow_engine(
    problem: Problem,
    evolution: Evolution,
    method: str,
    *,
    tol: float,
    max_passes: int,
    seed: int | np.random.Generator,
    room: Budget,
    progress: Progress | None,
) -> DenseFlow | KrylovFlow:
    """Return what evaluates a flow; arguments are those of `fastntk.GradientFlow`."""
    _validate.choice(method, "method", FLOW_METHODS)
    tol, rng = _validate.fraction(tol, "tol"), _validate.generator(seed)
    max_passes = _validate.integer(max_passes, "max_passes", at_least=1)
    op = problem.op
    if method == "auto":
        method = select_flow_method(op, room.left)
    with op.here(), _backend.strict_linalg(op.xp):
        if method == "dense":
            return DenseFlow(problem, evolution, room, progress)
        return KrylovFlow(
            op,
            problem.residual,
            evolution,
            tol=tol,
            max_passes=max_passes,
            rng=rng,
            room=room,
            progress=progress,
        )
