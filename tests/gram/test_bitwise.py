# SPDX-License-Identifier: Apache-2.0
"""What holds to the bit: symmetry, transposes, thread counts, layouts of the input, `out`."""

import os

import numpy as np
import pytest

import fastntk as fn
from reference.data import PIXELS, case, images
from tolerances import gram_gate

INPUTS = ["uint8", "float32", "float64"]
NETWORKS = [
    fn.FullyConnected(0, bias_std=0.1),
    fn.FullyConnected(3, bias_std=0.0),
    fn.FullyConnected(4, bias_std=0.1),
    fn.FullyConnected(2, "erf"),
    fn.FullyConnected(2, init_std=1.3),
]


def rows(kind, n, d=48, signed=True):
    """Rows with a few near-duplicates; signed floats."""
    rng = np.random.default_rng([n, d])
    X = images(rng, n, d)
    X[1::7] = X[0]
    X[1::7, 3] ^= 1
    if kind == "uint8":
        return X
    return ((X / 255 - (0.4 if signed else 0)) * (1 + 1e-6 * rng.standard_normal((n, d)))).astype(
        kind
    )


def scale_of(X):
    """Usual factor of an input type."""
    return PIXELS if X.dtype == np.uint8 else 1.0


def assert_same_bits(got, expected):
    """Equal shapes, types and values; -0 and 0 differ."""
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert np.ascontiguousarray(got).tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("kind", INPUTS)
def test_symmetric(isa, kind, dtype, net):
    """K == K.T, across tiles."""
    X = rows(kind, 300)
    for K in net.kernels(X, scale=scale_of(X), dtype=dtype, get=("nngp", "ntk")):
        assert_same_bits(K, K.T)
    layers = net.kernels(X[:70], scale=scale_of(X), dtype=dtype, get=("layers",))[0]
    assert_same_bits(layers, layers.transpose(0, 2, 1))


@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("kind", INPUTS)
def test_exchanging_arguments_transposes(isa, kind, dtype, net):
    """K(X, Y) == K(Y, X).T."""
    X = rows(kind, 290)
    Z, X = X[:37], X[30:]
    K = net.ntk(Z, X, scale=scale_of(X), dtype=dtype)
    assert_same_bits(K, net.ntk(X, Z, scale=scale_of(X), dtype=dtype).T)


@pytest.mark.parametrize("net", NETWORKS, ids=str)
@pytest.mark.parametrize("name", ["uint8", "uint8-equal", "float32-signed", "float64"])
def test_rectangular_agrees_with_square(isa, name, dtype, net):
    """A copy of X as second argument gives the same kernel within the gate, diagonal included."""
    X, scale, _ = case(name)
    square = net.ntk(X, scale=scale, dtype=dtype)
    rectangular = net.ntk(X, X.copy(), scale=scale, dtype=dtype)
    norms = np.sqrt(np.outer(np.diagonal(square), np.diagonal(square).astype(float)))
    gate = gram_gate(dtype, X.dtype, net.hidden_layers)
    assert (np.abs(rectangular - square.astype(float)) <= 2 * gate * norms).all()


@pytest.mark.parametrize("kind", INPUTS)
def test_thread_count_and_repetition(isa, kind, dtype):
    """One, two and three threads, and the same call again: the same bits."""
    X = rows(kind, 900)
    net = fn.FullyConnected(3)
    first = net.ntk(X, scale=scale_of(X), dtype=dtype, threads=1)
    block = net.ntk(X[:301], X[301:], scale=scale_of(X), dtype=dtype, threads=1)
    for threads in (1, 2, 3, None):
        options = {"scale": scale_of(X), "dtype": dtype, "threads": threads}
        assert_same_bits(net.ntk(X, **options), first)
        assert_same_bits(net.ntk(X[:301], X[301:], **options), block)


@pytest.mark.parametrize("kind", INPUTS)
def test_out(isa, kind, dtype):
    """`out` is filled completely and returned; a slice of rows of a larger array will do."""
    X = rows(kind, 260)
    net = fn.FullyConnected(3)
    options = {"scale": scale_of(X), "dtype": dtype}
    expected = net.ntk(X, **options)
    out = np.full((260, 260), np.nan, dtype)
    assert net.ntk(X, out=out, **options) is out
    assert_same_bits(out, expected)
    larger = np.full((270, 30), np.nan, dtype)
    net.nngp(X, X[:30], out=larger[5:265], **options)
    assert_same_bits(larger[5:265], net.nngp(X, X[:30], **options))
    assert np.isnan(larger[:5]).all()
    assert np.isnan(larger[265:]).all()


def byte_swapped(X):
    """Return the same numbers, stored in the other byte order."""
    return X.astype(X.dtype.newbyteorder())


def strided(X):
    """Every second row and every third column of a larger array."""
    larger = np.full((2 * len(X), 3 * X.shape[1]), 77, X.dtype)
    larger[::2, ::3] = X
    return larger[::2, ::3]


def reversed_rows_and_columns(X):
    """Negative strides."""
    return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]


def read_only(X):
    """Not writeable."""
    X = X.copy()
    X.flags.writeable = False
    return X


def misaligned(X):
    """Start one byte after an aligned address."""
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    view = buffer[1:].view(X.dtype).reshape(X.shape)
    view[:] = X
    return view


@pytest.mark.parametrize(
    "layout",
    [byte_swapped, strided, reversed_rows_and_columns, read_only, misaligned, np.asfortranarray],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("kind", INPUTS)
def test_layouts_of_the_input(isa, kind, dtype, layout):
    """Any layout gives the bits of the contiguous array, and no input is written to."""
    X = rows(kind, 70)
    net = fn.FullyConnected(3)
    options = {"scale": scale_of(X), "dtype": dtype}
    other = layout(X)
    before = other.copy()
    assert_same_bits(net.ntk(other, **options), net.ntk(X, **options))
    assert_same_bits(net.ntk(other, X[:9], **options), net.ntk(X, X[:9], **options))
    assert_same_bits(net.ntk(X[:9], other, **options), net.ntk(X[:9], X, **options))
    np.testing.assert_array_equal(other, before)


@pytest.mark.parametrize("kind", ["int64", "int16", "uint16", "bool", "float16"])
def test_other_numbers_are_taken_as_float64(kind):
    """Integers, booleans and half floats have exact float64 values; the result is float64."""
    X = (rows("uint8", 33) > 90).astype(kind) if kind == "bool" else rows("uint8", 33).astype(kind)
    net = fn.FullyConnected(3)
    assert_same_bits(net.ntk(X), net.ntk(X.astype(np.float64)))
    assert net.ntk(X).dtype == np.float64


@pytest.mark.parametrize(
    ("kind", "result"), [("uint8", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_default_result_dtype(kind, result):
    """float64 for float64 input, else float32; the same bits as when asked for."""
    X = rows(kind, 33)
    net = fn.FullyConnected(3)
    assert_same_bits(net.ntk(X), net.ntk(X, dtype=result))
    assert_same_bits(net.nngp(X, X[:5]), net.nngp(X, X[:5], dtype=np.dtype(result)))


def test_lists_are_arrays():
    """Nested lists of numbers are float64 rows."""
    X = [[1, 2.5], [0, 3]]
    assert_same_bits(fn.FullyConnected().ntk(X), fn.FullyConnected().ntk(np.array(X)))


@pytest.mark.parametrize("kind", INPUTS)
def test_instruction_sets_agree(kind, dtype, monkeypatch):
    """Every instruction set is within the gate of every other one."""
    names = list(fn._cpu.isa_supported())
    X = rows(kind, 280)
    net = fn.FullyConnected(4)
    results = []
    for name in names:
        monkeypatch.setenv("FASTNTK_ISA", name)
        results.append(net.ntk(X, scale=scale_of(X), dtype=dtype).astype(float))
    norms = np.sqrt(np.outer(np.diagonal(results[0]), np.diagonal(results[0])))
    gate = gram_gate(dtype, X.dtype, 4)
    for other in results[1:]:
        assert (np.abs(other - results[0]) <= 2 * gate * norms).all()
    assert os.environ["FASTNTK_ISA"] == names[-1]
