# SPDX-License-Identifier: Apache-2.0
"""Every activation beside ReLU, in the same rounds: each answer is checked before all are timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

import fastntk as fn
from bench import quadrature, report, timing
from bench.cases import Case
from bench.contestant import Run
from bench.contestants import network
from bench.data import Problem
from bench.reference import WrongAnswer
from fastntk._arrays import to_host
from fastntk.activations.definitions import Elementwise

BASELINE = "relu"
_ROWS = 8  # whose entries are compared with the plain answer
_SEED = 20180620
# Times ReLU's time that the project aims at.
_CLOSED_FORM_GOAL, _TABULATED_GOAL = 3.0, 4.0


def measure(
    case: Case,
    problem: Problem,
    xp: Any = np,
    seconds_of: Callable[[Run], float] = timing.slot,
) -> dict[str, Any]:
    """Return the record of one case; raises `reference.WrongAnswer` and times nothing.

    `xp` has the arrays, NumPy or CuPy; `seconds_of` times a call.
    """
    X, out = xp.asarray(problem.X), xp.zeros((case.rows, case.columns), case.dtype)
    runs: dict[str, Run] = {}
    errors, setups, wrong = {}, {}, []
    for name in case.activations:
        run = runs[name] = _run(case, X, problem.scale, name, out)
        start = perf_counter()
        result = run()  # also the warm-up, and the making of a table
        setups[name] = perf_counter() - start
        errors[name] = _error(case, problem, name, result)
        if not errors[name] <= case.gate:
            wrong.append(f"{name} is off by {errors[name]:.2e}")
    if wrong:
        raise WrongAnswer(f"{case.name}: {', '.join(wrong)}; the gate is {case.gate:.0e}")
    baseline = {BASELINE: runs.pop(BASELINE)}
    seconds = timing.interleave(runs, baseline, case.rounds, seconds_of)
    figures = [
        report.Measured(name, seconds[name], setups[name], None, errors[name])
        for name in case.activations
    ]
    part = report.record(case, figures, BASELINE)
    for row in part["contestants"]:
        row["goal"] = _goal(case, row["contestant"])
    return part | {"versions": {}, "skipped": {}}


def _network(case: Case, name: str) -> fn.FullyConnected:
    return replace(network(case), activation=name)


def _run(case: Case, X: Any, scale: float, name: str, out: Any) -> Run:
    net = _network(case, name)
    kernel = net.ntk if net.activations[0].has_ntk else net.nngp
    return lambda: kernel(X, scale=scale, dtype=case.dtype, out=out)


def _error(case: Case, problem: Problem, name: str, result: Any) -> float:
    """Return the largest error on some rows, relative to sqrt(K_ii K_jj); infinite for NaN."""
    rng = np.random.default_rng(_SEED)
    rows = rng.choice(case.rows, min(_ROWS, case.rows), replace=False)
    X = problem.X[rows].astype(np.float64) * problem.scale
    nngp, ntk = quadrature.kernels(name, X, case.hidden_layers, case.weight_std, case.bias_std)
    K = nngp if ntk is None else ntk
    size = np.sqrt(np.outer(np.diag(K), np.diag(K)))
    found = np.array([to_host(result[i])[rows] for i in rows.tolist()])
    error = float(np.max(np.abs(found - K) / size))
    return error if np.isfinite(error) else float("inf")


def _goal(case: Case, name: str) -> float | None:
    """Return the multiple of ReLU's time that is aimed at."""
    if name == BASELINE:
        return None
    tabulated = isinstance(_network(case, name).activations[0].base, Elementwise)
    return _TABULATED_GOAL if tabulated else _CLOSED_FORM_GOAL
