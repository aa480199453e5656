# SPDX-License-Identifier: Apache-2.0
"""The native empirical kernel against plain NumPy in float64."""

import numpy as np
import pytest

from fastntk import _cpu
from fastntk._backend import CPU

# Relative to sqrt(K_ii K_jj). float32: sums of at most a few thousand products in blocks of 128
# (1e-7), or exact sums of 24-bit numbers (1e-7), and a rounding per map: a tenth of the 1e-5 that
# is promised for all data. float64: the reference rounds its own sums of a few hundred products.
BOUND = {"float32": 1e-6, "float64": 5e-15}
WIDTHS = (20, 150, 260)
FACTORS = [(0.05, 0.01), (0.007, 0.02), (0.004, 0.0)]


def made_up_terms(rng, n, outputs, dtype, widths=WIDTHS):
    """Activations of every map and signals of all but the last one."""
    terms = []
    for width, following in zip(widths, [*widths[1:], None], strict=True):
        activations = np.maximum(rng.standard_normal((n, width)), 0).astype(dtype)
        signals = None
        if following is not None:
            signals = rng.standard_normal((n * outputs, following)).astype(dtype)
        terms.append((activations, signals))
    return terms


def reference(rows, cols, factors, outputs):
    """Return K in float64."""
    total = 0.0
    for (a, d), (b, e), (alpha, beta) in zip(rows, cols, factors, strict=True):
        activation = np.full((len(d) // outputs, len(e) // outputs), beta) if a is None else beta
        if a is not None:
            activation = alpha * (a.astype(float) @ b.astype(float).T) + beta
        n, m = activation.shape
        signal = np.tile(np.eye(outputs), (n, m)) if d is None else d.astype(float) @ e.T
        total = total + signal * np.kron(activation, np.ones((outputs, outputs)))
    return total


def self_kernel(rows, factors, outputs):
    """Return K of every row with itself."""
    total = 0.0
    for (a, d), (alpha, beta) in zip(rows, factors, strict=True):
        activation = beta if a is None else alpha * (a.astype(float) ** 2).sum(axis=1) + beta
        signal = 1.0 if d is None else (d.astype(float) ** 2).sum(axis=1)
        total = total + signal * np.repeat(activation, outputs if a is not None else 1)
    return total


def dense(kernel, threads=0):
    K = np.full(kernel.shape, np.nan, kernel.dtype)
    kernel.to_dense(K, threads)
    return K


def error(K, rows, cols, factors, outputs):
    expected = reference(rows, cols, factors, outputs)
    scale = np.outer(self_kernel(rows, factors, outputs), self_kernel(cols, factors, outputs))
    return np.max(np.abs(K - expected) / np.sqrt(scale))


@pytest.mark.parametrize("outputs", [1, 2, 3, 10, 17])
@pytest.mark.parametrize("n", [1, 7, 33, 129])
def test_symmetric(n, outputs, dtype, isa, rng):
    rows = made_up_terms(rng, n, outputs, dtype)
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS, outputs)
    assert (kernel.shape, kernel.dtype, kernel.symmetric) == ((n * outputs,) * 2, dtype, True)
    K = dense(kernel)
    assert error(K, rows, rows, FACTORS, outputs) <= BOUND[dtype]
    np.testing.assert_array_equal(K, K.T)
    np.testing.assert_array_equal(kernel.diagonal(), K.diagonal())
    np.testing.assert_allclose(K.diagonal(), self_kernel(rows, FACTORS, outputs), rtol=2e-7)
    assert kernel.largest_diagonal == pytest.approx(K.diagonal().max(), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(1, 300), (270, 5), (65, 64)])
@pytest.mark.parametrize("outputs", [1, 3])
def test_rectangular(n, m, outputs, dtype, isa, rng):
    rows = made_up_terms(rng, n, outputs, dtype)
    cols = made_up_terms(rng, m, outputs, dtype)
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, cols, FACTORS, outputs)
    assert not kernel.symmetric
    assert error(dense(kernel), rows, cols, FACTORS, outputs) <= BOUND[dtype]
    with pytest.raises(ValueError, match="symmetric"):
        kernel.diagonal()


def test_many_points(dtype, rng):
    rows = made_up_terms(rng, 3000, 1, dtype, widths=(30, 200))
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS[:2], 1)
    K = dense(kernel)
    assert error(K, rows, rows, FACTORS[:2], 1) <= BOUND[dtype]
    np.testing.assert_array_equal(dense(kernel, threads=1), K)
    V = rng.standard_normal((3000, 3)).astype(dtype)
    KV = np.empty((3000, 3))
    kernel.matmat(V, KV)
    scale = np.abs(K.astype(float)) @ np.abs(V)
    assert np.max(np.abs(KV - K.astype(float) @ V) / scale) <= BOUND[dtype]


def test_any_number_of_threads_gives_the_same_bits(dtype, isa, rng):
    rows = made_up_terms(rng, 300, 2, dtype)
    first = dense(CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS, 2, threads=1), 1)
    other = dense(CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS, 2, threads=4), 3)
    np.testing.assert_array_equal(first, other)


def test_missing_activations_and_signals(dtype, isa, rng):
    rows = made_up_terms(rng, 40, 3, dtype)
    rows[1] = (None, rows[1][1])
    factors = [FACTORS[0], (0.0, 0.3), FACTORS[2]]
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, None, factors, 3)
    assert error(dense(kernel), rows, rows, factors, 3) <= BOUND[dtype]
    assert [way["activations"] is None for way in kernel.route["maps"]] == [False, True, False]
    assert [way["signals"] is None for way in kernel.route["maps"]] == [False, False, True]


def test_the_arrays_may_change_afterwards(dtype, rng):
    rows = made_up_terms(rng, 60, 1, dtype)
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS, 1)
    K = dense(kernel)
    packed = sum(array.nbytes for term in rows for array in term if array is not None)
    assert 0.7 * packed <= kernel.nbytes <= 1.5 * packed + 2**14
    for activations, signals in rows:
        activations[:] = np.nan
        if signals is not None:
            signals[:] = np.nan
    np.testing.assert_array_equal(dense(kernel), K)


@pytest.mark.parametrize("name", ["near-duplicates", "one-hot", "sizes", "zeros", "outliers"])
def test_hard_rows(name, dtype, isa, rng):
    rows = made_up_terms(rng, 90, 1, dtype)
    for array in [array for term in rows for array in term if array is not None]:
        n, width = array.shape
        if name == "near-duplicates":
            array[1::2] = array[::2] * (1 + 1e-6 * rng.standard_normal((n // 2, 1)))
        elif name == "one-hot":
            array[:] = 0
            array[np.arange(n), np.arange(n) % width] = 0.7
        elif name == "sizes":
            array[:] *= 10.0 ** rng.integers(-6, 7, (n, 1))
        elif name == "zeros":
            array[3:] = 0
        else:
            array[np.arange(n), np.arange(n) % width] = 1e5
    kernel = CPU.empirical_kernel(np.dtype(dtype), rows, None, FACTORS, 1)
    K = dense(kernel)
    own = np.sqrt(self_kernel(rows, FACTORS, 1))
    own[own == 0] = 1  # such a row is zero exactly
    expected = reference(rows, rows, FACTORS, 1)
    assert np.max(np.abs(K - expected) / np.outer(own, own)) <= BOUND[dtype]


def test_bad_arguments(rng):
    rows = made_up_terms(rng, 8, 2, "float32")

    def make(rows=rows, cols=None, factors=FACTORS, outputs=2):
        return _cpu.EmpiricalKernel32(rows, cols, factors, outputs)

    assert make().shape == (16, 16)
    with pytest.raises(ValueError, match="outputs must be at least 1, got 0"):
        make(outputs=0)
    with pytest.raises(ValueError, match="signals have a row per point and output"):
        make(outputs=3)
    with pytest.raises(ValueError, match="a linear map has rows and factors"):
        make(factors=FACTORS[:2])
    with pytest.raises(ValueError, match="alpha needs activations"):
        make(rows=[(None, rows[0][1]), *rows[1:]])
    with pytest.raises(ValueError, match="as many terms"):
        make(cols=rows[:2])
    with pytest.raises(ValueError, match="signals must match"):
        make(cols=[*rows[:2], (rows[2][0], rows[1][1])])
    with pytest.raises(TypeError, match="activations must be an aligned C-contiguous"):
        make(rows=[(rows[0][0].astype(float), rows[0][1]), *rows[1:]])
    with pytest.raises(ValueError, match="activations must be 2-D and not empty"):
        make(rows=[(rows[0][0][:0], rows[0][1]), *rows[1:]])


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_nan_is_told_wherever_it_is(isa, dtype, symmetric, place):
    """The largest value of a point with itself is NaN if one is."""
    good = np.ones((5, 3), dtype)
    bad = good.copy()
    bad[place] = np.nan
    kernel = _cpu.EmpiricalKernel32 if dtype == "float32" else _cpu.EmpiricalKernel64
    rows, cols = ([(bad, None)], None) if symmetric else ([(good, None)], [(bad, None)])
    assert np.isnan(kernel(rows, cols, [(1.0, 0.0)], 1).largest_diagonal)
