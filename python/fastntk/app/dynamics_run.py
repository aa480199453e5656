# SPDX-License-Identifier: Apache-2.0
"""Training over time from a data set to numbers ready to print and to write; no printing here."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk.app.kpca_run import data_parameters, network_parameters
from fastntk.app.targets import Targets, targets_of
from fastntk.linalg import ConvergenceWarning

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset, Split

Array = NDArray[np.float64]

# Times by default: from a tenth of the first component's time constant, where nothing has been
# learnt, to 10^5 of it, when thousands of MNIST's digits are fitted to 1e-3 in cost.
_DEFAULT_TIMES = 20
_FIRST, _LAST = 0.1, 1e5
# Eigenvalues that are computed where nothing is said: all of so few samples, else this many.
_ALL_UP_TO, _COMPONENTS = 1_500, 50


@dataclass(frozen=True)
class DynamicsSettings:
    """Everything that decides the result, in the words of the command line."""

    kernel: str
    components: int | None
    times: str | None
    tol: float
    holdout: float
    label_noise: float
    storage: str
    dtype: str | None
    memory: str | None
    threads: int | None
    device: str
    seed: int
    samples: int | None
    test_data: str | None
    targets: str
    normalize: str
    scale: float | None


@dataclass(frozen=True)
class Problem:
    """Rows to train on, rows held out to stop by (none where there are none), rows to test on."""

    fit: Dataset
    held: Dataset | None
    test: Dataset
    targets: Targets  # y_train belongs to ``fit``
    y_held: NDArray[Any]
    noisy: int  # training labels, held-out ones included, that are drawn at random


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
    error: Array  # (T,) relative, see `fastntk.GradientFlow.error`
    converged: bool
    method: str
    passes: int
    storage: str
    dtype: str
    seconds: dict[str, float]

    @property
    def time_constants(self) -> Array:
        """N / lambda_i of the known components; infinite where rounding leaves none."""
        rates = self.eigenvalues_over_n
        positive = rates > 0
        return np.where(positive, 1 / np.where(positive, rates, 1.0), np.inf)


def prepared(split: Split, settings: DynamicsSettings) -> Problem:
    """Return the parts of the data, with label noise in the training rows.

    Label noise gives that share of the training rows the labels of rows drawn at random: all of
    them where it is 1. The held-out rows are taken from the training rows after that.

    Raises
    ------
    ValueError
        Labels that are no targets, or nothing left of a part.
    """
    rng = np.random.default_rng(settings.seed)
    n = len(split.train)
    labels, noisy = np.array(split.train.y), round(settings.label_noise * n)
    labels[rng.permutation(n)[:noisy]] = labels[rng.integers(0, n, noisy)]
    train = replace(split.train, y=labels)
    targets = targets_of(split._replace(train=train), settings.targets)
    count = round(settings.holdout * n)
    if settings.holdout > 0 and not 0 < count < n:
        raise ValueError(
            f"--holdout {settings.holdout:g} of {n} training rows leaves a part without rows"
        )
    order = rng.permutation(n)
    held, fit = np.sort(order[:count]), np.sort(order[count:])
    return Problem(
        fit=train.take(fit),
        held=train.take(held) if count else None,
        test=split.test,
        targets=replace(targets, y_train=targets.y_train[fit]),
        y_held=targets.y_train[held],
        noisy=noisy,
    )


def parsed_times(text: str) -> Array:
    """Return times from text: numbers, "inf", and FIRST:LAST:COUNT for a logarithmic row of them.

    Raises
    ------
    ValueError
        Text that is none of these, a negative time, or a row that does not ascend from above 0.
    """
    times: list[float] = []
    for part in text.split(","):
        try:
            ends = [float(number) for number in part.split(":")]
        except ValueError:
            ends = []
        if len(ends) == 1 and ends[0] >= 0:
            times += ends
        elif len(ends) == 3 and 0 < ends[0] < ends[1] < np.inf and ends[2] in range(2, 100_001):
            times += np.geomspace(ends[0], ends[1], int(ends[2])).tolist()
        else:
            raise ValueError(
                "--times must be non-negative numbers, inf, or FIRST:LAST:COUNT, separated by "
                f"commas, got {part!r}"
            )
    return np.unique(times)


def dynamics(
    net: fastntk.FullyConnected,
    problem: Problem,
    settings: DynamicsSettings,
    engine: Engine,
    progress: Progress | None = None,
) -> Dynamics:
    """Train on the least-squares cost and evaluate f_t on every part of the data."""
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
    rates = _decay_rates(operator, settings, progress)
    known = time.perf_counter()
    targets = problem.targets
    flow = fastntk.GradientFlow(
        operator,
        targets.columns(targets.y_train),
        tol=settings.tol,
        seed=settings.seed,
        progress=progress,
    )
    times = (
        np.geomspace(_FIRST, _LAST, _DEFAULT_TIMES) / rates[0]
        if settings.times is None
        else parsed_times(settings.times)
    )
    parts = [problem.test] if problem.held is None else [problem.test, problem.held]
    with warnings.catch_warnings():
        # The result says it, and so does the report.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # One product with the kernel for all new rows.
        new = flow.outputs(times, np.concatenate([part.X for part in parts]))
        curves = {"train": _curve(targets, flow.outputs(times), targets.y_train)}
        error = flow.error(times)
    test, held = new[:, : len(problem.test)], new[:, len(problem.test) :]
    if problem.held is not None:
        curves["held-out"] = _curve(targets, held, problem.y_held)
    curves["test"] = _curve(targets, test, targets.y_test)
    stop = None if problem.held is None else _grid_minimum(times, curves)
    return Dynamics(
        times=times,
        curves=curves,
        test_outputs=(test + targets.offset).astype(np.float32),
        stop=stop,
        eigenvalues_over_n=rates,
        error=error,
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
    operator: fastntk.GramOperator, settings: DynamicsSettings, progress: Progress | None
) -> Array:
    """Return the largest eigenvalues of K/N; those that are 0 to rounding as 0."""
    n = operator.shape[0]
    count = settings.components or (n if n <= _ALL_UP_TO else _COMPONENTS)
    with warnings.catch_warnings():
        # Residuals far below what a drawing shows are asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pairs = fastntk.eigenpairs(operator, min(count, n), seed=settings.seed, progress=progress)
    values = np.asarray(pairs.values, dtype=np.float64)
    rounding = float(np.finfo(operator.dtype).eps) * values[0]
    return np.where(values > rounding, values, 0.0) / n


def _grid_minimum(times: Array, curves: dict[str, Curve]) -> Stop:
    best = int(np.argmin(curves["held-out"].cost))
    test = curves["test"]
    return Stop(
        time=float(times[best]),
        held_cost=float(curves["held-out"].cost[best]),
        test_cost=float(test.cost[best]),
        test_error=None if test.error is None else float(test.error[best]),
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
