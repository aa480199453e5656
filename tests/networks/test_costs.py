# SPDX-License-Identifier: Apache-2.0
"""Costs against their formulas, their gradients against central differences, and bad labels."""

import numpy as np
import pytest

from fastntk.costs import CrossEntropy, LeastSquares, SmoothHinge, UserCost, direction_norm


def differences(cost, f, y, step=1e-5):
    """Minus N times the derivative of the value, by central differences."""
    d = np.empty_like(f)
    for index in np.ndindex(f.shape):
        low, high = f.copy(), f.copy()
        low[index] -= step
        high[index] += step
        change = np.sum(cost.value(high, y) - cost.value(low, y))
        d[index] = -f.shape[-2] * change / (2 * step)
    return d


CASES = {
    "least squares": (LeastSquares(), lambda rng: rng.standard_normal((5, 3)), 3),
    "least squares, column": (LeastSquares(), lambda rng: rng.standard_normal(5), 1),
    "classes": (CrossEntropy(), lambda rng: rng.integers(0, 3, 5), 3),
    "one-hot": (CrossEntropy(), lambda rng: np.eye(3)[rng.integers(0, 3, 5)], 3),
    "soft": (CrossEntropy(), lambda rng: rng.dirichlet(np.ones(3), 5), 3),
    "logistic": (CrossEntropy(), lambda rng: rng.integers(0, 2, 5), 1),
    "signs": (CrossEntropy(), lambda rng: rng.choice([-1, 1], (5, 1)), 1),
    "hinge": (SmoothHinge(), lambda rng: rng.choice([-1, 1], 5), 1),
    "hinge, one against all others": (SmoothHinge(0.5), lambda rng: rng.integers(0, 3, 5), 3),
    "hinge, several labels": (SmoothHinge(2.0), lambda rng: rng.choice([-1, 1], (5, 3)), 3),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("networks", [None, 2])
def test_direction_is_minus_the_gradient(case, networks, rng):
    """Of one network and of a batch, in the normalisation of the mean over points."""
    cost, labels, outputs = CASES[case]
    y = labels(rng)
    f = rng.standard_normal((5, outputs) if networks is None else (networks, 5, outputs))
    # Central differences of step 1e-5 err by 1e-10 (their cube's third) and 1e-11 of rounding.
    assert np.abs(cost.direction(f, y) - differences(cost, f, y)).max() < 1e-8
    if networks is not None:
        assert cost.value(f, y).shape == (networks,)
        assert cost.value(f, y)[1] == pytest.approx(cost.value(f[1], y), rel=1e-14)
        np.testing.assert_array_equal(cost.direction(f, y)[1], cost.direction(f[1], y))


def test_values():
    """By hand."""
    assert LeastSquares().value(np.array([[3.0, 1.0]]), [[0.0, 0.0]]) == 5.0
    assert CrossEntropy().value(np.zeros((4, 10)), [0, 3, 9, 1]) == pytest.approx(np.log(10))
    assert CrossEntropy().value(np.array([[2.0]]), [1]) == pytest.approx(np.log1p(np.exp(-2)))
    assert CrossEntropy().value(np.array([[2.0]]), [-1]) == pytest.approx(np.log1p(np.exp(2)))
    # Beyond the margin, halfway into the parabola, beyond it.
    f = np.array([[3.0], [0.75], [-2.0]])
    np.testing.assert_array_equal(
        [SmoothHinge(0.5).value(f[i : i + 1], [1]) for i in range(3)], [0, 0.0625, 2.75]
    )
    assert SmoothHinge(0.5).value(f, [0, 0, 0]) == pytest.approx((3.75 + 1.5 + 0) / 3)
    one, others = SmoothHinge().value(np.array([[3.0, -2.0, 0.0]]), [0]), 0 + 0 + 0.5
    assert one == others
    d = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert direction_norm(d) == pytest.approx(np.sqrt(25 / 2))
    np.testing.assert_allclose(direction_norm(np.stack([d, 2 * d])), np.sqrt([25 / 2, 50]))


def test_two_classes_are_the_logistic_cost(rng):
    """softmax(0, f) is the logistic function of f."""
    f, y = rng.standard_normal((6, 1)), rng.integers(0, 2, 6)
    both = np.hstack([np.zeros_like(f), f])
    assert CrossEntropy().value(both, y) == pytest.approx(CrossEntropy().value(f, y), rel=1e-13)
    two, one = CrossEntropy().direction(both, y), CrossEntropy().direction(f, y)
    np.testing.assert_allclose(two[:, 1:], one, rtol=0, atol=1e-15)


@pytest.mark.parametrize("cost", [LeastSquares(), CrossEntropy(), SmoothHinge(0.3)])
@pytest.mark.parametrize("outputs", [1, 3])
def test_smoothness_bounds_the_change_of_directions(cost, outputs, rng):
    """Of 200 random steps; the bound is less than three times what some of them reach."""
    y = rng.choice([-1, 1], (1, outputs)) if outputs == 1 else np.array([0])
    y = np.eye(3)[:1] if isinstance(cost, LeastSquares) and outputs == 3 else y
    ratios = []
    for _ in range(200):
        f = 0.5 * rng.standard_normal((1, outputs))
        step = 0.01 * rng.standard_normal((1, outputs))
        change = cost.direction(f + step, y) - cost.direction(f, y)
        ratios.append(np.linalg.norm(change) / np.linalg.norm(step))
    # A change of 0.01 rounds at 1e-14 of it and more.
    assert max(ratios) <= cost.smoothness * (1 + 1e-9)
    assert max(ratios) >= 0.4 * cost.smoothness


@pytest.mark.parametrize("width", [1.0, 0.1, 1e-6])
def test_a_narrow_smooth_hinge_is_the_hinge(width, rng):
    """From below, by at most half the width."""
    f, y = rng.standard_normal((50, 1)), rng.choice([-1, 1], (50, 1))
    hinge = np.maximum(0, 1 - y * f).mean()
    assert hinge - width / 2 <= SmoothHinge(width).value(f, y) < hinge


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_outputs_neither_overflow_nor_lose_the_cost(dtype):
    """The cost of a wrong, certain answer is its margin; of a right one 0."""
    f = np.array([[1e4], [-1e4]], dtype)
    assert CrossEntropy().value(f, [1, 0]) == 0
    assert CrossEntropy().value(f, [0, 1]) == 1e4
    f = np.array([[1e4, 0, -1e4]], dtype)
    assert CrossEntropy().value(f, [0]) == 0
    assert CrossEntropy().value(f, [2]) == 2e4
    d = CrossEntropy().direction(f, [2])
    assert d.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(d, [[-1, 0, 1]])


def test_user_cost_is_called_with_what_it_is_given():
    """Its direction is minus its gradient."""
    cost = UserCost(lambda f, y: (f * y).sum(), lambda f, y: 3 * y)
    f, y = np.ones((2, 1)), np.array([[1.0], [2.0]])
    assert cost.value(f, y) == 3
    np.testing.assert_array_equal(cost.direction(f, y), -3 * y)
    with pytest.raises(TypeError, match="gradient must be callable, got 3"):
        UserCost(lambda f, y: 0, 3)


@pytest.mark.parametrize(
    ("cost", "y", "outputs", "error", "message"),
    [
        (LeastSquares(), np.ones((3, 2)), 3, ValueError, r"shape \(4, 3\), got \(3, 2\)"),
        (LeastSquares(), np.ones(4), 3, ValueError, r"shape \(4, 3\), got \(4,\)"),
        (LeastSquares(), ["a"] * 4, 1, TypeError, "y must hold real numbers"),
        (CrossEntropy(), np.ones(4), 3, TypeError, "integer classes, got dtype float64"),
        (CrossEntropy(), [0, 1, 2, 3], 3, ValueError, "classes from 0 to 2, got 3"),
        (CrossEntropy(), [0, 1, -2, 3], 3, ValueError, "classes from 0 to 2, got -2"),
        (CrossEntropy(), np.full((4, 3), 0.4), 3, ValueError, "rows of probabilities"),
        (CrossEntropy(), [0, 1, 2, 1], 1, ValueError, "got values from 0.0 to 2.0"),
        (CrossEntropy(), [0, 1, -1, 1], 1, ValueError, "got values from -1.0 to 1.0"),
        (SmoothHinge(), [0, 1, -1, 1], 1, ValueError, "labels -1 and 1, or 0 and 1, got"),
        (SmoothHinge(), np.eye(4)[:, :3], 3, ValueError, "labels -1 and 1, got values from 0.0"),
        (SmoothHinge(), [0, 1, 2, 3], 3, ValueError, "classes from 0 to 2, got 3"),
        (SmoothHinge(), np.ones((3, 2)), 3, ValueError, r"shape \(4, 3\), got \(3, 2\)"),
    ],
)
def test_bad_targets(cost, y, outputs, error, message):
    """The message says what was expected and what came."""
    with pytest.raises(error, match=message):
        cost.targets(y, np.zeros((4, outputs)))


@pytest.mark.parametrize(("width", "error"), [(0, ValueError), ("1", TypeError)])
def test_bad_width(width, error):
    with pytest.raises(error, match="width must be"):
        SmoothHinge(width)
