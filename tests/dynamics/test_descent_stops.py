# SPDX-License-Identifier: Apache-2.0
"""What ends a kernel descent early or lets it go on; progress, memory and bad arguments."""

import re
import signal
import sys
import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, LeastSquares, UserCost

pytest.importorskip("scipy")
NET = fn.FullyConnected(2, bias_std=0.1)


@pytest.fixture
def K(rng):
    return NET.ntk(rng.standard_normal((10, 3)))


@pytest.fixture
def y(rng):
    return rng.standard_normal((10, 2))


class PressesControlC(LeastSquares):
    """Least squares; at some calls of its direction Ctrl-C is pressed."""

    def __init__(self, *calls):
        self.calls, self.count = calls, 0

    def direction(self, f, y):
        self.count += 1
        for _ in range(self.calls.count(self.count)):
            signal.raise_signal(signal.SIGINT)
        return super().direction(f, y)


def test_descents_go_on(K, y):
    """In two parts, by either method or both: as in one."""
    descent = fn.KernelDescent(K, y)
    whole = descent.steps(8, 1.0, every=2)
    parts = descent.steps(4, 1.0, every=2, record=descent.steps(4, 1.0, every=2))
    for name in ("times", "cost", "norm_squared", "descent", "record_times", "coefficients"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-13)
    np.testing.assert_allclose(parts.outputs(), whole.outputs(), rtol=0, atol=1e-13)
    whole = descent.flow([1.0, 3.0, 5.0, 8.0], tolerance=1e-9)
    parts = descent.flow([1.0, 3.0], tolerance=1e-9)
    assert descent.flow([5.0, 8.0], tolerance=1e-9, record=parts) is parts
    np.testing.assert_array_equal(parts.record_times, [0, 1, 3, 5, 8])
    np.testing.assert_allclose(parts.outputs(), whole.outputs(), rtol=0, atol=1e-7)
    # Steps after a flow: what the steps' own imbalance is, the flow is not warned about.
    mixed = descent.flow([5.0], record=descent.steps(2, 1.0))
    assert mixed.reached == 5
    assert mixed.imbalance > 1e-4
    # Nothing left to do.
    assert descent.flow([5.0], record=mixed).times[-1] == 5
    assert descent.steps(0, record=mixed).times[-1] == 5


@pytest.mark.parametrize("method", ["flow", "steps"])
def test_control_c(K, y, method):
    """In the middle of a step: it is finished, and the descent goes on from there."""
    cost = PressesControlC(15)
    descent = fn.KernelDescent(K, y, cost=cost)

    def run(record=None, steps=30):
        if method == "flow":
            return descent.flow([2.0, 30.0], tolerance=1e-8, record=record)
        return descent.steps(steps, 1.0, record=record)

    with pytest.raises(fn.TrainingInterrupted, match=r"t = .*, after a whole step; ") as caught:
        run()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    record = caught.value.run
    assert isinstance(caught.value, KeyboardInterrupt)
    assert 0 < record.reached < 30
    assert record.times[-1] == record.record_times[-1] == record.reached
    if method == "flow":
        times = [2.0, 30.0] if record.reached < 2 else [30.0]
        record = descent.flow(times, tolerance=1e-8, record=record)
    else:
        record = run(record, 30 - round(record.reached))
    want = fn.KernelDescent(K, y)
    want = want.flow([30.0], tolerance=1e-8) if method == "flow" else want.steps(30, 1.0)
    atol = 1e-6 if method == "flow" else 1e-12
    np.testing.assert_allclose(record.outputs()[-1], want.outputs()[-1], rtol=0, atol=atol)


@pytest.mark.parametrize("last", [0, 1])
def test_control_c_in_the_last_evaluation_of_a_flow(K, y, last):
    """Where only the record is left to be made, or nothing at all: a loop of calls ends."""
    counted = PressesControlC()
    fn.KernelDescent(K, y, cost=counted).flow([1.0])
    descent = fn.KernelDescent(K, y, cost=PressesControlC(counted.count + 1 - last))
    if last:
        with pytest.raises(fn.TrainingInterrupted) as caught:
            descent.flow([1.0])
    else:
        record = descent.flow([1.0])
        with pytest.raises(fn.TrainingInterrupted) as caught:
            descent.flow([1.0], record=record)
    assert caught.value.run.record_times[-1] == 1.0


@pytest.mark.parametrize("method", ["flow", "steps"])
def test_a_second_control_c_stops_at_once(K, y, method):
    cost = PressesControlC(5, 5)
    descent = fn.KernelDescent(K, y, cost=cost)
    with pytest.raises(KeyboardInterrupt) as caught:
        getattr(descent, method)(9)
    assert not isinstance(caught.value, fn.TrainingInterrupted)
    assert cost.count == 5


def test_divergence_of_least_squares(K, y):
    """The rate that is said is 2 N / lambda_1: steps below it descend, above it they do not."""
    largest = 2 * 10 / np.linalg.eigvalsh(K)[-1]
    descent = fn.KernelDescent(K, y)
    assert descent.max_learning_rate == pytest.approx(largest, rel=1e-5)
    with pytest.raises(fn.DivergenceError, match=r"at t = .*at first.*stable below") as caught:
        descent.steps(2000, 1.2 * largest)
    error = caught.value
    assert error.suggested_learning_rate == pytest.approx(largest, rel=1e-5)
    assert error.run.times.size == error.step < 200
    record = descent.steps(100, 0.99 * error.suggested_learning_rate)
    assert (np.diff(record.cost) < 0).all()
    with pytest.warns(fn.ConvergenceWarning, match=r"the cost rose from .* stable below"):
        descent.steps(40, 1.05 * largest)
    # The default is half of it.
    assert descent.steps(3).times[-1] == pytest.approx(1.5 * largest, rel=1e-5)


def test_divergence_of_a_users_cost(K, y):
    """How smooth it is shows in the first step; numbers that are not finite end it too."""
    scaled = UserCost(lambda f, y: 50 * ((f - y) ** 2).sum() / 20, lambda f, y: 50 * (f - y))
    descent = fn.KernelDescent(K, y, cost=scaled)
    with pytest.raises(fn.DivergenceError, match=r"smoothness s of the cost is 50") as caught:
        descent.steps(1000, 1.0)
    safe = caught.value.suggested_learning_rate
    assert safe == pytest.approx(2 * 10 / np.linalg.eigvalsh(K)[-1] / 50, rel=1e-5)
    assert descent.steps(50, 0.9 * safe).cost[-1] < descent.steps(0, 1.0).cost[0]
    feeding = fn.KernelDescent(K, direction=lambda f, t: f**3 + 1, outputs=1)
    with pytest.raises(fn.DivergenceError, match="the descent diverged at t = ") as caught:
        feeding.steps(1000, 1.0)
    assert np.isfinite(caught.value.run.norm_squared).all()
    with pytest.raises(fn.DivergenceError, match=r"no step from t = .* keeps the tol") as caught:
        feeding.flow([1000.0])
    record = caught.value.run
    assert 0 < record.reached < 1000
    np.testing.assert_array_equal(record.times, [0.0])


def test_a_direction_from_elsewhere_may_raise_a_cost(K, y):
    """A cost that is only looked at ends nothing, however large it grows."""
    record = fn.KernelDescent(K, 1e-6 * y, direction=lambda f, t: y).steps(3, 1e4)
    assert record.cost[-1] > 1e6 * record.cost[0]


def test_scipy_is_only_for_flows(K, y, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.integrate", None)
    descent = fn.KernelDescent(K, y)
    with pytest.raises(ImportError, match=r"pip install 'fastntk\[app\]'"):
        descent.flow(1.0)
    assert descent.steps(2).times.size == 3


@pytest.mark.parametrize(("method", "total"), [("flow", 100), ("steps", 7)])
def test_progress(K, y, method, total):
    calls = []
    getattr(fn.KernelDescent(K, y), method)(7, progress=lambda *call: calls.append(call))
    done = [call[1] for call in calls]
    assert done == sorted(done)
    assert done[-1] == total
    assert {call[2] for call in calls} == {total}


def test_memory(K, y):
    """Said before anything is computed; states of an integrator and what is recorded count."""
    descent = fn.KernelDescent(K, y, memory=5_000)
    descent.steps(5)
    for call in (
        lambda: descent.flow(1.0),
        lambda: descent.steps(50, every=1),
        lambda: descent.flow(1.0, solver="LSODA"),
    ):
        with pytest.raises(MemoryError, match=r"a descent and its \d+ records needs"):
            call()


@pytest.mark.parametrize("solver", ["RK45", "DOP853", None])
def test_memory_is_what_is_asked_for(rng, solver):
    op, y = fn.GramOperator.from_matrix(np.eye(600)), rng.standard_normal((600, 2))

    def go(**options):
        descent = fn.KernelDescent(op, y, **options)
        return descent.steps(5, 1.0) if solver is None else descent.flow([1.0], solver=solver)

    with pytest.raises(MemoryError) as caught:
        go(memory=1000)
    asked = int(re.search(r"\((\d+) bytes\)", str(caught.value))[1])
    go()  # what is imported at first
    tracemalloc.start()
    go()
    assert asked / 2 < tracemalloc.get_traced_memory()[1] <= asked
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda K, y: fn.KernelDescent(K), ValueError, "y must be given where there is neither"),
        (lambda K, y: fn.KernelDescent(K, y[:4]), ValueError, "y must have 10 rows, or as many"),
        (lambda K, y: fn.KernelDescent(K, y, y[:, 0]), ValueError, r"y must have the outputs' sh"),
        (lambda K, y: fn.KernelDescent(K, y * np.nan), ValueError, "y must be finite"),
        (lambda K, y: fn.KernelDescent(K, 1.0), ValueError, "y must have N rows"),
        (lambda K, y: fn.KernelDescent(K, y, cost="hinge"), TypeError, "cost must have the meth"),
        (lambda K, y: fn.KernelDescent(K, y, direction=1), TypeError, "direction must be callable"),
        (
            lambda K, y: fn.KernelDescent(K, [0] * 9 + [2], cost=CrossEntropy(), outputs=2),
            ValueError,
            "classes from 0 to 1, got 2",
        ),
        (lambda K, y: fn.KernelDescent(K, y).flow([2.0, 1.0]), ValueError, "times must ascend"),
        (lambda K, y: fn.KernelDescent(K, y).flow(-1.0), ValueError, "times must ascend from 0"),
        (lambda K, y: fn.KernelDescent(K, y).flow(np.inf), ValueError, "and be finite, got inf"),
        (lambda K, y: fn.KernelDescent(K, y).flow(1, solver="Euler"), ValueError, "solver must be"),
        (lambda K, y: fn.KernelDescent(K, y).flow(1, tolerance=0), ValueError, "tolerance must"),
        (lambda K, y: fn.KernelDescent(K, y).flow(1, record=1), TypeError, "DescentRecord, got 1"),
        (
            lambda K, y: fn.KernelDescent(K, y).flow(1, record=fn.KernelDescent(K, y).steps(1)),
            ValueError,
            "record must be of this KernelDescent",
        ),
        (lambda K, y: fn.KernelDescent(K, y).steps(-1), ValueError, "steps must be at least 0"),
        (lambda K, y: fn.KernelDescent(K, y).steps(1, 0.0), ValueError, "learning_rate must be po"),
        (
            lambda K, y: fn.KernelDescent(K, direction=lambda f, t: f, outputs=1).steps(1),
            ValueError,
            "learning_rate must be given for a direction",
        ),
        (
            lambda K, y: fn.KernelDescent(K, direction=lambda f, t: f[:3], outputs=1).flow(1),
            ValueError,
            r"direction\(f, t\) must have the outputs' shape \(10, 1\), got \(3, 1\)",
        ),
        (
            lambda K, y: fn.KernelDescent(K, y).steps(1).outputs(np.ones((2, 3))),
            ValueError,
            "Z needs an operator from data",
        ),
        (
            lambda K, y: fn.KernelDescent(K, y).steps(1).outputs(f0_Z=y),
            ValueError,
            "f0_Z must come with Z or cross",
        ),
    ],
)
def test_bad_arguments(K, y, call, error, message):
    with pytest.raises(error, match=message):
        call(K, y)
