# SPDX-License-Identifier: Apache-2.0
"""Run the cases: assert each answer, then time it, then measure its memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench import cases, data, machine, memory, reference, report, timing
from bench.contestants import Contestant, Run, contestants

_BUSY = 0.5  # load per core above which the figures deserve a warning


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="fastntk against NumPy.")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        choices=[case.name for case in (*cases.CASES, *cases.LARGE)],
        help="only this one; may be repeated; --list names them, those that need to be named last",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the JSON record here (default: bench/results/, nothing with --quick)",
    )
    return parser.parse_args()


def _measure(case: cases.Case, images: np.ndarray, stored: Path, *, quick: bool) -> dict[str, Any]:
    """Check, time and weigh one case."""
    problem = data.problem(case, images)
    truth = reference.expected(case, problem)
    entrants = contestants(case, problem)
    timed = []
    for group in [entrants] if case.baselines else [[entrant] for entrant in entrants]:
        timed += _timed(case, truth, group)
    # A smoke test weighs the product and the first baseline only: every figure is a new process.
    first = {next((e.name for e in entrants if e.is_product is kind), "") for kind in (True, False)}
    figures = []
    for name, seconds, setup, error in timed:
        weighed = not quick or name in first
        peak = memory.peak_bytes(case, name, stored, quick=quick) if weighed else None
        figures.append(report.Measured(name, seconds, setup, peak, error))
    return report.record(case, figures)


def _timed(
    case: cases.Case, truth: reference.Expected, group: list[Contestant]
) -> list[tuple[str, list[float], float, float]]:
    """Check and time contestants in turns: name, seconds of every slot and of set-up, error."""
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
    seconds = timing.interleave(products, baselines, case.rounds)
    return [(name, seconds[name], setups[name], errors[name]) for name in seconds]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run the chosen cases; 1 if any answer is wrong or missing."""
    args = _arguments()
    if args.list:
        print("\n".join(case.name for case in (*cases.CASES, *cases.LARGE)))
        return 0
    chosen = tuple(cases.find(name) for name in args.case) if args.case else cases.CASES
    if args.quick:
        chosen = tuple(case.quick() for case in chosen)
    where = machine.describe()
    load = where["load_average"]
    if isinstance(load, float) and load > _BUSY * machine.cores():
        _say(f"warning: the machine is busy (load {load}); these figures will not be worth much")
    images, source = data.pixels(data.images_needed(chosen))
    _say(f"{where['cpu']}, {where['cores']} cores, {where['isa']}, commit {where['commit']}")
    _say(f"data: {source}")
    records, wrong = [], []
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "images.npy"
        np.save(stored, images)
        for number, case in enumerate(chosen, 1):
            start = perf_counter()
            try:
                records.append(_measure(case, images, stored, quick=args.quick))
            except reference.WrongAnswer as error:
                wrong.append(str(error))
                _say(f"WRONG  {error}; not timed")
            except Exception as error:  # the other cases' figures are worth having all the same
                wrong.append(f"{case.name}: {type(error).__name__}: {error}")
                _say(traceback.format_exc())
            _say(f"[{number}/{len(chosen)}] {case.name}: {perf_counter() - start:.1f} s")
    print(report.table(records))
    out = args.out or (None if args.quick else report.default_path(where))
    if out:
        report.write(out, where, source, records)
        _say(f"written to {out}")
    for text in wrong:
        _say(f"WRONG  {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
