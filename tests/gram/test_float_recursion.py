# SPDX-License-Identifier: Apache-2.0
"""float32 results whose recursion runs in float32 only where its measured error is small."""

import numpy as np
import pytest

import fastntk as fn
from tolerances import tolerance

ROWS = 2_048  # the least for which errors are measured
COLUMNS = 20  # so few that products round more than those of images


def near_duplicates(kind):
    """Rows at all distances from each other, with norms a factor of two apart, in pixels or not."""
    rng = np.random.default_rng(11)
    base = rng.standard_normal((ROWS // 16, COLUMNS))
    apart = np.geomspace(1e-5, 3, 16)[:, None, None]
    X = (base + apart * rng.standard_normal((16, *base.shape))).reshape(ROWS, COLUMNS)
    X *= rng.uniform(1, 2, (ROWS, 1))
    return np.clip(60 + 20 * X, 0, 255).astype(np.uint8) if kind == "uint8" else X.astype(kind)


def largest_error(net, X):
    K = net.ntk(X, scale=1 / 60 if X.dtype == np.uint8 else 1.0, dtype="float64")
    found = net.ntk(X, scale=1 / 60 if X.dtype == np.uint8 else 1.0, dtype="float32")
    size = np.sqrt(np.diag(K))
    return (abs(found - K) / size[:, None] / size).max()


# In float32 throughout, sin errs by 1.1e-6 for weight_std 3, and rbf by 9e-7.
@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("weight_std", [1.0, 3.0])
@pytest.mark.parametrize("name", ["sin", "rbf(1)", "gaussian", "gelu", "hermite(3)"])
def test_steep_activations(name, weight_std, kind):
    net = fn.FullyConnected(2, name, weight_std=weight_std)
    assert largest_error(net, near_duplicates(kind)) <= tolerance("gram-float", "float32")


def test_what_is_not_steep_runs_in_float32(isa):
    X = near_duplicates("uint8")
    net = fn.FullyConnected(3, "gelu", weight_std=0.3)
    assert net.explain(X, scale=1 / 60, dtype="float32").recursion_dtype == "float32"
    assert largest_error(net, X) <= tolerance("gram-float", "float32")


def test_what_is_steep_or_small_runs_in_float64():
    X = near_duplicates("float32")
    steep = fn.FullyConnected(2, "sin", weight_std=3.0)
    route = steep.explain(X, dtype="float32")
    assert route.recursion_dtype == "float64"
    assert "float32 layers would pass the error bound" in route.reasons[-1]
    gentle = fn.FullyConnected(3, "gelu", weight_std=0.3)
    assert gentle.explain(X, dtype="float32").recursion_dtype == "float32"
    assert gentle.explain(X[:100], dtype="float32").recursion_dtype == "float64"
