# SPDX-License-Identifier: Apache-2.0
"""The factor beyond solutions: its determinant, its inverse, and a life without the operator."""

import pickle

import numpy as np
import pytest

from fastntk.linalg import GramOperator
from fastntk.linalg.cholesky import CholeskyFactor

# Relative to the largest entry of the inverse: the condition, at most 1e4 here, times the rounding
# of a sum of 600 products.
ROUNDING = 1e4 * 600 * 1.1e-16


# One block, two, and a last one of a single row.
@pytest.mark.parametrize("n", [1, 256, 513])
def test_inverse_and_determinant(rng, n):
    A = rng.standard_normal((n, n))
    K, ridge = A @ A.T / n, 1e-3
    factor = CholeskyFactor(GramOperator.from_matrix(K), ridge, None)
    shifted = K + ridge * np.eye(n)
    want, inverse = np.linalg.inv(shifted), factor.inverse()
    np.testing.assert_array_equal(inverse, inverse.T)
    np.testing.assert_allclose(inverse, want, rtol=0, atol=ROUNDING * np.abs(want).max())
    assert abs(factor.log_determinant() - np.linalg.slogdet(shifted)[1]) <= n * 1e-13


def test_a_factor_is_pickled(rng):
    A = rng.standard_normal((300, 300))
    factor = CholeskyFactor(GramOperator.from_matrix(A @ A.T), 1.0, None)
    again = pickle.loads(pickle.dumps(factor))
    B = rng.standard_normal((300, 2))
    np.testing.assert_array_equal(again.solve(B), factor.solve(B))
