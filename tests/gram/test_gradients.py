# SPDX-License-Identifier: Apache-2.0
"""`gradients`: the kernel and its derivatives by weight_std and bias_std."""

from dataclasses import replace

import numpy as np
import pytest

import fastntk as fn
from fastntk._backend import CPU
from fastntk._memory import Budget
from fastntk.gram.gradients import GradientProblem
from reference import data
from reference.derivatives import sampled
from reference.errors import entry_errors
from reference.gates import assert_within_gate, build
from reference.network import Network
from tolerances import tolerance

PARAMETERS = ("weight_std", "bias_std")
# Shallow and deep; weights dominate, or biases do, or there are none; both activations.
NETWORKS = [
    Network(1),
    Network(4, bias_std=0.0),
    Network(4, weight_std=1.5, bias_std=1.0),
    Network(3, bias_std=1e-3),
    Network(2, weight_std=3.0, bias_std=1e-6),
    Network(10),
    Network(0),
    Network(3, "erf"),
    Network(2, "erf", weight_std=1.5, bias_std=0.3),
]


def denominators(truth, K, pairs, value):
    """The larger of the derivative and of the geometric mean of K's diagonal over the parameter."""
    own = np.sqrt(np.diagonal(K))
    sizes = np.array([own[i] * own[j] for i, j in pairs])
    return np.maximum(np.abs(truth), sizes / value if value else np.inf)


@pytest.mark.parametrize("name", ["uint8", "float32-signed", "float64-signed"])
@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_against_mpmath(dtype, name, net):
    """Near-duplicates, proportional, zero, equal and opposite rows included; exactly symmetric."""
    X, scale, pairs = data.case(name)
    family = "gradient-exact" if X.dtype == np.uint8 else "gradient-float"
    for kernel in ("ntk", "nngp"):
        found = build(net).gradients(X, kernel=kernel, scale=scale, dtype=dtype)
        at = tuple(np.array(pairs).T)
        for parameter in PARAMETERS:
            G = getattr(found, parameter)
            assert G.dtype == dtype
            np.testing.assert_array_equal(G, G.T)
            truth = sampled(name, net, parameter)[kernel]
            value = getattr(net, parameter)
            errors = entry_errors(G[at], truth, denominators(truth, found.kernel, pairs, value))
            assert errors.max() <= tolerance(family, dtype), (kernel, parameter)


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
@pytest.mark.parametrize("name", ["uint8", "float64-signed"])
def test_kernel_is_the_kernel(dtype, name, kernel):
    """K itself comes with the error bounds of `ntk` and `nngp`."""
    for net in (Network(4), Network(2, "erf", bias_std=0.5)):
        K = (
            build(net)
            .gradients(data.case(name).X, kernel=kernel, scale=data.case(name).scale, dtype=dtype)
            .kernel
        )
        assert_within_gate(K, kernel, name, net)


@pytest.mark.parametrize("net", [Network(3, bias_std=0.3), Network(2, "erf")], ids=["relu", "erf"])
def test_instruction_sets_and_blocks(isa, net):
    """Every instruction set, more than one tile, and blocks of the whole."""
    rng = np.random.default_rng(5)
    X = data.images(rng, 300, 40)
    network = build(net)
    whole = network.gradients(X, scale=data.PIXELS, dtype="float64")
    block = network.gradients(X[:7], X[250:], scale=data.PIXELS, dtype="float64")
    step = 1e-5
    for parameter in PARAMETERS:
        G = getattr(whole, parameter)
        np.testing.assert_allclose(getattr(block, parameter), G[:7, 250:], rtol=1e-13)
        above, below = (
            build(replace(net, **{parameter: getattr(net, parameter) + sign * step})).ntk(
                X, scale=data.PIXELS, dtype="float64"
            )
            for sign in (1, -1)
        )
        # The difference errs by step^2 / 6 of third derivatives, and by 2e-15 K / step.
        np.testing.assert_allclose(G, (above - below) / (2 * step), rtol=2e-8)


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_without_biases_relu_networks_are_homogeneous(kernel):
    """K is proportional to weight_std^(2 L): its derivative is 2 L K / weight_std."""
    X = np.random.default_rng(6).standard_normal((20, 9))
    X[3], X[4] = -X[5], 0
    net = fn.FullyConnected(3, weight_std=1.7, bias_std=0.0)
    found = net.gradients(X, kernel=kernel)
    np.testing.assert_allclose(found.weight_std, 2 * 4 / 1.7 * found.kernel, rtol=2e-15)
    np.testing.assert_array_equal(found.bias_std, 0)
    np.testing.assert_array_equal(found.weight_std[4], 0)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_numbers_at_the_ends(activation):
    """Finite for rows of any size, near-duplicates and opposite ones of tiny biases included."""
    rows = np.random.default_rng(7).standard_normal((6, 5))
    rows[1], rows[2], rows[3] = rows[0] * (1 + 1e-15), -rows[0], 0
    for size in (1e-140, 1e-20, 1.0, 1e20, 1e100):
        for bias_std in (0.0, 1e-60, 1e-17, 1.0, 1e50):
            net = fn.FullyConnected(2, activation, bias_std=bias_std)
            for G in net.gradients(rows * size):
                assert np.isfinite(G).all(), (size, bias_std)


def test_opposite_rows_of_an_odd_activation():
    """What K(x, -x) = -K(x, x) says of the derivatives."""
    X = np.random.default_rng(9).standard_normal((5, 8))
    for size in (1.0, 1e10):
        for kernel in ("ntk", "nngp"):
            net = fn.FullyConnected(2, "erf", bias_std=0.0)
            own = net.gradients(size * X, kernel=kernel).weight_std
            opposite = net.gradients(size * X, -size * X, kernel=kernel).weight_std
            np.testing.assert_allclose(np.diagonal(opposite), -np.diagonal(own), rtol=2e-12)


def test_deep_equal_rows():
    """Rows that are equal to the last bit have the derivatives of their diagonal entries."""
    X = np.random.default_rng(8).random((5, 7))
    for net in (fn.FullyConnected(12), fn.FullyConnected(6, "erf")):
        for G in net.gradients(np.concatenate([X, X])):
            np.testing.assert_allclose(np.diagonal(G[:5, 5:]), np.diagonal(G)[:5], rtol=1e-13)


def test_refusals():
    """The argument, what was expected, what came."""
    X = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"init_std=1\.5"):
        fn.FullyConnected(init_std=1.5).gradients(X)
    with pytest.raises(ValueError, match="kernel"):
        fn.FullyConnected().gradients(X, kernel="layers")
    with pytest.raises(ValueError, match="2-D"):
        fn.FullyConnected().gradients(np.ones((2, 3, 2)))
    with pytest.raises(ValueError, match="within float32"):
        fn.FullyConnected(1).gradients(np.full((2, 2), 1e25), dtype="float32")


def test_estimate_covers_the_source(dtype):
    """What is asked of the budget covers what the engine then holds."""
    for net in (fn.FullyConnected(4), fn.FullyConnected(30, "erf")):
        X = np.ones((300, 3))
        problem = GradientProblem(net.program(), [], 1.0, np.dtype(dtype), 1)
        needed = problem.bytes_for(CPU, X, None)
        assert problem.source(CPU, X, None, Budget(needed)).nbytes <= needed
        with pytest.raises(MemoryError, match="preparing data"):
            problem.source(CPU, X, None, Budget(needed - 1))
