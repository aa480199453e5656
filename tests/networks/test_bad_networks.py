# SPDX-License-Identifier: Apache-2.0
"""What finite networks refuse, and what they say then."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(hidden_layers=2)
WIDTHS = (4, 30, 20, 3)
X = np.ones((5, 4))


def network(net=NET, widths=WIDTHS, **options):
    return fn.FiniteNetwork(net, widths, **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"net": None}, TypeError, "net must be a FullyConnected, got None"),
        ({"net": fn.FullyConnected}, TypeError, "net must be a FullyConnected, got <class"),
        ({"widths": (4, 0, 20, 3)}, ValueError, r"widths\[1\] must be at least 1, got 0"),
        ({"widths": (4, 30, -1, 3)}, ValueError, r"widths\[2\] must be at least 1, got -1"),
        ({"widths": (4, 30.0, 20, 3)}, TypeError, r"widths\[1\] must be an integer, got 30.0"),
        ({"widths": 30}, TypeError, r"widths must be integers such as \(784, 512, 10\), got 30"),
        ({"widths": "4321"}, TypeError, "widths must be integers such as"),
        (
            {"widths": (4, 30, 3)},
            ValueError,
            r"widths must have 4 numbers, the inputs, hidden_layers=2 widths and the outputs, "
            r"got 3: \(4, 30, 3\)",
        ),
        ({"widths": ()}, ValueError, "widths must have 4 numbers"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": "a"}, TypeError, "seed must be an integer, got 'a'"),
        ({"networks": 0}, ValueError, "networks must be at least 1, got 0"),
        ({"networks": []}, ValueError, "networks must number at least one network"),
        ({"networks": [0, -2]}, ValueError, r"networks\[1\] must be at least 0, got -2"),
        ({"networks": 2.0}, TypeError, "networks must be an integer, got 2.0"),
        (
            {"parametrisation": "NTK"},
            ValueError,
            "parametrisation must be one of 'ntk', 'standard', 'mean-field', 'mup', got 'NTK'",
        ),
        (
            {"parametrisation": "mean-field"},
            ValueError,
            "parametrisation='mean-field' is defined for one hidden layer, got hidden_layers=2; "
            "'mup' is its extension to any depth",
        ),
        ({"trainable": "first"}, ValueError, "trainable must be one of 'all', 'last', got 'first'"),
        (
            {"trainable": 3},
            ValueError,
            "trainable must number the 3 linear maps, 0 to 2, got 3",
        ),
        ({"trainable": [0, -4]}, ValueError, "trainable must number the 3 linear maps"),
        ({"trainable": []}, ValueError, "trainable must be 'all', 'last' or numbers of linear"),
        ({"trainable": [0.5]}, TypeError, "trainable must be an integer, got 0.5"),
        ({"rates": [(1, 1)]}, ValueError, "rates must have 3 pairs .* one per map"),
        ({"rates": [1, 1, 1]}, TypeError, "rates must be pairs of numbers, got"),
        ({"rates": [(1, 1), (1, -2), (1, 1)]}, ValueError, r"rates\[1\]\[1\] must be non-negative"),
        ({"rates": [(1, 1), (1, 1), ("a", 1)]}, TypeError, r"rates\[2\]\[0\] must be a number"),
        ({"dtype": "float16"}, TypeError, "dtype must be 'float32' or 'float64', got float16"),
        ({"dtype": "uint8"}, TypeError, "dtype must be 'float32' or 'float64', got uint8"),
        ({"device": "tpu"}, ValueError, "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got"),
    ],
    ids=str,
)
def test_construction(arguments, error, message):
    with pytest.raises(error, match=message):
        network(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X[:, :3],), ValueError, r"X must have widths\[0\] = 4 columns, got shape \(5, 3\)"),
        ((X, X[:, :3]), ValueError, r"Y must have widths\[0\] = 4 columns, got shape \(5, 3\)"),
        ((X[0],), ValueError, r"X must be 2-D \(samples, features\), got shape \(4,\)"),
        ((X[:0],), ValueError, "X must have at least one sample"),
        ((X * np.nan,), ValueError, r"X must be finite, got nan at \[0, 0\]"),
        ((X, X * np.inf), ValueError, r"Y must be finite, got inf at \[0, 0\]"),
        ((X * 1j,), TypeError, "X must hold real numbers, got dtype complex128"),
        ((X.astype(str),), TypeError, "X must hold real numbers"),
        ((None,), TypeError, "X must hold real numbers"),
    ],
    ids=str,
)
def test_points(arguments, error, message):
    w = network()
    for method in (w.ntk, w.nngp, w.kernels):
        with pytest.raises(error, match=message):
            method(*arguments)
    if len(arguments) == 1:
        with pytest.raises(error, match=message):
            w(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scale": 0}, ValueError, "scale must be positive and finite, got 0"),
        ({"scale": "1"}, TypeError, "scale must be a number, got '1'"),
        ({"outputs": "all"}, ValueError, "outputs must be one of 'full', 'trace', got 'all'"),
        ({"outputs": 1}, ValueError, r"outputs must be 'full', 'trace' or a pair of outputs \(k"),
        ({"outputs": (0, 1, 2)}, ValueError, "outputs must be 'full', 'trace' or a pair"),
        ({"outputs": (0, 3)}, ValueError, r"outputs must be below the 3 outputs, got \(0, 3\)"),
        ({"outputs": (-1, 0)}, ValueError, "outputs must be below the 3 outputs"),
        ({"memory": "much"}, ValueError, "memory must be a number of bytes or text"),
        ({"memory": 0}, ValueError, "memory must be positive"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"out": np.zeros((15, 14), "f4")}, ValueError, r"out must have shape \(15, 15\), got"),
        ({"out": np.zeros((15, 15))}, TypeError, "out must have dtype float32, got float64"),
        ({"out": np.zeros((15, 15), "f4").T}, ValueError, "out must be C-contiguous"),
        ({"out": [[1.0]]}, TypeError, "out must be a NumPy or CuPy array, got list"),
    ],
    ids=str,
)
def test_kernel_arguments(options, error, message):
    with pytest.raises(error, match=message):
        network().ntk(X, **options)


def test_kernel_names():
    with pytest.raises(ValueError, match="get must be one of 'nngp', 'ntk', 'layers', got 'kern'"):
        network().kernels(X, get=("ntk", "kern"))
    with pytest.raises(ValueError, match="get must name at least one of"):
        network().kernels(X, get=())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_not_finite(value):
    w = network(networks=2)
    w.flat[1, 7] = value
    for method in (w, w.ntk, w.nngp, w.kernels):
        with pytest.raises(ValueError, match=f"parameters must be finite, got {value}"):
            method(X)
    w[0].ntk(X)
    with pytest.raises(ValueError, match=f"flat must be finite, got {value}"):
        w.flat = np.full(w.flat.shape, value)


def test_values_that_overflow(dtype):
    w = network(dtype=dtype)
    w.flat *= w.dtype.type(np.finfo(dtype).max ** 0.4)
    for method in (w, w.ntk):
        with pytest.raises(ValueError, match=f"must keep the outputs within {dtype}, got infinity"):
            method(X)
    w = network(dtype=dtype)
    for method in (w.ntk, w.nngp):
        with pytest.raises(ValueError, match=f"must keep the kernel within {dtype}, whose largest"):
            method(X * np.finfo(dtype).max ** 0.6)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.zeros(10), ValueError, r"flat must have shape \(833,\), got \(10,\)"),
        (np.zeros((1, 833)), ValueError, r"flat must have shape \(833,\), got \(1, 833\)"),
        (0.0, ValueError, r"flat must have shape \(833,\), got \(\)"),
        (np.zeros(833, complex), TypeError, "flat must hold real numbers"),
        (["a"] * 833, TypeError, "flat must hold real numbers"),
    ],
    ids=["short", "2-D", "scalar", "complex", "text"],
)
def test_flat(values, error, message):
    w = network()
    before = w.flat.copy()
    with pytest.raises(error, match=message):
        w.flat = values
    np.testing.assert_array_equal(w.flat, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda p: [], ValueError, "parameters must be pairs"),
        (lambda p: p[:2], ValueError, "widths must have 4 numbers"),
        (lambda p: [p[0], p[2], p[1]], ValueError, r"parameters\[1\] must have W of shape"),
        (lambda p: [(W.T, b) for W, b in p], ValueError, r"parameters\[0\] must have W of shape"),
        (lambda p: [(W[0], b) for W, b in p], ValueError, "parameters must start with W_0 of"),
        (lambda p: [(W, b[0]) for W, b in p], ValueError, "parameters"),
        (lambda p: [(W * np.nan, b) for W, b in p], ValueError, "parameters must be finite"),
        (lambda p: [(W.astype(str), b) for W, b in p], TypeError, "parameters must hold real"),
        (lambda p: [W for W, _ in p], ValueError, "parameters must be pairs"),
        (lambda p: [(W[:0], b[:0]) for W, b in p], ValueError, "parameters"),
    ],
)
def test_given_parameters(change, error, message):
    with pytest.raises(error, match=message):
        fn.FiniteNetwork.from_parameters(NET, change(network().parameters))


def test_other_parametrisations():
    w = network()
    with pytest.raises(ValueError, match="parametrisation must be one of"):
        w.in_parametrisation("other")
    with pytest.raises(ValueError, match="rates must be one of 'equal', 'own', got 'same'"):
        w.in_parametrisation("mup", rates="same")
    with pytest.raises(ValueError, match="'mean-field' is defined for one hidden layer"):
        w.in_parametrisation("mean-field")
