# SPDX-License-Identifier: Apache-2.0
"""The dense Jacobian of finite networks against differences, and against a network on paper."""

from itertools import pairwise

import numpy as np
import pytest

from reference import finite
from reference.finite import Map


def maps(rng, widths, scale=1.0):
    return [
        Map(
            rng.standard_normal((after, n)),
            rng.standard_normal(after),
            scale / np.sqrt(n),
            0.3,
        )
        for n, after in pairwise(widths)
    ]


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("widths", [(4, 3), (4, 7, 1), (3, 5, 6, 4, 2)])
def test_jacobian_is_that_of_differences(rng, widths, activation):
    network, X = maps(rng, widths), rng.standard_normal((5, widths[0]))
    step = 1e-4
    J = finite.jacobian(network, activation, X)
    D = finite.differences(network, activation, X, step)
    # No preactivation may change its sign on the way: the largest change is some 4 steps.
    writes = [z for x in X for z in finite.trace_of(network, activation, x)[1][:-1]]
    assert all(np.abs(z).min() > 10 * step for z in writes)
    assert J.shape == (5 * widths[-1], sum((n + 1) * m for n, m in pairwise(widths)))
    # Differences err by step^2 of the third derivatives, and by 2e-16 / step of rounding.
    assert np.abs(J - D).max() <= 1e-6


def test_a_network_on_paper():
    """f = v relu(u x + b) + c at x = 2: u = 3, b = 1, v = 5, c = 7."""
    one = [Map(np.array([[3.0]]), np.array([1.0]), 1.0, 1.0, 2.0, 3.0)]
    two = [*one, Map(np.array([[5.0]]), np.array([7.0]), 1.0, 1.0)]
    X = np.array([[2.0], [-2.0]])
    np.testing.assert_array_equal(finite.outputs(two, "relu", X), [[42.0], [7.0]])
    J = finite.jacobian(two, "relu", X)
    np.testing.assert_array_equal(J, [[10, 5, 7, 1], [0, 0, 0, 1]])
    np.testing.assert_array_equal(
        finite.ntk(two, "relu", X), [[2 * 100 + 3 * 25 + 49 + 1, 1], [1, 1]]
    )
    parts = finite.layer_kernels(two, "relu", X)
    np.testing.assert_array_equal(parts[:, 0, 0], [275, 50])
