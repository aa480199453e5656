# SPDX-License-Identifier: Apache-2.0
"""Early stopping: label noise gives held-out costs a minimum, which is found between the times."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.dynamics.early_stopping import earliest_best

NET = fn.FullyConnected(2, bias_std=0.1)


def circle(rng, n):
    angle = rng.uniform(0, 2 * np.pi, n)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X, np.sin(2 * angle)


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_label_noise_is_learnt_last(rng, method):
    X, y = circle(rng, 100)
    Z, y_Z = circle(rng, 200)
    op = fn.GramOperator(NET, X)
    noisy = fn.GradientFlow(op, y + rng.standard_normal(100), method=method)
    found = noisy.early_stopping(Z, y_Z)
    grid = np.geomspace(found.time / 2, found.time * 2, 401)
    costs = ((noisy.outputs(grid, Z) - y_Z) ** 2).mean(axis=1) / 2
    # The closed form on a fine grid knows no better time by more than the grid's own step.
    assert found.value <= costs.min() * (1 + 1e-3)
    assert found.value < 0.5 * min(found.values[0], found.values[-1])
    assert 0 < found.time < np.inf
    assert (np.diff(found.times) > 0).all()
    at = np.flatnonzero(found.times == found.time)
    assert found.values[at] == found.values.min() == found.value
    # Without noise, training longer does no harm.
    clean = fn.GradientFlow(op, y, method=method).early_stopping(Z, y_Z, times=[1.0, 100.0, np.inf])
    assert clean.time > 100


@pytest.mark.parametrize("best", [3.3, 0.02, 27.0])
def test_minima_between_times_and_beyond_the_last(best):
    """Within a thousandth of the neighbours' distance; the last finite time is no end."""
    found = earliest_best(
        lambda times: np.square(np.minimum(times, 1e3) - best),
        [0.0, 1.0, 5.0, 10.0, np.inf],
        "cost",
    )
    width = {3.3: 5.0, 0.02: 1.0, 27.0: 90.0}[best]
    assert abs(found.time - best) <= width / 1000
    assert len(found.times) <= 5 + 4 * 9


def test_a_plateau_is_reached_once():
    """Rounding does not choose between times at which all is learnt; nor is it looked beyond."""
    found = earliest_best(lambda times: np.exp(-np.asarray(times)), [0.0, 40.0, 50.0], "error")
    assert found.time == 40.0
    end = earliest_best(lambda times: np.zeros(len(times)), [np.inf], "cost")
    assert end.time == np.inf


def test_error_rates(rng):
    """Classes by the largest output, or by the sign of one; the first of equal times."""
    X, y = circle(rng, 80)
    Z, y_Z = circle(rng, 60)
    op = fn.GramOperator(NET, X)
    times = [0.0, 3.0, 300.0, np.inf]
    one = fn.GradientFlow(op, np.sign(y)).early_stopping(
        Z, np.sign(y_Z), metric="error", times=times
    )
    both = np.stack([y > 0, y <= 0], axis=1), np.stack([y_Z > 0, y_Z <= 0], axis=1)
    flow = fn.GradientFlow(op, both[0])
    two = flow.early_stopping(Z, both[1], metric="error", times=times)
    wrong = (flow.outputs(times, Z).argmax(axis=2) != both[1].argmax(axis=1)).mean(axis=1)
    np.testing.assert_array_equal(two.values, wrong)
    np.testing.assert_array_equal(two.times, times)
    assert two.time == times[int(wrong.argmin())]
    assert one.value < 0.1
    by_matrix = flow.early_stopping(None, both[1], cross=op.cross(Z), metric="error", times=times)
    np.testing.assert_array_equal(by_matrix.values, wrong)


def test_random_labels_are_learnt_and_mean_nothing(rng):
    """Zero training error, chance on new points: 0.9 +- 4 standard deviations."""
    X, Z = rng.standard_normal((200, 8)), rng.standard_normal((400, 8))
    labels = rng.integers(0, 10, 600)
    flow = fn.GradientFlow(fn.GramOperator(NET, X), np.eye(10)[labels[:200]])
    assert (flow.outputs(np.inf).argmax(axis=1) == labels[:200]).all()
    new = (flow.outputs(np.inf, Z).argmax(axis=1) == labels[200:]).mean()
    assert abs(new - 0.1) < 4 * np.sqrt(0.09 / 400)


@pytest.mark.parametrize(
    ("y_Z", "options", "message"),
    [
        (np.ones(4), {"metric": "loss"}, "metric must be one of 'cost', 'error', got 'loss'"),
        (np.ones((4, 2)), {}, r"y_Z must have shape \(M,\), got \(4, 2\)"),
        (np.ones(3), {"times": [1.0]}, "y_Z must have 4 rows, got 3"),
        (np.ones(4), {"times": [-1.0]}, "t must not be negative or NaN, got -1"),
    ],
)
def test_bad_arguments(y_Z, options, message):
    flow = fn.GradientFlow(np.eye(5), np.ones(5))
    with pytest.raises(ValueError, match=message):
        flow.early_stopping(None, y_Z, cross=np.ones((4, 5)), **options)
