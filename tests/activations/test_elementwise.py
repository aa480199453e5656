# SPDX-License-Identifier: Apache-2.0
"""f(u) and f'(u) of every activation, against extended precision and against differences."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from fastntk.activations.definitions import Elementwise
from offered import ELEMENTWISE
from reference.functions import FUNCTIONS, JUMPING, STEEP

# Exponentials and the functions they make up: a few roundings each, of numbers that the argument's
# own rounding, a phase or a factor moved.
ROUNDINGS = 24


def points(dtype):
    rng = np.random.default_rng(7)
    u = np.concatenate([3 * rng.standard_normal(4000), [0.0, 1e-6, -1e-6, 20.0, -20.0]])
    return u.astype(dtype)


@pytest.mark.parametrize("text", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_slope(text, dtype):
    f, paper, u = as_activation(text), FUNCTIONS[text], points(dtype)
    eps = ROUNDINGS * np.finfo(dtype).eps
    exact, wide = u.astype(np.longdouble), np.longdouble(1)
    value, slope = f(u), f.derivative(u)
    assert value.dtype == slope.dtype == u.dtype
    for got, want in ((value, paper.f(exact)), (slope, paper.df(exact))):
        # Relative to what the rounded argument changes as well: terms that cancel.
        terms = abs(want) + abs(exact * paper.df(exact))
        if paper.magnitude is not None:
            terms = terms + paper.magnitude(exact) * (1 + abs(exact))
        tiny = np.finfo(dtype).tiny
        assert (abs(got - want) <= eps * terms * wide + tiny).all()


@pytest.mark.parametrize("text", [text for text in ELEMENTWISE if text not in JUMPING])
def test_slope_is_that_of_differences(text):
    """Central differences of step h err by h^2 f''' and by 1e-16 f / h."""
    f = as_activation(text).scaled(output=1.5, input=0.8)
    u, h = np.linspace(-2.05, 1.95, 41), 1e-5
    difference = (f(u + h) - f(u - h)) / (2 * h)
    assert abs(u).min() > 2 * h
    scale = 1 + abs(f(u)).max() + abs(difference)
    np.testing.assert_array_less(abs(f.derivative(u) - difference), 1e-8 * scale)


@pytest.mark.parametrize("text", ELEMENTWISE)
def test_extreme_arguments_do_no_harm(text):
    """No warning and no NaN, where the function itself is finite."""
    f = as_activation(text)
    far = [-30.0, 30.0] if text in STEEP else [-1e30, -800.0, -90.0, 90.0, 800.0, 1e30]
    u = np.array(far)
    for dtype in ("float32", "float64"):
        assert np.isfinite(f(u.astype(dtype))).all()
        assert np.isfinite(f.derivative(u.astype(dtype))).all()
    assert np.isnan(f(np.array([np.nan])))[0]


def test_shapes_and_types():
    f = fn.Activation.tanh()
    assert f(np.zeros((2, 3, 4))).shape == (2, 3, 4)
    assert f(np.zeros((2, 0))).shape == (2, 0)
    assert f(0.5) == np.tanh(0.5)
    assert isinstance(f(0.5), float)
    assert f([1, 2]).dtype == np.float64
    assert f(np.float32([1])).dtype == np.float32
    u = np.ones(3)
    f.scaled(input=2)(u)
    f.scaled(input=2).derivative(u)
    np.testing.assert_array_equal(u, 1)
    with pytest.raises(TypeError, match="u must hold real numbers"):
        f(np.ones(2) * 1j)


def test_custom():
    calls = []

    def cube_root(u):
        calls.append(u.shape)
        return np.cbrt(1 + u * u)

    f = fn.Activation.custom(cube_root).scaled(input=2, output=3)
    u = np.linspace(-3, 3, 100_001)
    np.testing.assert_allclose(f(u), 3 * np.cbrt(1 + 4 * u * u), rtol=1e-15)
    assert len(calls) == 1
    exact = 3 * 2 * (2 / 3) * 2 * u / np.cbrt(1 + 4 * u * u) ** 2
    # Central differences keep two thirds of the digits.
    np.testing.assert_allclose(f.derivative(u), exact, atol=1e-9)
    known = fn.Activation.custom(np.sin, np.cos)
    np.testing.assert_array_equal(known.derivative(u), np.cos(u))
    wrong = fn.Activation.custom(np.sum, name="total")
    with pytest.raises(ValueError, match="total must return an array of its argument's shape"):
        wrong(u)


def test_bases_are_the_engine_s_or_functions():
    """What has no functor has functions, with their kinks."""
    assert isinstance(fn.Activation.tanh().base, Elementwise)
    assert fn.Activation.selu().base.kinks == (0.0,)
    assert fn.Activation.relu().base.name == "relu"
    assert fn.Activation.rbf(2).scaled(output=3, input=5).scales == (10.0, 3.0)
