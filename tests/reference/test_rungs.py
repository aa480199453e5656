# SPDX-License-Identifier: Apache-2.0
"""Each rung of the references against the rung above."""

import numpy as np
import pytest

from reference import data, exact, extended, multiprecision, naive
from reference.errors import entry_errors
from reference.network import Network
from tolerances import tolerance

needs_extended = pytest.mark.skipif(
    not extended.AVAILABLE, reason="long double has no more digits than double here"
)
NETWORKS = [
    Network(0, "relu", 2**0.5, 0.1),
    Network(1, "relu", 1.0, 0.0),
    Network(3, "relu", 0.7, 0.1),
    Network(4, "relu", 2**0.5, 0.0),
    Network(10, "relu", 2**0.5, 0.1),
    Network(50, "relu", 1.0, 0.0),
    Network(1, "erf", 1.0, 0.1),
    Network(4, "erf", 2**0.5, 0.0),
    Network(10, "erf", 0.7, 0.1),
    Network(3, "relu", 1.0, 0.1, init_std=2**0.5),
    Network(3, "erf", 1.0, 0.1, init_std=0.7),
]


@needs_extended
@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("name", data.NAMES)
def test_longdouble_against_mpmath(name, net):
    """Every special pair and a sample of others, all three kernels."""
    whole, sample = exact.complete(name, net), exact.sampled(name, net)
    at = (sample.rows, sample.columns)
    bound = tolerance("reference", np.longdouble)
    assert entry_errors(whole.nngp[at], sample.nngp, sample.nngp_scale).max() <= bound
    assert entry_errors(whole.ntk[at], sample.ntk, sample.ntk_scale).max() <= bound
    parts = whole.layers[(slice(None), *at)]
    assert entry_errors(parts, sample.layers, sample.ntk_scale).max() <= bound


@pytest.mark.parametrize("net", [net for net in NETWORKS if net.hidden_layers <= 10], ids=str)
@pytest.mark.parametrize("name", data.NAMES)
def test_naive_against_longdouble(name, net):
    """The textbook formulas agree to what a float64 arccos can give."""
    X, scale, _ = data.case(name)
    whole = exact.complete(name, net)
    nngp, ntk = naive.gram(net, X, scale=scale)
    bound = tolerance("reference", np.float64)
    assert entry_errors(nngp, whole.nngp, whole.nngp_scale).max() <= bound
    assert entry_errors(ntk, whole.ntk, whole.ntk_scale).max() <= bound


@needs_extended
@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_longdouble_at_extreme_magnitudes(factor):
    """Neither rung overflows or underflows where float64 squares would."""
    X, _, pairs = data.case("float64-signed")
    X = X * factor
    for net in (Network(3, "relu", 1.0, 0.0), Network(3, "relu", 1.0, 0.1)):
        whole = extended.gram(net, X).ntk
        top = whole.max()
        for (i, j), value in zip(pairs, multiprecision.entries(net, X, X, pairs), strict=True):
            scale = np.sqrt(whole[i, i]) * np.sqrt(whole[j, j]) / top
            difference = abs(whole[i, j] / top - exact.to_longdouble(value.ntk) / top)
            assert difference <= tolerance("reference", np.longdouble) * scale


@needs_extended
def test_wide_integer_rows_do_not_wrap():
    """Norms near 2^33, whose products exceed 64 bits."""
    net = Network(2, "relu", 1.0, 0.1)
    X = np.zeros((3, 140_000), np.uint8)
    X[0], X[1] = 255, 255
    X[1, 5] = 254
    got = extended.gram(net, X, scale=1 / 255).ntk
    for i, j in ((0, 0), (0, 1), (0, 2)):
        value = multiprecision.entry(net, X[i], X[j], 1 / 255).ntk
        assert abs(got[i, j] / exact.to_longdouble(value) - 1) <= tolerance(
            "reference", np.longdouble
        )


def test_rectangular_is_a_block_of_square():
    """The two-argument form of both matrix rungs."""
    X, scale, _ = data.case("uint8")
    net = Network(3, "relu", 1.0, 0.1)
    square, block = extended.gram(net, X, scale=scale), extended.gram(net, X[:7], X[5:], scale)
    for whole, part in zip(square, block, strict=True):
        np.testing.assert_array_equal(part, whole[..., :7, 5:])
    np.testing.assert_allclose(
        naive.gram(net, X[:7], X[5:], scale)[1],
        block.ntk.astype(float),
        rtol=tolerance("reference", np.float64),
    )


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_layers_sum_to_the_ntk(activation):
    """Remark 4 of the paper: one part per layer."""
    X, scale, _ = data.case("uint8")
    got = extended.gram(Network(4, activation), X, scale=scale)
    assert got.layers.shape == (5, len(X), len(X))
    np.testing.assert_allclose(
        got.layers.sum(axis=0).astype(float), got.ntk.astype(float), rtol=1e-15
    )


def test_an_init_std_of_one_is_a_weight_std_of_one():
    """The two readings of the parameters' variance coincide there, and only there."""
    X, scale, _ = data.case("uint8")
    one = extended.gram(Network(3, "relu", 1.0, 0.1), X, scale=scale)
    same = extended.gram(Network(3, "relu", 1.0, 0.1, init_std=1.0), X, scale=scale)
    scaled = extended.gram(Network(3, "relu", 1.3, 0.1), X, scale=scale)
    init = extended.gram(Network(3, "relu", 1.0, 0.1, init_std=1.3), X, scale=scale)
    np.testing.assert_array_equal(same.ntk, one.ntk)
    np.testing.assert_array_equal(init.nngp, scaled.nngp)
    assert (init.ntk < scaled.ntk).all()


def test_entry_errors_can_fail():
    """A NaN, and anything but 0 where 0 is required, are infinitely wrong."""
    reference, denominator = np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 2.0])
    got = entry_errors(np.array([0.0, 1e-300, np.nan, 3.0]), reference, denominator)
    np.testing.assert_array_equal(got.astype(float), [0.0, np.inf, np.inf, 0.5])
