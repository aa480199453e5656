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


def close_rows(rows, apart, norm, seed=1):
    """Rows of one norm, at all relative distances of a range from some others."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((rows // 16, COLUMNS))
    gaps = np.geomspace(*apart, 16)[:, None, None]
    X = (base + gaps * rng.standard_normal((16, *base.shape))).reshape(rows, COLUMNS)
    return X * (norm / np.linalg.norm(X, axis=1))[:, None]


# Where Theta falls off at deficits of 1e-14 to 1e-9: float32 throughout errs by 1.2e-6.
def test_angles_that_are_nearly_zero():
    X = close_rows(ROWS, (5e-7, 5e-4), 3519 * COLUMNS**0.5).astype(np.float32)
    net = fn.FullyConnected(5, "gaussian", weight_std=0.984, bias_std=0.68)
    assert largest_error(net, X) <= tolerance("gram-float", "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steep", ["norms", "frequencies"])
def test_no_table_hides_what_is_steep(steep, dtype):
    """Flat in all points of a table but at the angle 0; pairs by themselves have no table."""
    if steep == "norms":
        net = fn.FullyConnected(2, "rbf(1)", weight_std=0.8)
        X = close_rows(ROWS, (1e-8, 1e-5), 1e6 * COLUMNS**0.5)
    else:
        net = fn.FullyConnected(2, "rbf(1e6)", bias_std=0.0, layer_norm=True)
        X = close_rows(320, (1e-9, 1e-3), 1.0)
    K = net.ntk(X, dtype=dtype)
    bases = len(X) // 16
    for row in range(0, bases, bases // 4):
        for other in range(row, len(X), bases):
            pair = net.ntk(X[[row, other]], dtype="float64")
            # Two routes to the products of float64 rows; float32 by its gate.
            bound = 6e-7 if dtype == "float32" else 1e-9
            assert abs(K[row, other] - pair[0, 1]) <= bound * pair[0, 0]
