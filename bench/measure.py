# SPDX-License-Identifier: Apache-2.0
"""Check, time and weigh a case's contestants."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench import activations, data, empirical, memory, reference, report, timing
from bench.cases import Case
from bench.contestant import Contestant, Run
from bench.contestants import BASELINE, contestants


def measure(
    case: Case,
    images: np.ndarray,
    stored: Path | None,
    *,
    quick: bool,
    pythons: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return one case's part of the record; raises `reference.WrongAnswer` and times nothing.

    `stored` are the images for other processes; without it memory is not measured.
    """
    problem = data.problem(case, images)
    if case.operation == "activations":
        return activations.measure(case, problem)
    truth = exact_answer(case, problem)
    entrants, skipped = contestants(case, problem, pythons)
    figures = []
    for group in [entrants] if case.baselines else [[entrant] for entrant in entrants]:
        figures += checked_and_timed(case, truth, group, timing.slot)
    # A smoke test weighs the product and the first baseline only: every figure is a new process.
    first = {next((e.name for e in entrants if e.is_product is kind), "") for kind in (True, False)}
    for figure, entrant in zip(figures, entrants, strict=True):
        if stored is None or (quick and figure.contestant not in first):
            continue
        if entrant.weigh is not None:
            figure.peak_bytes = entrant.weigh()
        else:
            figure.peak_bytes = memory.peak_bytes(case, figure.contestant, stored, quick=quick)
    versions = {entrant.name: entrant.version for entrant in entrants if entrant.version}
    part = report.record(case, figures, _baseline(case, entrants, figures))
    return part | {"versions": versions, "skipped": skipped}


def _baseline(case: Case, entrants: list[Contestant], figures: list[report.Measured]) -> str:
    """Return what ratios are to: NumPy, or among several libraries the fastest."""
    if case.operation != "empirical":
        return BASELINE
    rivals = {entrant.name for entrant in entrants if not entrant.is_product}
    medians = {f.contestant: statistics.median(f.seconds) for f in figures}
    return min(rivals, key=lambda name: medians[name])


def exact_answer(
    case: Case, problem: data.Problem
) -> reference.Expected | reference.ExpectedEigenpairs:
    """Return the exact values of a seeded sample of the result of `case`."""
    if case.operation == "empirical" and case.vectors:
        return empirical.expected_product(case, problem)
    if case.operation == "empirical":
        return empirical.expected(case, problem)
    return reference.expected(case, problem)


def checked_and_timed(
    case: Case,
    truth: reference.Expected | reference.ExpectedEigenpairs,
    group: list[Contestant],
    seconds_of: Callable[[Run], float],
) -> list[report.Measured]:
    """Check contestants, then time them in turns; `seconds_of` is the clock of one slot."""
    errors: dict[str, float] = {}
    setups: dict[str, float] = {}
    products: dict[str, Run] = {}
    baselines: dict[str, Run] = {}
    with ExitStack() as held:
        for contestant in group:
            held.callback(contestant.close)
            start = perf_counter()
            run = contestant.setup()
            setups[contestant.name] = perf_counter() - start
            result = run()  # also the warm-up
            errors[contestant.name] = _assessed(case, truth, contestant, result)
            del result
            (products if contestant.is_product else baselines)[contestant.name] = run
        seconds = timing.interleave(products, baselines, case.rounds, seconds_of)
    return [
        report.Measured(name, seconds[name], setups[name], None, errors[name]) for name in seconds
    ]


def _assessed(
    case: Case,
    truth: reference.Expected | reference.ExpectedEigenpairs,
    contestant: Contestant,
    result: Any,
) -> float:
    """Return the error; ours must be within the gate, and the others' where they can be."""
    if contestant.is_product:
        return truth.check(case, result)
    error = truth.error(result)
    # A limiting NTK by the textbook's formula loses digits; an empirical one has no excuse.
    return reference.within_gate(case, error) if case.operation == "empirical" else error
