# SPDX-License-Identifier: Apache-2.0
"""Finite networks with every activation, with scales, and with layers of their own."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from networks.as_reference import BOUNDS, maps_of
from offered import ELEMENTWISE
from reference import finite
from reference.functions import FUNCTIONS, JUMPING, STEEP

A = fn.Activation
X = np.random.default_rng(5).standard_normal((5, 3))
# Standard errors that a mean of many networks may be off by: one in a million is farther, some 50
# entries of some 30 activations are asked.
DEVIATIONS = 5


def layered(texts, scales, parametrisation="ntk", dtype="float64", **options):
    """A network whose activations have scales, and the reference's maps, which leave them there."""
    std = {"weight_std": [1.3, 0.9, 1.1], "bias_std": [0.3, 0.0, 0.2]} | options
    several = [
        as_activation(t).scaled(input=b, output=a) for t, (b, a) in zip(texts, scales, strict=True)
    ]
    widths, common = (3, 9, 8, 2), {"seed": 2, "dtype": dtype, "parametrisation": parametrisation}
    w = fn.FiniteNetwork(fn.FullyConnected(2, several, **std), widths, **common)
    # The maps of a function without factors of its own, as the frequency of a sine is one.
    plain = fn.FiniteNetwork(fn.FullyConnected(2, "relu", **std), widths, **common)
    np.testing.assert_array_equal(w.flat, plain.flat)
    layers = [(t, b, a) for t, (b, a) in zip(texts, scales, strict=True)]
    return w, maps_of(plain), layers


def check(w, maps, layers):
    """Outputs, the Jacobian and its products, and kernels, against backpropagation on paper."""
    bound, data = BOUNDS[w.dtype.name], X.astype(w.dtype)
    J = finite.jacobian(maps, layers, data)
    Theta = finite.ntk(maps, layers, data)
    rng = np.random.default_rng(0)
    V, U = rng.standard_normal((J.shape[1], 2)), rng.standard_normal((J.shape[0], 2))
    V, U = V.astype(w.dtype), U.astype(w.dtype)
    jacobian = w.jacobian(data)
    hidden = finite.last_hidden(maps, layers, data)
    last = maps[-1]
    std = w.scales[-1]
    nngp = (last.w * std.weight_std) ** 2 * hidden @ hidden.T + (last.c * std.bias_std) ** 2
    for got, want in (
        (w(data), finite.outputs(maps, layers, data)),
        (jacobian.to_dense(), J),
        (jacobian @ V, J @ V),
        (jacobian.T @ U, J.T @ U),
        (w.nngp(data), nngp),
        *(
            ((w.ntk(data), Theta), (w.kernels(data, get=("layers",))[0].sum(axis=0), Theta))
            if all(one.has_ntk for one in w.net.activations)
            else ()
        ),
    ):
        np.testing.assert_allclose(got, want, rtol=0, atol=bound * max(1e-3, abs(want).max()))


@pytest.mark.parametrize("text", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(text, dtype):
    check(*layered([text, text], [(0.7, 1.2), (1.0, 0.8)], dtype=dtype))


@pytest.mark.parametrize("parametrisation", ["ntk", "standard", "mup"])
@pytest.mark.parametrize("init_std", [None, 1.2])
def test_layers_of_their_own(parametrisation, init_std):
    options = {} if init_std is None else {"weight_std": 1.0, "init_std": init_std}
    check(*layered(["tanh", "relu"], [(1.7, 0.6), (0.5, 3.0)], parametrisation, **options))


@pytest.mark.parametrize("text", JUMPING)
def test_what_jumps_has_no_ntk(text):
    """But where signals do not pass it: there f' is not asked for."""
    net, widths = fn.FullyConnected(2, (text, "relu")), (3, 9, 8, 2)
    w = fn.FiniteNetwork(net, widths, dtype="float64")
    operator = fn.GramOperator(w, X, kernel="nngp")
    np.testing.assert_allclose(operator.to_dense(), w.nngp(X), rtol=1e-13)
    for call in (
        lambda: w.ntk(X),
        lambda: w.kernels(X, get=("nngp", "layers")),
        lambda: fn.GramOperator(w, X, storage="dense"),
        lambda: fn.JacobianOperator(w.jacobian(X)).to_dense(),
        lambda: fn.FiniteNetwork(net, widths, trainable=0).ntk(X),
    ):
        with pytest.raises(ValueError, match=f"needs the derivative of .* {text}, which jumps"):
            call()
    behind = fn.FiniteNetwork(net, widths, trainable=(1, 2), dtype="float64")
    want = finite.ntk(maps_of(behind), [text, "relu"], X)
    np.testing.assert_allclose(behind.ntk(X), want, rtol=0, atol=1e-13 * abs(want).max())


def test_training_and_records():
    """Steps are those of gradients on paper; recorded activations have their scales."""
    w, maps, layers = layered(["silu", "relu"], [(1.5, 2.0), (0.5, 3.0)])
    y = np.random.default_rng(1).standard_normal((5, 2))
    start, rate = w.flat.copy(), 0.05
    record = fn.Record(at=[0.0], activations=X)
    run = w.train(X, y, learning_rate=rate, steps=1, record=record)
    step = finite.jacobian(maps, layers, X).T @ (finite.outputs(maps, layers, X) - y).reshape(-1)
    np.testing.assert_allclose(w.flat, start - rate * step / len(X), rtol=0, atol=1e-13)
    hidden = finite.last_hidden(maps, layers, X)
    np.testing.assert_allclose(run.activations[1][0], hidden, rtol=0, atol=1e-13)


def test_linearised_networks_and_gradient_flow():
    """A small step of either is the network's own."""
    w, _, _ = layered(["mish", "selu"], [(1.5, 2.0), (0.5, 1.0)])
    y = np.ones((5, 2))
    lin, flow = w.linearised(), w.copy()
    h = 1e-4
    lin.train(X, y, learning_rate=h, steps=1)
    flow.train(X, y, learning_rate=h, steps=1, flow=True)
    before = w(X)
    w.train(X, y, learning_rate=h, steps=1)
    moved = w(X) - before
    assert abs(moved).max() > 1e-5
    # Second-order terms: h times the change itself, times numbers of some 100.
    np.testing.assert_allclose(lin(X) - before, moved, rtol=0, atol=2e-2 * abs(moved).max())
    np.testing.assert_allclose(flow(X) - before, moved, rtol=0, atol=2e-2 * abs(moved).max())


def test_parametrisations_are_the_same_function():
    w, _, _ = layered(["tanh", "softplus"], [(1.5, 2.0), (0.5, 1.0)])
    for name in ("standard", "mup"):
        other = w.in_parametrisation(name)
        np.testing.assert_allclose(other(X), w(X), rtol=0, atol=1e-13)
        np.testing.assert_allclose(other.ntk(X), w.ntk(X), rtol=0, atol=1e-12)


def test_state_dicts_have_the_scales_in_the_weights():
    """What a module of Linear layers with tanh between them computes."""
    w, _, _ = layered(["tanh", "tanh"], [(1.5, 2.0), (0.5, 3.0)])
    state = w.state_dict(torch=False)
    a = X
    for layer in range(3):
        a = a @ state[f"{2 * layer}.weight"].T + state[f"{2 * layer}.bias"]
        a = np.tanh(a) if layer < 2 else a
    np.testing.assert_allclose(a, w(X), rtol=0, atol=1e-14)


def test_saved_networks(tmp_path):
    """Parameters and scales are restored; functions of one's own are refused."""
    w, _, _ = layered(["leaky_relu(0.1)", "tanh"], [(1.5, 2.0), (0.5, 3.0)], "ntk")
    w.save(tmp_path / "w")
    again = fn.load(tmp_path / "w")
    assert again.net == w.net
    own = fn.FullyConnected(1, A.custom(np.arctan, name="arc"))
    with pytest.raises(TypeError, match=r"net\.activation.* cannot be saved: a file holds no code"):
        fn.FiniteNetwork(own, (3, 4, 1)).save(tmp_path / "own")
    assert [one.name for one in tmp_path.iterdir()] == ["w"]


def test_custom_functions_are_those_they_name():
    """The same numbers as the named ones, but for the rounding of slopes."""
    softsign = A.custom(np.tanh, lambda u: 1 / np.cosh(u) ** 2)
    own = fn.FiniteNetwork(fn.FullyConnected(2, softsign), (3, 9, 8, 2), dtype="float64")
    named = fn.FiniteNetwork(fn.FullyConnected(2, "tanh"), (3, 9, 8, 2), dtype="float64")
    np.testing.assert_array_equal(own(X), named(X))
    np.testing.assert_allclose(own.ntk(X), named.ntk(X), rtol=0, atol=1e-13)
    assert "custom, custom" not in repr(own)
    assert "custom" in repr(own)


@pytest.mark.parametrize("text", FUNCTIONS)
def test_wide_networks_approach_the_limit(text):
    """With one hidden layer the mean over networks is the limit at any width."""
    f = as_activation(text)
    if text in STEEP and text not in JUMPING:
        f = f.scaled(input=0.5)  # fourth moments of a few units
    net = fn.FullyConnected(1, f, weight_std=0.9, bias_std=0.3)
    w = fn.FiniteNetwork(net, (3, 64, 1), seed=1, networks=300, dtype="float64")
    for kernel in ("nngp",) if text in JUMPING else ("nngp", "ntk"):
        K, limit = getattr(w, kernel)(X), getattr(net, kernel)(X)
        error = K.std(axis=0, ddof=1) / np.sqrt(len(K))
        assert (error < 0.1 * np.sqrt(np.outer(limit.diagonal(), limit.diagonal()))).all()
        assert (abs(K.mean(axis=0) - limit) <= DEVIATIONS * error + 1e-12).all()
