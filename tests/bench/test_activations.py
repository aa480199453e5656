# SPDX-License-Identifier: Apache-2.0
"""Activations are timed beside ReLU once each has been compared with a plain integral."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reference import naive
from reference.network import Network


@pytest.fixture
def case():
    from bench import cases

    return cases.ACTIVATIONS[0]


def small(case, activations):
    from bench import data

    few = replace(case, rows=40, columns=40, activations=activations, rounds=1)
    return few, data.problem(few, data.synthetic_digits(40))


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_plain_kernels_are_those_of_closed_forms(activation, rng):
    from bench import quadrature

    X = rng.random((6, 20))
    expected = naive.gram(Network(2, activation, 1.3, 0.2), X)
    off = ~np.eye(6, dtype=bool)  # closed forms lose digits on the diagonal
    for found, K in zip(quadrature.kernels(activation, X, 2, 1.3, 0.2), expected, strict=True):
        # Roundings of the nodes and weights, and of the arc cosine.
        assert np.allclose(found[off], K[off], rtol=1e-13)
        assert np.allclose(found, K, rtol=1e-7)


def test_a_plain_answer_knows_jumps(rng):
    from bench import quadrature

    S, T = quadrature.kernels("sign", rng.random((3, 5)), 1, 1.0, 0.0)
    assert T is None
    assert np.allclose(np.diag(S), 1)


def test_every_activation_has_a_plain_answer():
    from bench import cases, quadrature

    for case in cases.ACTIVATIONS:
        assert case.activations[0] == "relu"
        assert set(case.quick().activations) < set(case.activations)
        assert set(case.activations) == set(quadrature.NONLINEARITIES)


def test_a_record_and_its_table(case):
    from bench import activations, report

    chosen = ("relu", "absolute", "step", "gelu")
    part = activations.measure(*small(case, chosen))
    json.dumps(part)
    assert [row["contestant"] for row in part["contestants"]] == list(chosen)
    assert [row["goal"] for row in part["contestants"]] == [None, 3.0, 3.0, 3.0]
    assert all(0 < row["max_relative_error"] < 6e-7 for row in part["contestants"])
    heading, _, relu, *others = report.activations([part]).splitlines()
    assert "float32" in heading
    assert "(1.00)" in relu
    assert [line.split()[1] for line in others] == list(chosen[1:])
    assert report.table([part]) == ""


def test_a_wrong_answer_is_named_and_nothing_timed(case, monkeypatch):
    from bench.reference import WrongAnswer

    from bench import activations, quadrature

    right = quadrature.NONLINEARITIES["absolute"]
    wrong = replace(right, f=lambda u: (1 + 1e-6) * right.f(u))
    monkeypatch.setitem(quadrature.NONLINEARITIES, "absolute", wrong)
    monkeypatch.setattr(activations.timing, "interleave", lambda *_: pytest.fail("timed"))
    with pytest.raises(WrongAnswer, match=r"float32: absolute is off by .*; the gate is 6e-07"):
        activations.measure(*small(case, ("relu", "absolute", "gelu")))


@pytest.mark.parametrize("activation", ["relu", "gelu", "sin", "hermite(3)"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_of_one_norm_are_read_from_a_table(activation, dtype):
    from bench.contestants import network

    from bench import cases, data

    (case,) = cases.find(f"activations-{dtype}-equal-norms")
    case = replace(case, rows=300, columns=300)
    problem = data.problem(case, data.synthetic_digits(300))
    norms = (problem.X.astype(np.int64) ** 2).sum(axis=1)
    assert set(norms) == {100 * 255**2}
    net = replace(network(case), activation=activation)
    assert net.explain(problem.X, scale=problem.scale, dtype=dtype).recursion == "table"
