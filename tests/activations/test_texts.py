# SPDX-License-Identifier: Apache-2.0
"""Activations as values: texts, equality, hashes, pickles, and what is refused."""

import dataclasses
import pickle

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation, known_names
from reference.functions import FUNCTIONS

A = fn.Activation


@pytest.mark.parametrize("text", FUNCTIONS)
def test_texts(text):
    """Its text gives it again, as does what its repr says, and a pickle."""
    f = as_activation(text)
    assert as_activation(str(f)) == f
    for one in (f, f.scaled(output=0.5, input=1 / 3)):
        assert eval(repr(one), {"Activation": A}) == one
        assert pickle.loads(pickle.dumps(one)) == one
        assert len({one, dataclasses.replace(one)}) == 1
    assert f != f.scaled(output=2)


def test_forms():
    assert as_activation(" sin ( 2 , phase=1e-1 ) ") == A.sin(2, 0.1)
    assert as_activation("sin(phase=1)") == A.sin(1.0, 1.0)
    assert as_activation("ab_relu(b=1, a=-.5)") == A.ab_relu(-0.5, 1)
    assert as_activation("gaussian()") == A.gaussian() == A("gaussian")
    assert as_activation("polynomial(1, 0, -2)") == A.polynomial([1, 0, -2])
    assert str(A.sin(1, 0)) == "sin"
    assert str(A.sin(2)) == "sin(2)"
    assert str(A.sin(1, 0.1)) == "sin(1, 0.1)"
    assert str(A.relu().scaled(output=2, input=0.5)) == "2 relu of 0.5 u"
    assert repr(A.polynomial((0, 1))) == "Activation.polynomial([0.0, 1.0])"
    assert as_activation(A.relu()) == A.relu()


def test_names_without_parameters():
    assert {"relu", "tanh", "sin", "gaussian"} < set(known_names())
    assert not {"leaky_relu", "rbf", "polynomial"} & set(known_names())
    for name in known_names():
        assert str(as_activation(name)) == name
        assert getattr(A, name)() == A(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tan", r"activation must be one of 'relu', .*'leaky_relu\(slope\)'.*got 'tan'"),
        (None, "activation must be one of .*Activation, got None"),
        ("relu)", "must be one of"),
        ("leaky_relu", r"must be written leaky_relu\(slope\), got 'leaky_relu': .*takes 1 .*got 0"),
        ("relu(1)", "takes 0 parameter"),
        ("sin(1, 2, 3)", r"sin\(frequency=1, phase=0\) takes 0 to 2 .*got 3"),
        ("sin(one)", "'one' is no number"),
        ("sin(, 1)", "'' is no number"),
        ("sin(w=1)", "there is no parameter w"),
        ("sin(1, frequency=2)", "frequency is given twice"),
        ("ab_relu(b=1)", "a is missing"),
        ("sin(-1)", "frequency must be positive, got -1"),
        ("sin(nan)", "frequency must be finite, got nan"),
        ("rbf(0)", "gamma must be positive"),
        ("gaussian(-1)", "b must be positive"),
        ("ab_relu(0, 0)", "a and b must not both be 0"),
        ("ab_relu(1e-40, 0)", "the steeper slope must be in .*got 1e-40"),
        ("leaky_relu(-1e40)", r"the steeper slope must be in .*got 1e\+40"),
        ("polynomial(1, 1e40)", "the largest of the coefficients must be in .*got 1e"),
        ("polynomial(1e300, 1)", "the largest of the coefficients must be in .*got 1e"),
        ("polynomial(1, 1e-40)", "coefficients behind the first one must be in .*got 1e-40"),
        ("sin(1e-300)", r"frequency must be in \[1e-35, 1e\+35\], got 1e-300"),
        ("cos(1e300)", r"frequency must be in .*got 1e\+300"),
        ("rbf(1e300)", r"gamma must be in .*got 1e\+300"),
        ("gaussian(1e300)", r"b must be in .*got 1e\+300"),
        ("relu_power(1.5)", "power must be an integer from 1 to 3, got 1.5"),
        ("monomial(9)", "degree must be an integer from 1 to 8, got 9"),
        ("hermite(0)", "degree must be an integer from 1"),
        ("polynomial()", "coefficients must not all be 0 behind the first one"),
        ("polynomial(3, 0)", "coefficients must not all be 0 behind the first one"),
        ("polynomial(0,0,0,0,0,0,0,0,0,1)", "degree at most 8, got 9"),
        ("polynomial(1, inf)", r"coefficients\[1\] must be finite"),
    ],
)
def test_what_is_no_activation(text, message):
    with pytest.raises(ValueError, match=message):
        as_activation(text)
    with pytest.raises(ValueError, match=message):
        fn.FullyConnected(activation=text)


@pytest.mark.parametrize("scale", [0, -1, np.inf, np.nan, 1e-40, 1e40])
def test_scales_are_positive_and_moderate(scale):
    for name in ("input", "output"):
        with pytest.raises(ValueError, match=f"{name}.* must be"):
            A.relu().scaled(**{name: scale})
    with pytest.raises(TypeError, match="output must be a number"):
        A.relu().scaled(output="2")


def test_wrong_types():
    with pytest.raises(TypeError, match="slope must be a number, got '1'"):
        A.leaky_relu("1")
    for value in (3, "12", None):
        for make, name in (
            (A.polynomial, "coefficients"),
            (lambda kinks: A.custom(np.tanh, kinks=kinks), "kinks"),
            (lambda parameters: A("relu", parameters), "parameters"),
        ):
            with pytest.raises(
                TypeError, match=f"{name} must be a sequence of numbers, got {value!r}"
            ):
                make(value)
    for name in ("lipschitz", "smooth"):
        with pytest.raises(TypeError, match=f"{name} must be True or False, got 'no'"):
            A.custom(np.tanh, **{name: "no"})
    with pytest.raises(TypeError, match="name must be a str, got 3"):
        A.custom(np.tanh, name=3)
    with pytest.raises(ValueError, match=r"name must be one of .*got \['relu'\]"):
        A(["relu"])
    with pytest.raises(TypeError, match=r"functions must be those of Activation\.custom, got 3"):
        A("mine", functions=3)
    with pytest.raises(TypeError, match="f must be callable"):
        A.custom("tanh")
    with pytest.raises(TypeError, match="df must be callable or None"):
        A.custom(np.tanh, 1)
    with pytest.raises(ValueError, match=r"kinks\[1\] must be finite"):
        A.custom(np.tanh, kinks=[0, np.inf])
    for name in ("relu", "my own", ""):
        with pytest.raises(ValueError, match="name of a custom activation must be a new one"):
            A.custom(np.tanh, name=name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        A.relu().name = "erf"


def test_custom_ones_are_equal_if_the_functions_are():
    f = A.custom(np.arctan, kinks=(1, 0, 1.0))
    assert f == A.custom(np.arctan, kinks=[0, 1])
    assert f != A.custom(np.arctan)
    assert A.custom(np.tanh) != A.custom(np.arctan)
    assert pickle.loads(pickle.dumps(f)) == f
    assert repr(A.custom(np.arctan, name="arc")) == "Activation.custom(arctan, name='arc')"
    assert A.custom(np.tanh).fingerprint != A.custom(np.arctan).fingerprint
    assert A.custom(lambda u: u).fingerprint != A.custom(lambda u: 2 * u).fingerprint


def test_networks_take_texts_and_activations():
    """Equal networks are equal however their activations were given."""
    net = fn.FullyConnected(2, "leaky_relu(0.1)")
    assert net == fn.FullyConnected(2, A.leaky_relu(0.1))
    assert net == fn.FullyConnected(2, [A.leaky_relu(0.1), "leaky_relu(0.1)"])
    assert hash(net) == hash(fn.FullyConnected(2, A.leaky_relu(0.1)))
    assert net.activations == (A.leaky_relu(0.1),) * 2
    assert fn.FullyConnected(2, A.erf()).activation == "erf"
    assert fn.FullyConnected(2, A.sin(1.0)).activation == "sin"
    mixed = fn.FullyConnected(2, ["relu", A.erf()], weight_std=(1, 2, 3), bias_std=[0.5] * 3)
    assert mixed.activation == ("relu", "erf")
    assert (mixed.weight_std, mixed.bias_std) == ((1.0, 2.0, 3.0), 0.5)
    assert (mixed.weight_stds, mixed.bias_stds) == ((1.0, 2.0, 3.0), (0.5,) * 3)
    assert pickle.loads(pickle.dumps(mixed)) == mixed == dataclasses.replace(mixed)
    assert len({mixed, dataclasses.replace(mixed)}) == 1
    assert "activation=('relu', 'erf'), weight_std=(1.0, 2.0, 3.0)" in repr(mixed)
    assert fn.FullyConnected(0, ()) == fn.FullyConnected(0)
    assert fn.FullyConnected(0, ()).activations == ()
    with pytest.raises(ValueError, match=r"activation must be .* each hidden layer, 2, got 3"):
        fn.FullyConnected(2, ["relu"] * 3)
    with pytest.raises(ValueError, match=r"activation\[1\] must be one of"):
        fn.FullyConnected(2, ["relu", "tan"])
