# SPDX-License-Identifier: Apache-2.0
"""Training: trajectories against plain NumPy, and what they must do to first order."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, LeastSquares, SmoothHinge, UserCost
from networks.as_reference import maps_of
from networks.plain_descent import hinge, least_squares, logistic, softmax, trajectory

# After 20 steps, relative to the largest parameter: the rounding of sums of 60 terms, 20 times, of
# 6e-8 each in float32, whose preactivations may be on the other side of a kink besides.
BOUNDS = {"float32": 1e-4, "float64": 1e-10}
STEPS = 20


def network(outputs=2, activation="relu", **options):
    net = fn.FullyConnected(2, activation=activation, bias_std=0.3)
    return fn.FiniteNetwork(net, (3, 30, 20, outputs), **{"dtype": "float64", **options})


def points(rng, outputs=2, count=5):
    return rng.standard_normal((count, 3)), rng.standard_normal((count, outputs))


def error(w, theta):
    return np.abs(w.flat - theta).max() / np.abs(theta).max()


CASES = {
    "least squares": ({}, LeastSquares(), least_squares, 2),
    "no cost named": ({}, None, least_squares, 2),
    "softmax": ({}, CrossEntropy(), softmax, 2),
    "logistic": ({}, CrossEntropy(), logistic, 1),
    "hinge": ({}, SmoothHinge(), hinge, 2),
    "user": (
        {},
        UserCost(lambda f, y: np.mean(np.sum((f - y) ** 4, axis=1)) / 4, lambda f, y: (f - y) ** 3),
        lambda f, y: (y - f) ** 3,
        2,
    ),
    "erf": ({"activation": "erf"}, None, least_squares, 2),
    "standard": ({"parametrisation": "standard"}, None, least_squares, 2),
    "mup": ({"parametrisation": "mup"}, None, least_squares, 2),
    "last map": ({"trainable": "last"}, None, least_squares, 2),
    "middle map": ({"trainable": 1}, None, least_squares, 2),
    "rates": ({"rates": [(1, 0), (0.5, 2), (0, 1)]}, None, least_squares, 2),
}


@pytest.mark.parametrize("updates", ["dense", "low-rank"])
@pytest.mark.parametrize("case", CASES)
def test_trajectory(case, updates, dtype, rng):
    """Parameters after 20 steps, and cost and norm at each, of every cost and parametrisation."""
    options, cost, direction, C = CASES[case]
    w = network(C, dtype=dtype, **options)
    X, y = points(rng, C)
    if direction is softmax:
        y = np.eye(C)[rng.integers(0, C, len(X))]
    elif direction is logistic:
        y = rng.integers(0, 2, (len(X), 1)).astype(float)
    elif direction is hinge:
        y = rng.choice([-1.0, 1.0], (len(X), C))
    rate = 0.01 if options.get("parametrisation") == "standard" else 0.5
    maps = maps_of(w)
    theta = trajectory(maps, w.net.activation, X, y, direction, rate, [slice(None)] * STEPS)
    run = w.train(X, y, learning_rate=rate, steps=STEPS, cost=cost, updates=updates)
    assert error(w, theta[-1]) < BOUNDS[dtype]
    assert np.abs(theta[-1] - theta[0]).max() > 100 * BOUNDS[dtype] * np.abs(theta[0]).max()
    np.testing.assert_allclose(run.times, rate * np.arange(STEPS + 1))
    start = network(C, dtype=dtype, **options)
    f = start(X)
    d = direction(f, y)
    assert run.direction_norm[0] == pytest.approx(np.sqrt((d**2).sum() / len(X)), rel=1e-5)
    assert run.cost[0] == pytest.approx((cost or LeastSquares()).value(f, y), rel=1e-5)
    f = w(X)
    assert run.cost[-1] == pytest.approx((cost or LeastSquares()).value(f, y), rel=1e-4)
    np.testing.assert_array_equal(run.outputs[0], start(X))
    np.testing.assert_allclose(run.outputs[1], f, rtol=0, atol=10 * BOUNDS[dtype])


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_mini_batches(batch_size, rng):
    """Epochs of a permutation each; the last step of an epoch takes what is left."""
    w = network()
    X, y = points(rng)
    order = np.random.default_rng(9)
    batches = []
    while len(batches) < STEPS:
        epoch = order.permutation(5)
        batches += [epoch[i : i + batch_size] for i in range(0, 5, batch_size)]
    theta = trajectory(maps_of(w), "relu", X, y, least_squares, 0.2, batches[:STEPS])
    for updates in ("dense", "low-rank"):
        v = w.copy()
        options = {"batch_size": batch_size, "updates": updates}
        run = v.train(X, y, learning_rate=0.2, steps=STEPS, seed=9, **options)
        assert error(v, theta[-1]) < 1e-10
    rows = batches[0]
    assert run.cost[0] == pytest.approx(LeastSquares().value(w(X)[rows], y[rows]))
    assert run.cost[-1] == pytest.approx(LeastSquares().value(v(X), y))


@pytest.mark.parametrize("method", [{}, {"batch_size": 2}, {"updates": "low-rank"}])
@pytest.mark.parametrize("own_targets", [False, True])
def test_batch_of_networks(method, own_targets, rng):
    """Each network as if it were alone, to the bit."""
    batch = network(networks=3)
    X, y = points(rng)
    y = rng.standard_normal((3, 5, 2)) if own_targets else y
    alone = [batch[i].copy() for i in range(3)]
    run = batch.train(X, y, learning_rate=0.3, steps=6, record=fn.Record(ntk=X), **method)
    assert run.outputs.shape == (2, 3, 5, 2)
    assert run.ntk.shape == (2, 3, 10, 10)
    assert run.cost.shape == run.direction_integral.shape == (7, 3)
    for i, one in enumerate(alone):
        own = one.train(X, y[i] if own_targets else y, learning_rate=0.3, steps=6, **method)
        np.testing.assert_array_equal(batch[i].flat, one.flat)
        np.testing.assert_array_equal(run.cost[:, i], own.cost)
        np.testing.assert_array_equal(run.outputs[:, i], own.outputs)


def test_single_precision_data_and_scale(rng):
    """uint8 points with a scale are the scaled points."""
    w = network(1)
    X, y = rng.integers(0, 256, (5, 3), dtype=np.uint8), rng.standard_normal(5)
    v = w.copy()
    w.train(X, y, steps=5, scale=1 / 255)
    v.train(X / 255, y, steps=5)
    np.testing.assert_allclose(w.flat, v.flat, rtol=0, atol=1e-13)


def test_remark_1_of_the_paper(rng):
    """The standard parametrisation at rates eta / n and eta beta^2 takes the same steps."""
    w = network()
    X, y = points(rng)
    other = w.in_parametrisation("standard")
    runs = [one.train(X, y, steps=STEPS, learning_rate=0.5) for one in (w, other)]
    np.testing.assert_allclose(runs[0].cost, runs[1].cost, rtol=1e-11)
    np.testing.assert_allclose(w(X), other(X), rtol=0, atol=1e-11)


def test_direction_moves_outputs_by_the_kernel(rng):
    """A constant direction: f moves by t Theta d / N, up to t^2."""
    w = network()
    X, d = points(rng)
    move = (w.ntk(X) @ d.ravel()).reshape(d.shape) / len(X)
    misses = []
    for t in (1e-2, 1e-3):
        v = w.copy()
        v.train(X, direction=lambda f, t: d, learning_rate=t / 10, steps=10)
        misses.append(np.abs(v(X) - w(X) - t * move).max() / np.abs(t * move).max())
    assert misses[0] < 0.05
    # Away from kinks the miss is of the next order: ten times less at a tenth of the time.
    assert misses[1] < 0.2 * misses[0]


@pytest.mark.parametrize("networks", [None, 3])
def test_direction_from_elsewhere(networks, rng):
    """That of least squares, given by hand, is least squares; it sees all networks and the time."""
    w = network(networks=networks)
    X, y = points(rng)
    v = w.copy()
    times, shapes = [], set()

    def direction(f, t):
        times.append(t)
        shapes.add(f.shape)
        return y - f

    given = w.train(X, y, direction=direction, learning_rate=0.25, steps=4)
    own = v.train(X, y, learning_rate=0.25, steps=4)
    np.testing.assert_array_equal(w.flat, v.flat)
    np.testing.assert_array_equal(given.cost, own.cost)
    np.testing.assert_allclose(times, [0, 0.25, 0.5, 0.75, 1.0])
    assert shapes == {(5, 2) if networks is None else (3, 5, 2)}
    assert network().train(X, direction=lambda f, t: f, steps=2).cost is None


def test_integral_of_the_norm(rng):
    """By the rectangle rule; the mean over points of |d|^2 under the root."""
    w = network()
    X, y = points(rng)
    run = w.train(X, y, learning_rate=0.5, steps=3, record=fn.Record(at=[0, 0.5, 1, 1.5]))
    norms = [np.sqrt(((y - f) ** 2).sum() / 5) for f in run.outputs]
    np.testing.assert_allclose(run.direction_norm, norms, rtol=1e-12)
    expected = 0.5 * np.cumsum([0, *norms[:-1]])
    np.testing.assert_allclose(run.direction_integral, expected, rtol=1e-12)
    assert (np.diff(run.cost) < 0).all()


def test_flow_is_the_limit_of_small_steps(rng):
    """Euler's error halves with the step; extrapolated, it is that of the flow."""
    X, y = points(rng)
    w = network(activation="erf")
    ends = []
    for rate in (1 / 50, 1 / 100):
        v = w.copy()
        v.train(X, y, learning_rate=rate, steps=round(3 / rate))
        ends.append(v(X))
    run = w.train(X, y, learning_rate=1.0, steps=3, flow=True, tolerance=1e-9)
    apart = np.abs(ends[1] - ends[0]).max()
    assert apart > 1e-4
    # What is left after extrapolation is of the next order, a step (1/50) smaller.
    assert np.abs(2 * ends[1] - ends[0] - w(X)).max() < 0.05 * apart
    assert run.times[-1] == 3
    # The trapezoid rule on steps of about 0.05.
    dense = np.linspace(0, 3, 3001)
    norm = np.interp(dense, run.times, run.direction_norm)
    assert run.direction_integral[-1] == pytest.approx(norm[:-1].mean() * 3, rel=1e-3)


@pytest.mark.parametrize("networks", [None, 2])
def test_flow_of_a_linear_network_is_the_closed_form(networks, dtype, rng):
    """exp(-t Theta / N) of the residual, at the recorded times, to ten times the tolerance."""
    net = fn.FullyConnected(0, bias_std=0.3)
    w = fn.FiniteNetwork(net, (3, 2), dtype=dtype, networks=networks)
    X, y = points(rng)
    f, K = w(X).astype(np.float64), w.ntk(X).astype(np.float64)
    tolerance = {"float32": 1e-5, "float64": 1e-10}[dtype]
    record = fn.Record(at=[0, 0.3, 2.0, 20.0])
    run = w.train(X, y, 2.0, 10, flow=True, tolerance=tolerance, record=record)
    np.testing.assert_array_equal(run.record_times, record.at)
    for i in range(networks or 1):
        f_0, K_0 = (f, K) if networks is None else (f[i], K[i])
        values, V = np.linalg.eigh(K_0)
        for t, f_t in zip(run.record_times, run.outputs, strict=True):
            decay = V @ (np.exp(-t * values / 5) * (V.T @ (f_0 - y).ravel()))
            own = f_t if networks is None else f_t[i]
            np.testing.assert_allclose(own, y + decay.reshape(5, 2), rtol=0, atol=10 * tolerance)


def test_flow_leaves_untrained_maps(rng):
    """Only the last map moves."""
    w = network(trainable="last")
    X, y = points(rng)
    before = w.copy()
    w.train(X, y, steps=3, flow=True)
    for now, then in zip(w.parameters[:2], before.parameters[:2], strict=True):
        np.testing.assert_array_equal(now[0], then[0])
        np.testing.assert_array_equal(now[1], then[1])
    assert not np.array_equal(w.parameters[2][0], before.parameters[2][0])
