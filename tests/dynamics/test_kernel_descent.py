# SPDX-License-Identifier: Apache-2.0
"""Kernel descent against closed forms and plain NumPy, its minima, and its invariant."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, SmoothHinge, UserCost
from reference.kernel_descent import (
    cross_entropy,
    least_squares_flow,
    plain_steps,
    runge_kutta,
    softmax,
)

pytest.importorskip("scipy")
NET = fn.FullyConnected(2, bias_std=0.1)


@pytest.fixture
def X(rng):
    return rng.standard_normal((12, 3))


@pytest.fixture
def Z(rng):
    return rng.standard_normal((5, 3))


def well_conditioned(rng, rows):
    """A kernel whose eigenvalues are from 1 to 3 times the number of rows."""
    vectors = np.linalg.qr(rng.standard_normal((rows, rows)))[0]
    return vectors * np.linspace(rows, 3 * rows, rows) @ vectors.T


@pytest.mark.parametrize("solver", ["RK45", "DOP853", "LSODA"])
def test_flow_of_least_squares_is_the_closed_form(X, Z, rng, solver):
    """At the training points and at new ones, within what the tolerance grants each step."""
    y, f0, f0_Z = (rng.standard_normal((n, 2)) for n in (12, 12, 5))
    op, times = fn.GramOperator(NET, X), [0.5, 3.0, 40.0]
    descent = fn.KernelDescent(op, y, f0)
    for tolerance in (1e-5, 1e-8):
        record = descent.flow(times, solver=solver, tolerance=tolerance)
        np.testing.assert_array_equal(record.record_times, [0.0, *times])
        want = [least_squares_flow(op.to_dense(), y, f0, t) for t in (0, *times)]
        # 30 to 100 steps, whose errors decay.
        np.testing.assert_allclose(record.outputs(), want, rtol=0, atol=20 * tolerance)
        assert record.imbalance < 20 * tolerance
        flow = fn.GradientFlow(op, y, f0).outputs([0, *times], Z, f0_Z)
        np.testing.assert_allclose(record.outputs(Z, f0_Z), flow, rtol=0, atol=20 * tolerance)
        # Outputs and coefficients belong together, whatever the tolerance (LSODA solves for both).
        moved = f0 + op.to_dense() @ record.coefficients
        allowed = 1e-12 if solver != "LSODA" else tolerance
        np.testing.assert_allclose(record.outputs(), moved, rtol=0, atol=allowed)


def test_vectors(X, Z, rng):
    """A y of shape (N,) gives outputs without the last axis; f0 may be a function."""
    op, y = fn.GramOperator(NET, X), rng.standard_normal(12)
    record = fn.KernelDescent(op, y, lambda A: A[:, 0]).flow(2.0)
    assert record.outputs().shape == (2, 12)
    assert record.coefficients.shape == (2, 12)
    want = least_squares_flow(op.to_dense(), y, X[:, 0], 2.0)
    np.testing.assert_allclose(record.outputs()[1], want, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(record.outputs(Z)[0], Z[:, 0])
    same = record.outputs(cross=NET.ntk(Z, X), f0_Z=Z[:, 0])
    np.testing.assert_allclose(record.outputs(Z), same, rtol=0, atol=1e-12)


COSTS = {
    "softmax": (CrossEntropy(), softmax, lambda rng: rng.dirichlet(np.ones(3), 12)),
    "hinge": (
        SmoothHinge(2.0),
        lambda f, y: y * np.clip((1 - y * f) / 2, 0, 1),
        lambda rng: rng.choice([-1.0, 1.0], (12, 3)),
    ),
    "user": (
        UserCost(lambda f, y: np.cosh(f - y).sum() / 12, lambda f, y: np.sinh(f - y)),
        lambda f, y: -np.sinh(f - y),
        lambda rng: rng.standard_normal((12, 3)),
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_flow_and_steps_of_any_cost(X, Z, rng, name):
    """Against the classical Runge-Kutta method of 400 steps, and against plain steps."""
    cost, direction, labels = COSTS[name]
    y, f0 = labels(rng), 0.5 * rng.standard_normal((12, 3))
    op, K = fn.GramOperator(NET, X, storage="lazy"), NET.ntk(X)
    descent = fn.KernelDescent(op, y, f0, cost=cost)
    f, alpha = runge_kutta(K, lambda f: direction(f, y), f0, 8.0, 400)
    record = descent.flow(8.0, tolerance=1e-8)
    # 400 steps of 0.02 err by 1e-9 at most, but at the hinge's corners: 1e-6.
    atol = 1e-5 if name == "hinge" else 1e-7
    np.testing.assert_allclose(record.outputs()[1], f, rtol=0, atol=atol)
    new = np.zeros((5, 3))
    np.testing.assert_allclose(record.outputs(Z, new)[1], NET.ntk(Z, X) @ alpha, rtol=0, atol=atol)
    assert record.cost[1] == pytest.approx(float(cost.value(f, y)), abs=atol)
    rate = 0.7
    record = descent.steps(9, rate, every=4)
    np.testing.assert_allclose(record.times, rate * np.arange(10))
    np.testing.assert_allclose(record.record_times, rate * np.array([0, 4, 8, 9]))
    for row, steps in enumerate((0, 4, 8, 9)):
        f, alpha = plain_steps(K, lambda f: direction(f, y), f0, rate, steps)
        np.testing.assert_allclose(record.outputs()[row], f, rtol=0, atol=1e-12)
        np.testing.assert_allclose(record.coefficients[row], alpha, rtol=0, atol=1e-12)
        d = direction(f, y)
        norm_squared = np.sum(d * (K @ d)) / 12**2
        assert record.norm_squared[steps] == pytest.approx(norm_squared, rel=1e-10)
        assert record.cost[steps] == pytest.approx(float(cost.value(f, y)), rel=1e-12)


def test_convex_costs_reach_their_minimum(rng):
    """Least squares 0; soft labels their entropy; separated signs no cost at all."""
    K = well_conditioned(rng, 8)
    y = rng.standard_normal((8, 3))
    # The slowest component decays as e^{-t}: to 1e-11 of the cost at t = 12.
    record = fn.KernelDescent(K, y).flow(12.0, tolerance=1e-8)
    assert record.cost[-1] < 1e-9 * record.cost[0]
    soft = rng.dirichlet(np.full(3, 5.0), 8)
    entropy = -np.mean(np.sum(soft * np.log(soft), axis=1))
    descent = fn.KernelDescent(K, soft, cost=CrossEntropy())
    for record in (descent.flow(100.0), descent.steps(200)):
        assert record.cost[-1] == pytest.approx(entropy, abs=1e-8)
        f = record.outputs()[-1]
        weights = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(weights, soft, rtol=0, atol=1e-4)
        assert (np.diff(record.cost) <= 1e-15).all()
    signs = rng.choice([-1, 1], 8)
    record = fn.KernelDescent(K, signs, cost=SmoothHinge()).flow([40.0])
    assert record.cost[-1] < 1e-12
    assert (signs * record.outputs()[-1] > 0.999).all()


def test_the_cost_falls_by_the_squared_norm(X, rng):
    """dC/dt = -||d||_K^2: by differences of the recorded cost, and as the integral."""
    op, y = fn.GramOperator(NET, X), rng.integers(0, 3, 12)
    descent = fn.KernelDescent(op, y, cost=CrossEntropy(), outputs=3)
    record = descent.flow([1.0, 2.0 - 1e-3, 2.0, 2.0 + 1e-3, 5.0], tolerance=1e-10)
    slope = (record.cost[4] - record.cost[2]) / 2e-3
    # Differences of step 1e-3 err by its square, and by the tolerance over it.
    assert slope == pytest.approx(-record.norm_squared[3], rel=1e-5)
    d = softmax(record.outputs()[3], np.eye(3)[y])
    assert record.norm_squared[3] == pytest.approx(fn.kernel_norm(op, d) ** 2, rel=1e-9)
    drop = record.cost[0] - record.cost
    np.testing.assert_allclose(record.descent, drop, rtol=0, atol=1e-9)
    assert record.imbalance == np.abs(drop - record.descent).max()
    np.testing.assert_allclose(record.cost[-1], cross_entropy(record.outputs()[-1], np.eye(3)[y]))
    # In steps the difference is of second order: a quarter for half the rate, within a third.
    off = [descent.steps(n, 2 / n).imbalance * n for n in (20, 40)]
    assert off[0] / off[1] == pytest.approx(1, rel=0.3)
    assert off[1] > 1e-4


def test_a_wrong_gradient_is_noticed(X, rng):
    """Twice what belongs to the value: the integral is twice the drop."""
    wrong = UserCost(lambda f, y: ((f - y) ** 2).mean() / 2, lambda f, y: 2 * (f - y))
    descent = fn.KernelDescent(NET.ntk(X), rng.standard_normal((12, 1)), cost=wrong)
    with pytest.warns(fn.ConvergenceWarning, match=r"is [\d.]+: they differ by up to .* not minus"):
        record = descent.flow(3.0)
    assert record.descent[-1] == pytest.approx(2 * (record.cost[0] - record.cost[-1]), rel=1e-5)


def test_directions_from_elsewhere(X, Z, rng):
    """A constant direction moves outputs in straight lines; the cost is only looked at."""
    K, K_ZX = NET.ntk(X), NET.ntk(Z, X)
    d, y = rng.standard_normal((12, 2)), rng.standard_normal((12, 2))
    descent = fn.KernelDescent(fn.GramOperator(NET, X), direction=lambda f, t: d, outputs=2)
    for record in (descent.flow([3.0]), descent.steps(6, 0.5)):
        np.testing.assert_allclose(record.outputs()[-1], 3 / 12 * K @ d, rtol=0, atol=1e-12)
        np.testing.assert_allclose(record.outputs(Z)[-1], 3 / 12 * K_ZX @ d, rtol=0, atol=1e-12)
        assert record.cost is record.imbalance is None
    # Two players, each with its own time: f_t is the integral of cos t.
    moving = fn.KernelDescent(K, direction=lambda f, t: np.cos(t) * d, f0=np.zeros((12, 2)))
    record = moving.flow([1.0, 2.0], tolerance=1e-9)
    want = [np.sin(t) / 12 * K @ d for t in (0, 1, 2)]
    np.testing.assert_allclose(record.outputs(), want, rtol=0, atol=1e-8)
    # Beside a cost: what it falls by is <d_C, d>_K, up or down.
    both = fn.KernelDescent(K, y, direction=lambda f, t: d)
    record = both.flow([1.0, 3.0], tolerance=1e-9)
    costs = [((t / 12 * K @ d - y) ** 2).sum() / 24 for t in (0, 1, 3)]
    np.testing.assert_allclose(record.cost, costs, rtol=1e-10)
    assert record.imbalance < 1e-7
    np.testing.assert_allclose(record.norm_squared, fn.kernel_norm(K, d) ** 2, rtol=1e-10)


def test_matrix_valued_kernels(rng):
    """Any N C x N C kernel; and Theta for each output is the fast case of one."""
    y, f0 = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    A = rng.standard_normal((15, 15))
    K = A @ A.T
    record = fn.KernelDescent(K, y, f0).flow([0.3, 2.0], tolerance=1e-8)
    want = [least_squares_flow(K, y, f0, t) for t in (0, 0.3, 2.0)]
    np.testing.assert_allclose(record.outputs(), want, rtol=0, atol=1e-6)
    theta, labels = well_conditioned(rng, 5), rng.integers(0, 3, 5)
    runs = [
        fn.KernelDescent(kernel, labels, f0, cost=CrossEntropy()).steps(30)
        for kernel in (theta, np.kron(theta, np.eye(3)))
    ]
    np.testing.assert_allclose(runs[0].outputs(), runs[1].outputs(), rtol=0, atol=1e-12)
    cross = rng.standard_normal((4, 5))
    np.testing.assert_allclose(
        runs[0].outputs(cross=cross, f0_Z=np.zeros((4, 3))),
        runs[1].outputs(cross=np.kron(cross, np.eye(3)), f0_Z=np.zeros((4, 3))),
        rtol=0,
        atol=1e-12,
    )


def test_time_scales_with_the_kernel(X, rng):
    """Three times the kernel for a third of the time; any cost."""
    K, y = NET.ntk(X), rng.integers(0, 2, 12)
    fast, slow = (
        fn.KernelDescent(a * K, y, cost=CrossEntropy(), outputs=2).flow(12.0 / a, tolerance=1e-9)
        for a in (3.0, 1.0)
    )
    np.testing.assert_allclose(fast.outputs(), slow.outputs(), rtol=0, atol=1e-7)
    assert fast.descent[-1] == pytest.approx(slow.descent[-1], rel=1e-6)
    assert fast.norm_squared[0] == pytest.approx(3 * slow.norm_squared[0], rel=1e-12)


def test_a_wide_network_descends_so(rng):
    """Width 4,000: within a few of its errors of 1 over its square root."""
    X, Z = rng.standard_normal((6, 3)), rng.standard_normal((4, 3))
    y = rng.integers(0, 2, 6)
    net = fn.FullyConnected(1, activation="erf", bias_std=0.1)
    w = fn.FiniteNetwork(net, (3, 4000, 2), dtype="float64", seed=1)
    descent = fn.KernelDescent(fn.GramOperator(net, X), y, w(X), cost=CrossEntropy())
    record, f0_Z = descent.steps(20, 1.0), w(Z)
    w.train(X, y, cost=CrossEntropy(), learning_rate=1.0, steps=20)
    moved = np.abs(w(Z) - f0_Z).max()
    assert np.abs(record.outputs(Z, f0_Z)[-1] - w(Z)).max() < 0.1 * moved
