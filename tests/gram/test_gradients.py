# SPDX-License-Identifier: Apache-2.0
"""`gradients`: the kernel and its derivatives by weight_std and bias_std."""

from dataclasses import asdict, replace

import numpy as np
import pytest

import fastntk as fn
from reference import data
from reference.derivatives import derivatives
from reference.errors import entry_errors
from reference.exact import to_longdouble
from reference.network import Network
from tolerances import gram_gate, tolerance

PARAMETERS = ("weight_std", "bias_std")
# Shallow and deep, where weights dominate and where biases do, without biases, and both activations.
NETWORKS = [
    Network(1),
    Network(4, bias_std=0.0),
    Network(4, weight_std=1.5, bias_std=1.0),
    Network(3, bias_std=1e-3),
    Network(10),
    Network(0),
    Network(3, "erf"),
    Network(2, "erf", weight_std=1.5, bias_std=0.3),
]


def build(net):
    return fn.FullyConnected(**asdict(net))


def denominators(truth, G, pairs):
    """The larger of the derivative and of the geometric mean of its two diagonal values."""
    own = np.sqrt(np.abs(np.diagonal(G)))
    return np.maximum(np.abs(truth), [own[i] * own[j] for i, j in pairs])


@pytest.mark.parametrize("name", ["uint8", "float32-signed", "float64-signed"])
@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_against_mpmath(dtype, name, net):
    """Near-duplicates, proportional, zero, equal and opposite rows included; exactly symmetric."""
    X, scale, pairs = data.case(name)
    for kernel in ("ntk", "nngp"):
        found = build(net).gradients(X, kernel=kernel, scale=scale, dtype=dtype)
        at = tuple(np.array(pairs).T)
        for parameter in PARAMETERS:
            G = getattr(found, parameter)
            assert G.dtype == dtype
            np.testing.assert_array_equal(G, G.T)
            truth = np.array(
                [
                    to_longdouble(getattr(entry, kernel))
                    for entry in derivatives(net, X, X, pairs, parameter, scale)
                ]
            )
            errors = entry_errors(G[at], truth, denominators(truth, G, pairs))
            assert errors.max() <= tolerance("gradient", dtype), (kernel, parameter)
