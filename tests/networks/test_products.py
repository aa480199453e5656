# SPDX-License-Identifier: Apache-2.0
"""Products of dense matrices by the CPU engine, which may take the matrix unit."""

import numpy as np
import pytest

from fastntk import _cpu, _engine
from fastntk._backend import CPU

# Relative to the norms of the row and of the column: fixed point promises 9.4e-7 and roundings for
# any rows that it serves; Gaussian rows of these lengths measure 9e-8, and BLAS 2e-7.
BOUND = 3e-7
PROMISE = 1e-6


def relative_error(C, A, B):
    """Largest error of C as A @ B.T, relative to the norms of rows."""
    A, B = A.astype(float), B.astype(float)
    norms = np.outer(np.linalg.norm(A, axis=1), np.linalg.norm(B, axis=1))
    norms[norms == 0] = 1
    return np.max(np.abs(C - A @ B.T) / norms)


def check(A, B, bound=BOUND):
    B_turned = np.ascontiguousarray(B.T)
    assert relative_error(CPU.rows_product(A, B), A, B) <= bound
    assert relative_error(CPU.product(A, B_turned), A, B) <= bound
    if A.dtype == np.float32 and _cpu.has_fast_product():  # whether or not it is chosen
        C = np.full((len(A), len(B)), np.nan, np.float32)
        for right, transposed in ((B, False), (B_turned, True)):
            assert _cpu.rows_product(A, right, C, transposed)
            assert relative_error(C, A, B) <= bound


@pytest.mark.parametrize(
    ("rows", "cols", "inner"),
    [
        (1, 5, 3),
        (256, 256, 256),
        (300, 129, 777),
        (128, 1000, 130),
        (700, 513, 64),
        (257, 300, 512),
    ],
)
def test_products(rows, cols, inner, isa, rng):
    A = rng.standard_normal((rows, inner), dtype=np.float32)
    B = rng.standard_normal((cols, inner), dtype=np.float32)
    check(A, B)
    A[:, ::2] = 0
    A[3:7] = 0
    B *= 2.0 ** rng.integers(-40, 40, (cols, 1)).astype(np.float32)
    check(A, B)


@pytest.mark.parametrize(
    ("rows", "cols", "inner"),
    [(2, 1024, 1024), (16, 1031, 1025), (7, 130, 9000), (32, 9001, 128), (64, 150, 777)],
)
def test_few_rows_by_a_large_matrix(rows, cols, inner, dtype, isa, rng):
    A = rng.standard_normal((rows, inner)).astype(dtype)
    B = rng.standard_normal((cols, inner)).astype(dtype)

    def check_native(bound):
        first = np.full((rows, cols), np.nan, dtype)
        for right, transposed in ((B, False), (np.ascontiguousarray(B.T), True)):
            _cpu.skinny_product(A, right, first, transposed, 1)
            assert relative_error(first, A, B) <= bound
            other = np.full((rows, cols), np.nan, dtype)
            _cpu.skinny_product(A, right, other, transposed, 3)
            np.testing.assert_array_equal(first, other)

    check_native({"float32": BOUND, "float64": 1e-15}[dtype])  # the reference rounds, too
    # Sums of equal numbers, whose roundings are alike: at most 128 in a block, and 71 blocks.
    A[0], B[0] = 1, 0.7
    check_native({"float32": 6e-6, "float64": 3e-14}[dtype])


def test_few_rows_are_taken_so_where_that_is_faster(dtype, rng):
    A = rng.standard_normal((13, 3000)).astype(dtype)
    B = rng.standard_normal((2900, 3000)).astype(dtype)
    assert _engine.is_skinny(13, 2900, 3000)
    expected = np.full((13, 2900), np.nan, dtype)
    _cpu.skinny_product(A, B, expected, False)
    np.testing.assert_array_equal(CPU.rows_product(A, B), expected)
    _cpu.skinny_product(A, B.reshape(3000, 2900), expected, True)
    np.testing.assert_array_equal(CPU.product(A, B.reshape(3000, 2900)), expected)


def test_a_few_vectors_are_read_with_the_matrix(dtype, isa, rng):
    """As few columns, then as few rows, and in C order."""
    A = rng.standard_normal((1100, 300)).astype(dtype)
    for cols in (1, 10):
        B = rng.standard_normal((cols, 300)).astype(dtype)
        assert _engine.has_few_columns(1100, cols, 300)
        turned = np.full((cols, 1100), np.nan, dtype)
        _cpu.skinny_product(B, A, turned, False)
        product = CPU.rows_product(A, B)
        np.testing.assert_array_equal(product, turned.T)
        assert product.flags.c_contiguous
        assert relative_error(product, A, B) <= {"float32": BOUND, "float64": 1e-15}[dtype]


def test_float64_and_other_layouts_are_left_to_blas(isa, rng):
    A, B = rng.standard_normal((2, 300, 300))
    np.testing.assert_array_equal(CPU.rows_product(A, B), A @ B.T)
    A, B = A.astype(np.float32), B.astype(np.float32)
    np.testing.assert_array_equal(CPU.product(A, B.T), A @ B.T)
    np.testing.assert_array_equal(CPU.rows_product(A[:, ::2], B[:, ::2]), A[:, ::2] @ B[:, ::2].T)


@pytest.mark.parametrize("side", ["A", "B"])
@pytest.mark.parametrize("bad", [1e6, np.nan, np.inf])
def test_rows_that_fixed_point_would_lose_are_left_to_blas(side, bad, isa, rng):
    A = rng.standard_normal((700, 650), dtype=np.float32)
    B = rng.standard_normal((650, 650), dtype=np.float32)
    (A if side == "A" else B)[17, 5] = bad
    np.testing.assert_array_equal(CPU.rows_product(A, B), A @ B.T)
    B = np.ascontiguousarray(B.T)
    np.testing.assert_array_equal(CPU.product(A, B), A @ B)


needs_matrix_unit = pytest.mark.skipif(
    not _cpu.has_fast_product(), reason="this processor has no matrix unit"
)


@needs_matrix_unit
def test_the_matrix_unit_is_taken_and_threads_do_not_matter(rng):
    A = rng.standard_normal((700, 650), dtype=np.float32)
    B = rng.standard_normal((600, 650), dtype=np.float32)
    expected = CPU.rows_product(A, B)
    for threads in (1, 2, 5):
        out = np.full((700, 600), np.nan, np.float32)
        assert _cpu.rows_product(A, B, out, False, threads)
        np.testing.assert_array_equal(out, expected)
        out[:] = np.nan
        assert _cpu.rows_product(A, np.ascontiguousarray(B.T), out, True, threads)
        np.testing.assert_array_equal(out, expected)
    A[0, 0] = 1e6
    assert not _cpu.rows_product(A, B, out)


def test_the_choice():
    assert _engine.takes_matrix_unit(2048, 2048, 784)
    assert _engine.takes_matrix_unit(2048, 512, 512)
    assert not _engine.takes_matrix_unit(16, 10_000, 10_000)
    assert not _engine.takes_matrix_unit(2048, 10, 2048)
    assert not _engine.takes_matrix_unit(256, 256, 512)
    assert _engine.has_few_columns(2048, 10, 512)
    assert not _engine.has_few_columns(2048, 64, 512)
    assert not _engine.has_few_columns(100, 1, 10_000)
    assert _engine.is_skinny(16, 10_000, 10_000)
    assert not _engine.is_skinny(1, 10_000, 10_000)
    assert not _engine.is_skinny(16, 10, 10_000)
    assert not _engine.is_skinny(64, 10_000, 10_000)
    assert not _engine.is_skinny(16, 1000, 1000)


@needs_matrix_unit
@pytest.mark.parametrize("background", ["bell", "equal"])
def test_what_is_served_keeps_the_promise(background, rng):
    """A number larger than the others takes digits from them, up to where BLAS is asked."""
    served = []
    for large in 2.0 ** np.arange(13):
        A = np.full((256, 512), 0.7, np.float32)
        if background == "bell":
            A = rng.standard_normal((256, 512), dtype=np.float32)
        A[:, 0] = large
        out = np.empty((256, 256), np.float32)
        served.append(_cpu.rows_product(A, A, out))
        assert not served[-1] or relative_error(out, A, A) <= PROMISE
    assert served[0]
    assert not served[-1]


@needs_matrix_unit
def test_bad_arguments():
    A, B = np.ones((3, 4), np.float32), np.ones((5, 4), np.float32)
    out = np.empty((3, 5), np.float32)
    with pytest.raises(ValueError, match=r"B must have shape \(4, 4\)"):
        _cpu.rows_product(A, B, out, True)
    with pytest.raises(ValueError, match=r"out must have shape \(3, 5\)"):
        _cpu.rows_product(A, B, out.T)
    with pytest.raises(TypeError, match="A must be an aligned C-contiguous array of float32"):
        _cpu.rows_product(A.astype(float), B, out)


def test_bad_arguments_of_few_rows():
    A, B = np.ones((3, 4)), np.ones((5, 4))
    with pytest.raises(ValueError, match=r"out must have shape \(3, 5\)"):
        _cpu.skinny_product(A, B, np.empty((5, 3)))
    with pytest.raises(ValueError, match="a skinny product has 1 to 64 rows"):
        _cpu.skinny_product(np.ones((65, 4)), B, np.empty((65, 5)))
    with pytest.raises(TypeError, match="B must be an aligned C-contiguous array of float64"):
        _cpu.skinny_product(A, B.astype(np.float32), np.empty((3, 5)))
    with pytest.raises(ValueError, match="mismatch"):
        CPU.product(np.ones((300, 4)), B)
