# SPDX-License-Identifier: Apache-2.0
"""A table in place of the layers errs no more than they do, and agrees with them."""

import numpy as np
import pytest

from reference import alike, extended
from reference.errors import entry_errors
from reference.gates import build
from reference.network import Network
from tolerances import gram_gate

DEPTHS = [1, 2, 3, 5, 9, 15, 20, 50]
# One layer needs no table, and Theta becomes steep about equal rows with the layers: beyond some
# depth a table errs too much.
SURELY_TABULATED = range(2, 10)
# So many outputs at once are not worth computing with deeper networks.
LAYERS_UP_TO = 9

pytestmark = pytest.mark.skipif(
    not extended.AVAILABLE, reason="long double has no more digits than double here"
)


def first(K):
    """Return the block of K for which there is a reference."""
    return K[..., : alike.BLOCK[0], : alike.BLOCK[1]]


@pytest.mark.parametrize("hidden_layers", DEPTHS)
@pytest.mark.parametrize(("name", "kind"), alike.INPUTS)
def test_whole_matrices(name, kind, hidden_layers, isa, dtype):
    """Every kernel within its gate; the same pairs layer by layer within two of them."""
    net = Network(hidden_layers, "relu", 1.0, alike.bias_std(name))
    X, scale = alike.rows(name, kind)
    truth = alike.truth(name, kind, net)
    gate = gram_gate(dtype, kind, hidden_layers)
    options = {"scale": scale, "dtype": dtype}
    built = build(net)
    few = X[: alike.BLOCK[1]]
    assert built.explain(few, **options).recursion == "layers"
    if hidden_layers in SURELY_TABULATED:
        assert built.explain(X, **options).recursion == "table"

    get = ("nngp", "ntk", "layers") if hidden_layers <= LAYERS_UP_TO else ("nngp", "ntk")
    for kernel in get:
        # One at a time: a table is used where there is one for every kernel that is asked for.
        (K,) = built.kernels(X, get=(kernel,), **options)
        (recursion,) = built.kernels(few, get=(kernel,), **options)
        reference = getattr(truth, kernel)
        denominator = truth.nngp_scale if kernel == "nngp" else truth.ntk_scale
        assert entry_errors(first(K), reference, denominator).max() <= gate, kernel
        difference = entry_errors(first(K), first(recursion), denominator)
        assert difference.max() <= 2 * gate, kernel


@pytest.mark.parametrize("name", ["any-norm-signed", "equal-signed"])
@pytest.mark.parametrize("hidden_layers", [1, 3])
def test_erf(name, hidden_layers, isa, dtype):
    """An odd activation: values of both signs, relative to the diagonal."""
    net = Network(hidden_layers, "erf", 1.0, alike.bias_std(name))
    X, scale = alike.rows(name, "float64")
    truth = alike.truth(name, "float64", net)
    K = build(net).ntk(X, scale=scale, dtype=dtype)
    gate = gram_gate(dtype, "float64", hidden_layers)
    assert entry_errors(first(K), truth.ntk, truth.ntk_scale).max() <= gate


@pytest.mark.parametrize("init_std", [0.7, 1.3])
@pytest.mark.parametrize("name", ["pixels", "any-norm-signed"])
def test_unscaled_forward_maps(name, init_std, isa, dtype):
    """`init_std` weighs the layers' parts differently; the table has the weights in it."""
    net = Network(3, "relu", 1.0, 0.0, init_std=init_std)
    kind = "uint8" if name == "pixels" else "float32"
    X, scale = alike.rows(name, kind)
    truth = alike.truth(name, kind, net)
    assert build(net).explain(X, scale=scale, dtype=dtype).recursion == "table"
    K = build(net).ntk(X, scale=scale, dtype=dtype)
    assert entry_errors(first(K), truth.ntk, truth.ntk_scale).max() <= gram_gate(dtype, kind, 3)


def test_symmetric_and_independent_of_threads(isa, dtype):
    """Bits do not depend on which side of the diagonal, or which thread, computes them."""
    for name, kind in (("pixels", "uint8"), ("any-norm-signed", "float32")):
        X, scale = alike.rows(name, kind)
        net = build(Network(3, "relu", 1.0, 0.0))
        K = net.ntk(X, scale=scale, dtype=dtype, threads=1)
        assert K.tobytes() == K.T.copy().tobytes()
        assert K.tobytes() == net.ntk(X, scale=scale, dtype=dtype, threads=2).tobytes()
        assert np.isfinite(K).all()
