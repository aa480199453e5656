# SPDX-License-Identifier: Apache-2.0
"""Refinement with a float64 operator: residuals of the float64 matrix to any tolerance."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import ConvergenceWarning, GramOperator, solve

METHODS = ("cholesky", "cg")
NET = fn.FullyConnected(hidden_layers=4, bias_std=0.1)
# Residuals and their recomputation differ by the rounding of K A: 1e-16 times ||K|| ||A|| / ||B||,
# which is 1e5 for the digits below.
ROUNDING = 1e-11


@pytest.fixture(scope="module")
def digits():
    """Pixels of few shapes, (800, 64), the float32 and float64 operators, and classes."""
    rng = np.random.default_rng(7)
    shapes = rng.integers(0, 256, (40, 64))
    labels = rng.integers(0, 40, 800)
    X = np.clip(shapes[labels] + rng.normal(0, 12, (800, 64)), 0, 255).astype(np.uint8)
    single = GramOperator(NET, X, storage="packed", scale=1 / 255, dtype="float32")
    double = GramOperator(NET, X, storage="lazy", scale=1 / 255, dtype="float64")
    return single, double, np.eye(10)[labels % 10] - 0.1


def true_residuals(K, A, B, ridge=0.0):
    return np.linalg.norm(B - K @ A - ridge * A, axis=0) / np.linalg.norm(B, axis=0)


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("method", METHODS)
def test_residuals_below_the_rounding_of_float32(method, ridge, digits):
    single, double, B = digits
    K = double.to_dense()
    # The float32 matrix to any number of digits leaves its own rounding.
    alone = solve(single, B, ridge, method=method, tol=1e-8)
    assert true_residuals(K, alone.value, B, ridge).max() > 1e-7
    solution = solve(single, B, ridge, method=method, tol=1e-9, refine=double)
    assert solution.converged
    assert solution.residuals.max() <= 1e-9
    true = true_residuals(K, solution.value, B, ridge)
    np.testing.assert_allclose(solution.residuals, true, rtol=0, atol=ROUNDING)
    assert 2 <= len(solution.refined) <= 3
    assert solution.refined[0].max() > 1e-7
    np.testing.assert_array_equal(solution.refined[-1], solution.residuals)
    assert solution.op_residuals.max() <= 1e-6
    exact = np.linalg.solve(K + ridge * np.eye(800), B)
    smallest = np.linalg.eigvalsh(K)[0] + ridge
    error = np.linalg.norm(solution.value - exact, axis=0) / np.linalg.norm(B, axis=0)
    assert error.max() <= 1.1e-9 / smallest


def test_refinement_ends_at_the_tolerance(digits):
    single, double, B = digits
    solution = solve(single, B, 1e-2, method="cg", tol=1e-3, refine=double, refinements=9)
    assert solution.converged
    assert len(solution.refined) == 1
    assert solution.op_residuals.max() > 1e-6  # no more digits than were asked for


def test_too_few_refinements_are_said(digits):
    single, double, B = digits
    with pytest.warns(ConvergenceWarning, match="raise refinements or tol"):
        solution = solve(single, B, method="cg", tol=1e-12, refine=double, refinements=1)
    assert not solution.converged
    assert len(solution.refined) == 2
    # A thousandth, to which corrections are solved, and what the operators differ by.
    assert solution.refined[1].max() < 1e-2 * solution.refined[0].max()


def test_another_matrix_is_noticed(rng):
    A = rng.standard_normal((200, 400))
    K = A @ A.T / 400
    other = np.diag(K.diagonal())
    with pytest.warns(ConvergenceWarning, match="refine does not lessen it: .* of one matrix"):
        solution = solve(K, np.ones(200), method="cg", refine=GramOperator.from_matrix(other))
    # What did not help is not taken.
    np.testing.assert_allclose(
        solution.residuals, true_residuals(other, solution.value[:, None], np.ones((200, 1)))
    )
    assert solution.refined[-1] <= solution.refined[0]


@pytest.mark.parametrize(
    ("refine", "steps", "error", "message"),
    [
        (np.eye(4), 2, TypeError, "refine must be a SymmetricOperator or None, got ndarray"),
        (GramOperator.from_matrix(np.eye(3)), 2, ValueError, r"op's shape \(4, 4\), got .*\(3, 3"),
        (GramOperator.from_matrix(2 * np.eye(4)), 2, ValueError, "diagonals differ by up to 1,"),
        (GramOperator.from_matrix(np.eye(4)), 0, ValueError, "refinements must be at least 1"),
        (GramOperator.from_matrix(np.eye(4)), 1.5, TypeError, "refinements must be an integer"),
    ],
)
def test_bad_arguments(refine, steps, error, message):
    with pytest.raises(error, match=message):
        solve(np.eye(4), np.ones(4), refine=refine, refinements=steps)


@pytest.mark.parametrize("method", METHODS)
def test_vectors_zero_columns_and_sizes(method, digits):
    single, double, B = digits
    vector = solve(single, B[:, 0], 1e-3, method=method, refine=double, tol=1e-8)
    assert vector.value.shape == (800,)
    sized = np.stack([1e200 * B[:, 0], np.zeros(800)], axis=1)
    solution = solve(single, sized, 1e-3, method=method, refine=double, tol=1e-8)
    assert (solution.value[:, 1] == 0).all()
    assert solution.residuals[1] == 0
    # Both are within 1e-8 / ridge of the exact one.
    difference = np.linalg.norm(solution.value[:, 0] / 1e200 - vector.value)
    assert difference <= 2e-8 / 1e-3 * np.linalg.norm(B[:, 0])
