# SPDX-License-Identifier: Apache-2.0
"""Training over time from a data set to numbers ready to print and to write; no printing here."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk.app.dynamics_problem import DynamicsSettings, Problem, parsed_times
from fastntk.app.kpca_run import data_parameters, network_parameters
from fastntk.linalg import ConvergenceWarning

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk.app.targets import Targets

Array = NDArray[np.float64]

# Times by default: from a tenth of the first component's time constant, where nothing has been
# learnt, to 10^5 of it, when thousands of MNIST's digits are fitted to 1e-3 in cost.
_DEFAULT_TIMES = 20
_FIRST, _LAST = 0.1, 1e5
# Eigenvalues that are computed where nothing is said and the flow has not all of them.
_COMPONENTS = 50


@dataclass(frozen=True)
class Curve:
    """Cost over time of one part of the data, and what share of its labels is wrong."""

    cost: Array  # (T,)
    error: Array | None  # (T,); None for values


@dataclass(frozen=True)
class Stop:
    """Where the held-out cost is least, and the test rows there."""

    time: float
    held_cost: float
    test_cost: float
    test_error: float | None


@dataclass(frozen=True)
class Dynamics:
    """f_t over time, and how it came about."""

    times: Array
    curves: dict[str, Curve]  # "train", "held-out" where there is one, "test"
    test_outputs: NDArray[np.float32]  # (T, M, C), scores
    stop: Stop | None
    eigenvalues_over_n: Array  # (k,) descending, the decay rates
    error: Array  # (T,) relative, a bound, see `fastntk.GradientFlow.error`
    test_error: Array  # (T,) the same at the test rows, an estimate
    notes: list[str]
    converged: bool
    method: str
    passes: int
    storage: str
    dtype: str
    seconds: dict[str, float]


def dynamics(
    net: fastntk.FullyConnected,
    problem: Problem,
    settings: DynamicsSettings,
    engine: Engine,
    progress: Progress | None = None,
) -> Dynamics:
    """Train on the least-squares cost and evaluate f_t on every part of the data.

    Raises
    ------
    ValueError
        A kernel that is 0 everywhere.
    """
    start = time.perf_counter()
    operator = fastntk.GramOperator(
        net,
        problem.fit.X,
        kernel=settings.kernel,
        storage=settings.storage,
        scale=problem.fit.scale,
        dtype=settings.dtype,
        memory=settings.memory,
        threads=settings.threads,
        device=engine.name,
        copy_X=False,  # nobody else holds the data
        progress=progress,
    )
    engine.wait()  # what a GPU still computes of the kernel is not the solver's time
    stored = time.perf_counter()
    targets = problem.targets
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flow = fastntk.GradientFlow(
            operator,
            targets.columns(targets.y_train),
            tol=settings.tol,
            seed=settings.seed,
            progress=progress,
        )
        rates = _decay_rates(flow, settings, progress)
        if not rates[0] > 0:
            raise ValueError(
                f"the kernel of {problem.fit.name} is 0: nothing can be learnt with it"
            )
        known = time.perf_counter()
        times = (
            np.geomspace(_FIRST, _LAST, _DEFAULT_TIMES) / rates[0]
            if settings.times is None
            else parsed_times(settings.times)
        )
        curves = {"train": _curve(targets, flow.outputs(times), targets.y_train)}
        error = flow.error(times)
        stop = None
        if problem.held is not None:
            held = flow.outputs(times, problem.held.X)
            curves["held-out"] = _curve(targets, held, problem.y_held)
            stop = _stop(flow, problem, times)
        test = flow.outputs(times, problem.test.X)
        curves["test"] = _curve(targets, test, targets.y_test)
        test_error = flow.error(times, problem.test.X)
    return Dynamics(
        times=times,
        curves=curves,
        test_outputs=(test + targets.offset).astype(np.float32),
        stop=stop,
        eigenvalues_over_n=rates,
        error=error,
        test_error=test_error,
        # What is not met is said by ``converged``.
        notes=[str(w.message) for w in caught if not issubclass(w.category, ConvergenceWarning)],
        converged=flow.method == "dense" or bool(error.max() <= settings.tol),
        method=flow.method,
        passes=flow.passes,
        storage=operator.storage,
        dtype=str(operator.dtype),
        seconds={
            "kernel": stored - start,
            "spectrum": known - stored,
            "flow": time.perf_counter() - known,
        },
    )


def _decay_rates(
    flow: fastntk.GradientFlow, settings: DynamicsSettings, progress: Progress | None
) -> Array:
    """Return the largest eigenvalues of K/N: all, from a flow that has them, else as many as asked.

    Those of the null space are 0.
    """
    if flow.method == "dense":
        return np.asarray(1 / flow.time_constants[: settings.components], dtype=np.float64)
    count = min(settings.components or _COMPONENTS, flow.points)
    pairs = fastntk.eigenpairs(flow.operator, count, seed=settings.seed, progress=progress)
    return np.maximum(np.asarray(pairs.values, dtype=np.float64), 0.0) / flow.points


def _stop(flow: fastntk.GradientFlow, problem: Problem, times: Array) -> Stop:
    assert problem.held is not None
    targets = problem.targets
    best = flow.early_stopping(problem.held.X, targets.columns(problem.y_held), times=times)
    test = _curve(targets, flow.outputs([best.time], problem.test.X), targets.y_test)
    return Stop(
        time=best.time,
        held_cost=best.value,
        test_cost=float(test.cost[0]),
        test_error=None if test.error is None else float(test.error[0]),
    )


def _curve(targets: Targets, outputs: Array, y: NDArray[Any]) -> Curve:
    wrong = None
    if targets.classes is not None:
        wrong = np.asarray((targets.predicted(outputs) != y).mean(axis=-1), dtype=np.float64)
    return Curve(targets.cost(outputs, y), wrong)


def report(
    run: Dynamics, net: fastntk.FullyConnected, problem: Problem, settings: DynamicsSettings
) -> dict[str, Any]:
    """Return what ``result.json`` says about a run, machine and timings apart."""
    return {
        "parameters": {"network": network_parameters(net), **asdict(settings)},
        "data": data_parameters(problem.fit) | {"noisy_labels": problem.noisy},
        "held_out": None if problem.held is None else data_parameters(problem.held),
        "test_data": data_parameters(problem.test),
        "targets": "values" if problem.targets.classes is None else "classes",
        "solver": {
            "storage": run.storage,
            "dtype": run.dtype,
            "method": run.method,
            "passes": run.passes,
            "converged": run.converged,
            "error": float(run.error.max()),
            "test_error": float(run.test_error.max()),
        },
        "times": [_in_json(t) for t in run.times.tolist()],
        "curves": {name: asdict(curve) for name, curve in run.curves.items()},
        "early_stopping": None
        if run.stop is None
        else asdict(run.stop) | {"time": _in_json(run.stop.time)},
        "max_learning_rate": 2 / run.eigenvalues_over_n[0],
        "eigenvalues_over_n": run.eigenvalues_over_n,
    }


def _in_json(time: float) -> float | str:
    """Return a time as JSON has it, which knows no infinity."""
    return time if np.isfinite(time) else "inf"
