# SPDX-License-Identifier: Apache-2.0
"""`explain` names the products, the recursion and its type, and says why, for every route."""

import dataclasses

import numpy as np
import pytest

import fastntk as fn
from reference.data import PIXELS, images

# Pairs for which a table is worth its making: 256 x 256.
ENTRIES = 65_536
FIXED_POINT = "24-bit fixed point"
FLOAT = "float, summed in double"


def pixels(n=300, d=20):
    """Non-negative uint8 rows of different norms."""
    return images(np.random.default_rng([n, d]), n, d)


def signed(n=300, d=20):
    """Gaussian float32 rows."""
    return np.random.default_rng([n, d]).standard_normal((n, d)).astype(np.float32)


def equal_norms(n=300):
    """Permutations of one row of integers: their norms are equal to the bit."""
    rng = np.random.default_rng(n)
    return np.stack([rng.permutation(20) for _ in range(n)]).astype(np.uint8)


def fast_float_product(isa):
    """Return what float32 rows are multiplied by."""
    return FIXED_POINT if isa == "amx" else FLOAT


def nearly_equal():
    """Rows that are all close to one another."""
    return (1 + 1e-4 * signed()).astype(np.float32)


def test_instruction_set(isa):
    """FASTNTK_ISA is what is reported."""
    assert fn.FullyConnected().explain(pixels()).instruction_set == isa


@pytest.mark.parametrize(
    ("X", "options", "net", "product"),
    [
        (pixels(), {}, fn.FullyConnected(), "exact 32-bit integers"),
        (pixels(), {"dtype": "float64"}, fn.FullyConnected(), "exact 32-bit integers"),
        (pixels(4, 33_025), {}, fn.FullyConnected(), "exact 32-bit integers"),
        (pixels(4, 33_026), {}, fn.FullyConnected(), "exact integers in double"),
        (pixels(), {"scale": PIXELS}, fn.FullyConnected(bias_std=1e5), "exact integers in double"),
        (signed(), {"dtype": "float64"}, fn.FullyConnected(), "double"),
        (signed().astype(float), {"dtype": "float32"}, fn.FullyConnected(), "double"),
        (signed(), {}, fn.FullyConnected(20), "double"),
        (nearly_equal(), {}, fn.FullyConnected(), "double"),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_products(isa, X, options, net, product):
    """The products that every instruction set has in common, each with its reason."""
    route = net.explain(X, **options)
    assert route.product == product
    assert route.reasons[0].startswith("float64" if product == "double" else "uint8")


def test_products_of_float32_rows(isa):
    """Fixed point on a matrix unit, with 128 to 43,690 columns and two hidden layers."""
    net = fn.FullyConnected()
    for columns in (128, 43_690):
        assert net.explain(signed(4, columns)).product == fast_float_product(isa)
    for columns in (127, 43_691):
        assert net.explain(signed(4, columns)).product == FLOAT
    assert fn.FullyConnected(0).explain(signed(4, 128)).product == FLOAT
    assert net.explain(signed(4, 128)).reasons[0].startswith("float32")


def test_recursion(isa, dtype):
    """A table where all rows mix alike and there are enough of them; nothing without layers."""
    X, equal = pixels(), equal_norms()
    for hidden_layers in (2, 3, 9):
        unbiased = fn.FullyConnected(hidden_layers, bias_std=0.0)
        biased = fn.FullyConnected(hidden_layers)
        cases = [
            (unbiased, (X,), "table", "one table for all layers"),
            (biased, (equal,), "table", "one table for all layers"),
            (biased, (equal, equal[:256]), "table", "one table for all layers"),
            (biased, (X,), "layers", "layer by layer"),
            (biased, (equal, X), "layers", "layer by layer"),
            (unbiased, (X[:255],), "layers", "more than the layers"),
            (unbiased, (X[:256],), "table", "one table for all layers"),
            (unbiased, (X[:218], X), "layers", "more than the layers"),
            (unbiased, (X[:219], X), "table", "one table for all layers"),
        ]
        for net, data, recursion, reason in cases:
            assert (len(data[0]) * len(data[-1]) >= ENTRIES) or recursion == "layers"
            route = net.explain(*data, dtype=dtype)
            assert route.recursion == recursion
            assert route.recursion_dtype == dtype
            assert reason in route.reasons[-1]
            uniform = net is unbiased or all(rows is not X for rows in data)
            assert route.equal_mixing == (uniform,) * hidden_layers
    linear = fn.FullyConnected(0, bias_std=0.0).explain(X, dtype=dtype)
    assert (linear.recursion, linear.equal_mixing, len(linear.reasons)) == ("none", (), 1)


@pytest.mark.parametrize(
    "net",
    [fn.FullyConnected(17), fn.FullyConnected(50, bias_std=0.0), fn.FullyConnected(1, "erf")],
    ids=str,
)
def test_float32_results_of_deep_networks_are_widened(isa, net):
    """Past 16 ReLU layers, and for erf, the recursion of a float32 result runs in float64."""
    route = net.explain(signed(), dtype="float32")
    assert (route.recursion, route.recursion_dtype) == ("layers", "float64")
    of_relu = all(one.name == "relu" for one in net.activations)
    why = "so many float32 layers" if of_relu else "too few to measure"
    assert why in route.reasons[-1]
    assert "float64, rounded once" in route.reasons[-1]
    assert "rounded once" not in str(net.explain(signed(), dtype="float64"))
    shallow = fn.FullyConnected(16).explain(signed(), dtype="float32")
    assert shallow.recursion_dtype == "float32"


def test_one_layer_is_widened(isa, dtype):
    """Too steep at a right angle for float32, and no longer than a table takes to read."""
    route = fn.FullyConnected(1, bias_std=0.0).explain(pixels(), dtype=dtype)
    assert (route.recursion, route.recursion_dtype) == ("layers", "float64")
    assert ("one float32 layer" in route.reasons[-1]) == (dtype == "float32")


@pytest.mark.parametrize("hidden_layers", [1, 4])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_signs(isa, kind, hidden_layers):
    """One negative value, on either side, is enough for obtuse angles; zeros are not."""
    net = fn.FullyConnected(hidden_layers)
    X = pixels().astype(kind)
    assert net.explain(X).acute
    assert net.explain(np.zeros_like(X)).acute
    if kind != "uint8":
        negative = X.copy()
        negative[-1, -1] = -1e-30
        assert not net.explain(negative).acute
        assert not net.explain(X, negative).acute
        assert not net.explain(negative, X).acute
    assert not fn.FullyConnected(0).explain(X).acute


def test_columns(isa, dtype):
    """Columns that are zero throughout one side drop out."""
    X, Y = pixels(300, 24), pixels(40, 24)
    X[:, 3] = 0
    Y[:, [3, 7, 9]] = 0
    net = fn.FullyConnected()
    square, block = net.explain(X, dtype=dtype), net.explain(X, Y, dtype=dtype)
    assert (square.columns, square.data_columns) == (23, 24)
    assert (block.columns, block.data_columns) == (21, 24)
    assert "1 column is zero in all rows" in square.reasons[1]
    assert "3 columns are zero in all rows of one side" in block.reasons[1]
    assert net.explain(np.zeros((5, 7), np.uint8), dtype=dtype).columns == 0


def test_text(monkeypatch):
    """One line per choice, the reasons after them; a record that does not change."""
    monkeypatch.setenv("FASTNTK_ISA", "portable")
    route = fn.FullyConnected(2, bias_std=0.0).explain(pixels())
    assert isinstance(route, fn.Route)
    assert str(route).split("\n") == [
        "instruction set  portable",
        "products         exact 32-bit integers, 20 of 20 columns",
        "recursion        table, in float32",
        "  uint8 data: products of integers have no error",
        "  all rows mix alike (bias_std = 0, or equal norms): one table for all layers",
        "theory           relu: Theorem 1 (limit at initialisation); Theorem 2 (training) asks for "
        "a bounded second derivative too, which by footnote 1 is probably not needed",
    ]
    with pytest.raises(dataclasses.FrozenInstanceError):
        route.recursion = "layers"


def test_bad_arguments_are_those_of_ntk():
    """The checks and their messages are the same."""
    net = fn.FullyConnected()
    with pytest.raises(ValueError, match="Y must have X's 20 columns"):
        net.explain(pixels(), pixels(4, 3))
    with pytest.raises(ValueError, match="finite"):
        net.explain(np.full((2, 2), np.nan))
    with pytest.raises(TypeError, match="dtype"):
        net.explain(pixels(), dtype="int32")
