# SPDX-License-Identifier: Apache-2.0
"""The experiments of section 6.3: on MNIST where it is here, training on few small digits."""

from dataclasses import replace

import numpy as np
import pytest

import fastntk as fn
from fastntk.paper import courses, digits, fig3a, fig3b, fig3c, straight_line, table
from fastntk.paper.courses import Course, Plan, Trial
from fastntk.paper.parts import Parts


def run(experiment, folder, progress=None, quick=True):
    return experiment.EXPERIMENT.run(
        quick=quick, seed=0, parts=Parts(folder), progress=progress, device="cpu"
    )


@pytest.fixture
def no_mnist(monkeypatch):
    """Without MNIST and without a network."""
    load = fn.datasets.load

    def refuse(name, **options):
        if name == "mnist":
            raise FileNotFoundError("no MNIST files: put them there")
        return load(name, **options)

    monkeypatch.setattr(fn.datasets, "load", refuse)


@pytest.fixture
def small(no_mnist, monkeypatch):
    """A few of the small digits, and short trainings of narrow networks, at half these rates."""
    monkeypatch.setattr(digits, "POINTS", 40)
    plan = Plan(
        (
            Trial(16, 0, 2.0),
            Trial(16, 1, 2.0),
            Trial(128, 0, 4.0),
            Trial(128, 1, 4.0),
            Trial(128, 0, 2.0),
        ),
        200.0,
    )
    monkeypatch.setattr(straight_line, "plan", lambda quick: plan)
    return plan


def test_the_eigenvalues_of_mnist(mnist, tmp_path, monkeypatch):
    """Those that the paper prints, with four hidden layers; footnote 3."""
    monkeypatch.setattr(table, "_QUICK_WIDTH", 50)
    monkeypatch.setattr(table, "_QUICK_BATCHES", 4)
    found = run(table, tmp_path)
    assert found.faults == []
    deep, shallow = found.arrays["limit_4"], found.arrays["limit_3"]
    # Ten times the spread of batches, and a third of what another depth is off.
    np.testing.assert_allclose(deep[:, 0], 0.0457, rtol=0.04)
    assert (shallow[:, 0] > 1.08 * 0.0457).all()
    assert (shallow[:, 1:] > 1.3 * np.array(digits.PAPER_VALUES[1:])).all()
    names = [claim.text for claim in found.claims]
    gap = found.claims[names.index("gap lambda_1 / lambda_2 at beta = 1.0 and 0.1")]
    assert gap.found == "529 and 39.9: 13.3 times"
    assert gap.holds
    assert found.claims[names.index("the first component")].holds
    assert len(table.draw(found).axes) == 3


def test_components_of_mnist(mnist, tmp_path):
    """Of unit norm, orthogonal, and more of classes than chance has."""
    found = run(fig3a, tmp_path)
    assert found.faults == []
    f = found.arrays["functions"]
    np.testing.assert_allclose(f.T @ f / len(f), np.eye(3), atol=1e-10)
    assert [claim.holds for claim in found.claims] == [True, True]
    # Any labels that have nothing to do with the digits.
    turned = np.roll(found.arrays["labels"], 1)
    assert fig3a.explained(f, turned).max() < found.arrays["shuffled"].max() * 1.5
    drawn = fig3a.draw(found).axes[0]
    assert "2nd component" in drawn.get_xlabel()


def test_without_mnist(no_mnist, tmp_path, monkeypatch):
    """A quick run takes other digits, and says so; nothing is claimed of them."""
    monkeypatch.setattr(digits, "POINTS", 64)
    found = run(fig3a, tmp_path)
    assert found.faults == []
    assert "MNIST is not here" in found.notes[0]
    assert found.settings["data"] == "digits"
    assert {claim.holds for claim in found.claims} == {None}
    with pytest.raises(FileNotFoundError, match="put them there"):
        run(fig3a, tmp_path, quick=False)


def test_networks_on_the_line(small, tmp_path):
    """Networks start on it and stay close, wide ones closer; rates and linearisation agree."""
    found = run(fig3b, tmp_path)
    assert found.faults == []
    assert found.claims[0].holds is None  # they are not MNIST's
    narrow, wide = (
        found.arrays[f"{name}_h"] for name in ("n16_network0_rate1", "n128_network0_rate2")
    )
    assert 0 < wide.max() < narrow.max()
    # One network by hand.
    data = digits.load(True).batch(0)
    limit = digits.components(digits.limiting_kernel(data, digits.limiting_network(), "cpu"))
    w = digits.finite_network(data, 16, 0, 1, "cpu")
    target = w(data.X, data.scale)[:, 0] + 0.5 * limit.functions[:, 1]
    w.train(data.X, target, 1.0, 200, scale=data.scale)
    rest = w(data.X, data.scale)[:, 0] - target
    name = "n16_network1_rate1"
    np.testing.assert_array_equal(found.arrays[f"{name}_times"], np.arange(201))
    # To the rounding of float32 through 200 steps.
    along = rest @ limit.functions[:, 1] / 40
    assert found.arrays[f"{name}_g"][-1] == pytest.approx(along, abs=1e-5)
    h = np.sqrt(np.mean(rest**2) - along**2)
    assert found.arrays[f"{name}_h"][-1] == pytest.approx(h, abs=1e-5)
    assert len(fig3b.draw(found).axes[0].lines) == 5


def test_figure_3c_takes_the_networks_of_3b(small, tmp_path, monkeypatch):
    """Nothing is trained again; a wrong learning rate would show."""
    told = []
    run(fig3b, tmp_path, progress=lambda *call: told.append(call))
    assert told[-1][1:] == (200, 200)
    monkeypatch.setattr(straight_line, "_trained", None)
    found = run(fig3c, tmp_path)
    assert found.faults == []
    assert len(found.claims) == 5
    value = found.arrays["values"][1]
    np.testing.assert_allclose(
        found.arrays["exact"], 0.5 * np.exp(-value * found.arrays["exact_times"])
    )
    assert len(fig3c.draw(found).axes[0].lines) == 6


def exponential(rate, inflation, times=(0.0, 300.0)):
    """A network that goes straight, faster by its inflation."""
    t = np.arange(0, 301.0)
    g = -0.5 * np.exp(-rate * inflation * t)
    grown = np.full(len(times), float(inflation))
    return Course(Trial(8, 0, 1.0), t, g, 0 * t, np.array(times), grown, grown)


def test_a_step_too_large_is_not_sound(small, tmp_path, monkeypatch):
    """Stable up to 2 over the largest eigenvalue: what oscillates is said."""
    fast = [replace(trial, rate=80.0) for trial in small.trials[:2]]
    monkeypatch.setattr(
        straight_line, "plan", lambda quick: Plan((*fast, replace(fast[0], rate=40.0)), 400.0)
    )
    found = run(fig3b, tmp_path)
    assert [fault.split(",")[0] for fault in found.faults] == [
        "learning rate times lambda_1 of the network"
    ]


def test_speed_and_inflation():
    """Of an exponential, known exactly between steps; never there is infinite."""
    course = exponential(0.01, 3.0)
    assert course.time_to_left == pytest.approx(100 / 3, rel=1e-9)
    assert course.mean_inflation(50.0) == pytest.approx(3.0)
    assert exponential(1e-4, 1.0).time_to_left == np.inf
    growing = Course(
        course.trial, course.times, course.g, course.h,
        np.array([0.0, 100.0]), np.array([1.0, 3.0]), course.largest,
    )  # fmt: skip
    assert growing.mean_inflation(100.0) == pytest.approx(2.0)


def test_parts_along_and_across(rng):
    """g f + h, put together, are the function."""
    f, other = np.linalg.qr(rng.standard_normal((30, 2)))[0].T * np.sqrt(30)
    g, h = courses.split(np.stack([2 * f, 3 * other - f]), f)
    np.testing.assert_allclose(g, [2, -1])
    np.testing.assert_allclose(h, [0, 3], atol=1e-12)
