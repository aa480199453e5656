# SPDX-License-Identifier: Apache-2.0
"""Limiting kernels of all activations on a GPU: those of the CPU."""

import numpy as np
import pytest

import fastntk as fn
from tolerances import tolerance

NETWORKS = {
    "gelu": fn.FullyConnected(2, "gelu"),
    "closed forms": fn.FullyConnected(3, ["sin", "leaky_relu(0.1)", "hermite(3)"], bias_std=0.2),
    "tables": fn.FullyConnected(2, ["tanh", fn.Activation.softplus()], bias_std=0.1),
    "a custom function": fn.FullyConnected(1, fn.Activation.custom(np.arctan, name="arctan")),
    "residual": fn.FullyConnected(3, "gelu", residual=0.5, layer_norm=True),
}


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("rectangular", [False, True])
def test_against_the_cpu(gpu, X, net, rectangular, dtype):
    rows, others = X[:40], X[200:230] if rectangular else None
    there = [None if side is None else gpu.cupy.asarray(side) for side in (rows, others)]
    found = net.ntk(*there, scale=1 / 255, dtype=dtype)
    expected = net.ntk(rows, others, scale=1 / 255, dtype="float64", device="cpu")
    assert isinstance(found, gpu.cupy.ndarray)
    # These rows have no entry below a tenth of the largest.
    bound = 10 * max(tolerance("gram-exact", dtype), 1e-14)
    np.testing.assert_allclose(found.get(), expected, rtol=0, atol=bound * expected.max())


def test_products(gpu, X):
    """K @ V of a lazy operator, whose tiles are never stored."""
    rows = X[:40]
    V = np.random.default_rng(1).standard_normal((40, 3))
    net = NETWORKS["closed forms"]
    lazy = fn.GramOperator(net, gpu.cupy.asarray(rows), scale=1 / 255, storage="lazy")
    found = lazy @ gpu.cupy.asarray(V)
    expected = net.ntk(rows, scale=1 / 255, dtype="float64", device="cpu") @ V
    np.testing.assert_allclose(found.get(), expected, rtol=0, atol=1e-6 * abs(expected).max())


def test_the_route_is_told(gpu, X):
    route = NETWORKS["gelu"].explain(X[:40], scale=1 / 255, dtype="float32", device="cuda")
    assert route.recursion_dtype == "float64"
    assert "float64, rounded once" in route.reasons[-1]
