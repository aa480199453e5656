# SPDX-License-Identifier: Apache-2.0
"""`Activation.dual` against integrals in polar coordinates, and its rules."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from offered import ELEMENTWISE
from reference.functions import FUNCTIONS, JUMPING, dual

Q = np.array([1.0, 0.3, 2.0, 1.0, 0.05])
P = np.array([1.0, 0.9, 0.1, 4.0, 0.05])
C = np.array([1.0, 0.99, 0.2, -0.4, -1.0])


@pytest.mark.parametrize("text", ELEMENTWISE)
def test_dual(text):
    """Both are quadrature, or one is the engine's closed form: each errs by 1e-13 or so."""
    got = as_activation(text).dual(Q, P, C)
    want = dual(FUNCTIONS[text], Q, P, C * np.sqrt(Q * P))
    own = [dual(FUNCTIONS[text], v, v, v) for v in (Q, P)]
    for k in range(1 if text in JUMPING else 2):
        scale = np.sqrt(own[0][k] * own[1][k])
        np.testing.assert_array_less(abs(got[k] - want[k]), 2e-12 * scale + 1e-300)
    assert np.isnan(got[1]).all() == (text in JUMPING)


def test_scales_follow_the_chain_rule():
    f = fn.Activation.erf()
    a, b, q, p, c = 1.7, 0.6, 0.8, 2.5, -0.3
    value, slope = f.scaled(output=a, input=b).dual(q, p, c)
    plain = f.dual(b * b * q, b * b * p, c)
    assert value == pytest.approx(a * a * plain[0], rel=1e-13)
    assert slope == pytest.approx((a * b) ** 2 * plain[1], rel=1e-13)


@pytest.mark.parametrize("text", ["relu", "tanh", "erf", "selu"])
def test_normalised(text):
    f = as_activation(text).normalised()
    assert f.dual(1.0, 1.0, 1.0)[0] == pytest.approx(1, rel=1e-13)
    if text == "relu":
        assert f.output_scale == pytest.approx(np.sqrt(2), rel=1e-13)


def test_shapes():
    f = fn.Activation.relu()
    assert all(isinstance(one, float) for one in f.dual(1, 2, 0.5))
    value, slope = f.dual([[1.0], [2.0]], 1.0, [0.1, 0.2, 0.3])
    assert value.shape == slope.shape == (2, 3)
    np.testing.assert_allclose(value[1, 2], f.dual(2, 1, 0.3)[0], rtol=1e-14)
    assert f.dual(np.zeros((0, 3)) + 1, 1, 1)[0].shape == (0, 3)


def test_what_leaves_float64_is_named():
    """The pair, and what is too large: of exp the square's expectation, where the dual is 1."""
    with pytest.raises(ValueError, match=r"E\[f\(u\)\^2\].* of exp .*q = 400 and p = 300.* -1"):
        fn.Activation.exp().dual([1, 400, 1], [1, 300, 2], [1, -1, 0.5])


@pytest.mark.parametrize("f", [lambda u: 1 / u, lambda u: np.exp(u**4)])
def test_messages_name_the_function(f):
    mine = fn.Activation.custom(f, name="mine")
    rows = np.array([[1.0, 0.0], [0.5, 1.0]])
    for call in (lambda: mine.dual(1, 1, 0.5), lambda: fn.FullyConnected(2, mine).ntk(rows)):
        with pytest.raises(ValueError, match=r"^mine (must be finite|grows too fast)"):
            call()


def test_without_a_derivative():
    """Of a custom function: its dual is that of its values."""
    f = fn.Activation.custom(np.arctan)
    known = fn.Activation.custom(np.arctan, lambda u: 1 / (1 + u * u))
    np.testing.assert_allclose(f.dual(Q, P, C), known.dual(Q, P, C), rtol=1e-9)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, 1, 1), "q must be positive and finite, got 0"),
        ((1, -1, 1), "p must be positive"),
        ((1, np.inf, 1), "p must be positive"),
        ((1, 1, 1.001), r"c must be in \[-1, 1\], got 1.001"),
        ((1, 1, np.nan), "c must be in"),
    ],
)
def test_bad_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        fn.Activation.relu().dual(*args)
