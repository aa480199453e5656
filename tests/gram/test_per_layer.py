# SPDX-License-Identifier: Apache-2.0
"""Activations, deviations and scales that differ from layer to layer, against plain recursion."""

import dataclasses

import numpy as np
import pytest

import fastntk as fn
from fastntk.activations import as_activation
from reference import naive
from reference.functions import FUNCTIONS, JUMPING, dual

A = fn.Activation
X = np.random.default_rng(3).standard_normal((4, 4))
Y = np.random.default_rng(4).standard_normal((3, 4))
# Of the reference: 1e-13 of the diagonals per dual; a later layer multiplies by a slope of order 1.
BOUND = 1e-11


def duals_of(text):
    return lambda q, p, s: dual(FUNCTIONS[text], q, p, s)


def expected(weight_std, bias_std, layers, **options):
    """NNGP and parts of the NTK; ``layers`` are (text, input scale, output scale)."""
    duals = [naive.scaled(duals_of(text), b, a) for text, b, a in layers]
    return naive.layered(X, Y, 1.0, weight_std, bias_std, duals, **options)


def compare(net, want, kernels=("nngp", "layers", "ntk")):
    """To the bound, relative to the largest entries: those of a column and row differ little."""
    nngp, parts = want
    wanted = {"nngp": nngp, "layers": parts, "ntk": parts.sum(axis=0)}
    for name, K in zip(kernels, net.kernels(X, Y, get=kernels), strict=True):
        assert K.shape == wanted[name].shape
        np.testing.assert_allclose(K, wanted[name], rtol=0, atol=BOUND * abs(wanted[name]).max())


@pytest.mark.parametrize("text", FUNCTIONS)
def test_every_activation(text):
    """Two layers of it with scales: their factors go to the maps on both sides."""
    f = as_activation(text).scaled(output=1.3, input=0.6)
    w, b = [0.9, 1.2, 1.1], [0.2, 0.0, 0.4]
    net = fn.FullyConnected(2, f, weight_std=w, bias_std=b)
    kernels = ("nngp",) if text in JUMPING else ("nngp", "layers", "ntk")
    if text in JUMPING:
        layers = [naive.scaled(values_of(text), 0.6, 1.3)] * 2
        compare(net, naive.layered(X, Y, 1.0, w, b, layers), kernels)
    else:
        compare(net, expected(w, b, [(text, 0.6, 1.3)] * 2), kernels)


def values_of(text):
    """The dual of a function that jumps: its slope's is nobody's business."""
    return lambda q, p, s: (dual(FUNCTIONS[text], q, p, s)[0], np.zeros_like(s))


@pytest.mark.parametrize("init_std", [None, 1.4])
def test_layers_of_their_own(init_std):
    """Everything differs; under init_std the weights' gradients have the forward map's scales."""
    layers = [("relu", 1.5, 0.8), ("erf", 0.7, 2.0), ("relu", 1.0, 1.0)]
    b = [0.3, 0.0, 0.2, 0.5]
    w = [1.2, 0.8, 1.5, 0.9] if init_std is None else [init_std] * 4
    activations = [as_activation(t).scaled(input=i, output=o) for t, i, o in layers]
    std = {"weight_std": w} if init_std is None else {"init_std": init_std}
    net = fn.FullyConnected(3, activations, bias_std=b, **std)
    compare(net, expected(w, b, layers, scaled_map=init_std is None))
    # The reference's scales matter to each part.
    plain = expected(w, b, [(t, 1.0, 1.0) for t, _, _ in layers], scaled_map=init_std is None)
    assert (abs(net.kernels(X, Y, get=("layers",))[0] / plain[1] - 1).max(axis=(1, 2)) > 0.1).all()


@pytest.mark.parametrize("options", [{"layer_norm": True}, {"residual": 0.8}], ids=str)
@pytest.mark.parametrize("init_std", [None, 1.4])
def test_layer_types(options, init_std):
    """Skip connections and layer normalisation, with scales that no map may absorb twice."""
    layers = [("relu", 1.5, 0.8), ("erf", 0.7, 2.0), ("erf", 1.1, 0.5), ("relu", 2.0, 1.0)]
    b = [0.3, 0.0, 0.2, 0.5, 0.1]
    w = [1.2, 0.8, 1.5, 0.9, 1.1] if init_std is None else [init_std] * 5
    activations = [as_activation(t).scaled(input=i, output=o) for t, i, o in layers]
    std = {"weight_std": w} if init_std is None else {"init_std": init_std}
    net = fn.FullyConnected(4, activations, bias_std=b, **std, **options)
    compare(net, expected(w, b, layers, scaled_map=init_std is None, **options))
    with pytest.raises(ValueError, match="without skip connections and layer normalisation"):
        dataclasses.replace(net, init_std=None, weight_std=1.0, bias_std=1.0).gradients(X)
    with pytest.raises(ValueError, match="which finite networks lack"):
        fn.FiniteNetwork(net, (4, 5, 5, 5, 5, 1))


@pytest.mark.parametrize("text", ["identity", "leaky_relu(0.1)", "absolute", "hermite(2)", "tanh"])
def test_skips_of_obtuse_pairs(text):
    """Duals as negative as -1, which come with the digits of opposite rows: both deficits count."""
    w, b = [1.3, 1.1, 0.9, 1.2], [0.2, 0.4, 0.3, 0.1]
    net = fn.FullyConnected(3, text, weight_std=w, bias_std=b, residual=0.9)
    nngp, parts = expected(w, b, [(text, 1.0, 1.0)] * 3, residual=0.9)
    compare(net, (nngp, parts))


def test_layer_types_of_few_layers():
    """A single hidden layer has nothing to skip; the linear kernel no activation."""
    for options in ({"residual": 0.7}, {"residual": 0.7, "layer_norm": True}):
        none = fn.FullyConnected(0, **options)
        np.testing.assert_array_equal(none.ntk(X), fn.FullyConnected(0).ntk(X))
    one = fn.FullyConnected(1, "erf", residual=0.7)
    np.testing.assert_allclose(one.ntk(X), fn.FullyConnected(1, "erf").ntk(X), rtol=1e-13)


def test_layer_types_are_checked():
    for value in (-1, np.inf, np.nan):
        with pytest.raises(ValueError, match="residual must be non-negative and finite"):
            fn.FullyConnected(residual=value)
    for value in (1, "yes", None):
        with pytest.raises(TypeError, match="layer_norm must be True or False"):
            fn.FullyConnected(layer_norm=value)


def test_equal_layers_are_one_parameter():
    """To the bit."""
    one = fn.FullyConnected(2, "erf", weight_std=1.2, bias_std=0.3)
    several = fn.FullyConnected(2, ["erf"] * 2, weight_std=[1.2] * 3, bias_std=np.full(3, 0.3))
    assert several == one
    np.testing.assert_array_equal(several.ntk(X), one.ntk(X))


def test_the_scales_of_relu_are_deviations():
    """A relu(b u) = a b relu(u)."""
    f = A.relu().scaled(output=1.5, input=0.6)
    scaled = fn.FullyConnected(2, f, weight_std=1.1, bias_std=0.2)
    plain = fn.FullyConnected(2, "relu", weight_std=[1.1, 1.1 * 0.9, 1.1 * 0.9], bias_std=0.2)
    for kernel in ("ntk", "nngp"):
        np.testing.assert_allclose(
            getattr(scaled, kernel)(X), getattr(plain, kernel)(X), rtol=1e-13
        )


def test_normalised_relu_keeps_the_variance():
    """With He's factor the diagonal of the NNGP is that of the data, at any depth."""
    net = fn.FullyConnected(30, A.relu().normalised(), bias_std=0.0)
    np.testing.assert_allclose(np.diag(net.nngp(X)), (X * X).mean(axis=1), rtol=1e-11)


def test_what_jumps_has_no_ntk():
    """Said before anything is computed, whether or not the engine has the function."""
    program = dataclasses.replace(fn.FullyConnected(2).program(), jumping="sign")
    assert program.trained_shares("nngp")
    for kernel in ("ntk", "layers"):
        with pytest.raises(ValueError, match=f"'{kernel}' needs the derivative .* sign, which jum"):
            program.trained_shares(kernel)


@pytest.mark.parametrize("text", JUMPING)
def test_kernels_of_what_jumps(text):
    net = fn.FullyConnected(2, text)
    assert np.isfinite(net.nngp(X)).all()
    for call in (net.ntk, net.gradients, lambda Z: net.kernels(Z, get=("nngp", "layers"))):
        with pytest.raises(ValueError, match="there is no NTK"):
            call(X)
    with pytest.raises(
        ValueError, match=f"gradients of the 'nngp' .* infinite .* {text}, which jum"
    ):
        net.gradients(X, kernel="nngp")
    assert net.explain(X).theory[0].startswith(f"{text}: outside the theory")


def test_gradients_need_shared_deviations():
    for name in ("weight_std", "bias_std"):
        net = fn.FullyConnected(1, **{name: [1.0, 2.0]})
        with pytest.raises(ValueError, match=f"gradients are by one {name} .*got.*2.0"):
            net.gradients(X)
    with pytest.raises(ValueError, match="one weight_std and one bias_std for all layers"):
        fn.GaussianProcess(fn.FullyConnected(1, weight_std=[1, 2])).fit(X, X[:, 0], optimize=True)


def test_out_of_range_deviations_of_any_layer():
    with pytest.raises(ValueError, match="weight_std must be in"):
        fn.FullyConnected(1, weight_std=[1.0, 1e-80]).ntk(X)
    with pytest.raises(ValueError, match="bias_std must be at most"):
        fn.FullyConnected(1, bias_std=[1.0, 1e80]).ntk(X)


@pytest.mark.parametrize(
    ("activation", "lines"),
    [
        ("erf", ["erf: Theorem 1 (limit at initialisation) and Theorem 2 (training)"]),
        (
            ["erf", "relu", "erf"],
            ["erf: Theorem 1", "relu: Theorem 1 (limit at initialisation); T"],
        ),
        (A.relu().scaled(output=2), ["2 relu: Theorem 1"]),
    ],
)
def test_theory(activation, lines):
    """One line for each activation, in the order of the layers."""
    net = fn.FullyConnected(3, activation)
    theory = net.explain(X).theory
    assert len(theory) == len(lines)
    for line, start in zip(theory, lines, strict=True):
        assert line.startswith(start)
    assert fn.FullyConnected(0).explain(X).theory == ()


def test_operators_tell_functions_apart(tmp_path):
    """A file of tiles is that of its activations, parameters and scales."""
    path = tmp_path / "K"
    net = fn.FullyConnected(2, ["relu", "erf"])
    K = fn.GramOperator(net, X, storage=path).to_dense()
    np.testing.assert_array_equal(K, fn.GramOperator(net, X, storage=path).to_dense())
    for other in (fn.FullyConnected(2, ["erf", "relu"]), fn.FullyConnected(2)):
        with pytest.raises(ValueError, match="activations"):
            fn.GramOperator(other, X, storage=path)
