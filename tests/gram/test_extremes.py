# SPDX-License-Identifier: Apache-2.0
"""Zero rows, huge, tiny and subnormal numbers, and the factor `scale`."""

import numpy as np
import pytest

import fastntk as fn
from reference import extended, multiprecision
from reference.data import PIXELS, images
from reference.errors import denominators, entry_errors
from reference.exact import to_longdouble
from reference.network import Network
from tolerances import gram_gate, tolerance

NETWORKS = [
    Network(0, "relu", 1.0, 0.0),
    Network(3, "relu", 2**0.5, 0.0),
    Network(3, "relu", 1.0, 0.1),
]


def build(net):
    """Return the package's network."""
    return fn.FullyConnected(net.hidden_layers, net.activation, net.weight_std, net.bias_std)


def assert_matches(K, net, X, scale=1.0):
    """Every entry within its gate of the longdouble reference, mpmath where there is none."""
    if extended.AVAILABLE:
        truth = extended.gram(net, X, scale=scale).ntk
    else:
        pairs = list(np.ndindex(len(X), len(X)))
        values = multiprecision.entries(net, X, X, pairs, scale)
        truth = np.array([to_longdouble(v.ntk) for v in values]).reshape(len(X), len(X))
    own = np.diagonal(truth)
    errors = entry_errors(K, truth, denominators(net, X, X, reference=truth, own_x=own, own_y=own))
    assert errors.max() <= gram_gate(K.dtype, X.dtype, net.hidden_layers)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("hidden_layers", [0, 1, 4])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_zero_rows_without_bias_are_exactly_zero(isa, kind, dtype, hidden_layers, activation):
    """Rows and columns of zeros, in the square and the rectangular form; the rest is untouched."""
    X = images(np.random.default_rng(3), 40, 50).astype(kind)
    X[[0, 17, 39]] = 0
    full = np.flatnonzero(X.any(axis=1))
    net = fn.FullyConnected(hidden_layers, activation, bias_std=0.0)
    square = net.kernels(X, scale=PIXELS, dtype=dtype, get=("nngp", "ntk"))
    block = net.kernels(X, X[5:25], scale=PIXELS, dtype=dtype, get=("nngp", "ntk"))
    for K in (*square, *(K.T for K in block)):
        assert not K[:, [0, 17, 39]].any()
        assert np.isfinite(K).all()
    for K in square:
        assert (np.diagonal(K)[full] > 0).all()


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_all_rows_zero(isa, kind, dtype):
    """The kernel of nothing: 0 without bias, the constant kernel with one."""
    X = np.zeros((33, 10), kind)
    assert not fn.FullyConnected(3, bias_std=0.0).ntk(X, dtype=dtype).any()
    K = fn.FullyConnected(3, bias_std=0.5).ntk(X, dtype=dtype)
    assert_matches(K, Network(3, "relu", 1.0, 0.5), X)


@pytest.mark.parametrize(
    ("kind", "factor"),
    [
        ("float32", 1e-30),
        ("float32", 1e-41),  # subnormal
        ("float32", 1e30),
        ("float64", 1e-150),
        ("float64", 1e150),
    ],
)
@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_extreme_magnitudes(isa, kind, factor, net):
    """All of float32's range, and float64's as far as the kernel itself is in range."""
    X = np.random.default_rng(8).standard_normal((36, 40))
    X[5] = X[4] * (1 + 1e-5)
    X[7] = 3 * X[6]
    X[9] = -X[8]
    X = (X * factor).astype(kind)
    assert_matches(build(net).ntk(X, dtype="float64"), net, X)


@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_magnitudes_side_by_side(isa, net):
    """Rows of 1e-30, 1 and 1e30 in one matrix; no row spoils another."""
    X = np.random.default_rng(9).standard_normal((30, 40)).astype(np.float32)
    X[::3] *= np.float32(1e-30)
    X[1::3] *= np.float32(1e30)
    assert_matches(build(net).ntk(X, dtype="float64"), net, X)


@pytest.mark.parametrize(
    ("kind", "factor"), [("float32", 1e30), ("float64", 1e150), ("float64", 1e307)]
)
def test_scale_brings_the_kernel_back(isa, dtype, kind, factor):
    """X times scale is what counts, also where X's own squares overflow the result."""
    X = (np.random.default_rng(10).standard_normal((20, 30)) * factor).astype(kind)
    for net in NETWORKS:
        assert_matches(build(net).ntk(X, scale=1 / factor, dtype=dtype), net, X, 1 / factor)


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("extreme", ["max", "tiny", "smallest_subnormal"])
def test_out_of_range_is_not_nan(isa, kind, dtype, extreme):
    """A kernel that overflows is refused, saying so; one that underflows is 0 or subnormal."""
    X = np.random.default_rng(11).standard_normal((20, 30)).astype(kind)
    X = (X / np.abs(X).max() * getattr(np.finfo(kind), extreme)).astype(kind)
    for net in NETWORKS:
        if extreme == "max" and not (kind == "float32" and dtype == "float64"):
            with pytest.raises(ValueError, match=rf"X.*{dtype}.* on the diagonal"):
                build(net).ntk(X, dtype=dtype)
        else:
            K = build(net).ntk(X, dtype=dtype)
            assert np.isfinite(K).all()
            assert (np.diagonal(K) >= 0).all()


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1 / 255, 3.0, 1e-3])
def test_scale_of_float_data(isa, dtype, kind, scale):
    """The factor is exact in the product, not rounded into X."""
    X = images(np.random.default_rng(12), 30, 40).astype(kind)
    X[3] = X[2] * 2
    for net in NETWORKS:
        assert_matches(build(net).ntk(X, scale=scale, dtype=dtype), net, X, scale)


def test_pixels_are_floats_of_the_same_value(isa, dtype):
    """uint8 rows and the same numbers as float64 give the same kernel."""
    X = images(np.random.default_rng(13), 50, 64)
    net = fn.FullyConnected(3)
    np.testing.assert_allclose(
        net.ntk(X, scale=PIXELS, dtype=dtype),
        net.ntk(X.astype(np.float64), scale=PIXELS, dtype=dtype),
        rtol=2 * tolerance("gram-float", dtype),
    )


@pytest.mark.parametrize("size", [1.0, 1e5, 1e10])
def test_opposite_rows_of_an_odd_activation(isa, dtype, size):
    """K(x, -x) = -K(x, x), also of rows so long that erf is a step."""
    X = size * np.random.default_rng(9).standard_normal((5, 8))
    net = fn.FullyConnected(2, "erf", bias_std=0.0)
    gate = 2 * gram_gate(dtype, X.dtype, 2)
    for K, opposite in zip(net.kernels(X), net.kernels(X, -X, dtype=dtype), strict=True):
        np.testing.assert_allclose(np.diagonal(opposite), -np.diagonal(K), rtol=gate)
