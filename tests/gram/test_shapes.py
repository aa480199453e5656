# SPDX-License-Identifier: Apache-2.0
"""Sizes that straddle the tiles and the vector registers, and rows as wide as integers allow."""

from functools import cache

import numpy as np
import pytest

import fastntk as fn
from reference import extended, multiprecision
from reference.data import PIXELS, images
from reference.errors import denominators, entry_errors
from reference.exact import to_longdouble
from reference.network import Network
from tolerances import gram_gate

SIZES = [1, 2, 31, 32, 33, 127, 129, 255, 256, 257, 300]
INPUTS = ["uint8", "float32", "float64"]
NET = Network(3, "relu", 1.0, 0.1)
BUILT = fn.FullyConnected(hidden_layers=3, bias_std=0.1)


def rows(kind, n, d):
    """Rows of one input type, with a duplicate, a near-duplicate and a proportional row."""
    rng = np.random.default_rng([n, d, len(kind)])
    if kind == "uint8":
        X = images(rng, n, d)
        half = X[:1] // 2
        X[-1:], X[n // 2] = half * 2, half[0]
        X[n // 3] = X[0]
        X[n // 3, 0] ^= 1
    else:
        X = rng.standard_normal((n, d)).astype(kind)
        X[n // 2] = X[0] * 3
        X[n // 3] = X[0] * (1 + 1e-5)
        X[n // 3, 0] += 1e-3
    X[n // 4] = X[-1]
    return X


@cache
def largest(kind):
    """The longest case with its reference; shorter ones are its leading blocks."""
    X = rows(kind, SIZES[-1], 20)
    scale = PIXELS if kind == "uint8" else 1.0
    K = extended.gram(NET, X, scale=scale).ntk
    own = np.diagonal(K)
    return X, scale, K, denominators(NET, X, X, reference=K, own_x=own, own_y=own)


def assert_close(K, reference, denominator, X, net=NET):
    """Every entry within its gate."""
    errors = entry_errors(K, reference, denominator)
    assert errors.max() <= gram_gate(K.dtype, X.dtype, net.hidden_layers)


pytestmark = pytest.mark.skipif(
    not extended.AVAILABLE, reason="long double has no more digits than double here"
)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", INPUTS)
def test_rows(isa, kind, dtype, n):
    """Square matrices of every size."""
    X, scale, K, denominator = largest(kind)
    got = BUILT.ntk(X[:n], scale=scale, dtype=dtype)
    assert got.shape == (n, n)
    assert_close(got, K[:n, :n], denominator[:n, :n], X)


@pytest.mark.parametrize(("m", "n"), [(1, 300), (300, 1), (33, 257), (129, 31), (256, 255)])
@pytest.mark.parametrize("kind", INPUTS)
def test_rows_and_columns(isa, kind, dtype, m, n):
    """Rectangular matrices whose sides end at different places of a tile."""
    X, scale, K, denominator = largest(kind)
    got = BUILT.ntk(X[:m], X[-n:], scale=scale, dtype=dtype)
    assert got.shape == (m, n)
    assert_close(got, K[:m, -n:], denominator[:m, -n:], X)


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
@pytest.mark.parametrize("d", [1, 3, 63, 64, 65, 784])
@pytest.mark.parametrize("kind", INPUTS)
def test_inputs(isa, kind, dtype, d, bias_std):
    """Every number of columns; with one column all rows are proportional or antipodal."""
    net = Network(3, "relu", 1.0, bias_std)
    X = rows(kind, 35, d)
    scale = PIXELS if kind == "uint8" else 1.0
    K = extended.gram(net, X, scale=scale).ntk
    own = np.diagonal(K)
    got = fn.FullyConnected(3, bias_std=bias_std).ntk(X, scale=scale, dtype=dtype)
    assert_close(got, K, denominators(net, X, X, reference=K, own_x=own, own_y=own), X)


def test_columns_without_information(isa, dtype):
    """Columns that are 0 everywhere change nothing but the number of inputs."""
    X = rows("uint8", 40, 64)
    wide = np.zeros((40, 128), np.uint8)
    wide[:, ::2] = X
    narrow = fn.FullyConnected(2, bias_std=0.0).ntk(X, scale=PIXELS, dtype=dtype)
    got = fn.FullyConnected(2, bias_std=0.0).ntk(wide, scale=PIXELS, dtype=dtype)
    np.testing.assert_allclose(got, narrow / 2, rtol=2 * gram_gate(dtype, np.uint8, 2))


WIDE_PAIRS = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3)]


@cache
def wide(d):
    """Rows of d columns at the ends of the range, and their kernels for two values of bias_std."""
    X = np.zeros((5, d), np.uint8)
    X[0] = 255
    X[1] = 255
    X[1, 7] = 254
    X[2] = 85  # proportional to row 0
    X[3, ::2] = 255
    return X, {
        bias_std: np.array(
            [
                to_longdouble(value.ntk)
                for value in multiprecision.entries(
                    Network(2, "relu", 1.0, bias_std), X, X, WIDE_PAIRS, PIXELS
                )
            ]
        )
        for bias_std in (0.0, 0.1)
    }


# 255^2 times 16,513 columns exceeds 2^30 and times 33,025 just stays below 2^31, the largest signed
# 32-bit distance; 33,026 exceed it, 66,052 an unsigned one, 46,342 the 64-bit square of a norm.
@pytest.mark.parametrize("d", [16_513, 33_025, 33_026, 46_400, 66_052, 140_000])
def test_columns_beyond_32_bits(isa, dtype, d):
    """Distances, dot products and the squares of the norms stay exact."""
    X, truths = wide(d)
    for bias_std, truth in truths.items():
        K = fn.FullyConnected(2, bias_std=bias_std).ntk(X, scale=PIXELS, dtype=dtype)
        got = K[tuple(zip(*WIDE_PAIRS, strict=True))]
        assert entry_errors(got, truth, truth).max() <= gram_gate(dtype, np.uint8, 2)
