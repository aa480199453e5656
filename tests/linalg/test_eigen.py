# SPDX-License-Identifier: Apache-2.0
"""Eigenpairs: right on every kind of spectrum, with certificates that are true."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastntk as fn
from fastntk.linalg import (
    CenteredOperator,
    ConvergenceWarning,
    GramOperator,
    eigenpairs,
)
from fastntk.linalg import (
    pairs as pairs_module,
)

METHODS = ("dense", "krylov")
# Relative to the largest |eigenvalue|. Backward-stable methods err by a few n eps, n <= 700;
# measured below 1e-14.
ROUNDING = 4e-14
# A float32 product: entries of V rounded to 6e-8 and 256 float32 terms per tile; measured 5e-8.
SINGLE = 5e-7


def matrix(rng, values):
    """Return a symmetric matrix with given eigenvalues."""
    values = np.asarray(values, dtype=np.float64)
    Q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    K = (Q * values) @ Q.T
    return (K + K.T) / 2


SPECTRA = {
    "decaying": 1.0 / np.arange(1, 301) ** 2,
    "slow": 1.0 / np.arange(1, 301) ** 0.5,
    "low-rank": np.r_[3.0, 2.0, 1.0, 1e-3, np.zeros(296)],
    "repeated": np.r_[np.full(7, 5.0), np.full(7, 4.0), 1.0 / np.arange(1, 287)],
    "identity": np.ones(300),
    "zero": np.zeros(300),
    "clustered": np.r_[1 + 1e-13 * np.arange(10), np.full(290, 0.1)],
    "indefinite": np.linspace(-3, 1, 300),
    "negative": -1.0 / np.arange(1, 301),
    "tiny": 1e-170 / np.arange(1, 301) ** 2,
    "huge": 1e170 / np.arange(1, 301) ** 2,
    "single": np.array([2.5]),
    "two": np.array([1e-8, 1.0]),
}


def check(K, pairs, k, bound):
    """Check values, orthonormality, order, sign, and that the residuals are those of K."""
    K = K.astype(np.float64)
    exact = np.linalg.eigvalsh(K)[::-1]
    size = np.abs(exact).max() or 1.0
    assert pairs.converged
    assert pairs.values.shape == pairs.residuals.shape == (k,)
    assert pairs.vectors.shape == (len(K), k)
    assert pairs.values.dtype == pairs.vectors.dtype == pairs.residuals.dtype == np.float64
    assert (np.abs(pairs.values - exact[:k]) <= bound * size).all()
    assert (np.diff(pairs.values) <= 0).all()
    assert np.abs(pairs.vectors.T @ pairs.vectors - np.eye(k)).max() <= ROUNDING
    largest = np.abs(pairs.vectors).argmax(axis=0)
    assert (pairs.vectors[largest, np.arange(k)] > 0).all()
    residuals = np.linalg.norm(
        K / size @ pairs.vectors - pairs.vectors * pairs.values / size, axis=0
    )
    assert np.abs(residuals - pairs.residuals / size).max() <= bound


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SPECTRA)
def test_every_spectrum_to_twelve_digits(name, method, rng):
    K = matrix(rng, SPECTRA[name])
    k = min(20, len(K))
    pairs = eigenpairs(K, k, method=method, tol=1e-12)
    check(K, pairs, k, ROUNDING)
    assert pairs.residuals.max() <= 1e-12 * np.abs(np.linalg.eigvalsh(K)).max()
    assert pairs.method == method


@pytest.mark.parametrize("block", [1, 3, 20, 64, 299, 300, 1000])
@pytest.mark.parametrize("name", ["decaying", "low-rank", "zero", "clustered", "two"])
def test_every_block(name, block, rng):
    # One column finds an eigenvalue once per product: equal ones only through a fresh direction.
    values = SPECTRA[name]
    if name == "clustered":
        block = max(block, 10)
    K = matrix(rng, values)
    k = min(10, len(K))
    pairs = eigenpairs(K, k, method="krylov", tol=1e-12, block=block, max_passes=400)
    check(K, pairs, k, ROUNDING)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "name", ["decaying", "low-rank", "identity", "zero", "indefinite", "single"]
)
def test_all_pairs(name, method, rng):
    K = matrix(rng, SPECTRA[name])
    pairs = eigenpairs(K, len(K), method=method, tol=1e-11, block=64)
    check(K, pairs, len(K), ROUNDING)


def test_a_space_that_is_exhausted_is_left(rng):
    # Four distinct eigenvalues: after four products the Krylov space is invariant with 64 of the
    # 100 pairs asked for; the rest can only come from new directions.
    K = matrix(rng, np.r_[np.full(16, 3.0), np.full(16, 2.0), np.full(16, 1.0), np.full(252, 0.1)])
    check(K, eigenpairs(K, 100, method="krylov", tol=1e-12, block=16), 100, ROUNDING)


@pytest.mark.parametrize("method", METHODS)
def test_values_against_mpmath(method):
    n = 8
    hilbert = mpmath.matrix(n)
    for i in range(n):
        for j in range(n):
            hilbert[i, j] = mpmath.mpf(float(1 / np.float64(i + j + 1)))
    with mpmath.workdps(50):
        exact = sorted((float(v) for v in mpmath.eigsy(hilbert, eigvals_only=True)), reverse=True)
    K = np.array(hilbert.tolist(), dtype=np.float64)
    values = eigenpairs(K, n, method=method, tol=1e-14).values
    # n eps of the largest: what a backward-stable method promises, down to 1e-10 in the last.
    assert np.abs(values - exact).max() <= n * 2.3e-16 * exact[0]


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
@pytest.mark.parametrize("centred", [False, True])
def test_kernels_of_networks(storage, centred, rng, dtype):
    X = rng.random((700, 6))
    op = GramOperator(fn.FullyConnected(hidden_layers=2), X, storage=storage, dtype=dtype)
    operator = CenteredOperator(op) if centred else op
    tol = {"float32": 1e-6, "float64": 1e-12}[dtype]
    pairs = eigenpairs(operator, 12, method="krylov", tol=tol)
    K = operator.to_dense(np.empty(op.shape))
    # Centred, the rounding is that of K, whose largest eigenvalue is 20 times that of H K H.
    bound = {"float32": SINGLE, "float64": ROUNDING}[dtype] * (20 if centred else 1)
    check(K, pairs, 12, bound)
    assert (pairs.residuals <= tol * pairs.values[0]).all()
    check(K, eigenpairs(operator, 12, method="dense"), 12, ROUNDING * (20 if centred else 1))


class Spy(GramOperator):
    """Records the type of the vectors of each product."""

    def matmat(self, V, progress=None):
        self.seen = [*getattr(self, "seen", []), np.asarray(V).dtype]
        return super().matmat(V, progress)


@pytest.mark.parametrize(
    ("tol", "matrix_dtype", "vectors"),
    [
        (1e-6, "float32", "float32"),
        (5e-7, "float32", "float32"),
        (4e-7, "float32", "float64"),
        (1e-6, "float64", "float64"),
    ],
)
def test_float32_products_only_where_they_can_certify(tol, matrix_dtype, vectors, rng):
    op = Spy.from_matrix(matrix(rng, SPECTRA["decaying"]).astype(matrix_dtype))
    pairs = eigenpairs(op, 5, method="krylov", tol=tol)
    assert {dtype.name for dtype in op.seen} == {vectors}
    assert len(op.seen) == pairs.passes
    check(op.to_dense(), pairs, 5, tol)


def test_float32_matrices_to_twelve_digits(rng):
    K = matrix(rng, SPECTRA["decaying"]).astype(np.float32)
    check(K, eigenpairs(K, 20, method="krylov", tol=1e-12), 20, ROUNDING)


@pytest.mark.parametrize("columns", [26, 40, 60])
def test_restarts_within_a_small_basis(columns, rng):
    values = SPECTRA["decaying"]
    K = matrix(rng, values)
    n, k, block = len(K), 20, 3
    memory = 16 * n * columns + 48 * n * block + 8 * n * k
    pairs = eigenpairs(
        K, k, method="krylov", tol=1e-12, block=block, memory=memory, max_passes=1000
    )
    check(K, pairs, k, ROUNDING)
    assert pairs.passes * block > columns


@pytest.mark.parametrize("columns", [178, 300, None])
def test_memory_budget_is_kept(columns, rng):
    n, k, block = 4000, 50, 64
    K = np.diag(1.0 / np.arange(1, n + 1))
    op = GramOperator.from_matrix(K)
    memory = 48 * n * block + 8 * n * k + 16 * n * (columns or k + 10 * block)
    tracemalloc.start()
    try:
        pairs = eigenpairs(op, k, method="krylov", memory=memory)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pairs.converged
    # H and the small eigenproblem are not counted: 5 arrays of m^2 doubles, m <= 690.
    assert peak <= memory + 20e6


@pytest.mark.parametrize("method", METHODS)
def test_too_little_memory_is_said_before_allocating(method):
    op = GramOperator.from_matrix(np.eye(2000, dtype=np.float32))
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError, match=r"needs .* bytes\), the memory budget is 1\.00 MB"):
            eigenpairs(op, 50, method=method, memory="1 MB")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1e5


def test_the_operators_own_bytes_leave_the_rest():
    op = GramOperator.from_matrix(np.eye(2000), memory="33 MB")
    with pytest.raises(MemoryError, match=r"a Krylov basis of 178 columns for 2000 rows needs"):
        eigenpairs(op, 50, method="krylov")


def test_an_early_end_is_said(rng):
    K = matrix(rng, SPECTRA["slow"])
    with pytest.warns(
        ConvergenceWarning, match=r"stopped after 2 passes with a residual of .* tol=1e-10;"
    ):
        pairs = eigenpairs(K, 5, method="krylov", tol=1e-10, max_passes=2)
    assert not pairs.converged
    assert pairs.passes == 2
    residuals = np.linalg.norm(K @ pairs.vectors - pairs.vectors * pairs.values, axis=0)
    np.testing.assert_allclose(pairs.residuals, residuals, rtol=1e-10)
    assert issubclass(ConvergenceWarning, UserWarning)


def test_seeds_decide(rng):
    K = matrix(rng, SPECTRA["slow"])
    first, again, other = (eigenpairs(K, 5, method="krylov", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert (first.vectors != other.vectors).any()
    np.testing.assert_allclose(first.values, other.values, rtol=1e-9)


def test_progress_names_the_passes(rng):
    calls = []
    K = matrix(rng, SPECTRA["slow"])
    pairs = eigenpairs(K, 5, method="krylov", progress=lambda *call: calls.append(call))
    assert all(0 <= done <= total for _, done, total in calls)
    stages = {f"eigenpairs, pass {i + 1}" for i in range(pairs.passes)}
    assert {stage for stage, _, _ in calls} <= stages


def test_namespace_of_numpy_and_of_an_operator():
    class Elsewhere:
        xp = "a library"

    assert pairs_module.array_namespace(np.ones(2)) is np
    assert pairs_module.array_namespace(Elsewhere()) == "a library"


@given(
    values=st.lists(
        st.floats(0, 1, allow_subnormal=False).map(lambda v: round(v, 6)), min_size=1, max_size=40
    ),
    k=st.integers(1, 40),
    block=st.integers(1, 50),
    seed=st.integers(0, 10),
)
def test_any_semidefinite_spectrum(values, k, block, seed):
    # An eigenvalue more often than the block is wide is found through new directions at best.
    block = max(block, k)
    K = matrix(np.random.default_rng(seed), values)
    k = min(k, len(K))
    check(K, eigenpairs(K, k, method="krylov", tol=1e-12, block=block, seed=seed), k, ROUNDING)
