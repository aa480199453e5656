# SPDX-License-Identifier: Apache-2.0
"""The precision gates: every ISA, input, result, depth, weight and bias, on the hardest pairs."""

import itertools

import numpy as np
import pytest

from reference import data
from reference.gates import assert_within_gate, build
from reference.network import Network

STDS = [*itertools.product((1.0, 2**0.5, 0.7), (0.0, 0.1))]
DEPTHS = [0, 1, 3, 4, 10]


def blocks(name, size=17):
    """Rows and columns of a rectangular block that holds special pairs, in no special order."""
    n = len(data.case(name).X)
    order = np.random.default_rng(5).permutation(n)
    return order[:size], np.sort(order)[::-1][: n - 3]


def compute(net, name, method, dtype, rectangular):
    """Run one method on the whole case or on its block; also the indices to compare at."""
    X, scale, _ = data.case(name)
    if not rectangular:
        everything = np.arange(len(X))
        return method(build(net), X, scale=scale, dtype=dtype), everything, everything
    rows, columns = blocks(name)
    return method(build(net), X[rows], X[columns], scale=scale, dtype=dtype), rows, columns


def ntk(net, *args, **options):
    """Call net.ntk."""
    return net.ntk(*args, **options)


def nngp(net, *args, **options):
    """Call net.nngp."""
    return net.nngp(*args, **options)


@pytest.mark.parametrize("rectangular", [False, True], ids=["square", "rectangular"])
@pytest.mark.parametrize("hidden_layers", DEPTHS)
@pytest.mark.parametrize("name", data.NAMES)
def test_relu(isa, name, dtype, hidden_layers, rectangular):
    """NTK and NNGP, for every weight_std and bias_std."""
    for weight_std, bias_std in STDS:
        net = Network(hidden_layers, "relu", weight_std, bias_std)
        for kernel, method in (("ntk", ntk), ("nngp", nngp)):
            K, rows, columns = compute(net, name, method, dtype, rectangular)
            assert K.dtype == dtype
            assert_within_gate(K, kernel, name, net, rows=rows, columns=columns)


# A wide erf network is chaotic for weight_std > 1: every layer multiplies an error by up to
# w^2 4/pi, so only shallow ones are held to the gate there.
@pytest.mark.parametrize("rectangular", [False, True], ids=["square", "rectangular"])
@pytest.mark.parametrize(
    "depth_and_std", [(0, 1.0), (1, 1.0), (1, 2**0.5), (3, 1.0), (4, 0.7), (10, 0.7)]
)
@pytest.mark.parametrize("name", data.NAMES)
def test_erf(isa, name, dtype, depth_and_std, rectangular):
    """The second activation, relative to sqrt(K_ii K_jj)."""
    hidden_layers, weight_std = depth_and_std
    for bias_std in (0.0, 0.1):
        net = Network(hidden_layers, "erf", weight_std, bias_std)
        for kernel, method in (("ntk", ntk), ("nngp", nngp)):
            K, rows, columns = compute(net, name, method, dtype, rectangular)
            assert_within_gate(K, kernel, name, net, rows=rows, columns=columns)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("name", ["uint8", "float32-signed", "float64"])
def test_init_std(isa, name, dtype, activation):
    """W ~ N(0, s^2) under an unscaled forward map."""
    for hidden_layers, init_std, bias_std in itertools.product((0, 1, 3), (1.3, 0.7), (0.0, 0.1)):
        net = Network(hidden_layers, activation, 1.0, bias_std, init_std=init_std)
        for kernel, method in (("ntk", ntk), ("nngp", nngp)):
            K, rows, columns = compute(net, name, method, dtype, False)
            assert_within_gate(K, kernel, name, net, rows=rows, columns=columns)


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
@pytest.mark.parametrize("name", ["uint8", "uint8-equal", "float32", "float64-signed"])
def test_fifty_hidden_layers(isa, name, dtype, bias_std):
    """float64 on uint8 may lose one more rounding per layer beyond 10; nothing else may."""
    net = Network(50, "relu", 1.0, bias_std)
    for kernel, method in (("ntk", ntk), ("nngp", nngp)):
        K, rows, columns = compute(net, name, method, dtype, False)
        assert_within_gate(K, kernel, name, net, rows=rows, columns=columns)


@pytest.mark.parametrize("rectangular", [False, True], ids=["square", "rectangular"])
@pytest.mark.parametrize(
    "net",
    [
        Network(0, "relu", 1.0, 0.1),
        Network(3, "relu", 2**0.5, 0.0),
        Network(4, "relu", 1.0, 0.1),
        Network(3, "erf", 1.0, 0.1),
        Network(3, "relu", 1.0, 0.1, init_std=1.3),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["uint8", "float32-signed", "float64-equal"])
def test_layers(isa, name, dtype, net, rectangular):
    """Each layer's contribution, relative to the NTK they sum to."""

    def layers(built, *args, **options):
        return built.kernels(*args, get=("layers",), **options)[0]

    K, rows, columns = compute(net, name, layers, dtype, rectangular)
    assert K.shape == (net.hidden_layers + 1, len(rows), len(columns))
    assert_within_gate(K, "layers", name, net, rows=rows, columns=columns)


@pytest.mark.parametrize("name", ["float32", "float64-signed", "uint8"])
def test_gate_can_fail(name):
    """An error of three times the gate in a single entry is noticed."""
    net = Network(3, "relu", 1.0, 0.1)
    K, rows, columns = compute(net, name, ntk, "float64", False)
    gate = 2e-15 if name == "uint8" else 1e-12
    assert_within_gate(K, "ntk", name, net, rows=rows, columns=columns)
    K[2, 3] += 3 * gate * np.sqrt(K[2, 2] * K[3, 3])
    with pytest.raises(AssertionError, match=r"entry \(2, 3\) is off by"):
        assert_within_gate(K, "ntk", name, net, rows=rows, columns=columns)
