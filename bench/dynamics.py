# SPDX-License-Identifier: Apache-2.0
"""Training dynamics of MNIST's ten classes at 20 times, on training and test digits.

    python -m bench.dynamics [--samples N] [--out FILE]

fastntk computes its kernel within its time; NumPy is given K(X, X) and K(Z, X) in float64, ready,
and is charged for the eigendecomposition and f_t alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastntk as fn
from bench import function_space
from bench.contestant import Contestant
from bench.function_space import Array, Problem

# From before anything is learnt to where all 60,000 digits are, in the paper's units, and the end.
TIMES = np.append(np.geomspace(10.0, 1e8, 19), np.inf)
# Of f_t over |y|, as GradientFlow estimates it, and between it and dense NumPy.
ERROR_GATE = 1e-4
_MEMORY = "10 GB"


class Answer(NamedTuple):
    """f_t at the training and test digits, (20, N, 10) and (20, M, 10), and the solver's words."""

    train: Array
    test: Array
    facts: dict[str, Any]


def contestants(problem: Problem, *, peers: bool) -> list[Contestant]:
    """Return fastntk, and where it can keep up NumPy."""
    found = [Contestant("fastntk float32", True, lambda: lambda: _fastntk(problem))]
    if peers:
        found.append(Contestant("NumPy eigh", False, lambda: _numpy(problem)))
    return found


def _fastntk(problem: Problem) -> Answer:
    op = problem.operator(dtype="float32", memory=_MEMORY)
    flow = fn.GradientFlow(op, problem.Y)
    train, test = flow.outputs(TIMES), flow.outputs(TIMES, problem.Z)
    error = function_space.require(
        "fastntk", "estimated error", float(np.max(flow.error(TIMES))), ERROR_GATE
    )
    facts = {"method": flow.method, "storage": op.storage, "estimated error": error}
    return Answer(train, test, facts)


def _numpy(problem: Problem) -> Callable[[], Answer]:
    K, cross = problem.matrices()

    def run() -> Answer:
        values, vectors = np.linalg.eigh(K)
        start = vectors.T @ problem.Y
        train = np.empty((len(TIMES), *problem.Y.shape))
        test = np.empty((len(TIMES), len(problem.Z), problem.Y.shape[1]))
        for i, t in enumerate(TIMES):
            filtered = -np.expm1(-t * values / len(values)) / values
            c = vectors @ (filtered[:, None] * start)
            train[i], test[i] = K @ c, cross @ c
        return Answer(train, test, {"method": "eigh"})

    return run


def checker(problem: Problem) -> Callable[[str, Answer], dict[str, Any]]:
    """Return a check against the first answer, and of what training does to its own cost."""
    first: list[Answer] = []

    def check(name: str, answer: Answer) -> dict[str, Any]:
        first.append(answer)
        norm = np.linalg.norm(problem.Y)
        apart = max(
            np.linalg.norm(a - b) for a, b in zip(answer.train, first[0].train, strict=True)
        )
        function_space.require(name, "distance from fastntk", float(apart / norm), ERROR_GATE)
        cost = ((answer.train - problem.Y) ** 2).sum(axis=(1, 2)) / (2 * len(problem.Y))
        if not np.all(np.diff(cost) < ERROR_GATE**2 * cost[0]):  # squares of errors within it
            raise function_space.WrongAnswer(f"{name}: the training cost rises: {cost}")
        accuracies = [function_space.accuracy(f, problem.labels) for f in answer.test]
        return {
            "distance": float(apart / norm),
            "cost at the end": float(cost[-1]),
            "best accuracy": max(accuracies),
            **answer.facts,
        }

    return check


def main() -> int:
    """Run it; an exception where an answer is wrong."""
    args = function_space.parser("dynamics", "Training dynamics on MNIST.").parse_args()
    problem = function_space.problem(args.samples, data=args.data)
    entrants = contestants(problem, peers=args.samples <= args.peers_up_to)
    if args.weigh:
        function_space.weigh(entrants, args.weigh)
        return 0
    figures = function_space.compete("dynamics", args, entrants, checker(problem))
    print(function_space.table(figures))
    function_space.write(args, figures, times=[f"{t:.6g}" for t in TIMES])
    return 0


if __name__ == "__main__":
    sys.exit(main())
