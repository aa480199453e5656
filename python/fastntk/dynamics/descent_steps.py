# SPDX-License-Identifier: Apache-2.0
"""Kernel gradient descent in steps of a learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._progress import Meter
from fastntk._stops import DivergenceError, deferred_interrupt
from fastntk._warnings import warn
from fastntk.dynamics.descent_problem import history, interrupted
from fastntk.linalg.convergence import ConvergenceWarning

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.dynamics.descent_problem import DescentProblem
    from fastntk.dynamics.descent_record import DescentRecord

# A cost that has grown by so much does not come back: steps are too long.
_GROWTH = 1e6


def descend(
    problem: DescentProblem,
    steps: int,
    learning_rate: float | None,
    every: int | None,
    record: DescentRecord | None,
    progress: Progress | None,
) -> DescentRecord:
    """Make the steps of a descent; see `KernelDescent.steps`."""
    steps = _validate.integer(steps, "steps", at_least=0)
    every = max(steps, 1) if every is None else _validate.integer(every, "every", at_least=1)
    rate = _rate(problem, learning_rate)
    record = problem.opened(record)
    # Outputs, coefficients and directions, before a step and after it, and costs on their way.
    problem.require(8 * 10 * problem.shape[0] * problem.shape[1], 2 + steps // every)
    start, meter = record.reached, Meter(progress, "kernel descent", steps)
    smoothness = problem.guide.smoothness
    before: tuple[Any, Any] | None = None
    with (
        problem.op.here(),
        np.errstate(over="ignore", invalid="ignore"),
        deferred_interrupt() as pressed,
    ):
        now, cost = problem.started(record)
        # A direction from elsewhere may well mean a cost to grow.
        first = cost if problem.guide.of_cost else None
        for step in range(steps + 1):
            if not _is_sane(cost, now.norm_squared, first):
                raise _diverged(problem, record, step, rate, smoothness)
            record._note(cost, now)
            stopped = pressed()
            if step % every == 0 or step == steps or stopped:
                record._keep()
            if stopped:
                raise interrupted(record, "steps")
            if step == steps:
                break
            before = (record._f, now.direction)
            record._reach(
                start + rate * (step + 1),
                record._f + rate * now.outputs,
                record._alpha + rate / problem.points * now.direction,
                record._descent + rate * now.descent,
            )
            now, cost = problem.evaluated(record)
            if smoothness is None:
                smoothness = _secant(before, (record._f, now.direction))
            meter.add(1)
    if cost is not None and first is not None and cost > first:
        warn(
            f"the cost rose from {first:.6g} to {cost:.6g} in {steps} steps of learning_rate "
            f"{rate:g}; {_advice(problem, smoothness)}",
            ConvergenceWarning,
        )
    return record


def _rate(problem: DescentProblem, learning_rate: float | None) -> float:
    if learning_rate is not None:
        return _validate.positive(learning_rate, "learning_rate")
    if problem.guide.smoothness is None:
        raise ValueError(
            "learning_rate must be given for a direction, or a cost without an attribute smoothness"
        )
    rate = problem.stable_rate(problem.guide.smoothness) / 2
    return rate if math.isfinite(rate) else 1.0


def _advice(problem: DescentProblem, smoothness: float | None) -> str:
    known = 1.0 if smoothness is None else smoothness
    return (
        f"steps are stable below {problem.stable_rate(known):.3g}, 2 N / (lambda_1 s), where the "
        f"smoothness s of the cost is {known:.3g}"
    )


def _diverged(
    problem: DescentProblem,
    record: DescentRecord,
    step: int,
    rate: float,
    smoothness: float | None,
) -> DivergenceError:
    return DivergenceError(
        f"the descent diverged at t = {record.reached:g}, step {step}{history(record)}; "
        f"learning_rate was {rate:g}, {_advice(problem, smoothness)}",
        step,
        record,
        problem.stable_rate(smoothness),
    )


def _secant(before: tuple[Any, Any], after: tuple[Any, Any]) -> float | None:
    """Return how much the direction changed where outputs changed by 1."""
    moved, turned = (float(((b - a) ** 2).sum()) for a, b in zip(before, after, strict=True))
    known = moved > 0 and math.isfinite(moved) and math.isfinite(turned)
    return math.sqrt(turned / moved) if known else None


def _is_sane(cost: float | None, norm_squared: float, first: float | None) -> bool:
    if not math.isfinite(norm_squared) or not math.isfinite(cost or 0.0):
        return False
    return cost is None or first is None or first <= 0 or cost <= _GROWTH * first
