# SPDX-License-Identifier: Apache-2.0
"""Costs and directions of users: what they may do with arrays, and what is refused of theirs."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, UserCost
from fastntk.dynamics import integration

pytest.importorskip("scipy")


@pytest.fixture
def K(rng):
    return fn.FullyConnected(2, bias_std=0.1).ntk(rng.standard_normal((10, 3)))


@pytest.fixture
def y(rng):
    return rng.standard_normal((10, 2))


def descents(descent):
    """Both methods, from scratch."""
    return [descent.steps(20, 0.5).outputs()[-1], descent.flow([2.0]).outputs()[-1]]


def test_functions_may_work_in_place(K, y):
    """On the outputs that they are given."""

    def away(f, y):
        f -= y
        return f

    def back(f, t):
        f -= y
        f *= -1
        return f

    want = descents(fn.KernelDescent(K, y))
    squares = UserCost(lambda f, y: float((away(f, y) ** 2).sum() / 20), away)
    for options in ({"direction": back}, {"cost": squares}):
        for ours, theirs in zip(descents(fn.KernelDescent(K, y, **options)), want, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_directions_may_share_a_buffer(K, y):
    """How smooth the cost is still shows in the first step."""
    buffer = np.empty_like(y)
    cost = UserCost(lambda f, y: 50 * ((f - y) ** 2).sum() / 20, lambda f, y: 50 * (f - y))
    cost.direction = lambda f, y: np.multiply(-50, f - y, out=buffer)
    with pytest.raises(fn.DivergenceError, match=r"smoothness s of the cost is 50") as caught:
        fn.KernelDescent(K, y, cost=cost).steps(1000, 1.0)
    safe = 2 * 10 / np.linalg.eigvalsh(K)[-1] / 50
    assert caught.value.suggested_learning_rate == pytest.approx(safe, rel=1e-5)


@pytest.mark.parametrize("solver", ["RK45", "DOP853", "LSODA", None])
def test_directions_that_are_not_finite(K, y, solver):
    """From the start a bad argument, later a divergence."""

    def go(descent):
        return descent.steps(20, 0.5) if solver is None else descent.flow([9.0], solver=solver)

    with pytest.raises(ValueError, match="direction d must be finite at the start, t = 0, got"):
        go(fn.KernelDescent(K, direction=lambda f, t: f * np.nan, outputs=1))
    late = fn.KernelDescent(K, direction=lambda f, t: y if t < 3 else y * np.nan, outputs=2)
    with pytest.raises(fn.DivergenceError, match="the descent diverged") as caught:
        go(late)
    assert 0 < caught.value.run.reached <= 3


def test_a_cost_that_overflows_at_the_start(K, y):
    for method in ("steps", "flow"):
        with pytest.raises(ValueError, match="the cost must be finite at the start, t = 0, got"):
            getattr(fn.KernelDescent(K, y * 1e200), method)(1)


def user(value=lambda f, y: 0.0, gradient=lambda f, y: f):
    return UserCost(value, gradient)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cost": CrossEntropy}, TypeError, r"an object, as CrossEntropy\(\), got the class"),
        ({"cost": user(lambda f, y: None)}, TypeError, r"cost.value\(f, y\) must hold real numb"),
        ({"cost": user(lambda f, y: 1j)}, TypeError, r"cost.value\(f, y\) must hold real numbers"),
        (
            {"cost": user(lambda f, y: f[:, 0])},
            ValueError,
            r"cost.value\(f, y\) must be one number, got shape \(10,\)",
        ),
        (
            {"cost": user(gradient=lambda f, y: f + 0j)},
            TypeError,
            r"cost.direction\(f, y\) must hold real numbers, got dtype complex128",
        ),
        (
            {"direction": lambda f, t: f.astype(object)},
            TypeError,
            r"direction\(f, t\) must hold real numbers, got dtype object",
        ),
        ({"direction": lambda f, t: None}, TypeError, r"direction\(f, t\) must hold real numbers"),
        (
            {"direction": lambda f, t: [[1.0, 2.0], [1.0]]},
            TypeError,
            r"direction\(f, t\) must be an array of real numbers, got nested sequences",
        ),
        ({"cost": user(), "y": np.ones(10) + 0j}, TypeError, "y must hold real numbers"),
    ],
)
def test_bad_functions(K, y, options, error, message):
    with pytest.raises(error, match=message):
        fn.KernelDescent(K, **{"y": y} | options).steps(1, 0.1)


def test_classes_need_the_number_of_outputs(rng):
    X, labels = rng.standard_normal((6, 3)), np.array([0, 1, 2, 0, 1, 2])
    op, cost = fn.GramOperator(fn.FullyConnected(1), X), CrossEntropy()
    w = fn.FiniteNetwork(fn.FullyConnected(1), (3, 8, 3), dtype="float64")
    for f0 in (None, w):
        with pytest.raises(ValueError, match=r"; classes of C > 1 outputs need outputs=C"):
            fn.KernelDescent(op, labels, f0, cost=cost)
    record = fn.KernelDescent(op, labels, w, cost=cost, outputs=3).steps(2)
    np.testing.assert_array_equal(record.outputs()[0], w(X))


def test_coefficients_keep_the_tolerance():
    """Where outputs at the training points do not move at all, and those at others do."""
    descent = fn.KernelDescent(
        np.ones((2, 2)), direction=lambda f, t: np.cos(5 * t) * np.array([[1.0], [-1.0]]), outputs=1
    )
    for tolerance in (1e-4, 1e-6):
        record = descent.flow([0.4, 2.1, 7.3], tolerance=tolerance)
        outputs = record.outputs(cross=[[1.0, -1.0]])[:, 0, 0]
        # 30 to 150 steps, whose errors are of both signs.
        want = np.sin(5 * record.record_times) / 5
        np.testing.assert_allclose(outputs, want, rtol=0, atol=20 * tolerance)


def test_directions_that_grow():
    """What the tolerance explains is measured by the largest direction: no warning."""
    cost = UserCost(lambda f, y: -(f**2).sum() / 4, lambda f, y: -f)
    descent = fn.KernelDescent(2 * np.eye(2), cost=cost, f0=[[1e-3], [1e-3]])
    record = descent.flow([12.0], tolerance=1e-2)
    assert record.outputs()[-1] == pytest.approx(1e-3 * np.exp(12.0), rel=0.02)
    assert record.imbalance > 1e-3


@pytest.mark.parametrize("solver", integration.SOLVERS)
def test_states_are_not_written_again(solver):
    """Those of earlier steps stay what they were."""
    found = integration.steps(
        solver, lambda t, y: -y, np.ones(2), 0.0, [1.0, 5.0], np.full(2, 1e-6)
    )
    for t, state, _ in list(found):
        assert state == pytest.approx(np.exp(-t), abs=1e-4)
