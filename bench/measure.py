# SPDX-License-Identifier: Apache-2.0
"""Check, time and weigh a case's contestants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench import data, memory, reference, report, timing
from bench.cases import Case
from bench.contestants import BASELINE, Contestant, Run, contestants


def measure(case: Case, images: np.ndarray, stored: Path, *, quick: bool) -> dict[str, Any]:
    """Return one case's part of the record; raises `reference.WrongAnswer` and times nothing."""
    problem = data.problem(case, images)
    truth = reference.expected(case, problem)
    entrants = contestants(case, problem)
    figures = []
    for group in [entrants] if case.baselines else [[entrant] for entrant in entrants]:
        figures += checked_and_timed(case, truth, group, timing.slot)
    # A smoke test weighs the product and the first baseline only: every figure is a new process.
    first = {next((e.name for e in entrants if e.is_product is kind), "") for kind in (True, False)}
    for figure in figures:
        if not quick or figure.contestant in first:
            figure.peak_bytes = memory.peak_bytes(case, figure.contestant, stored, quick=quick)
    return report.record(case, figures, BASELINE)


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
    for contestant in group:
        start = perf_counter()
        run = contestant.setup()
        setups[contestant.name] = perf_counter() - start
        result = run()  # also the warm-up
        assess = truth.check if contestant.is_product else lambda _, got: truth.error(got)
        errors[contestant.name] = assess(case, result)
        del result
        (products if contestant.is_product else baselines)[contestant.name] = run
    seconds = timing.interleave(products, baselines, case.rounds, seconds_of)
    return [
        report.Measured(name, seconds[name], setups[name], None, errors[name]) for name in seconds
    ]
