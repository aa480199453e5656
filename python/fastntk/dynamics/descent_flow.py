# SPDX-License-Identifier: Apache-2.0
"""Kernel gradient descent along its flow: a differential equation for outputs and coefficients.

The state is (f, alpha, integral of the descent of the cost), on the host, where the integrator
lives; products are the operator's. f and alpha move by K d / N and d / N, so a single product with
K gives both, and every Runge-Kutta step keeps f = f_0 + K alpha up to rounding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import to_host
from fastntk._progress import Meter
from fastntk._stops import DivergenceError, deferred_interrupt
from fastntk._warnings import warn
from fastntk.costs import direction_norm
from fastntk.dynamics import integration
from fastntk.dynamics.descent_problem import history, interrupted
from fastntk.dynamics.guide import slope
from fastntk.linalg.convergence import ConvergenceWarning

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk._progress import Progress
    from fastntk.dynamics.descent_problem import DescentProblem
    from fastntk.dynamics.descent_record import DescentRecord
    from fastntk.dynamics.guide import Slope

_PERCENT = 100
# How many times the error that its tolerance grants a flow may be off before it is worth a warning;
# and roundings of the cost.
_SLACK, _ROUNDING = 10, 1e-9


def follow(
    problem: DescentProblem,
    times: ArrayLike,
    solver: str,
    tolerance: float,
    record: DescentRecord | None,
    progress: Progress | None,
) -> DescentRecord:
    """Follow a descent through times; see `KernelDescent.flow`."""
    _validate.choice(solver, "solver", integration.SOLVERS)
    tolerance = _validate.positive(tolerance, "tolerance")
    record = problem.opened(record)
    start = record.reached
    waiting = _times(times, start)
    size = 2 * problem.shape[0] * problem.shape[1] + 1
    problem.require(integration.solver_bytes(solver, size), len(waiting) + 1)
    meter = Meter(progress, "kernel gradient flow", _PERCENT)
    percent, steps = 0, 0
    with (
        problem.op.here(),
        np.errstate(over="ignore", invalid="ignore"),
        deferred_interrupt() as pressed,
    ):
        norm = _recorded(record, *problem.started(record))
        first = len(record._times) - 1
        found = integration.steps(
            solver,
            _Derivative(problem),
            _joined(record._f, record._alpha, record._descent),
            start,
            waiting,
            _tolerances(problem, tolerance, norm),
        )
        try:
            for t, state, wanted in found if waiting else ():
                record._reach(t, *_parted(state, problem))
                steps += not wanted
                stopped = pressed()
                if wanted or stopped:
                    norm = max(norm, _recorded(record, *problem.evaluated(record)))
                done = int(_PERCENT * (t - start) / (waiting[-1] - start))
                meter.add(done - percent)
                percent = done
                if stopped:
                    raise interrupted(record, "flow")
        except integration.IntegrationError as error:
            raise DivergenceError(
                f"the descent diverged: no step from t = {record.reached:g} keeps the tolerance "
                f"{tolerance:g}, step {steps} ({error}){history(record)}",
                steps,
                record,
                None,
            ) from error
        if pressed():  # in the last evaluation
            raise interrupted(record, "flow")
    _check_balance(record, first, tolerance * norm * (steps + len(waiting)), problem.shape[1])
    return record


class _Derivative:
    """The derivative of a state by time."""

    def __init__(self, problem: DescentProblem) -> None:
        self._problem = problem

    def __call__(self, t: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        problem = self._problem
        now = slope(problem.op, problem.guide, _parted(state, problem)[0], t)
        return _joined(now.outputs, now.direction / problem.points, now.descent)


def _recorded(record: DescentRecord, now: Slope, cost: float | None) -> float:
    """Record the present outputs; return the norm of their direction, per point."""
    record._note(cost, now)
    record._keep()
    return float(direction_norm(now.direction))


def _joined(f: Any, alpha: Any, descent: float) -> NDArray[np.float64]:
    """Return a state as one vector on the host."""
    half, state = f.size, np.empty(2 * f.size + 1)
    state[:half] = to_host(f).reshape(-1)
    state[half:-1] = to_host(alpha).reshape(-1)
    state[-1] = descent
    return state


def _parted(state: NDArray[np.float64], problem: DescentProblem) -> tuple[Any, Any, float]:
    """Return outputs and coefficients, where the operator is, and the integral."""
    half, asarray = len(state) // 2, problem.op.xp.asarray
    f, alpha = state[:half].reshape(problem.shape), state[half:-1].reshape(problem.shape)
    return asarray(f), asarray(alpha), float(state[-1])


def _tolerances(problem: DescentProblem, tolerance: float, norm: float) -> NDArray[np.float64]:
    """Return the error of a step that each number of the state may have.

    An error e in alpha moves outputs, wherever the kernel's diagonal is at most q, by at most
    sum_i |k(z, x_i) e_i| <= N q max |e|.
    """
    half = problem.shape[0] * problem.shape[1]
    largest = float(problem.op.diagonal().max())
    allowed = np.empty(2 * half + 1)
    allowed[:half] = tolerance
    allowed[half:-1] = tolerance / (problem.points * (largest if largest > 0 else 1.0))
    # Integrators take the mean of the squares over all numbers, of which this is one.
    allowed[-1] = tolerance * (norm or 1.0) / math.sqrt(len(allowed))
    return allowed


def _check_balance(record: DescentRecord, first: int, error: float, outputs: int) -> None:
    """Warn where the cost since an entry has not dropped by what the descent adds up to."""
    if record.cost is None:
        return
    costs, descents = record.cost[first:], record.descent[first:]
    drop, integral = costs[0] - costs, descents - descents[0]
    imbalance = float(np.abs(drop - integral).max())
    # Steps of outputs err by the tolerance each, and the cost by the direction's norm times that.
    allowed = _SLACK * error * math.sqrt(outputs) + _ROUNDING * float(np.abs(costs).max())
    if not imbalance <= allowed:
        warn(
            f"the cost dropped by {drop[-1]:.6g}, the integral of ||d||_K^2 over time is "
            f"{integral[-1]:.6g}: they differ by up to {imbalance:.3g}, where the tolerance "
            f"explains {allowed:.3g}. The direction of the cost is not minus its gradient (N times "
            "that of a mean over points), or the tolerance is too large",
            ConvergenceWarning,
        )


def _times(times: ArrayLike, start: float) -> list[float]:
    """Return the times to record after the start."""
    found = np.atleast_1d(np.asarray(_validate.real_array(times, "times"), dtype=np.float64))
    ascending = found.ndim == 1 and bool((np.diff(found) > 0).all())
    if not ascending or not found.size or not np.isfinite(found).all() or found[0] < start:
        raise ValueError(
            f"times must ascend from {start:g}, the time that is reached, and be finite, "
            f"got {times!r}"
        )
    return [t for t in found.tolist() if t > start]
