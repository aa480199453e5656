# SPDX-License-Identifier: Apache-2.0
"""Problems of one shape in one array: each as if it were alone."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(hidden_layers=3, bias_std=0.1)
PROBLEMS, POINTS, OTHERS, COLUMNS = 4, 9, 5, 12


@pytest.fixture(params=["uint8", "float32", "float64"])
def data(request, rng):
    """X and Y of three axes."""
    values = rng.integers(0, 256, size=(PROBLEMS, POINTS + OTHERS, COLUMNS)).astype(request.param)
    return values[:, :POINTS], values[:, POINTS:]


def test_square(data, dtype):
    X, _ = data
    K = NET.ntk(X, scale=1 / 255, dtype=dtype, device="cpu")
    assert K.shape == (PROBLEMS, POINTS, POINTS)
    assert K.dtype == dtype
    for one, kernel in zip(X, K, strict=True):
        np.testing.assert_array_equal(
            kernel, NET.ntk(one, scale=1 / 255, dtype=dtype, device="cpu")
        )


def test_rectangles_and_several_kernels(data):
    X, Y = data
    nngp, layers = NET.kernels(X, Y, get=("nngp", "layers"), scale=1 / 255, device="cpu")
    assert nngp.shape == (PROBLEMS, POINTS, OTHERS)
    assert layers.shape == (4, PROBLEMS, POINTS, OTHERS)
    for b in range(PROBLEMS):
        alone = NET.kernels(X[b], Y[b], get=("nngp", "layers"), scale=1 / 255, device="cpu")
        np.testing.assert_array_equal(nngp[b], alone[0])
        np.testing.assert_array_equal(layers[:, b], alone[1])


def test_out_and_progress(data):
    X, _ = data
    out = np.full((PROBLEMS, POINTS, POINTS), np.nan, np.float32)
    seen = []
    K = NET.ntk(
        X, out=out, dtype="float32", device="cpu", progress=lambda *report: seen.append(report)
    )
    assert K is out
    np.testing.assert_array_equal(out, NET.ntk(X, dtype="float32", device="cpu"))
    assert seen[-1] == ("kernel", PROBLEMS, PROBLEMS)


@pytest.mark.parametrize(
    ("X", "Y", "message"),
    [
        (np.ones((2, 0, 3)), None, r"X must be 3-D .* and not empty, got shape \(2, 0, 3\)"),
        (np.ones((2, 4, 3)), np.ones((4, 3)), "Y must be 3-D"),
        (np.ones((2, 4, 3)), np.ones((3, 4, 3)), r"Y must have shape .* got \(3, 4, 3\)"),
        (np.ones((2, 4, 3)), np.ones((2, 4, 2)), r"Y must have shape .* got \(2, 4, 2\)"),
        (np.full((2, 4, 3), np.nan), None, "X must be finite"),
    ],
)
def test_bad_batches(X, Y, message):
    with pytest.raises(ValueError, match=message):
        NET.ntk(X, Y)


def test_what_takes_no_batch():
    X = np.ones((2, 4, 3))
    with pytest.raises(ValueError, match="2-D"):
        fn.GramOperator(NET, X)
    with pytest.raises(ValueError, match="devices"):
        NET.ntk(X, devices=[0])
