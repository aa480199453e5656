# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of regression and of training dynamics share: data, turns, memory, record.

A contestant's answer is checked before anything is timed.  Those that are timed beside others take
turns; the memory of each is that of a fresh process, over what the data and the libraries hold.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench import machine, resident, timing
from bench.contestant import Contestant

_ROOT = Path(__file__).resolve().parents[1]
HIDDEN_LAYERS, BIAS_STD = 4, 0.1
_ROUNDS = 3
# A peer's Cholesky or eigendecomposition takes minutes beyond, and several matrices of 8 N^2 bytes.
_PEERS_UP_TO = 8_000

Array = NDArray[np.float64]


class WrongAnswer(RuntimeError):
    """An answer that is not within its gate."""


@dataclass(frozen=True)
class Problem:
    """Training and test digits, labels as the columns one-hot - 1/10."""

    net: fn.FullyConnected
    X: NDArray[np.uint8]
    Z: NDArray[np.uint8]
    Y: Array
    labels: NDArray[np.int64]  # of Z
    scale: float

    def operator(self, **options: Any) -> fn.GramOperator:
        """Return the NTK on the training digits."""
        return fn.GramOperator(self.net, self.X, scale=self.scale, copy_X=False, **options)

    def exact_operator(self) -> fn.GramOperator:
        """Return it in float64, never stored."""
        return self.operator(dtype="float64", storage="lazy")

    def matrices(self) -> tuple[Array, Array]:
        """Return K(X, X) and K(Z, X) in float64, for those who have no kernel of their own."""
        return (
            self.net.ntk(self.X, scale=self.scale, dtype="float64"),
            self.net.ntk(self.Z, self.X, scale=self.scale, dtype="float64"),
        )


@dataclass(frozen=True)
class Figures:
    """What one contestant did."""

    name: str
    answer: dict[str, Any]  # what its check found
    seconds: list[float]
    peak_bytes: int | None

    @property
    def median(self) -> float:
        """Median seconds of a turn."""
        return statistics.median(self.seconds)


def problem(samples: int, seed: int = 0, data: str = "mnist") -> Problem:
    """Return the digits; of all of them where ``samples`` is as many."""
    whole = fn.datasets.load_split(data, seed=seed)
    train = whole.train if samples == len(whole.train) else whole.train.subset(samples, seed)
    assert train.y is not None
    assert whole.test.y is not None
    return Problem(
        net=fn.FullyConnected(hidden_layers=HIDDEN_LAYERS, bias_std=BIAS_STD),
        X=train.X,
        Z=whole.test.X,
        Y=np.eye(10)[train.y] - 0.1,
        labels=whole.test.y,
        scale=train.scale,
    )


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """Return the arguments that the benchmarks share."""
    found = argparse.ArgumentParser(prog=f"python -m bench.{program}", description=description)
    found.add_argument("--samples", type=int, default=4_000, metavar="N", help="training digits")
    found.add_argument("--data", default="mnist", help="mnist or digits")
    found.add_argument("--rounds", type=int, default=_ROUNDS)
    found.add_argument(
        "--peers-up-to", type=int, default=_PEERS_UP_TO, metavar="N", help="alone beyond"
    )
    found.add_argument("--no-memory", action="store_true", help="do not weigh")
    found.add_argument("--out", type=Path, metavar="FILE", help="write the JSON record here")
    found.add_argument("--weigh", metavar="NAME", help=argparse.SUPPRESS)
    return found


def compete(
    program: str,
    args: argparse.Namespace,
    entrants: Sequence[Contestant],
    check: Callable[[str, Any], dict[str, Any]],
) -> list[Figures]:
    """Check, time in turns and weigh; a single round of one contestant is its checked one.

    ``check`` returns what is to be recorded of an answer, and raises `WrongAnswer`.
    """
    runs: dict[bool, dict[str, Callable[[], object]]] = {True: {}, False: {}}
    answers, first = {}, {}
    for entrant in entrants:
        run = entrant.setup()
        start = perf_counter()
        answer = run()
        first[entrant.name] = [perf_counter() - start]
        answers[entrant.name] = check(entrant.name, answer)
        del answer
        runs[entrant.is_product][entrant.name] = run
        print(f"{entrant.name}: {first[entrant.name][0]:.2f} s", file=sys.stderr, flush=True)
    alone = args.rounds == 1
    seconds = first if alone else timing.interleave(runs[True], runs[False], args.rounds)
    runs.clear()
    return [
        Figures(
            entrant.name,
            answers[entrant.name],
            seconds[entrant.name],
            None if args.no_memory else _peak_bytes(program, args, entrant.name),
        )
        for entrant in entrants
    ]


def weigh(entrants: Sequence[Contestant], name: str) -> None:
    """Print the bytes by which one contestant grows this process: the child's side."""
    (chosen,) = (entrant for entrant in entrants if entrant.name == name)

    def set_up_and_run() -> Any:
        return chosen.setup()()

    peak, _ = resident.growth(set_up_and_run)
    print(json.dumps({"peak_bytes": peak}))


def _peak_bytes(program: str, args: argparse.Namespace, name: str) -> int:
    command = [sys.executable, "-m", f"bench.{program}", "--weigh", name]
    command += ["--samples", str(args.samples), "--data", args.data]
    command += ["--peers-up-to", str(args.peers_up_to)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"memory of {name} not measured:\n{done.stderr}")
    return int(json.loads(done.stdout)["peak_bytes"])


def require(name: str, what: str, found: float, gate: float) -> float:
    """Return a figure, which must not be above its gate."""
    if not found <= gate:
        raise WrongAnswer(f"{name}: {what} {found:.2e} is above {gate:.0e}")
    return found


def accuracy(outputs: Array, labels: NDArray[np.int64]) -> float:
    """Return the share of right labels."""
    return float((outputs.argmax(axis=-1) == labels).mean())


def table(figures: list[Figures]) -> str:
    """Return a Markdown table, one line per contestant."""
    keys = list(dict.fromkeys(key for part in figures for key in part.answer))
    lines = ["| | seconds | peak MB | " + " | ".join(keys) + " |"]
    lines.append("|---" * (3 + len(keys)) + "|")
    for part in figures:
        peak = "" if part.peak_bytes is None else f"{part.peak_bytes / 1e6:.0f}"
        cells = " | ".join(_cell(part.answer.get(key)) for key in keys)
        lines.append(f"| {part.name} | {part.median:.4g} | {peak} | {cells} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def write(args: argparse.Namespace, figures: list[Figures], **facts: Any) -> None:
    """Write the record, if there is a file for it."""
    if args.out is None:
        return
    record = {
        "machine": machine.describe(),
        "samples": args.samples,
        "data": args.data,
        "hidden_layers": HIDDEN_LAYERS,
        "bias_std": BIAS_STD,
        **facts,
        "contestants": [asdict(part) | {"median_seconds": part.median} for part in figures],
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
