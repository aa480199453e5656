# SPDX-License-Identifier: Apache-2.0
"""Problems of one shape in one array, on a GPU: one launch, each as if it were alone."""

import numpy as np
import pytest

import fastntk as fn
from tolerances import gram_gate

NET = fn.FullyConnected(hidden_layers=3, bias_std=0.1)
PROBLEMS, POINTS, OTHERS, COLUMNS = 4, 9, 5, 12


@pytest.fixture
def data(rng):
    """X and Y of three axes."""
    values = rng.random((PROBLEMS, POINTS + OTHERS, COLUMNS))
    return values[:, :POINTS].copy(), values[:, POINTS:].copy()


@pytest.mark.parametrize("rectangular", [False, True])
def test_arrays_on_the_device(gpu, data, rectangular, dtype):
    X, Y = data
    there = [gpu.cupy.asarray(X), gpu.cupy.asarray(Y) if rectangular else None]
    K = NET.ntk(*there, dtype=dtype)
    assert isinstance(K, gpu.cupy.ndarray)
    expected = NET.ntk(X, Y if rectangular else None, dtype="float64", device="cpu")
    gate = 2 * gram_gate(dtype, X.dtype, 3)
    np.testing.assert_allclose(K.get(), expected, rtol=gate, atol=0)


def test_arrays_on_the_host(gpu, data):
    X, _ = data
    out = np.zeros((PROBLEMS, POINTS, POINTS))
    assert NET.ntk(X, device="cuda", out=out) is out
    np.testing.assert_allclose(out, NET.ntk(X, device="cpu"), rtol=2e-12, atol=0)
    np.testing.assert_array_equal(NET.ntk(X, device="cuda"), out)


def test_a_batch_of_one(gpu, data):
    X, _ = data
    K = NET.ntk(gpu.cupy.asarray(X[:1]))
    np.testing.assert_allclose(K.get(), NET.ntk(X[:1], device="cpu"), rtol=2e-12, atol=0)


def test_one_launch(standin, data):
    X, _ = data
    NET.ntk(standin.cupy.asarray(X))
    assert [name for name, *_ in standin.native.calls] == ["prepare", "to_dense"]
