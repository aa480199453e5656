# SPDX-License-Identifier: Apache-2.0
"""Parameters out of range or of the wrong type: the argument, the expectation and what came."""

import re

import numpy as np
import pytest

import fastntk as fn

X = np.random.default_rng(42).standard_normal((6, 5))


def say(*essentials):
    """Match a message that has all essentials, in this order."""
    return ".*".join(re.escape(part) for part in essentials)


@pytest.mark.parametrize("value", [-1, -100])
def test_negative_depth(value):
    """0 is linear regression, less is nothing."""
    with pytest.raises(ValueError, match=say("hidden_layers", "at least 0", str(value))):
        fn.FullyConnected(hidden_layers=value)


@pytest.mark.parametrize("value", [2.0, 2.5, "3", None, True, [3]])
def test_depth_is_an_integer(value):
    """Not a float that happens to be whole, not a bool."""
    with pytest.raises(TypeError, match=say("hidden_layers", "integer", repr(value))):
        fn.FullyConnected(hidden_layers=value)


@pytest.mark.parametrize("value", [0, -1.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["weight_std", "init_std"])
def test_weight_factors_are_positive(name, value):
    """Neither 0 nor infinite."""
    with pytest.raises(ValueError, match=say(name, "positive", repr(value))):
        fn.FullyConnected(**{name: value})


@pytest.mark.parametrize("value", [-1e-300, -0.1, np.inf, np.nan])
def test_bias_factor_is_not_negative(value):
    """0 is allowed."""
    with pytest.raises(ValueError, match=say("bias_std", "non-negative", repr(value))):
        fn.FullyConnected(bias_std=value)
    assert fn.FullyConnected(bias_std=0).bias_std == 0


@pytest.mark.parametrize("value", ["1", 1j, True, {1.0}])
@pytest.mark.parametrize("name", ["weight_std", "bias_std", "init_std"])
def test_factors_are_numbers(name, value):
    """A str is not parsed."""
    with pytest.raises(TypeError, match=say(name, "number", repr(value))):
        fn.FullyConnected(**{name: value})


@pytest.mark.parametrize("value", [[1.0], np.ones(2)])
def test_init_std_is_one_number(value):
    """Of all layers."""
    with pytest.raises(TypeError, match=say("init_std", "number", repr(value))):
        fn.FullyConnected(init_std=value)


@pytest.mark.parametrize("value", [[1.0], np.ones(2), ()])
@pytest.mark.parametrize("name", ["weight_std", "bias_std"])
def test_factors_of_layers(name, value):
    """One for each of five linear maps; an array is not averaged."""
    with pytest.raises(ValueError, match=say(name, "each linear map, 5", str(len(value)))):
        fn.FullyConnected(**{name: value})


def test_each_factor_is_checked():
    """By its place."""
    with pytest.raises(ValueError, match=say("weight_std[1]", "positive", "0")):
        fn.FullyConnected(1, weight_std=[1, 0])
    with pytest.raises(TypeError, match=say("bias_std[0]", "number", "'a'")):
        fn.FullyConnected(1, bias_std=["a", 0])
    with pytest.raises(ValueError, match="weight_std and init_std"):
        fn.FullyConnected(1, weight_std=[1, 2], init_std=1.0)


@pytest.mark.parametrize("name", ["weight_std", "bias_std"])
def test_none_is_no_number(name):
    """Only init_std may be absent."""
    with pytest.raises(TypeError, match=say(name, "number", "None")):
        fn.FullyConnected(**{name: None})


def test_numpy_numbers_are_numbers():
    """Scalars of other types are stored as Python's own."""
    net = fn.FullyConnected(np.int64(3), "relu", np.float32(1.5), np.float64(0.25))
    assert net == fn.FullyConnected(3, "relu", 1.5, 0.25)
    assert {type(net.hidden_layers), type(net.weight_std), type(net.bias_std)} == {int, float}


def test_two_readings_exclude_each_other():
    """Both name the same factor."""
    with pytest.raises(ValueError, match=say("weight_std", "init_std", "1.5", "1.2")):
        fn.FullyConnected(weight_std=1.5, init_std=1.2)
    assert fn.FullyConnected(weight_std=1.0, init_std=1.2).init_std == 1.2


@pytest.mark.parametrize("value", ["tan", "ReLU", "", None, 3])
def test_unknown_activation(value):
    """The known ones are listed."""
    with pytest.raises(ValueError, match=say("activation", "'relu', 'erf'", repr(value))):
        fn.FullyConnected(activation=value)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_scale_range(value):
    """Positive and finite."""
    with pytest.raises(ValueError, match=say("scale", "positive", repr(value))):
        fn.FullyConnected().ntk(X, scale=value)


@pytest.mark.parametrize("value", ["1/255", None, [1.0], True])
def test_scale_type(value):
    """A number."""
    with pytest.raises(TypeError, match=say("scale", "number", repr(value))):
        fn.FullyConnected().ntk(X, scale=value)


@pytest.mark.parametrize("value", ["float16", "int32", "complex64", ">f4", np.uint8])
def test_result_dtype(value):
    """float32 or float64 in this machine's byte order."""
    with pytest.raises(
        TypeError, match=say("dtype", "'float32' or 'float64'", str(np.dtype(value)))
    ):
        fn.FullyConnected().ntk(X, dtype=value)


@pytest.mark.parametrize("value", ["single precision", 32, X])
def test_not_a_dtype(value):
    """NumPy's own message would not name the argument."""
    with pytest.raises(TypeError, match=say("dtype", "'float32' or 'float64'")):
        fn.FullyConnected().ntk(X, dtype=value)


@pytest.mark.parametrize("value", ["cuda:", "cuda:-1", "cuda:x", "gpu", "", None, 0])
def test_unknown_device(value):
    """The known ones are listed."""
    with pytest.raises(ValueError, match=say("device", "'auto', 'cpu', 'cuda'", repr(value))):
        fn.FullyConnected().ntk(X, device=value)


@pytest.mark.parametrize("value", [0, -2])
def test_thread_count_range(value):
    """None is automatic; 0 is a mistake."""
    with pytest.raises(ValueError, match=say("threads", "at least 1", str(value))):
        fn.FullyConnected().ntk(X, threads=value)


@pytest.mark.parametrize("value", [1.0, "2", True])
def test_thread_count_type(value):
    """An integer."""
    with pytest.raises(TypeError, match=say("threads", "integer", repr(value))):
        fn.FullyConnected().ntk(X, threads=value)


@pytest.mark.parametrize("value", [("ntk", "sigma"), ("NTK",), (None,), "layer"])
def test_unknown_kernel(value):
    """The known ones are listed."""
    with pytest.raises(ValueError, match=say("get", "'nngp', 'ntk', 'layers'")):
        fn.FullyConnected().kernels(X, get=value)


def test_no_kernel():
    """At least one."""
    with pytest.raises(ValueError, match=say("get", "at least one", "()")):
        fn.FullyConnected().kernels(X, get=())


@pytest.mark.parametrize("value", [3, "bar", object()])
def test_progress_is_callable(value):
    """Said at once, not in the middle of a long computation."""
    with pytest.raises(TypeError, match=say("progress", "callable")):
        fn.FullyConnected().ntk(X, progress=value)


@pytest.mark.parametrize("name", ["avx1024", "AVX2", "portable,avx2"])
def test_unknown_instruction_set(monkeypatch, name):
    """The message names the variable, what this processor has, and what came."""
    monkeypatch.setenv("FASTNTK_ISA", name)
    with pytest.raises(ValueError, match=say("FASTNTK_ISA", "portable", repr(name))):
        fn.FullyConnected().ntk(X)


def test_empty_instruction_set_is_automatic(monkeypatch):
    """As in `FASTNTK_ISA= command`."""
    expected = fn.FullyConnected().ntk(X)
    monkeypatch.setenv("FASTNTK_ISA", "")
    np.testing.assert_array_equal(fn.FullyConnected().ntk(X), expected)
