# SPDX-License-Identifier: Apache-2.0
"""Run the cases: assert each answer, then time it, then measure its memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench import cases, data, gpu, machine, reference, report
from bench.measure import measure

_BUSY = 0.5  # load per core above which the figures deserve a warning


def _named(pattern: str) -> tuple[cases.Case, ...]:
    try:
        return cases.find(pattern)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="fastntk against NumPy and others, or on a GPU against CuPy.",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        type=_named,
        metavar="NAME",
        help="only this one, or all that match a pattern such as 'empirical-*'; may be repeated; "
        "--list names them, those that need to be named last",
    )
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        metavar="PATH",
        help="an interpreter in which to look for torch or neural-tangents, beside this one; "
        "may be repeated",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="which cases, where none is named"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the JSON record here (default: bench/results/, nothing with --quick)",
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measured(
    chosen: tuple[cases.Case, ...],
    images: np.ndarray,
    cupy: Any,
    keep: Callable[[list[dict[str, Any]]], None],
    *,
    quick: bool,
    pythons: tuple[str, ...],
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records of the cases, and what went wrong; `keep` gets them after every case."""
    records: list[dict[str, Any]] = []
    wrong: list[str] = []
    said: set[tuple[str, str]] = set()  # what is missing, once
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "images.npy"
        np.save(stored, images)
        for number, case in enumerate(chosen, 1):
            start = perf_counter()
            try:
                if case.device == "cuda":
                    records.append(gpu.measure(cupy, case, images))
                else:
                    part = measure(case, images, stored, quick=quick, pythons=pythons)
                    records.append(part)
                    for absent in part["skipped"].items() - said:
                        _say("{}: no {}: {}".format(case.name, *absent))
                    said |= part["skipped"].items()
            except reference.WrongAnswer as error:
                wrong.append(str(error))
                _say(f"WRONG  {error}; not timed")
            except Exception as error:  # the other cases' figures are worth having all the same
                wrong.append(f"{case.name}: {type(error).__name__}: {error}")
                _say(traceback.format_exc())
            keep(records)
            _say(f"[{number}/{len(chosen)}] {case.name}: {perf_counter() - start:.1f} s")
    return records, wrong


def main() -> int:
    """Run the chosen cases; 1 if any answer is wrong or missing."""
    args = _arguments()
    if args.list:
        print("\n".join(case.name for case in cases.ALL))
        return 0
    everything = (*cases.CASES, *cases.EMPIRICAL, *cases.ACTIVATIONS)
    standard = cases.GPU if args.device == "cuda" else everything
    chosen = tuple(dict.fromkeys(chain.from_iterable(args.case))) or standard
    cupy = None
    if any(case.device == "cuda" for case in chosen):
        cupy = gpu.cupy_or_reason()
        if isinstance(cupy, str):
            _say(f"the chosen cases need a GPU: {cupy}")
            return 2
    if args.quick:
        chosen = tuple(case.quick() for case in chosen)
    where = machine.describe()
    if cupy is not None:
        where["gpu"] = gpu.describe(cupy)
        _say(f"{where['gpu']}")
    load = where["load_average"]
    if isinstance(load, float) and load > _BUSY * machine.cores():
        _say(f"warning: the machine is busy (load {load}); these figures will not be worth much")
    images, source = data.pixels(data.images_needed(chosen))
    _say(f"{where['cpu']}, {where['cores']} cores, {where['isa']}, commit {where['commit']}")
    _say(f"data: {source}")
    out = args.out or (None if args.quick else report.default_path(where))

    def keep(records: list[dict[str, Any]]) -> None:  # what is there, should the run be cut off
        if out:
            report.write(out, where, source, records)

    pythons = tuple(args.peer_python)
    records, wrong = _measured(chosen, images, cupy, keep, quick=args.quick, pythons=pythons)
    tables = (report.table(records), report.comparison(records), report.activations(records))
    print("\n\n".join(filter(None, tables)))
    if out:
        _say(f"written to {out}")
    for text in wrong:
        _say(f"WRONG  {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
