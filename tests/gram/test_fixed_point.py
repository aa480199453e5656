# SPDX-License-Identifier: Apache-2.0
"""float32 rows that a product in fixed point could spoil: each row has one unit for all its values.

A matrix unit rounds every value to 2^-22 of the row's power of two; other instruction sets multiply
in float. Both are held to the same gate.
"""

import itertools
from functools import cache

import numpy as np
import pytest

import fastntk as fn
from reference import extended
from reference.errors import denominators, entry_errors
from reference.network import Network
from tolerances import gram_gate

TINY = float(np.finfo(np.float32).tiny)
LARGEST = float(np.finfo(np.float32).max)
WIDE = 1_000  # columns, beyond which a few rows will do
NETWORKS = [Network(depth, "relu", 1.0, bias) for depth in (0, 1, 2, 3) for bias in (0.0, 0.1)]

pytestmark = pytest.mark.skipif(
    not extended.AVAILABLE, reason="long double has no more digits than double here"
)


def all_magnitudes(rng, d):
    """Values of one row from 1e-12 to 1e12, in both signs."""
    return rng.choice([-1, 1], (40, d)) * 10 ** rng.uniform(-12, 12, (40, d))


def few_large(rng, d):
    """A few values thousands of times as large as the many."""
    X = rng.standard_normal((40, d))
    X[np.arange(40), rng.integers(d, size=40)] *= 10 ** rng.uniform(1, 6, 40)
    return X


def one_hot(rng, d):
    """One value per row, of both signs, and rows that have a little of a second one."""
    X = np.zeros((40, d))
    X[np.arange(40), rng.integers(d, size=40)] = rng.choice([-3, -1, 1, 2], 40)
    X[20:] += 10 ** rng.uniform(-8, 0, (20, 1)) * np.eye(d)[rng.integers(d, size=20)]
    return X


def constant(rng, d):
    """Rows of one value, odd mantissas among them, and rows that differ in a few columns."""
    X = np.ones((40, d)) * rng.uniform(0.5, 2, (40, 1))
    X[0], X[1], X[2] = np.nextafter(np.float32(2), 0), 1 + 2.0**-23, -X[3]
    X[20:, 0] *= -1
    X[30:, : d // 2] *= -1
    return X


def digits_at_their_ends(rng, d):
    """Numerators of 2^-22 whose bytes are -128 or 127, and values about which the unit grows."""
    bytes_of_each = itertools.product((-127, -64, 64, 127), (-128, 127), (-128, 127))
    values = np.array([a * 65536 + b * 256 + c for a, b, c in bytes_of_each]) / 2.0**22
    X = np.ones((40, d)) * rng.choice(values, (40, 1))
    X[:20] = rng.choice(values, (20, d))
    X[20], X[21], X[22], X[23] = 1.99, -1.99, np.nextafter(np.float32(1.99), 2), 1.9999999
    return X


def nearly_orthogonal(rng, d):
    """Pairs about a right angle, where the smallest kernel values of signed data are."""
    X = rng.standard_normal((40, d))
    X[20:] -= (X[20:] * X[:20]).sum(1, keepdims=True) / (X[:20] ** 2).sum(1, keepdims=True) * X[:20]
    return X


def pedestal(rng, d):
    """Counts above a constant odd background, which has third digits alike, and one large count."""
    X = np.full((40, d), 301.0)
    X[np.arange(40), rng.integers(d, size=40)] = 65_000
    X[20:] = np.where(X[20:] == 301, 25_727, 2**22)
    return X


FAMILIES = [
    all_magnitudes,
    few_large,
    one_hot,
    constant,
    digits_at_their_ends,
    nearly_orthogonal,
    pedestal,
]


@cache
def truth(make, d, factor, net):
    """Rows of a family, the scale that undoes its factor, and their kernel with its error scale."""
    X = make(np.random.default_rng([d, len(make.__name__)]), d)
    if d > WIDE:
        X = X[18:26]
    if factor == "max":
        X *= LARGEST / np.abs(X).max(axis=1, keepdims=True)
    X = np.clip(X * factor if factor != "max" else X, -LARGEST, LARGEST).astype(np.float32)
    scale = 1 / (LARGEST if factor == "max" else factor)
    K = extended.gram(net, X, scale=scale).ntk
    own = np.diagonal(K)
    return X, scale, K, denominators(net, X, X, reference=K, own_x=own, own_y=own)


def assert_close(make, d, factor, net, dtype="float32"):
    """Every entry within the gate."""
    X, scale, K, denominator = truth(make, d, factor, net)
    built = fn.FullyConnected(net.hidden_layers, bias_std=net.bias_std)
    got = built.ntk(X, scale=scale, dtype=dtype)
    errors = entry_errors(got, K, denominator)
    worst = np.unravel_index(errors.argmax(), errors.shape)
    assert errors.max() <= gram_gate(dtype, np.float32, net.hidden_layers), (worst, net)


@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("d", [2, 33, 200, 1_024])
@pytest.mark.parametrize("make", FAMILIES, ids=lambda f: f.__name__)
def test_rows(isa, dtype, make, d, net):
    """Every family of rows, short and long."""
    assert_close(make, d, 1.0, net, dtype)


# From 2^-126 on numbers are normal; the values of a row lie a thousand times apart.
@pytest.mark.parametrize("factor", [TINY, TINY * 2**12, "max"])
@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("make", [few_large, one_hot, constant], ids=lambda f: f.__name__)
def test_ends_of_the_range(isa, make, net, factor):
    """Rows near float32's smallest normal and largest numbers; `scale` brings the kernel back."""
    assert_close(make, 33, factor, net)


# With 43,690 columns the sums of three products of bytes still fit 31 bits.
@pytest.mark.parametrize("d", [43_690, 43_691])
@pytest.mark.parametrize("make", [constant, digits_at_their_ends], ids=lambda f: f.__name__)
def test_as_wide_as_sums_of_bytes_allow(isa, make, d):
    """The largest sums there are, in the widest rows, and one column more."""
    assert_close(make, d, 1.0, NETWORKS[-1])
