# SPDX-License-Identifier: Apache-2.0
"""The smallest eigenvalues in the presence of near-duplicates, where a cosine loses everything."""

from functools import cache

import numpy as np
import pytest

import fastntk as fn
from reference import extended, naive
from reference.data import PIXELS, images
from reference.network import Network
from tolerances import tolerance

SMALLEST = 50
pytestmark = pytest.mark.skipif(
    not extended.AVAILABLE, reason="long double has no more digits than double here"
)


def with_near_duplicates(X, count, rng):
    """Append copies of the first rows with one to ten pixels changed by 1."""
    close = X[:count].copy()
    for k, row in enumerate(close):
        pixels = rng.choice(X.shape[1], 1 + k // 4, replace=False)
        row[pixels] = np.where(row[pixels] > 127, row[pixels] - 1, row[pixels] + 1)
    return np.concatenate([X, close])


def eigenvalue_errors(K, truth, count):
    """Relative errors of the smallest eigenvalues, to first order: v.(K - truth)v / lambda.

    The difference is taken in long double, so the eigenvalue solver's own rounding, as large as
    what is measured, does not enter.
    """
    values, vectors = np.linalg.eigh(truth.astype(np.float64))
    values, vectors = values[:count], vectors[:, :count]
    assert values[0] > 0
    difference = (K.astype(np.longdouble) - truth).astype(np.float64)
    # The whole invariant subspace: near-duplicates come in clusters of eigenvalues.
    block = vectors.T @ difference @ vectors / np.sqrt(np.outer(values, values))
    return np.abs(np.linalg.eigvalsh((block + block.T) / 2))


def check(X, net, truth, dtype):
    """Eigenvalues within the spectral bound, and all of them positive."""
    built = fn.FullyConnected(net.hidden_layers, bias_std=net.bias_std)
    K = built.ntk(X, scale=PIXELS, dtype=dtype)
    assert eigenvalue_errors(K, truth, SMALLEST).max() <= tolerance("spectral", dtype)
    assert np.linalg.eigvalsh(K.astype(np.float64))[0] > 0


@cache  # the truth is the same for every instruction set and type
def synthetic_images(bias_std):
    """Return 40 near-duplicates among 240 sparse images, a network, and its NTK of them."""
    rng = np.random.default_rng(31)
    X = with_near_duplicates(images(rng, 200, 196), 40, rng)
    net = Network(3, "relu", 1.0, bias_std)
    return X, net, extended.gram(net, X, scale=PIXELS).ntk


@pytest.fixture(scope="module")
def digits(mnist):
    """40 near-duplicates of real digits, a network, and its NTK of them."""
    rng = np.random.default_rng(32)
    X = with_near_duplicates(mnist.images[:260], 40, rng)
    net = Network(4, "relu", 1.0, 0.1)
    return X, net, extended.gram(net, X, scale=PIXELS).ntk


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
def test_synthetic_images(isa, dtype, bias_std):
    check(*synthetic_images(bias_std), dtype)


def test_mnist(isa, dtype, digits):
    check(*digits, dtype)


def test_the_textbook_float64_formula_fails_here():
    """The measure distinguishes: arccos in float64 is thousands of times beyond the bound."""
    X, net, truth = synthetic_images(0.0)
    errors = eigenvalue_errors(naive.gram(net, X, scale=PIXELS)[1], truth, SMALLEST)
    assert errors.max() > 1000 * tolerance("spectral", np.float64)
