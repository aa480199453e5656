# SPDX-License-Identifier: Apache-2.0
"""Results above 8 MB are streamed past the caches, whole lines at a time.

At any alignment they have the bits of small results, and nothing beside the matrix is written to.
"""

import numpy as np
import pytest

import fastntk as fn
from fastntk import _backend
from reference.data import PIXELS, images

STREAMED = 8 * 2**20
ROWS = {"float32": 2_049, "float64": 1_500}
LINE = 64
PIECE = 300  # rows of a piece that is too small to be streamed, and large enough for a table
NET = fn.FullyConnected(2, bias_std=0.0)


def rows(n, dtype):
    """Rows of a few columns, all different."""
    return images(np.random.default_rng([n, len(dtype)]), n, 6)


def placed(shape, dtype, offset):
    """Return a buffer of NaNs, and a matrix in it that begins `offset` bytes after a line."""
    size = np.dtype(dtype).itemsize
    buffer = np.full(shape[0] * shape[1] + 4 * LINE // size, np.nan, dtype)
    begin = (-buffer.ctypes.data % LINE + LINE + offset) // size
    matrix = buffer[begin : begin + shape[0] * shape[1]].reshape(shape)
    assert matrix.ctypes.data % LINE == offset
    return buffer, matrix


def assert_fills(matrix, buffer, expected):
    """The matrix has the expected bits, and all around it is still NaN."""
    assert matrix.tobytes() == expected.tobytes()
    assert np.isnan(buffer).sum() == buffer.size - matrix.size


def by_pieces(X, Y, dtype):
    """The kernel, some rows at a time."""
    pieces = []
    for at in range(0, len(X), PIECE):
        piece = NET.ntk(X[at : at + PIECE], Y, scale=PIXELS, dtype=dtype)
        assert piece.nbytes <= STREAMED
        pieces.append(piece)
    return np.concatenate(pieces)


def offsets(dtype):
    """Return places in a line where an entry may begin."""
    return [offset for offset in (0, 4, 8, 16, 32, 60) if offset % np.dtype(dtype).itemsize == 0]


def test_rectangles(isa, dtype):
    """Wherever in a line the matrix, and with it each of its rows, begins."""
    X = rows(ROWS[dtype], dtype)
    Z, Y = X[:1_200], X[300:]
    expected = by_pieces(Z, Y, dtype)
    assert expected.nbytes > STREAMED
    for offset in offsets(dtype):
        buffer, out = placed(expected.shape, dtype, offset)
        NET.ntk(Z, Y, scale=PIXELS, dtype=dtype, out=out)
        assert_fills(out, buffer, expected)


def test_squares(isa, dtype):
    """Tiles are stored as they are and transposed; the diagonal has a formula of its own."""
    X = rows(ROWS[dtype], dtype)
    expected = by_pieces(X, X, dtype)
    assert expected.nbytes > STREAMED
    for at in range(0, len(X), PIECE):
        piece = NET.ntk(X[at : at + PIECE], scale=PIXELS, dtype=dtype)
        expected[range(at, at + len(piece)), range(at, at + len(piece))] = np.diagonal(piece)
    for offset in offsets(dtype):
        buffer, out = placed(expected.shape, dtype, offset)
        NET.ntk(X, scale=PIXELS, dtype=dtype, out=out)
        assert_fills(out, buffer, expected)
    assert NET.ntk(X, scale=PIXELS, dtype=dtype).tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 40), (1_500, 1_500)])
def test_results_begin_with_a_line(dtype, shape):
    """All results that are allocated here, and what holds several of them."""
    X, Y = rows(shape[0], dtype), rows(shape[1], dtype)
    options = {"scale": PIXELS, "dtype": dtype}
    for K in (NET.ntk(X, **options), NET.nngp(X, Y, **options)):
        assert K.ctypes.data % LINE == 0
        assert K.flags.c_contiguous
        assert K.flags.writeable
    several = NET.kernels(X, Y, get=("ntk", "layers", "nngp"), **options)
    assert several[0].ctypes.data % LINE == 0
    assert several[1].shape == (3, *shape)


def test_memory_of_a_result_outlives_its_views():
    """The array owns its memory: views keep it, and it goes with the last of them."""
    native = _backend.CPU.native
    K = native.empty((3, 5), np.dtype("float64"))
    assert K.dtype == np.float64
    K[:] = 7
    row = K[1]
    del K
    assert (row == 7).all()
