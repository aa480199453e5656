# SPDX-License-Identifier: Apache-2.0
"""What is known of each activation, against its function on paper."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from fastntk.activations.definitions import DEFINITIONS
from reference.functions import FUNCTIONS, JUMPING, SMOOTH, STEEP

# Far out, where functions that are not Lipschitz are steep, and near the kinks.
FAR = np.linspace(-60, 60, 2401).astype(np.longdouble)


def test_every_definition_has_a_reference():
    assert {text.partition("(")[0] for text in FUNCTIONS} == set(DEFINITIONS)


@pytest.mark.parametrize("text", FUNCTIONS)
def test_facts(text):
    f = as_activation(text)
    assert f.smooth == (text in (*SMOOTH, "monomial(2)", "hermite(2)"))
    assert f.lipschitz == (text not in STEEP)
    assert f.has_ntk == (text not in JUMPING)


@pytest.mark.parametrize("text", [text for text in FUNCTIONS if text not in JUMPING])
def test_facts_are_those_of_the_functions(text):
    """Lipschitz: f' is bounded. Smooth: so are its differences over a step, where it is small."""
    f = as_activation(text)
    with np.errstate(over="ignore"):
        slopes = np.nan_to_num(abs(FUNCTIONS[text].df(FAR)), posinf=np.inf)
    assert (slopes[np.isfinite(slopes)].max() < 4) == f.lipschitz
    near = np.array([-1e-9, 1e-9], np.longdouble)
    jump = np.ptp(FUNCTIONS[text].df(near))
    if f.smooth:
        assert jump < 1e-8
        assert (abs(np.diff(slopes)) / np.diff(FAR)).max() < 9


@pytest.mark.parametrize("degree", [1, 2, 3, 8])
@pytest.mark.parametrize("maker", [fn.Activation.monomial, fn.Activation.hermite])
def test_polynomials(maker, degree):
    facts = maker(degree).facts
    assert (facts.lipschitz, facts.smooth) == (degree == 1, degree <= 2)


def test_parameters_decide():
    A = fn.Activation
    assert A.leaky_relu(1).smooth
    assert A.ab_relu(0.5, 0.5).smooth
    assert not A.ab_relu(0.5, 0.25).smooth
    assert A.relu_power(1).lipschitz
    assert A.polynomial([1, 2]).lipschitz
    assert A.polynomial([1, 2, 0, 0]) == A.polynomial([1, 2])


def test_custom():
    plain = fn.Activation.custom(np.arctan)
    kinked = fn.Activation.custom(abs, kinks=[0])
    assert (plain.lipschitz, plain.smooth, plain.has_ntk) == (True, True, True)
    assert (kinked.lipschitz, kinked.smooth) == (True, False)
    said = fn.Activation.custom(np.exp, np.exp, lipschitz=False, smooth=False)
    assert (said.lipschitz, said.smooth) == (False, False)


def test_scales_change_no_facts():
    for text in FUNCTIONS:
        f = as_activation(text)
        assert f.scaled(output=3, input=0.1).facts == f.facts
