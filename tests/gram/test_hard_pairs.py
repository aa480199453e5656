# SPDX-License-Identifier: Apache-2.0
"""Pairs on which the choice of formula matters most; each list here once failed its gate."""

import numpy as np
import pytest

import fastntk as fn
from reference import multiprecision
from reference.data import PIXELS, images
from tolerances import gram_gate


def assert_entries(K, net, X, pairs, scale=1.0):
    """Chosen entries within their gate of mpmath, relative to themselves."""
    truth = multiprecision.entries(net, X, X, pairs, scale)
    gate = gram_gate(K.dtype, X.dtype, net.hidden_layers)
    for (i, j), entry in zip(pairs, truth, strict=True):
        assert abs(K[i, j] / float(entry.ntk) - 1) <= gate


@pytest.mark.parametrize("columns", [16, 33, 64, 128, 300])
@pytest.mark.parametrize("bias_std", [0.0, 0.1])
def test_short_float_rows_just_above_the_repair_threshold(isa, columns, bias_std):
    """Float sums of few, equally signed products: the float64 result is the reference."""
    rng = np.random.default_rng(columns)
    X = rng.random((300, columns))
    Z = (X + 0.06 * rng.standard_normal(X.shape)).clip(0).astype(np.float32)
    X = X.astype(np.float32)
    net = fn.FullyConnected(1, bias_std=bias_std)
    exact = net.ntk(X, Z, dtype="float64")
    gate = gram_gate(np.float32, np.float32, 1)
    assert np.abs(net.ntk(X, Z, dtype="float32") / exact - 1).max() <= gate


@pytest.mark.parametrize("init_std", [0.01, 0.1, 10.0])
def test_weights_that_weigh_little_or_much(isa, dtype, init_std):
    """1 / init_std^2 multiplies the weights' part of a kernel that biases dominate."""
    X = images(np.random.default_rng(5), 12, 30)
    net = fn.FullyConnected(2, init_std=init_std)
    K = net.ntk(X, scale=PIXELS, dtype=dtype)
    assert_entries(K, net, X, [(0, 1), (2, 3), (4, 11), (5, 5)], PIXELS)


@pytest.mark.parametrize("size", [1e-150, 1e-100, 1e-78, 1.0, 1e151, 1e153])
def test_erf_of_tiny_and_huge_rows(isa, size):
    """Equal rows stay equal and orthogonal rows orthogonal, whatever their common size."""
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]) * size
    K = fn.FullyConnected(1, "erf", bias_std=0.0).nngp(X)
    # A few roundings; orthogonality relative to the diagonal.
    assert abs(K[0, 2] / K[0, 0] - 1) <= 1e-15
    assert abs(K[0, 1] / K[0, 0]) <= 1e-15


def test_a_zero_row_beside_a_huge_scale(isa):
    """Zero times the square of a scale beyond the range is zero, not NaN."""
    X = np.array([[1.0], [0.0]])
    net = fn.FullyConnected(2)
    expected = net.ntk(X)
    # Rows are scaled by powers of two: only the last bit of 1e160 * 1e-160 differs.
    np.testing.assert_allclose(net.ntk(X / 1e160, scale=1e160), expected, rtol=1e-15)
