# SPDX-License-Identifier: Apache-2.0
"""What `solve` refuses, chooses and reports; singular matrices, memory, progress and Ctrl-C."""

import os
import select
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator, Solution, select_solver, solve
from fastntk.linalg.cholesky import cholesky_bytes
from fastntk.linalg.conjugate_gradients import gradients_bytes
from fastntk.linalg.preconditioner import preconditioner_bytes

METHODS = ("cholesky", "cg")


def covariance(rng, n):
    """Return a well-conditioned matrix."""
    A = rng.standard_normal((n, 2 * n))
    return A @ A.T / (2 * n)


@pytest.mark.parametrize("rows", [20, 300, 600])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_equal_rows_are_named(rows, dtype, rng):
    X = rng.integers(0, 255, (rows, 30)).astype(dtype)
    X[rows - 5] = X[7]
    op = GramOperator(fn.FullyConnected(hidden_layers=2), X)
    message = rf"^K is singular to rounding: row {rows - 5} .* most of all 1 times row 7; remove it"
    with pytest.raises(np.linalg.LinAlgError, match=message) as caught:
        op.solve(np.ones(rows), method="cholesky")
    assert isinstance(caught.value, ValueError)
    ridge = float(str(caught.value).split("a ridge above ")[1])
    assert op.solve(np.ones(rows), ridge, method="cholesky", tol=1e-2).converged


@pytest.mark.parametrize(
    ("K", "message"),
    [
        (np.zeros((3, 3)), r"K is singular to rounding: entry \[0, 0\] is 0; "),
        (-np.eye(3), r"K is not positive definite: entry \[0, 0\] is -1; "),
        (np.array([[1.0, 2], [2, 1]]), "K is not positive definite: row 1 .* 2 times row 0; "),
        (np.ones((300, 300)), "singular to rounding: row 1 is .* most of all 1 times row 0; "),
    ],
)
def test_matrices_that_have_no_factor(K, message):
    with pytest.raises(np.linalg.LinAlgError, match=message):
        solve(K, np.ones(len(K)), method="cholesky")


def test_the_ridge_is_part_of_the_message():
    with pytest.raises(np.linalg.LinAlgError, match=r"^K \+ 0\.5 I is not positive definite: "):
        solve(-np.eye(3), np.ones(3), 0.5)


class Shape:
    dtype = np.dtype(np.float32)

    def __init__(self, n):
        self.shape = (n, n)


@pytest.mark.parametrize(
    ("n", "columns", "method"),
    [
        (1, 1, "cholesky"),
        (4000, 1, "cholesky"),
        (4001, 1, "cg"),
        (60_000, 10, "cg"),
        (6000, 20, "cholesky"),
        (6001, 20, "cg"),
    ],
)
def test_method_of_auto(n, columns, method):
    assert select_solver(Shape(n), columns) == method


def test_auto_is_what_fits(rng):
    op = Shape(1000)
    needed = cholesky_bytes(op, 3)
    assert select_solver(op, 3, needed) == "cholesky"
    assert select_solver(op, 3, needed - 1) == "cg"
    K = covariance(rng, 500)
    assert solve(K, np.ones(500)).method == "cholesky"
    solution = solve(K, np.ones(500), memory="1 MB")
    assert (solution.method, solution.converged) == ("cg", True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 100])
def test_memory_budget_is_kept(columns, dtype, rng):
    n = 1000
    op = GramOperator.from_matrix(covariance(rng, n).astype(dtype))
    B = rng.standard_normal((n, columns))
    # The result and B made columns of norm 1 are the caller's, or made before the method is chosen.
    beside = 3 * B.nbytes + 10**5
    rank = 100
    for method, budget in (
        ("cholesky", cholesky_bytes(op, columns)),
        ("cg", gradients_bytes(n, columns) + preconditioner_bytes(op, rank)),
    ):
        options = {"rank": rank} if method == "cg" else {}
        tracemalloc.start()
        try:
            solution = solve(op, B, method=method, memory=budget, **options)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert solution.converged
        assert peak <= budget + beside
        with pytest.raises(MemoryError, match=r"needs .* bytes\), the memory budget is"):
            solve(op, B, method=method, memory=budget - 1, **options)


def test_a_preconditioner_is_as_large_as_fits(rng):
    n = 2000
    K, B = GramOperator.from_matrix(covariance(rng, n)), np.ones(n)
    least = gradients_bytes(n, 1)
    assert solve(K, B, method="cg", memory=least).converged
    assert solve(K, B, method="cg", memory=least + preconditioner_bytes(K, 40)).converged
    with pytest.raises(MemoryError, match="conjugate gradients with 1 columns of 2000 rows needs"):
        solve(K, B, method="cg", memory=least - 1)
    with pytest.raises(MemoryError, match="a preconditioner of rank 500 for 2000 rows needs"):
        solve(K, B, method="cg", memory=least, rank=500)


def test_refusals_say_what_the_operator_holds():
    op = GramOperator.from_matrix(np.eye(500), memory="1 MB")  # K has 2 MB
    with pytest.raises(MemoryError, match=r"the Cholesky factor .* the operator holds 2\.00 MB$"):
        op.solve(np.ones(500), method="cholesky")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"B": np.ones(3)}, ValueError, r"B must have shape \(4,\) or \(4, columns\), got .*\(3,"),
        ({"B": np.ones((4, 0))}, ValueError, r"B must have shape .* got shape \(4, 0\)"),
        ({"B": np.ones((4, 1, 1))}, ValueError, r"B must have shape .* got shape \(4, 1, 1\)"),
        ({"B": 1.0}, ValueError, r"B must have shape .* got shape \(\)"),
        ({"B": [1, 2, 3, np.nan]}, ValueError, "B must be finite, got NaN or infinity"),
        ({"B": [1, 2, 3, np.inf]}, ValueError, "B must be finite, got NaN or infinity"),
        ({"B": np.ones(4, complex)}, TypeError, "B must hold real numbers, got dtype complex128"),
        ({"B": ["a"] * 4}, TypeError, "B must hold real numbers"),
        ({"ridge": -1}, ValueError, "ridge must be non-negative and finite, got -1"),
        ({"ridge": float("inf")}, ValueError, "ridge must be non-negative and finite, got inf"),
        ({"ridge": "1"}, TypeError, "ridge must be a number, got '1'"),
        ({"method": "lu"}, ValueError, "method must be one of 'auto', 'cholesky', 'cg', got 'lu'"),
        ({"tol": 0}, ValueError, r"tol must be in \(0, 1\), got 0"),
        ({"rank": -1}, ValueError, "rank must be at least 0, got -1"),
        ({"rank": 5}, ValueError, r"rank must be in \[0, 4\] for a 4 x 4 matrix, got 5"),
        ({"rank": 1.0}, TypeError, "rank must be an integer, got 1.0"),
        ({"max_passes": 1}, ValueError, "max_passes must be at least 2, got 1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"progress": 3}, TypeError, "progress must be callable, got 3"),
        ({"memory": "much"}, ValueError, "memory must be a number of bytes or text"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        solve(np.eye(4), **{"B": np.ones(4), **options})


def test_bad_matrices_are_refused():
    with pytest.raises(ValueError, match="K must be a non-empty square matrix"):
        solve(np.ones((3, 4)), np.ones(3))


@pytest.mark.parametrize("method", METHODS)
def test_solutions_that_overflow_are_refused(method):
    with pytest.raises(FloatingPointError, match="a solution of the operator is not finite"):
        solve(1e-200 * np.eye(3), np.full(3, 1e200), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_solutions_that_underflow_are_refused(method):
    with pytest.raises(FloatingPointError, match="too small for float64: scale B or K"):
        solve(1e200 * np.eye(3), np.full(3, 1e-200), method=method)


def test_sums_that_overflow_are_refused():
    with pytest.raises(FloatingPointError, match="not finite in float64"):
        solve(1e308 * np.eye(3), np.ones(3), 1.7e308, method="cg")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, bool])
def test_right_hand_sides_of_other_types(method, kind, rng):
    B = rng.integers(0, 2, (30, 2)).astype(kind)
    solution = solve(2 * np.eye(30), B, method=method)
    assert solution.value.dtype == np.float64
    np.testing.assert_allclose(solution.value, B / 2, atol=1e-6)


def test_right_hand_sides_are_left_alone(rng):
    B = rng.standard_normal((50, 3))
    kept = B.copy()
    for method in METHODS:
        solve(covariance(rng, 50), B, method=method)
    np.testing.assert_array_equal(B, kept)


def test_progress_names_the_stages(rng):
    K, B = covariance(rng, 600), np.ones(600)
    calls = []
    solve(K, B, method="cholesky", progress=lambda *call: calls.append(call))
    assert [call for call in calls if call[0] == "Cholesky"] == [
        ("Cholesky", 256, 600),
        ("Cholesky", 512, 600),
        ("Cholesky", 600, 600),
    ]
    calls.clear()
    solve(K, B, method="cg", rank=300, progress=lambda *call: calls.append(call))
    assert [call for call in calls if call[0] == "preconditioner"] == [
        ("preconditioner", 256, 600),
        ("preconditioner", 300, 600),
        ("preconditioner", 600, 600),
    ]
    assert list(dict.fromkeys(stage for stage, _, _ in calls)) == ["preconditioner", "solve"]
    done, totals = zip(*(call[1:] for call in calls if call[0] == "solve"), strict=True)
    assert set(totals) == {6000}  # thousandths of digits
    assert sorted(done) == list(done)
    assert done[-1] == 6000


@pytest.mark.parametrize("method", METHODS)
def test_what_progress_raises_ends_the_call(method, rng):
    def stop(*_):
        raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        solve(covariance(rng, 300), np.ones(300), method=method, progress=stop)


LONG = """
import sys
import numpy as np
from fastntk import solve

A = np.eye(4000) * np.geomspace(1e-9, 1, 4000)
A += 1e-12
print("ready", flush=True)
try:
    while True:
        solve(A, np.eye(4000)[:, :20], method=sys.argv[1], tol=1e-2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT of a POSIX system")
@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_interrupted_soon(method):
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LONG, method],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            process.send_signal(signal.SIGINT)
            # A step of the factorisation, or a pass, takes a tenth of a second at most.
            answered, _, _ = select.select([process.stdout], [], [], 10)
            assert answered
            assert process.stdout.readline() == "interrupted\n"
        finally:
            process.kill()


def test_solutions_are_compared_by_identity():
    first, second = (solve(np.eye(3), np.ones(3)) for _ in range(2))
    assert first != second
    assert isinstance(first, Solution)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("source", ["data", "matrix"])
def test_columns_are_those_of_the_matrix(source, centred, dtype, rng):
    op = GramOperator(fn.FullyConnected(hidden_layers=2), rng.random((70, 4)), dtype=dtype)
    if source == "matrix":
        op = GramOperator.from_matrix(op.to_dense())
    operator = fn.CenteredOperator(op) if centred else op
    indices = np.array([69, 0, 3, 3])
    K = operator.to_dense(np.empty(op.shape))
    # Entries computed again, each within the gate of its type; centred, of the size of K's.
    gate = {"float32": 2e-6, "float64": 4e-12}[dtype] * np.abs(op.to_dense()).max()
    np.testing.assert_allclose(operator.columns(indices), K[:, indices], rtol=0, atol=gate)
