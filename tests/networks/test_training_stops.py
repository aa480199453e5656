# SPDX-License-Identifier: Apache-2.0
"""What ends training early: Ctrl-C, an exception of a callable, divergence."""

import pickle
import signal
import threading

import numpy as np
import pytest

import fastntk as fn
from fastntk._stops import deferred_interrupt
from fastntk.costs import UserCost
from networks.small_network import network


@pytest.fixture
def data(rng):
    return rng.standard_normal((5, 3)), rng.standard_normal((5, 2))


@pytest.mark.parametrize("method", [{}, {"updates": "low-rank"}, {"flow": True}])
def test_control_c(data, method):
    """In the middle of a step: it is finished, and the training goes on from there."""
    X, y = data
    w, v = network(), network()

    def cost(last):
        def gradient(f, y):
            calls.append(f)
            if len(calls) == last:
                signal.raise_signal(signal.SIGINT)
            return f - y

        calls = []
        return UserCost(lambda f, y: ((f - y) ** 2).sum() / 10, gradient)

    with pytest.raises(fn.TrainingInterrupted, match="after a whole step") as caught:
        w.train(X, y, learning_rate=0.1, steps=40, cost=cost(12), **method)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run = caught.value.run
    assert isinstance(caught.value, KeyboardInterrupt)
    assert run.times[-1] == run.reached
    assert 0 < run.reached < 4
    if "flow" not in method:
        assert run.reached == pytest.approx(1.2)
        whole = v.train(X, y, learning_rate=0.1, steps=40)
        w.train(X, y, learning_rate=0.1, steps=28, run=run)
        np.testing.assert_allclose(w.flat, v.flat, rtol=0, atol=1e-12)
        np.testing.assert_allclose(run.cost, whole.cost, rtol=0, atol=1e-12)
    else:
        f = w(X)
        assert run.cost[-1] == pytest.approx(((f - y) ** 2).sum() / 10)


def test_control_c_is_left_to_others(data):
    """To a handler of the program's own, and outside the main thread."""
    seen = []
    own = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with deferred_interrupt() as pressed:
            signal.raise_signal(signal.SIGINT)
            assert not pressed()
        assert seen == [1]
    finally:
        signal.signal(signal.SIGINT, own)
    w, runs = network(), []
    thread = threading.Thread(target=lambda: runs.append(w.train(*data, steps=2)))
    thread.start()
    thread.join()
    assert len(runs) == 1


@pytest.mark.parametrize("method", [{}, {"updates": "low-rank"}, {"flow": True}])
def test_a_second_control_c_stops_at_once(data, method):
    """In the middle of a step that does not end by itself."""

    def direction(f, t):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("unreachable")

    with pytest.raises(KeyboardInterrupt) as caught:
        network().train(data[0], direction=direction, steps=2, **method)
    assert not isinstance(caught.value, fn.TrainingInterrupted)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_errors_travel_between_processes(data):
    """Pickled, with the run and what they say."""
    with pytest.raises(fn.DivergenceError) as caught:
        network().train(*data, learning_rate=1e200, steps=9)
    run = network().train(*data, steps=1)
    for error in (caught.value, fn.TrainingInterrupted("stopped", run)):
        other = pickle.loads(pickle.dumps(error))
        assert type(other) is type(error)
        assert str(other) == str(error)
        np.testing.assert_array_equal(other.run.times, error.run.times)
    other = pickle.loads(pickle.dumps(caught.value))
    assert other.step == caught.value.step
    assert other.suggested_learning_rate == caught.value.suggested_learning_rate


def test_what_a_callable_raises_passes_through(data):
    """The parameters are those of `reached`; low-rank updates are in them."""
    w, v, run = network(), network(), fn.Run()
    calls = []

    def progress(stage, done, total):
        calls.append((stage, done, total))
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        w.train(*data, steps=7, run=run, updates="low-rank", progress=progress)
    assert calls == [("training", 1, 7)]
    assert run.reached == 1
    v.train(*data, steps=1)
    np.testing.assert_allclose(w.flat, v.flat, rtol=0, atol=1e-13)
    rest = w.train(*data, steps=6, run=run)
    np.testing.assert_array_equal(rest.times, np.arange(8))


@pytest.mark.parametrize("options", [{}, {"networks": 2}, {"dtype": "float32"}])
def test_divergence(rng, options):
    """The error names the step and a rate at which the same network learns."""
    X, y = rng.standard_normal((6, 3)), rng.standard_normal((6, 1))
    w = fn.FiniteNetwork(
        fn.FullyConnected(2, activation="erf", bias_std=0.3),
        (3, 64, 64, 1),
        **{"dtype": "float64", **options},
    )
    start = w.copy()
    blown = UserCost(lambda f, y: ((f - y) ** 2).sum() / 12, lambda f, y: f**3)
    with pytest.raises(fn.DivergenceError, match=r"not finite at t = \d+") as caught:
        w.train(X, y, learning_rate=300.0, steps=200, cost=blown)
    error = caught.value
    assert "the cost was" in str(error)
    assert error.run.reached == 300.0 * error.step
    assert error.step == len(error.run.times)
    assert np.isfinite(error.run.cost).all()
    safe = error.suggested_learning_rate
    kernels = start.ntk(X).reshape(-1, 6, 6)
    stable = min(2 / np.linalg.eigvalsh(K / 6).max() for K in kernels)
    assert safe <= stable * 1.0001
    assert safe == pytest.approx(min(2 / (np.trace(K) / 6) for K in kernels), rel=1e-5)
    run = start.train(X, y, learning_rate=0.9 * safe, steps=20)
    assert np.all(np.diff(run.cost, axis=0) < 0)


def test_divergence_of_a_flow(data):
    """Outputs that feed on themselves are infinite in finite time."""
    w, run = network(activation="erf"), fn.Run()
    with pytest.raises(fn.DivergenceError, match=r"no step from t = .* keeps the tol.* 0\.1, step"):
        w.train(data[0], direction=lambda f, t: f**3 + 1, flow=True, tolerance=0.1, run=run)
    assert np.isfinite(w.flat).all()
    assert run.reached == run.times[-1] > 0


def test_a_trial_of_a_flow_that_is_not_finite(data):
    """Another, smaller one takes its place; Ctrl-C is heard between them."""
    X, y = data
    calls = []

    def direction(f, t, ill=()):
        calls.append(t)
        return y - f if len(calls) not in ill else np.nan * f

    w, v = network(activation="erf"), network(activation="erf")
    w.train(X, direction=lambda f, t: direction(f, t, {4}), steps=3, flow=True)
    v.train(X, y, steps=3, flow=True)
    np.testing.assert_allclose(w(X), v(X), rtol=0, atol=1e-5)
    calls.clear()

    def interrupted(f, t):
        if len(calls) == 20:
            signal.raise_signal(signal.SIGINT)
        assert len(calls) < 30
        return direction(f, t, range(20, 1000))

    with pytest.raises(fn.TrainingInterrupted) as caught:
        network(activation="erf").train(X, direction=interrupted, steps=3, flow=True)
    assert 0 < caught.value.run.reached < 3
