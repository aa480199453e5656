# SPDX-License-Identifier: Apache-2.0
"""Tables for acute angles alone, which non-negative data lead to."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from fastntk.gram.acute import keeps_acute, non_negative


@pytest.mark.parametrize("text", ["selu", "elu"])
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 4e-12), ("float32", 6e-7)])
def test_they_change_no_kernel(rng, text, dtype, bound):
    """A row with one negative number beside them makes the tables those of all angles.

    Each has its error, 1e-12 or 1e-7 of the diagonals a layer, and roundings.
    """
    X = rng.random((30, 4)) * (rng.random((30, 4)) < 0.5) + 0.01
    signed = np.concatenate([X, [[-0.01, 0.5, 0.1, 0.1]]])
    net = fn.FullyConnected(3, text, bias_std=0.1)
    K, wider = net.ntk(X, dtype=dtype), net.ntk(signed, dtype=dtype)[:30, :30]
    size = np.sqrt(np.outer(np.diag(wider), np.diag(wider)))
    np.testing.assert_array_less(abs(K - wider) / size, bound)


def test_data():
    assert non_negative(np.zeros((2, 3), np.uint8))
    assert non_negative(np.ones((2, 3), np.float32))
    assert not non_negative(np.array([[1.0, -1e-30]]))
    assert not non_negative(np.array([[1.0, np.nan]]))
    assert not non_negative(np.array([[1, -1]], np.int8))


def test_duals_that_keep_angles_acute():
    for text in ("relu", "tanh", "selu", "softplus", "leaky_relu(-0.1)"):
        assert keeps_acute(as_activation(text), 0.1, 0.8) == (text != "leaky_relu(-0.1)")
    # Of functions that are not monotone nothing is known. The mean of selu changes its sign at 1,
    # so that the dual is negative at a right angle.
    assert not keeps_acute(as_activation("selu"), 0.1, 4.0)
