# SPDX-License-Identifier: Apache-2.0
"""Products with V on every instruction set, for every way in which columns fill vectors."""

import numpy as np
import pytest

import fastntk as fn
from fastntk import _cpu
from fastntk.gram.limiting import limiting_source

NET = fn.FullyConnected(hidden_layers=1)
COLUMNS = [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 64, 65, 128]
# Rows around one tile of 256, and three tiles.
ROWS = [1, 255, 256, 257, 600]
# Types of the matrix and of V; V is never the narrower one.
TYPES = [("float32", "float32"), ("float32", "float64"), ("float64", "float64")]


def product(source, V, threads=0):
    out = np.full((source.shape[0], V.shape[1]), np.nan)
    source.matmat(V, out, threads)
    return out


def integers(rng, shape, dtype):
    return rng.integers(-8, 9, shape).astype(dtype)


def bound(K, V):
    """Most that a product may differ from a float64 one.

    A tile's entry is a sum of n <= 256 products in V's type, each rounded at most twice: off by
    n + 1 half units in the last place of the sum of absolute values. Tiles are added in float64,
    as is the reference: N + 1 of its half units each.
    """
    narrow, wide = np.finfo(V.dtype).eps / 2, np.finfo(np.float64).eps / 2
    n = K.shape[1]
    units = (min(n, 256) + 1) * narrow + 2 * (n + 1) * wide
    return 1.01 * units * (np.abs(K).astype(np.float64) @ np.abs(V).astype(np.float64))


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("n", ROWS)
def test_integers_are_multiplied_exactly(isa, rng, n, types):
    """Sums of 256 products up to 64 are exact in float32: not a bit may be lost, or added twice."""
    K = integers(rng, (n, n), types[0])
    K = np.triu(K) + np.triu(K, 1).T
    dense = _cpu.dense_source(K)
    packed = _cpu.pack_triangle(dense)
    for columns in COLUMNS:
        V = integers(rng, (n, columns), types[1])
        want = K.astype(np.float64) @ V.astype(np.float64)
        np.testing.assert_array_equal(product(dense, V), want)
        np.testing.assert_array_equal(product(packed, V), want)


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize(
    "shape", [(1, None), (257, None), (600, None), (1, 600), (3, 1300), (300, 1)]
)
def test_products_of_kernels(isa, rng, shape, types):
    """Computed tiles, symmetric ones (None) and rectangular ones."""
    rows, cols = shape
    Z = rng.random((rows, 5))
    X = Z if cols is None else rng.random((cols, 5))
    source = limiting_source(NET, Z, None if cols is None else X, dtype=types[0])
    K = np.empty(source.shape, types[0])
    source.to_dense(K)
    for columns in COLUMNS:
        V = rng.standard_normal((len(X), columns)).astype(types[1])
        want = K.astype(np.float64) @ V.astype(np.float64)
        assert (np.abs(product(source, V) - want) <= bound(K, V)).all()


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("rows", [1, 300, 1500])
def test_rectangular_products_do_not_depend_on_threads(isa, rng, rows, columns):
    """Nine tiles across, in slabs that several workers take."""
    Z, X = rng.random((rows, 5)), rng.random((2300, 5))
    source = limiting_source(NET, Z, X, dtype="float32")
    V = rng.standard_normal((len(X), columns)).astype(np.float32)
    want = product(source, V, 1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(product(source, V, threads), want)


def test_a_large_matrix_is_multiplied_in_squares_of_tiles(rng):
    """33 rows of tiles: groups of two, the last one of one."""
    X = rng.random((8300, 3))
    source = limiting_source(NET, X, dtype="float32")
    V = rng.standard_normal((len(X), 7)).astype(np.float32)
    got = product(source, V, 1)
    np.testing.assert_array_equal(product(source, V, 3), got)
    rows = [0, 255, 256, 511, 512, 4000, 8191, 8192, 8299]
    K = NET.ntk(X, dtype="float32")[rows]
    assert (np.abs(got[rows] - K.astype(np.float64) @ V) <= bound(K, V)).all()
