# SPDX-License-Identifier: Apache-2.0
"""Calls of training: records, runs that go on, memory and bad arguments."""

import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, UserCost
from fastntk.networks import descent
from networks.small_network import network

X5, Y5 = np.ones((5, 3)), np.ones((5, 2))


@pytest.fixture
def data(rng):
    return rng.standard_normal((5, 3)), rng.standard_normal((5, 2))


@pytest.mark.parametrize("updates", ["dense", "low-rank"])
@pytest.mark.parametrize("networks", [None, 2])
def test_record(data, updates, networks):
    """Everything at chosen times is what the network has then; updates are folded where needed."""
    X, y = data
    w = network(networks=networks)
    x = np.linspace(-1, 1, 6).reshape(2, 3)
    record = fn.Record(at=[0.5, 2], outputs=x, ntk=(x, X), ntk_outputs=(0, 1), activations=True)
    start = w.copy()
    run = w.train(X, y, learning_rate=0.25, steps=8, record=record, updates=updates)
    np.testing.assert_array_equal(run.record_times, [0.5, 2])
    for number, steps in enumerate((2, 8)):
        v = start.copy()
        v.train(X, y, learning_rate=0.25, steps=steps)
        np.testing.assert_allclose(run.outputs[number], v(x), rtol=0, atol=1e-12)
        K = v.ntk(x, X, outputs=(0, 1))
        np.testing.assert_allclose(run.ntk[number], K, rtol=0, atol=1e-11)
        one = v if networks is None else v[1]
        (W, b), _, _ = one.parameters
        a = np.maximum(X @ W.T / np.sqrt(3) + 0.3 * b, 0)
        found = run.activations[0][number]
        np.testing.assert_allclose(found if networks is None else found[1], a, rtol=0, atol=1e-12)
    assert [a.shape[-1] for a in run.activations] == [30, 20]
    assert fn.ntk_drift(run).shape == (2,) if networks is None else (2, 2)


def test_record_of_nothing(data):
    """Only costs; times between two steps are recorded after the second."""
    run = network().train(*data, steps=3, record=fn.Record(outputs=False))
    assert run.outputs is None
    assert run.ntk is None
    assert run.activations is None
    run = network().train(*data, learning_rate=0.4, steps=5, record=fn.Record(at=(0.5, 0.6, 1.2)))
    np.testing.assert_allclose(run.record_times, [0.8, 1.2])


@pytest.mark.parametrize("method", [{}, {"updates": "low-rank"}, {"flow": True, "tolerance": 1e-9}])
def test_a_run_that_goes_on(data, method):
    """Two calls are one: times, integral and records continue."""
    # Without kinks, at which a tight tolerance takes many steps.
    whole, parts = network(activation="erf"), network(activation="erf")
    record = fn.Record(at=[0, 1, 2])
    run = whole.train(*data, learning_rate=0.5, steps=4, record=record, **method)
    half = fn.Record(at=[0, 1])
    first = fn.Run()
    assert first.reached == 0
    parts.train(*data, learning_rate=0.5, steps=2, record=half, run=first, **method)
    assert first.reached == 1
    half = fn.Record(at=[1, 2])
    both = parts.train(*data, learning_rate=0.5, steps=2, record=half, run=first, **method)
    assert both is first
    tight = {"rtol": 0, "atol": 1e-7 if "flow" in method else 1e-13}
    np.testing.assert_allclose(parts.flat, whole.flat, **tight)
    np.testing.assert_array_equal(both.record_times, run.record_times)
    np.testing.assert_allclose(both.outputs, run.outputs, **tight)
    assert both.direction_integral[-1] == pytest.approx(run.direction_integral[-1], rel=1e-4)
    assert (np.diff(both.times) > 0).all()
    if "flow" not in method:
        np.testing.assert_allclose(both.cost, run.cost, **tight)


def test_a_run_is_of_one_kind(data):
    """A record of other things, or a run of other networks, is refused before the first step."""
    X, y = data
    w = network()
    run = w.train(X, y, steps=1)
    before = w.flat.copy()
    with pytest.raises(
        ValueError, match=r"record must keep .*\['outputs'\], got \['ntk', 'outputs'\]"
    ):
        w.train(X, y, steps=1, run=run, record=fn.Record(ntk=X))
    np.testing.assert_array_equal(w.flat, before)
    with pytest.raises(ValueError, match=r"run must be of networks=2, .* got None"):
        network(networks=2).train(X, y, steps=1, run=run)
    silent = w.train(X, y, steps=1, record=fn.Record(outputs=False))
    assert w.train(X, y, steps=1, run=silent, record=fn.Record(outputs=False)).outputs is None


@pytest.mark.parametrize("networks", [None, 2])
@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        ({}, {"outputs": X5[:4]}, r"record.outputs .* \({}5, 2\), got \({}4, 2\)"),
        (
            {"activations": X5[:3]},
            {"activations": True},
            r"record.activations .* \({}3, 30\), \({}3, 20\), got \({}5, 30\), \({}5, 20\)",
        ),
        ({"ntk": X5}, {"ntk": X5[:2]}, r"record.ntk .* \({}10, 10\), got \({}4, 4\)"),
        ({"ntk": X5}, {"ntk": (X5, X5[:2])}, r"record.ntk .* \({}10, 10\), got \({}10, 4\)"),
        (
            {"ntk": (X5[:2], X5), "ntk_outputs": (0, 1)},
            {"ntk": X5, "ntk_outputs": "trace"},
            r"record.ntk .* \({}2, 5\), got \({}5, 5\)",
        ),
    ],
)
def test_a_run_is_of_as_many_points(networks, first, other, message):
    """Refused before the first step; the same record goes on."""
    w = network(networks=networks)
    run = w.train(X5, Y5, steps=1, learning_rate=0.1, record=fn.Record(**first))
    w.train(X5, Y5, steps=1, learning_rate=0.1, record=fn.Record(**first), run=run)
    before, times = w.flat.copy(), run.times
    message = message.replace("{}", "" if networks is None else "2, ")
    with pytest.raises(ValueError, match=message):
        w.train(X5, Y5, steps=1, record=fn.Record(**other), run=run)
    np.testing.assert_array_equal(w.flat, before)
    np.testing.assert_array_equal(run.times, times)
    for name in ("outputs", *first):
        if name != "ntk_outputs":
            found = getattr(run, name)
            assert {len(one) for one in (found if name == "activations" else [found])} == {3}


def test_tolerance_below_rounding(data):
    """Refused before the first step, with the least; the default is that of wide networks."""
    w = network(dtype="float32")
    before = w.flat.copy()
    least = 2.0**-23 * np.linalg.norm(w.flat)
    run = w.train(*data, steps=0)
    with pytest.raises(ValueError, match=rf"tolerance must be at least {least:.2g}, float32's"):
        w.train(*data, flow=True, tolerance=0.9 * least, run=run)
    np.testing.assert_array_equal(w.flat, before)
    assert len(run.times) == 1
    w.train(*data, learning_rate=0.1, steps=1, flow=True, tolerance=1.1 * least)
    w.flat = 1000 * before
    w.train(*data, learning_rate=1e-9, steps=1, flow=True)


def test_memory(data):
    """Factors are kept only where they fit; what must fit is refused before the first step."""
    X, y = data
    w = network()
    before = w.flat.copy()
    with pytest.raises(MemoryError, match="a training step needs"):
        w.train(X, y, memory=1000)
    with pytest.raises(MemoryError, match="gradient flow, which keeps 8 copies of the parameters"):
        w.train(X, y, memory=50_000, flow=True)
    np.testing.assert_array_equal(w.flat, before)
    v = w.copy()
    w.train(X, y, steps=3, memory=15_000, updates="low-rank")
    v.train(X, y, steps=3, updates="dense")
    np.testing.assert_array_equal(w.flat, v.flat)


@pytest.mark.parametrize("linear", [False, True])
def test_memory_of_what_is_of_all_points(rng, linear):
    """Outputs and costs at many more points than a step takes stay within the budget."""
    w = fn.FiniteNetwork(fn.FullyConnected(2), (4, 256, 256, 1), seed=0)
    trained = w.linearised() if linear else w
    X = rng.standard_normal((10_000, 4)).astype(np.float32)
    # All hidden activations at once would be 20 MB.
    budget = 5_000_000
    tracemalloc.start()
    try:
        trained.train(X, X[:, 0], learning_rate=0.1, steps=2, batch_size=16, memory=budget)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < budget
    before = w.flat.copy()
    with pytest.raises(MemoryError, match="the scaled points"):
        trained.train(X, X[:, 0], scale=2.0, batch_size=16, memory=X.nbytes - 1)
    np.testing.assert_array_equal(w.flat, before)


def test_weights_are_not_copied(rng):
    """A step on few points takes a fraction of the weights' memory, in both ways of updating."""
    w = fn.FiniteNetwork(fn.FullyConnected(3), (3, 1500, 1500, 1500, 1))
    X, y = rng.standard_normal((4, 3)), rng.standard_normal(4)
    for updates in ("auto", "dense"):
        tracemalloc.start()
        w.train(X, y, steps=3, updates=updates)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Blocks of 2.5 MB, and what a product makes of transposed factors.
        assert peak < w.flat.nbytes / 2


def test_recorded_outputs_cost_no_pass(data, monkeypatch):
    """Those of the training points are those of the step's own pass."""
    passes = []
    for name in ("forward", "outputs"):
        own = getattr(descent, name)
        monkeypatch.setattr(descent, name, lambda *a, own=own: passes.append(0) or own(*a))
    w = network()
    v = w.copy()
    run = w.train(*data, learning_rate=0.5, steps=6, record=fn.Record(at=0.5 * np.arange(7)))
    # One a step, the last outputs and the last cost.
    assert len(passes) == 8
    for i, f in enumerate(run.outputs):
        np.testing.assert_array_equal(f, v(data[0]))
        v.train(*data, learning_rate=0.5, steps=int(i < 6), record=fn.Record(outputs=False))
    np.testing.assert_array_equal(w.flat, v.flat)


def test_no_steps(data):
    """The cost as it is."""
    w = network()
    run = w.train(*data, steps=0)
    np.testing.assert_array_equal(run.times, [0])
    assert run.outputs.shape == (1, 5, 2)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X5, np.ones((4, 2))), {}, ValueError, r"shape \(5, 2\), got \(4, 2\)"),
        ((X5, np.full((5, 2), np.nan)), {}, ValueError, "y must be finite"),
        ((np.ones((5, 4)), Y5), {}, ValueError, "X must have widths.0. = 3 columns"),
        ((X5,), {}, ValueError, "y must be given"),
        ((X5,), {"cost": CrossEntropy()}, ValueError, "y must be given"),
        ((X5, Y5), {"cost": "least squares"}, TypeError, "cost must have the methods"),
        ((X5, Y5), {"learning_rate": 0}, ValueError, "learning_rate must be positive"),
        ((X5, Y5), {"steps": -1}, ValueError, "steps must be at least 0"),
        ((X5, Y5), {"batch_size": 6}, ValueError, "at most X's 5 points, got 6"),
        ((X5, Y5), {"batch_size": 2, "flow": True}, ValueError, "None with flow=True"),
        ((X5, Y5), {"direction": 3}, TypeError, "direction must be callable"),
        ((X5,), {"direction": lambda f, t: f[0]}, ValueError, r"shape \(5, 2\), got \(2,\)"),
        (
            (X5,),
            {"direction": lambda f, t: f, "batch_size": 2},
            ValueError,
            "None with a direction",
        ),
        ((X5, Y5), {"record": [1]}, TypeError, "record must be a Record"),
        ((X5, Y5), {"record": fn.Record(at=[3, 9])}, ValueError, "between 0 and 5"),
        ((X5, Y5), {"record": fn.Record(ntk=np.ones((2, 2)))}, ValueError, "record.ntk"),
        (
            (X5, Y5),
            {"record": fn.Record(at=[5], ntk=X5, ntk_outputs=(0, 2))},
            ValueError,
            "record.ntk_outputs must be below the 2 outputs",
        ),
        ((X5, Y5), {"updates": "none"}, ValueError, "updates must be one of"),
        ((X5, Y5), {"flow": True, "tolerance": -1}, ValueError, "tolerance must be positive"),
        ((X5, Y5), {"tolerance": 0}, ValueError, "tolerance must be positive"),
        (
            (X5, Y5),
            {"flow": True, "updates": "low-rank"},
            ValueError,
            "'auto' or 'dense' with flow",
        ),
        ((X5, Y5), {"cost": UserCost(max, lambda f, y: f[:2])}, ValueError, "cost.direction"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    """Said before anything is changed."""
    w = network()
    before = w.flat.copy()
    with pytest.raises(error, match=message):
        w.train(*arguments, **{"steps": 5, **options})
    np.testing.assert_array_equal(w.flat, before)
