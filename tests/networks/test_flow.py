# SPDX-License-Identifier: Apache-2.0
"""The Runge-Kutta pair: exact solutions, its order, the times it stops at, and failures."""

import numpy as np
import pytest

from fastntk.networks.flow import DormandPrince, StepError, resolution
from fastntk.networks.problem import NotFinite


def rotation(state):
    """d(x, y)/dt = (-y, x), in two arrays."""

    def derivative(t, out):
        out[0][...] = -state[1]
        out[1][...] = state[0]

    return derivative


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10])
def test_error_is_that_of_the_tolerance(tolerance):
    """One turn: the error of all steps is at most that of each times their number."""
    state = [np.array([1.0]), np.array([[0.0]])]
    solver = DormandPrince(rotation(state), state, 0.0, tolerance)
    times = list(solver.steps(2 * np.pi))
    error = np.hypot(state[0][0] - 1, state[1][0, 0])
    assert times[-1] == 2 * np.pi
    assert error < tolerance * len(times)


def test_order():
    """Ten times the accuracy costs 10^(1/5) times the steps: for 1e5 ten times, within 10 %."""
    counts = []
    for tolerance in (1e-6, 1e-11):
        state = [np.array([1.0]), np.array([0.0])]
        counts.append(len(list(DormandPrince(rotation(state), state, 0, tolerance).steps(20))))
    assert counts[1] / counts[0] == pytest.approx(10, rel=0.1)


def test_time_dependent_and_stops(dtype):
    """x' = 5 t^4 is integrated exactly by order 5; asked to stop, it stops there."""
    state = [np.zeros(2, dtype)]

    def derivative(t, out):
        out[0][...] = 5 * t**4

    solver = DormandPrince(derivative, state, 0.0, 1e-3)
    for end in (0.5, 0.7, 2.0):
        *_, last = solver.steps(end)
        assert last == solver.t == end
        # Some 10 roundings of a number of size end^5.
        np.testing.assert_allclose(state[0], end**5, rtol=20 * np.finfo(dtype).eps)
    assert list(solver.steps(2.0)) == []


def test_stiffness_costs_steps_not_accuracy():
    """Decay at rates 1 and 300 over 300 times the fast time: stability bounds the step."""
    state = [np.ones(2)]
    rates = np.array([1.0, 300.0])

    def derivative(t, out):
        out[0][...] = -rates * state[0]

    times = list(DormandPrince(derivative, state, 0, 1e-8).steps(1.0))
    assert len(times) < 300
    assert np.abs(state[0] - np.exp(-rates)).max() < 1e-6


def test_rest():
    """Where nothing moves one step is enough."""
    state = [np.ones(2)]
    assert list(DormandPrince(lambda t, out: None, state, 0, 1e-8).steps(5.0)) == [5.0]


def test_blow_up_ends_before_it():
    """x' = x^2 from 1 is infinite at t = 1: an error there, and the last finite state."""
    state = [np.ones(1)]

    def derivative(t, out):
        out[0][...] = state[0] ** 2

    solver = DormandPrince(derivative, state, 0, 1e-6)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(StepError):
        list(solver.steps(2.0))
    assert solver.t == pytest.approx(1, abs=1e-3)
    assert np.isfinite(state[0]).all()
    with pytest.raises(StepError, match="not finite"):
        list(DormandPrince(lambda t, out: out[0].fill(np.nan), [np.ones(1)], 0, 1e-6).steps(1))


def test_a_trial_that_is_not_finite_is_made_smaller():
    """x' = -x is not defined below 0, where the stages of a first step of 4 lead."""
    state, refused = [np.ones(1)], []

    def derivative(t, out):
        if state[0][0] < 0:
            refused.append(t)
            raise NotFinite
        out[0][...] = -state[0]

    *_, last = DormandPrince(derivative, state, 0, 1e3).steps(5.0)
    assert last == 5
    assert refused
    assert state[0][0] == pytest.approx(np.exp(-5), abs=0.1)


def test_asked_to_stop_between_trials():
    """No derivative is finite from t = 1 on: the state is that of the last step."""
    state, asked = [np.ones(1)], []

    def derivative(t, out):
        if t >= 1:
            raise NotFinite
        out[0][...] = -state[0]

    def stop():
        asked.append(solver.t)
        return len(asked) == 3

    solver = DormandPrince(derivative, state, 0, 1e-6)
    list(solver.steps(2.0, stop))
    assert len(asked) == 3
    assert asked[-1] == solver.t < 1
    assert state[0][0] == pytest.approx(np.exp(-solver.t), abs=1e-5)
    with pytest.raises(StepError, match="has a finite derivative within it"):
        list(solver.steps(2.0))
    assert solver.t == pytest.approx(1)


def test_resolution(rng):
    """A step rounds about half as much: the sum of six additions, in float32 and in float64."""
    single = [rng.standard_normal((300, 100)).astype(np.float32), np.zeros(3, np.float32)]
    double = [array.astype(np.float64) for array in single]
    increments = 1e-3 * rng.standard_normal((6, 300, 100))
    for increment in increments:
        single[0] += increment.astype(np.float32)
        double[0] += increment.astype(np.float32)
    rounded = np.linalg.norm(single[0] - double[0])
    assert 0.4 < rounded / resolution(single) < 0.6
    assert resolution(double) == pytest.approx(2.0**-52 * np.linalg.norm(double[0]))


def test_an_error_in_a_stage_leaves_the_last_step():
    """The state is that of t."""
    state = [np.ones(1)]
    calls = []

    def derivative(t, out):
        calls.append(t)
        if len(calls) == 17:
            raise RuntimeError("stop")
        out[0][...] = -state[0]

    solver = DormandPrince(derivative, state, 0, 1e-6)
    with pytest.raises(RuntimeError, match="stop"):
        list(solver.steps(50.0))
    assert state[0][0] == pytest.approx(np.exp(-solver.t), abs=1e-4)
    assert 0 < solver.t < 50
