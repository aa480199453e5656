# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of function space check what they time, and record what they found."""

import json
import sys

import numpy as np
import pytest


@pytest.fixture
def started(monkeypatch, tmp_path, capsys):
    """Run a benchmark on 120 of the built-in digits; its table and its record."""

    def run(module, *options):
        out = tmp_path / "record.json"
        arguments = ["--data", "digits", "--samples", "120", "--rounds", "1", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["bench", *arguments, *options])
        assert module.main() == 0
        return capsys.readouterr().out, json.loads(out.read_text())

    return run


def test_regression_is_that_of_its_peers(started):
    from bench import regression

    table, record = started(regression, "--no-memory")
    names = [part["name"] for part in record["contestants"]]
    assert names[:3] == ["fastntk float32", "fastntk refined", "fastntk float64"]
    assert names[3:] == ["SciPy Cholesky", "scikit-learn KernelRidge"]
    assert all(name in table for name in names)
    exact = [part["answer"]["residual, float64"] for part in record["contestants"]]
    # float32 entries of a kernel whose condition number is 1e4 or so; the others are float64.
    assert exact[0] < 1e-4
    assert exact[1] <= 1e-6
    assert max(exact[2:]) < 1e-10
    assert len({part["answer"]["accuracy"] for part in record["contestants"]}) == 1
    assert record["samples"] == 120
    assert record["contestants"][0]["median_seconds"] > 0


def test_dynamics_are_those_of_dense_numpy(started):
    from bench import dynamics

    _, record = started(dynamics, "--no-memory")
    ours, numpy = (part["answer"] for part in record["contestants"])
    assert numpy["distance"] < 1e-4
    assert ours["best accuracy"] == numpy["best accuracy"]
    assert max(ours["cost at the end"], numpy["cost at the end"]) < 1e-12  # all is learnt
    assert len(record["times"]) == 20


def test_memory_is_that_of_a_process_of_its_own(started):
    from bench import dynamics

    _, record = started(dynamics, "--peers-up-to", "10")
    (ours,) = record["contestants"]
    outputs = 8 * 20 * 10 * (120 + 359)
    assert outputs < ours["peak_bytes"] < 100 * outputs


def test_a_wrong_answer_is_named_and_not_timed():
    from bench import function_space, regression

    problem = function_space.problem(60, data="digits")
    check = regression.checker(problem)
    A = np.linalg.solve(problem.matrices()[0], problem.Y)
    cross = problem.matrices()[1]
    check("right", regression.Answer(A, cross @ A, {}))
    with pytest.raises(function_space.WrongAnswer, match="off: float64 residual"):
        check("off", regression.Answer(A * 1.001, cross @ A, {}))
    with pytest.raises(function_space.WrongAnswer, match="odd: share of labels unlike fastntk's"):
        check("odd", regression.Answer(A, -cross @ A, {}))
