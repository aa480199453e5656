# SPDX-License-Identifier: Apache-2.0
"""What GradientFlow refuses, and what it says."""

import numpy as np
import pytest

import fastntk as fn

K = np.eye(5)
ONES = np.ones(5)
NAN = np.array([1.0, np.nan, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((K, np.ones(4)), {}, ValueError, r"y must have 5 rows, .* got shape \(4,\)"),
        ((K, np.ones((5, 0))), {}, ValueError, r"y must have shape \(N,\) or \(N, C\)"),
        ((K, NAN), {}, ValueError, r"y must be finite, got nan at \[1\]"),
        ((K, np.array(["a"] * 5)), {}, TypeError, "y must hold real numbers, got dtype <U1"),
        ((K, ONES + 0j), {}, TypeError, "y must hold real numbers, got dtype complex128"),
        ((K, ONES, np.ones((5, 1))), {}, ValueError, r"f0 must have y's shape \(5,\)"),
        ((K, ONES, lambda X: X), {}, ValueError, "f0 must be an array: an operator from a matrix"),
        ((K, ONES, lambda X: None), {}, ValueError, "an operator from a matrix"),
        ((K, ONES), {"method": "lanczos"}, ValueError, "method must be one of 'auto', 'dense'"),
        ((K, ONES), {"learning_rate": 0}, ValueError, "learning_rate must be positive"),
        ((K, ONES), {"tol": 1.0}, ValueError, r"tol must be in \(0, 1\)"),
        ((K, ONES), {"max_passes": 0}, ValueError, "max_passes must be at least 1"),
        ((K, ONES), {"seed": -1}, ValueError, "seed must be at least 0"),
        ((K, ONES), {"progress": 3}, TypeError, "progress must be callable"),
        ((K[:3], ONES), {}, ValueError, "K must be a non-empty square matrix"),
    ],
)
def test_bad_flows(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fn.GradientFlow(*arguments, **options)


@pytest.mark.parametrize(
    ("t", "options", "error", "message"),
    [
        (-1.0, {}, ValueError, "t must not be negative or NaN, got -1"),
        ([1.0, np.nan], {}, ValueError, "t must not be negative or NaN, got nan"),
        ([], {}, ValueError, r"t must be a time or a sequence of times, got shape \(0,\)"),
        ([[1.0]], {}, ValueError, r"got shape \(1, 1\)"),
        ("late", {}, TypeError, "t must hold real numbers"),
        (1.0, {"Z": np.ones((2, 3))}, ValueError, r"Z needs an operator from data; .* cross=K"),
        (1.0, {"cross": np.ones((2, 4))}, ValueError, r"cross must have shape \(M, 5\)"),
        (1.0, {"cross": [[np.inf] * 5]}, ValueError, "cross must be finite"),
        (1.0, {"f0_Z": ONES}, ValueError, "f0_Z must come with Z or cross"),
        (1.0, {"cross": K, "f0_Z": ONES}, ValueError, "f0_Z needs f0"),
        (1.0, {"cross": K, "Z": K}, ValueError, "give Z, new points, or cross"),
    ],
)
def test_bad_questions(t, options, error, message):
    flow = fn.GradientFlow(K, ONES)
    with pytest.raises(error, match=message):
        flow.outputs(t, **options)


def test_initial_outputs_at_new_points(rng):
    X, Z = rng.standard_normal((5, 3)), rng.standard_normal((2, 3))
    op = fn.GramOperator(fn.FullyConnected(1), X)
    flow = fn.GradientFlow(op, ONES, np.zeros(5))
    with pytest.raises(ValueError, match="f0_Z must be given: f0 was given at the training points"):
        flow.outputs(1.0, Z)
    with pytest.raises(ValueError, match=r"f0_Z must have shape \(2,\), got \(3,\)"):
        flow.outputs(1.0, Z, np.ones(3))
    function = fn.GradientFlow(op, ONES, lambda points: points[:, 0])
    np.testing.assert_array_equal(function.outputs(0.0, Z), Z[:, 0])
    np.testing.assert_array_equal(function.outputs(0), X[:, 0])
    with pytest.raises(ValueError, match="f0_Z must be given with cross"):
        function.outputs(1.0, cross=op.cross(Z))
    with pytest.raises(ValueError, match=r"k must be in \[1, 5\]"):
        function.components(6)
    assert repr(function) == "<GradientFlow of 5 points, dense>"


def test_functions_see_points_as_the_kernel_does(rng):
    X = rng.integers(0, 255, (5, 3)).astype(np.uint8)
    net = fn.FullyConnected(1)
    flow = fn.GradientFlow(fn.GramOperator(net, X, scale=1 / 255), ONES, lambda Z: Z.mean(axis=1))
    np.testing.assert_allclose(flow.outputs(0.0), X.mean(axis=1) / 255, rtol=1e-15)
    np.testing.assert_allclose(flow.outputs(0.0, X[:2]), X[:2].mean(axis=1) / 255, rtol=1e-15)
    with pytest.raises(TypeError, match="f0 must hold real numbers, got dtype object"):
        fn.GradientFlow(fn.GramOperator(net, X), ONES, lambda Z: None)


def test_flat_targets_of_several_outputs(rng):
    """N counts points: which rows share one must be known."""
    w = fn.FiniteNetwork(fn.FullyConnected(1), (3, 8, 2))
    op = fn.GramOperator(w, rng.standard_normal((6, 3)))
    with pytest.raises(ValueError, match=r"y must have shape \(6, 2\) .* 2 rows per point"):
        fn.GradientFlow(op, np.ones(12))


def test_new_points_are_checked_before_anything_is_computed(rng):
    op = fn.GramOperator(fn.FullyConnected(1), rng.standard_normal((40, 3)))
    flow = fn.GradientFlow(op, np.ones(40), np.zeros(40), method="krylov")
    with pytest.raises(ValueError, match="Z must have X's 3 columns, got shape"):
        flow.outputs(1.0, np.ones((2, 4)))
    with pytest.raises(ValueError, match="f0_Z must be given"):
        flow.outputs(1.0, np.ones((2, 3)))
    assert flow.passes == 0


def test_labels_of_other_types(rng):
    """Bool and integer targets, lists, float32: all are numbers."""
    labels = np.array([0, 1, 1, 0, 1])
    want = fn.GradientFlow(K, labels.astype(float)).outputs(2.0)
    for y in (labels, labels.astype(bool), labels.tolist(), labels.astype(np.float32)):
        np.testing.assert_array_equal(fn.GradientFlow(K, y).outputs(2), want)
