# SPDX-License-Identifier: Apache-2.0
"""Exact kernel regression of MNIST's ten classes: seconds, memory, residuals, accuracy.

    python -m bench.regression [--samples N] [--out FILE]

fastntk computes its kernel within its time; SciPy and scikit-learn are given K(X, X) and K(Z, X) in
float64, ready, and are charged for the solution and the predictions alone.
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

TOLERANCE = 1e-6
# A float64 residual of coefficients for a float32 kernel: what its rounding leaves.
_RESIDUAL_GATE = 1e-4
# Of ten thousand test digits that two exact solutions may tell apart by their last digits.
_DISAGREEMENT = 5e-4
_MEMORY = "10 GB"


class Answer(NamedTuple):
    """Coefficients, outputs at the test digits, and what the solver says of itself."""

    coefficients: Array
    outputs: Array
    facts: dict[str, Any]


def contestants(problem: Problem, *, peers: bool) -> list[Contestant]:
    """Return fastntk in float32, refined, and in float64, and where they can keep up the others."""
    found = [
        Contestant("fastntk float32", True, lambda: lambda: _fastntk(problem, "float32")),
        Contestant("fastntk refined", True, lambda: lambda: _fastntk(problem, "float32", 2)),
        Contestant("fastntk float64", True, lambda: lambda: _fastntk(problem, "float64")),
    ]
    if peers:
        found += [
            Contestant("SciPy Cholesky", False, lambda: _scipy(problem)),
            Contestant("scikit-learn KernelRidge", False, lambda: _scikit_learn(problem)),
        ]
    return found


def _fastntk(problem: Problem, dtype: str, refinements: int = 0) -> Answer:
    op = problem.operator(dtype=dtype, memory=_MEMORY)
    exact = problem.exact_operator() if refinements else None
    solution = fn.solve(op, problem.Y, tol=TOLERANCE, refine=exact, refinements=refinements or 1)
    function_space.require("fastntk", "residual", float(solution.residuals.max()), TOLERANCE)
    facts = {"method": solution.method, "passes": solution.passes, "storage": op.storage}
    if refinements:
        facts["refinements"] = len(solution.refined) - 1
    return Answer(solution.value, op.cross_matmat(problem.Z, solution.value), facts)


def _scipy(problem: Problem) -> Callable[[], Answer]:
    from scipy.linalg import cho_factor, cho_solve

    K, cross = problem.matrices()

    def run() -> Answer:
        A = cho_solve(cho_factor(K, lower=True), problem.Y)
        return Answer(A, cross @ A, {"method": "cholesky"})

    return run


def _scikit_learn(problem: Problem) -> Callable[[], Answer]:
    from sklearn.kernel_ridge import KernelRidge

    K, cross = problem.matrices()

    def run() -> Answer:
        model = KernelRidge(alpha=0.0, kernel="precomputed").fit(K, problem.Y)
        return Answer(model.dual_coef_, model.predict(cross), {"method": "cholesky"})

    return run


def checker(problem: Problem) -> Callable[[str, Answer], dict[str, Any]]:
    """Return a check of residuals in float64, and of the labels against the first answer's."""
    exact = problem.exact_operator()
    labels: list[Any] = []

    def check(name: str, answer: Answer) -> dict[str, Any]:
        left = problem.Y - exact @ answer.coefficients
        residuals = np.linalg.norm(left, axis=0) / np.linalg.norm(problem.Y, axis=0)
        found = answer.outputs.argmax(axis=1)
        labels.append(found)
        different = float((found != labels[0]).mean())
        function_space.require(name, "share of labels unlike fastntk's", different, _DISAGREEMENT)
        worst = function_space.require(
            name, "float64 residual", float(residuals.max()), _RESIDUAL_GATE
        )
        accuracy = function_space.accuracy(answer.outputs, problem.labels)
        return {"residual, float64": worst, "accuracy": accuracy, **answer.facts}

    return check


def main() -> int:
    """Run it; an exception where an answer is wrong."""
    args = function_space.parser("regression", "Kernel regression of MNIST.").parse_args()
    problem = function_space.problem(args.samples, data=args.data)
    entrants = contestants(problem, peers=args.samples <= args.peers_up_to)
    if args.weigh:
        function_space.weigh(entrants, args.weigh)
        return 0
    figures = function_space.compete("regression", args, entrants, checker(problem))
    print(function_space.table(figures))
    function_space.write(args, figures, tolerance=TOLERANCE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
