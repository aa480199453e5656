# SPDX-License-Identifier: Apache-2.0
"""What competes over empirical NTKs computes them, and is checked before it is timed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

_STEP = 1e-6  # of central differences: their error is 1e-10, of the square and of rounding alike


def _case(outputs=1, dtype="float32", points=20, width=9):
    from bench import cases

    (case,) = cases.find("empirical-512-w512")
    sizes = {"rows": points, "columns": points, "width": width, "outputs": outputs}
    return replace(case, dtype=dtype, gate=cases.EMPIRICAL_GATES[dtype], rounds=2, **sizes)


@pytest.fixture
def problem():
    from bench import data

    return data.problem(_case(), data.synthetic_digits(20))


@pytest.fixture
def alone(monkeypatch):
    """No other library is found."""
    from bench import peers

    monkeypatch.setattr(peers, "find", lambda library, pythons: peers.Found(None, "not here"))


def _outputs(X, parameters):
    a = X
    for layer, (W, b) in enumerate(parameters):
        a = np.maximum(a, 0) if layer else a
        a = a @ W.T / np.sqrt(W.shape[1]) + 0.1 * b
    return a


def test_numpy_computes_the_kernel_of_the_jacobian(rng):
    from bench.baselines import numpy_empirical

    X = rng.standard_normal((6, 5))
    widths = (5, 7, 6, 2)
    parameters = [
        (rng.standard_normal((m, n)), rng.standard_normal(m)) for n, m in pairwise(widths)
    ]
    columns = []
    for array in (array for layer in parameters for array in layer):
        for at in np.ndindex(array.shape):
            value = array[at]
            array[at] = value + _STEP
            above = _outputs(X, parameters)
            array[at] = value - _STEP
            columns.append((above - _outputs(X, parameters)).reshape(-1) / (2 * _STEP))
            array[at] = value
    J = np.stack(columns, axis=1)
    K = numpy_empirical.empirical_ntk(X, numpy_empirical.Network(parameters, 1.0, 0.1))
    np.testing.assert_allclose(K, J @ J.T, atol=1e-8 * np.max(K))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_exact_answer_is_numpys_and_a_wrong_one_is_refused(problem, outputs, dtype, alone):
    from bench import empirical, reference

    case = _case(outputs, dtype)
    truth = empirical.expected(case, problem)
    numpy = next(c for c in empirical.contestants(case, problem, ())[0] if c.name == "numpy")
    K = numpy.setup()()
    assert truth.error(K) <= case.gate
    K *= K.dtype.type(1 + 4 * case.gate)
    with pytest.raises(reference.WrongAnswer, match="relative error"):
        truth.check(case, K)


def test_points_at_a_kink_are_left_out(problem):
    from bench import empirical

    X = problem.X.copy()
    X[::2] = 0  # no bias: every preactivation is zero
    case = replace(_case(), bias_std=0.0)
    rows = empirical.expected(case, replace(problem, X=X)).rows
    assert len(rows) > 0
    assert np.all(rows % 2 == 1)


def test_a_case_is_checked_timed_and_compared_with_the_fastest(alone):
    from bench import data, measure

    images = data.synthetic_digits(20)
    part = measure.measure(_case(2), images, None, quick=True)
    assert [row["contestant"] for row in part["contestants"]] == ["fastntk", "numpy"]
    assert part["baseline"] == "numpy"
    assert part["skipped"]["torch.func"] == "not here"
    for row in part["contestants"]:
        assert row["median_seconds"] > 0
        assert row["max_relative_error"] <= 1e-5


def test_several_libraries_are_compared_in_one_line():
    from bench import report

    def row(name, seconds, low):
        ratio = {"median": low + 0.5, "low": low, "high": low + 1.0}
        return {
            "contestant": name, "median_seconds": seconds, "peak_bytes": 2_000_000,
            "max_relative_error": 3e-7, "ratio": ratio,
        }  # fmt: skip

    rows = [row("fastntk", 0.01, 2.0), row("numpy", 0.03, 0.5), row("other", 0.025, 0.0)]
    case = {"name": "empirical-a", "operation": "empirical"}
    parts = [
        {"case": case, "baseline": "other", "contestants": rows},
        {"case": case | {"name": "b"}, "baseline": "numpy", "contestants": rows[:2]},
        {"case": {"operation": "gram"}},
    ]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in report.comparison(parts).splitlines()
    ]
    assert lines[0][:4] == ["case", "fastntk", "numpy", "other"]
    assert lines[2] == ["a", "0.01 (2)", "0.03 (2)", "0.025 (2)", "2.5 (2-3)", "3e-07"]
    assert lines[3][3] == ""
    assert report.comparison(parts[2:]) == ""


def test_a_wrong_peer_is_not_timed(problem, alone):
    from bench import empirical, measure, reference

    case = _case()
    entrants, _ = empirical.contestants(case, problem, ())
    numpy = entrants[1].setup()
    wrong = replace(entrants[1], setup=lambda: lambda: 1.001 * numpy())
    truth = empirical.expected(case, problem)
    with pytest.raises(reference.WrongAnswer, match="relative error"):
        measure.checked_and_timed(case, truth, [wrong], lambda run: pytest.fail("timed"))


def test_whole_jacobians_compete_only_where_they_end_soon(problem, monkeypatch):
    from bench import cases, data, empirical, peers

    monkeypatch.setattr(peers, "find", lambda library, pythons: peers.Found("python", "1"))
    for name, present in (("empirical-512-w512", True), ("empirical-2048-w512", False)):
        (case,) = cases.find(name)
        entrants, skipped = empirical.contestants(case, problem, ())
        assert ("torch.func jacobians" in {c.name for c in entrants}) is present
        assert ("torch.func jacobians" in skipped) is not present
    assert data.images_needed(cases.EMPIRICAL) == 2_048


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("kernel", ["layer_by_layer", "jacobian_contraction"])
def test_torch_computes_the_same(problem, outputs, kernel, monkeypatch):
    torch = pytest.importorskip("torch")
    from bench.baselines import torch_empirical

    from bench import empirical

    monkeypatch.setattr(torch_empirical, "_JACOBIAN_BYTES", 1 << 20)  # several blocks
    case = _case(outputs)
    net = torch_empirical.network(empirical.network(case).parameters, 1.0, 0.1)
    K = getattr(torch_empirical, kernel)(torch.from_numpy(problem.X), net).numpy()
    assert empirical.expected(case, problem).error(K) <= case.gate


def test_cases_are_found_by_name_and_by_pattern():
    from bench import cases

    assert cases.find("empirical-*") == cases.EMPIRICAL
    assert [case.name for case in cases.find("deep-float32-bias0")] == ["deep-float32-bias0"]
    with pytest.raises(ValueError, match="no case is called 'deep'"):
        cases.find("deep")
    (case,) = cases.find("empirical-256-w512-10-outputs")
    assert case.widths == (784, 512, 512, 512, 10)
    assert case.entries == 2_560**2
    assert case.quick().widths == (784, 64, 64, 64, 10)
