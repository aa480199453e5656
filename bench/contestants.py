# SPDX-License-Identifier: Apache-2.0
"""What is run for a case: a contestant is a name and a set-up that returns the call to time."""

from __future__ import annotations

import numpy as np

import fastntk as fn
from bench import empirical
from bench.baselines import numpy_ntk
from bench.cases import Case
from bench.contestant import Contestant, Run
from bench.data import Problem

BASELINE = "numpy"


def contestants(
    case: Case, problem: Problem, pythons: tuple[str, ...] = ()
) -> tuple[list[Contestant], dict[str, str]]:
    """Return everything that competes in `case`, fastntk first, and what does not, with the reason.

    Whole matrices: fastntk into fresh memory and into a reused `out`; NumPy twice.  Products with a
    lazy operator compete with NumPy forming K by blocks of rows; with a packed one, with NumPy and
    a stored K.  A case without baselines has fastntk alone.  The empirical NTK competes with other
    libraries too, looked for in the interpreters `pythons`.
    """
    if case.operation == "empirical":
        return empirical.contestants(case, problem, pythons)
    if case.operation == "matmat":
        products = [Contestant("fastntk", True, lambda: _product_matmat(case, problem))]
        baselines = _matmat_baselines
    else:
        products = [
            Contestant("fastntk", True, lambda: _product_gram(case, problem, reuse=False)),
            Contestant("fastntk out=", True, lambda: _product_gram(case, problem, reuse=True)),
        ]
        baselines = _gram_baselines
    return products + (baselines(case, problem) if case.baselines else []), {}


def network(case: Case) -> fn.FullyConnected:
    """Return the network of `case`."""
    return fn.FullyConnected(
        hidden_layers=case.hidden_layers,
        activation="relu",
        weight_std=case.weight_std,
        bias_std=case.bias_std,
    )


def _product_gram(case: Case, problem: Problem, *, reuse: bool) -> Run:
    net = network(case)
    out = np.zeros((case.rows, case.columns), case.dtype) if reuse else None
    data = (problem.X,) if problem.Z is None else (problem.Z, problem.X)
    return lambda: net.ntk(*data, scale=problem.scale, dtype=case.dtype, out=out)


def _product_matmat(case: Case, problem: Problem) -> Run:
    storage, V = case.storage, problem.V
    assert storage is not None
    assert V is not None
    op = fn.GramOperator(
        network(case), problem.X, storage=storage, scale=problem.scale, dtype=case.dtype
    )
    return lambda: op @ V


def _parameters(case: Case, problem: Problem) -> numpy_ntk.Parameters:
    return numpy_ntk.Parameters(
        case.hidden_layers, case.weight_std, case.bias_std, problem.scale, np.dtype(case.dtype)
    )


def _gram_baselines(case: Case, problem: Problem) -> list[Contestant]:
    net = _parameters(case, problem)
    X, Y = (problem.X, None) if problem.Z is None else (problem.Z, problem.X)
    plain, blocked = numpy_ntk.limiting_ntk, numpy_ntk.limiting_ntk_blocked
    return [
        Contestant(BASELINE, False, lambda: lambda: plain(X, Y, net)),
        Contestant("numpy blocked", False, lambda: lambda: blocked(X, Y, net)),
    ]


def _matmat_baselines(case: Case, problem: Problem) -> list[Contestant]:
    net = _parameters(case, problem)
    X, V = problem.X, problem.V
    assert V is not None
    if case.storage == "packed":

        def stored() -> Run:
            K = numpy_ntk.limiting_ntk_blocked(X, None, net)
            return lambda: K @ V

        return [Contestant(BASELINE, False, stored)]
    product = numpy_ntk.matmat
    return [
        Contestant(BASELINE, False, lambda: lambda: product(X, V, net, blocked=False)),
        Contestant("numpy blocked", False, lambda: lambda: product(X, V, net, blocked=True)),
    ]
