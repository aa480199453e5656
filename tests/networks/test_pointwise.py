# SPDX-License-Identifier: Apache-2.0
"""The elementwise steps of a network's passes, against NumPy."""

import math

import numpy as np
import pytest

from fastntk import _cpu
from fastntk._backend import CPU

# z = factor * z + shift is two roundings, f or f' at most two units in the last place more, a
# product with the factor one: where nothing cancels, five roundings.
EPS = {"float32": 5 * 2.0**-23, "float64": 5 * 2.0**-52}

VALUES = {
    "relu": lambda z: np.maximum(z, 0),
    "erf": np.vectorize(math.erf, otypes=[float]),
}
SLOPES = {
    "relu": lambda z: (z > 0).astype(float),
    # The exponential multiplies what rounding the square loses by the square.
    "erf": lambda z: (2 / np.sqrt(np.pi) * np.exp(-(z.astype(np.longdouble) ** 2))).astype(float),
}


@pytest.mark.parametrize("activation", VALUES)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (700, 211), (0, 4), (4, 0)])
def test_activate(activation, threads, shape, dtype, rng):
    z = rng.standard_normal(shape).astype(dtype)
    shift = rng.standard_normal(shape[1]).astype(dtype)
    expected = dtype_of(0.37, dtype) * z.astype(float) + shift
    out = np.full_like(z, np.nan)
    CPU.activate((activation, ()), z, 0.37, shift, out, threads)
    np.testing.assert_allclose(z, expected, rtol=0, atol=EPS[dtype] * 4)
    np.testing.assert_allclose(out, VALUES[activation](z.astype(float)), rtol=EPS[dtype])


@pytest.mark.parametrize("activation", VALUES)
def test_activate_without_shift_or_out(activation, dtype, rng):
    z = rng.standard_normal((40, 9)).astype(dtype)
    before = z.copy()
    CPU.activate((activation, ()), z, 1.0, None, None)
    np.testing.assert_array_equal(z, before)
    CPU.activate((activation, ()), z, 2.0, None, None)
    np.testing.assert_array_equal(z, 2 * before)


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("outputs", [0, 1, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_apply_slope(activation, outputs, threads, dtype, rng):
    z = 2 * rng.standard_normal((35, 4500)).astype(dtype)
    z[:, 0] = 0
    signals = rng.standard_normal((35 * outputs, 4500)).astype(dtype)
    slopes = SLOPES[activation](z.astype(float)) * float(dtype_of(0.7, dtype))
    expected = signals.astype(float) * np.repeat(slopes, outputs, axis=0)
    CPU.apply_slope((activation, ()), z, signals, 0.7, threads)
    # Below the smallest normal number there are fewer digits.
    tiny = float(np.finfo(dtype).tiny)
    np.testing.assert_allclose(signals, expected, rtol=EPS[dtype], atol=tiny * EPS[dtype])


def test_relu_has_no_slope_at_zero(dtype):
    z = np.array([[0.0, -0.0, 1e-30, -1.0]], dtype)
    signals = np.ones_like(z)
    CPU.apply_slope(("relu", ()), z, signals, 1.0)
    np.testing.assert_array_equal(signals, [[0, 0, 1, 0]])


@pytest.mark.parametrize("activation", VALUES)
def test_nan_stays_and_infinity_does_no_harm(activation, dtype):
    z = np.array([[np.nan, np.inf, -np.inf, 1e30]], dtype)
    out = np.empty_like(z)
    CPU.activate((activation, ()), z, 1.0, None, out)
    assert np.isnan(out[0, 0])
    top = np.inf if activation == "relu" else 1.0
    np.testing.assert_array_equal(out[0, 1:3], [top, -1.0 if activation == "erf" else 0.0])
    signals = np.ones_like(z[:, 1:])
    CPU.apply_slope((activation, ()), z[:, 1:].copy(), signals, 1.0)
    assert np.isfinite(signals).all()


def test_unknown_activation_and_wrong_shapes():
    z = np.ones((3, 4), np.float32)
    with pytest.raises(ValueError, match="unknown activation 'wave'"):
        _cpu.activate(("wave", ()), z, 1.0, None, None)
    with pytest.raises(ValueError, match=r"shift must have shape \(4,\)"):
        _cpu.activate(("relu", ()), z, 1.0, np.ones(3, np.float32), None)
    with pytest.raises(ValueError, match="signals must have shape"):
        _cpu.apply_slope(("relu", ()), z, np.ones((7, 4), np.float32), 1.0)
    with pytest.raises(TypeError, match="signals must be an aligned C-contiguous array of float32"):
        _cpu.apply_slope(("relu", ()), z, np.ones((3, 4)), 1.0)


def dtype_of(number, dtype):
    """Return a number rounded to the precision of the arrays."""
    return np.dtype(dtype).type(number)
