# SPDX-License-Identifier: Apache-2.0
"""Solutions: right on every kind of matrix, with residuals that are true."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastntk as fn
from fastntk.linalg import CenteredOperator, ConvergenceWarning, GramOperator, solve
from fastntk.linalg.cholesky import CholeskyFactor

METHODS = ("cholesky", "cg")
# A residual and its recomputation differ by the rounding of a product with A: N eps ||K|| ||A||,
# N <= 600; measured below a hundredth of it.
ROUNDING = 600 * 2.3e-16


def matrix(rng, values):
    """Return a symmetric matrix with given eigenvalues."""
    values = np.asarray(values, dtype=np.float64)
    Q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    K = (Q * values) @ Q.T
    return (K + K.T) / 2


SPECTRA = {
    "decaying": 1.0 / np.arange(1, 301) ** 2,
    "slow": 1.0 / np.arange(1, 301) ** 0.5,
    "steep": np.r_[np.geomspace(1e6, 1, 50), np.ones(250)],
    "spread": np.geomspace(1e-4, 1, 300),
    "identity": np.ones(300),
    "tiny": 1e-170 / np.arange(1, 301),
    "huge": 1e170 / np.arange(1, 301),
    "single": np.array([2.5]),
    "two": np.array([1e-4, 1.0]),
    "blocks": 1.0 / np.arange(1, 602),
}


def check(K, B, ridge, solution, tol):
    """Check shape and type, and that residuals are those of K and within the tolerance."""
    size = float(np.abs(K).max())  # divided by, so that nothing overflows
    shifted = K.astype(np.float64) / size + float(ridge) / size * np.eye(len(K))
    A = solution.value
    assert A.shape == B.shape
    assert A.dtype == solution.residuals.dtype == np.float64
    assert solution.converged
    columns, right = A.reshape(len(K), -1) * size, B.reshape(len(K), -1)
    assert solution.residuals.shape == right.shape[1:]
    norms = np.linalg.norm(right, axis=0)
    true = np.linalg.norm((right - shifted @ columns) / norms, axis=0)
    noise = ROUNDING * np.linalg.norm(shifted, 2) * np.linalg.norm(columns / norms, axis=0)
    assert (np.abs(true - solution.residuals) <= noise).all()
    assert (solution.residuals <= tol).all()


@pytest.mark.parametrize("columns", [None, 1, 10])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SPECTRA)
def test_every_spectrum(name, method, ridge, columns, rng):
    K = matrix(rng, SPECTRA[name])
    ridge *= np.abs(K).max()
    B = rng.standard_normal(len(K) if columns is None else (len(K), columns))
    solution = solve(K, B, ridge, method=method, tol=1e-8, max_passes=2000)
    check(K, B, ridge, solution, 1e-8)
    size = np.abs(K).max()
    shifted = K / size + ridge / size * np.eye(len(K))
    error = np.linalg.norm(solution.value * size - np.linalg.solve(shifted, B), axis=0)
    values = np.linalg.eigvalsh(shifted)
    # What the residual allows, and the rounding of the exact solution.
    bound = 1e-8 / values[0] + ROUNDING * values[-1] / values[0] ** 2
    assert (error <= bound * np.linalg.norm(B, axis=0)).all()
    assert solution.method == method


@pytest.mark.parametrize("smallest", [1e-8, 1e-12])
def test_cholesky_of_ill_conditioned_matrices(smallest, rng):
    # 600 rows are three blocks.
    K = matrix(rng, np.geomspace(smallest, 1, 600))
    B = rng.standard_normal((600, 3))
    solution = solve(K, B, method="cholesky", tol=1e-2)
    check(K, B, 0, solution, ROUNDING / smallest)


def test_inverted_blocks_are_corrected(rng):
    # A smooth kernel: each diagonal block has a condition of 1e14. Without the corrections the
    # second block looks indefinite, or the backward error is 3e-14 and more; with them, 3e-17.
    x = np.linspace(0, 1, 600)
    K = np.exp(-4.5 * (x[:, None] - x) ** 2) + 1e-12 * np.eye(600)
    B = rng.standard_normal((600, 3))
    A = CholeskyFactor(GramOperator.from_matrix(K), 0.0, None).solve(B)
    errors = np.linalg.norm(B - K @ A, axis=0) / np.linalg.norm(A, axis=0)
    assert errors.max() <= 1e-15 * np.linalg.norm(K, 2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-11])
def test_float32_matrices_to_any_tolerance(method, tol, rng):
    K = matrix(rng, SPECTRA["decaying"]).astype(np.float32)
    B = rng.standard_normal((300, 10))
    check(K, B, 1e-4, solve(K, B, 1e-4, method=method, tol=tol), tol)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("storage", ["dense", "packed", "lazy", "file"])
@pytest.mark.parametrize("centred", [False, True])
def test_kernels_of_networks(storage, centred, method, rng, dtype, tmp_path):
    X = rng.random((500, 6))
    storage = tmp_path / "K.gram" if storage == "file" else storage
    op = GramOperator(fn.FullyConnected(hidden_layers=2), X, storage=storage, dtype=dtype)
    operator = CenteredOperator(op) if centred else op
    ridge = 1e-3 * op.diagonal().mean() if centred else 0.0
    B = np.eye(10)[rng.integers(0, 10, 500)]
    K = operator.to_dense(np.empty(op.shape))
    check(K, B, ridge, operator.solve(B, ridge, method=method), 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_file_without_its_data(method, rng, tmp_path):
    path, net = tmp_path / "K.gram", fn.FullyConnected(hidden_layers=2)
    K = GramOperator(net, rng.random((300, 6)), storage=path, dtype="float64").to_dense()
    B = rng.standard_normal(300)
    check(K, B, 0, GramOperator.from_file(path).solve(B, method=method), 1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_near_duplicates(method, dtype, rng):
    # Pixels that differ by 1 in one place: K has eigenvalues 1e-5 of its diagonal.
    X = rng.integers(0, 255, (250, 20)).astype(dtype)
    near = X.copy()
    near[:, 0] += 1
    op = GramOperator(fn.FullyConnected(hidden_layers=2), np.r_[X, near], dtype="float64")
    B = rng.standard_normal((500, 3))
    solution = op.solve(B, method=method, max_passes=3000)
    check(op.to_dense(), B, 0, solution, 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_equal_rows_with_a_ridge(method, rng):
    X = rng.random((200, 5))
    op = GramOperator(fn.FullyConnected(hidden_layers=2), np.r_[X, X], dtype="float64")
    B = rng.standard_normal((400, 3))
    check(op.to_dense(), B, 1e-3, op.solve(B, 1e-3, method=method), 1e-6)


@pytest.mark.parametrize("columns", [1, 4, 10, 20])
@pytest.mark.parametrize("rank", [0, None])
def test_gradients_solve_singular_systems_that_have_a_solution(rank, columns, rng):
    K = matrix(rng, np.r_[np.linspace(1, 2, 50), np.zeros(250)])
    B = K @ rng.standard_normal((300, columns))
    check(K, B, 0, solve(K, B, method="cg", rank=rank), 1e-6)


@pytest.mark.parametrize("columns", [1, 10])
def test_equal_rows_of_equal_classes(columns, rng):
    X = rng.random((300, 20))
    X[50:60] = X[:10]
    op = GramOperator(fn.FullyConnected(hidden_layers=3), X, dtype="float64")
    B = rng.standard_normal((300, columns))
    B[50:60] = B[:10]
    check(op.to_dense(), B, 0, op.solve(B, method="cg"), 1e-6)


@pytest.mark.parametrize("rank", [0, 1, 150, 300])
@pytest.mark.parametrize("name", ["decaying", "steep", "identity"])
def test_every_rank(name, rank, rng):
    K = matrix(rng, SPECTRA[name])
    B = rng.standard_normal((300, 2))
    # A condition of 1e6, and one column of K: scaling by what it leaves of the diagonal spreads the
    # eigenvalues that are all 1.
    solution = solve(K, B, 1e-4, method="cg", rank=rank, max_passes=2000)
    check(K, B, 1e-4, solution, 1e-6)


def test_the_preconditioner_saves_passes(rng):
    # 40 large eigenvalues: a sample of 80 columns resolves them, without it each costs a pass.
    X = rng.random((500, 3))
    op = GramOperator(fn.FullyConnected(hidden_layers=2), X, dtype="float64")
    B = rng.standard_normal(500)
    ridge = 1e-4 * op.diagonal().mean()
    plain = op.solve(B, ridge, method="cg", rank=0)
    helped = op.solve(B, ridge, method="cg", rank=80)
    assert helped.passes < plain.passes / 2
    check(op.to_dense(), B, ridge, helped, 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_dependent_zero_and_unequal_right_hand_sides(method, rng):
    K = matrix(rng, SPECTRA["slow"])
    b = rng.standard_normal(300)
    B = np.stack([b, b, -1e200 * b, 1e-200 * b, np.zeros(300), b + 1e-9, K[:, 0]], axis=1)
    solution = solve(K, B, method=method)
    assert (solution.value[:, 4] == 0).all()
    assert solution.residuals[4] == 0
    others = [0, 1, 2, 3, 5, 6]
    assert (solution.residuals <= 1e-6).all()
    exact = np.linalg.solve(K, B)
    size = np.abs(exact[:, others]).max(axis=0)
    # Conditions of sqrt(300) <= 20, residuals of 1e-6.
    assert np.abs((solution.value - exact)[:, others] / size).max() <= 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_more_right_hand_sides_than_rows(method, rng):
    K = matrix(rng, SPECTRA["slow"][:40])
    B = rng.standard_normal((40, 100))
    check(K, B, 0, solve(K, B, method=method), 1e-6)


class Spy(GramOperator):
    """Records the type of the vectors of each product."""

    def matmat(self, V, progress=None):
        self.seen = [*getattr(self, "seen", []), np.asarray(V).dtype.name]
        return super().matmat(V, progress)

    def columns(self, indices):
        seen, columns = list(getattr(self, "seen", [])), super().columns(indices)
        self.seen = seen
        return columns


@pytest.mark.parametrize(
    ("matrix_dtype", "kinds"), [("float32", {"float32", "float64"}), ("float64", {"float64"})]
)
def test_float32_products_between_float64_residuals(matrix_dtype, kinds, rng):
    op = Spy.from_matrix(matrix(rng, SPECTRA["decaying"]).astype(matrix_dtype))
    B = rng.standard_normal((300, 5))
    solution = op.solve(B, 1e-3, method="cg")
    assert len(op.seen) == solution.passes
    assert set(op.seen) == kinds
    assert op.seen[-1] == "float64"
    check(op.to_dense(), B, 1e-3, solution, 1e-6)


def stopped(K, B, ridge=0.0, **options):
    """Return a solution that did not converge, and what was said."""
    with pytest.warns(ConvergenceWarning) as caught:
        solution = solve(K, B, ridge, method="cg", **options)
    assert not solution.converged
    shifted = K.astype(np.float64) + ridge * np.eye(len(K))
    true = np.linalg.norm(B - shifted @ solution.value, axis=0) / np.linalg.norm(B, axis=0)
    # Products of matrices of norm 1 with solutions of norm up to 1e7, float64.
    np.testing.assert_allclose(solution.residuals, true, rtol=1e-6, atol=1e-8)
    assert true.max() > options.get("tol", 1e-6)
    return solution, str(caught[0].message)


@pytest.mark.parametrize("passes", [2, 3, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_early_end_is_said(passes, dtype, rng):
    K = matrix(rng, SPECTRA["spread"]).astype(dtype)
    solution, message = stopped(K, rng.standard_normal((300, 2)), 1e-5, max_passes=passes)
    assert solution.passes <= passes
    assert f"stopped after {solution.passes} passes with a residual of" in message
    assert "tol=1e-06; raise max_passes" in message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_indefinite_matrices_are_noticed(dtype, rng):
    K = matrix(rng, np.r_[np.linspace(1, 2, 200), np.linspace(-2, -1, 100)]).astype(dtype)
    _, message = stopped(K, rng.standard_normal((300, 2)))
    assert "K + ridge I is not positive definite to rounding: raise ridge" in message


def test_systems_without_a_solution_end(rng):
    K = matrix(rng, np.r_[np.linspace(1, 2, 50), np.zeros(250)])
    solution, _ = stopped(K, rng.standard_normal((300, 2)), rank=0)
    assert solution.passes < 500


def test_tolerances_below_rounding_end(rng):
    K = matrix(rng, SPECTRA["spread"])
    solution, message = stopped(K, rng.standard_normal((300, 2)), tol=1e-15, max_passes=2000)
    assert solution.passes < 2000
    assert "raise tol or ridge" in message


def test_seeds_decide_the_sample(rng):
    K = matrix(rng, SPECTRA["slow"])
    B = rng.standard_normal((300, 2))
    first, again, other = (solve(K, B, method="cg", rank=20, seed=seed).value for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@given(
    logarithms=st.lists(st.floats(-5, 0), min_size=1, max_size=40),
    columns=st.integers(1, 6),
    seed=st.integers(0, 10),
    method=st.sampled_from(METHODS),
)
def test_any_definite_spectrum(logarithms, columns, seed, method):
    rng = np.random.default_rng(seed)
    K = matrix(rng, 10.0 ** np.array(logarithms))
    B = rng.standard_normal((len(K), columns))
    check(K, B, 0, solve(K, B, method=method, max_passes=1000), 1e-6)
