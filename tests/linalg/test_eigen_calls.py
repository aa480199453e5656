# SPDX-License-Identifier: Apache-2.0
"""What `eigenpairs` refuses, chooses and reports; the dense method and Ctrl-C."""

import os
import select
import signal
import subprocess
import sys

import numpy as np
import pytest

from fastntk.linalg import GramOperator, eigenpairs, select_method
from fastntk.linalg.dense import in_background

METHODS = ("dense", "krylov")


def test_progress_names_the_dense_stage():
    calls = []
    eigenpairs(np.eye(30), 2, method="dense", progress=lambda *call: calls.append(call))
    assert calls[0] == ("eigenpairs, dense", 0, 1)
    assert ("eigenpairs, dense", 1, 1) in calls


def test_what_progress_raises_ends_the_dense_method():
    def stop(*_):
        raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        eigenpairs(np.eye(30), 2, method="dense", progress=stop)


def test_errors_of_the_background_reach_the_caller():
    with pytest.raises(ZeroDivisionError):
        in_background(lambda x: 1 / x, 0, lambda: None)


LONG = """
import sys
import numpy as np
from fastntk import eigenpairs

ready = iter(["ready"])


def progress(*_):
    for word in ready:
        print(word, flush=True)


A = np.random.default_rng(0).standard_normal((5000, 5000))
A += A.T.copy()
try:
    eigenpairs(A, 5, method="dense", progress=progress)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT of a POSIX system")
def test_the_dense_method_is_interrupted_at_once():
    # LAPACK on one core takes 15 s and more.
    with subprocess.Popen(
        [sys.executable, "-c", LONG],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            process.send_signal(signal.SIGINT)
            answered, _, _ = select.select([process.stdout], [], [], 5)
            assert answered
            assert process.stdout.readline() == "interrupted\n"
        finally:
            process.kill()


class Shape:
    def __init__(self, n):
        self.shape = (n, n)


@pytest.mark.parametrize(
    ("n", "k", "method"),
    [
        (1, 1, "dense"),
        (1500, 3, "dense"),
        (1501, 3, "krylov"),
        (60_000, 50, "krylov"),
        (2000, 200, "krylov"),
        (2000, 201, "dense"),
        (2000, 2000, "dense"),
        (4000, 401, "dense"),
        (4001, 401, "krylov"),
        (9000, 3000, "krylov"),
        (9000, 3001, "dense"),
    ],
)
def test_method_of_auto(n, k, method):
    assert select_method(Shape(n), k) == method


def test_auto_is_what_fits():
    assert select_method(Shape(1000), 3, 40 * 1000**2) == "dense"
    assert select_method(Shape(1000), 3, 40 * 1000**2 - 1) == "krylov"
    pairs = eigenpairs(np.diag(1.0 / np.arange(1, 1001)), 3, memory="10 MB")
    assert pairs.method == "krylov"
    assert pairs.converged


def test_a_ready_matrix_is_not_counted_by_default(monkeypatch):
    # Of what is available beside K, half is the budget: K itself takes nothing from it.
    monkeypatch.setattr("fastntk._memory.available_bytes", lambda: 80 * 10**6)
    op = GramOperator.from_matrix(np.eye(2000))
    assert (op.nbytes, op.room.left) == (32 * 10**6, 40 * 10**6)
    assert GramOperator.from_matrix(np.eye(2000), memory="40 MB").room.left == 8 * 10**6


def test_refusals_say_what_the_operator_holds():
    op = GramOperator.from_matrix(np.eye(500), memory="1 MB")  # K has 2 MB
    message = r"needs 10\.0 MB .*, of the memory budget of 1\.00 MB .* the operator holds 2\.00 MB$"
    with pytest.raises(MemoryError, match=message):
        eigenpairs(op, 5, method="dense")
    with pytest.raises(MemoryError, match=r"the operator holds 2\.00 MB$"):
        op.to_dense()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, r"k must be in \[1, 4\] for a 4 x 4 matrix, got 0"),
        ({"k": 5}, ValueError, r"k must be in \[1, 4\] for a 4 x 4 matrix, got 5"),
        ({"k": 1.0}, TypeError, "k must be an integer, got 1.0"),
        ({"k": True}, TypeError, "k must be an integer, got True"),
        ({"method": "qr"}, ValueError, "method must be one of 'auto', 'dense', 'krylov', got 'qr'"),
        ({"tol": 0}, ValueError, r"tol must be in \(0, 1\), got 0"),
        ({"tol": float("nan")}, ValueError, r"tol must be in \(0, 1\), got nan"),
        ({"block": 0}, ValueError, "block must be at least 1, got 0"),
        ({"tol": "1"}, TypeError, "tol must be a number, got '1'"),
        ({"block": 2.0}, TypeError, "block must be an integer, got 2.0"),
        ({"max_passes": 0}, ValueError, "max_passes must be at least 1, got 0"),
        ({"max_passes": "9"}, TypeError, "max_passes must be an integer, got '9'"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": "x"}, TypeError, "seed must be an integer, got 'x'"),
        ({"progress": 3}, TypeError, "progress must be callable, got 3"),
        ({"method": ["dense"]}, ValueError, "method must be one of"),
        (
            {"k": 4, "method": "krylov", "block": 1, "max_passes": 3},
            ValueError,
            "max_passes=3 products of block=1 columns cannot give k=4 pairs",
        ),
        ({"memory": "much"}, ValueError, "memory must be a number of bytes or text"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        eigenpairs(np.eye(4), **{"k": 2, **options})


def test_bad_matrices_are_refused():
    with pytest.raises(ValueError, match="K must be a non-empty square matrix"):
        eigenpairs(np.ones((3, 4)), 1)


def test_products_that_are_not_finite_are_refused():
    K = np.full((2000, 2000), 1e308)
    with pytest.raises(
        FloatingPointError, match="a product of the operator is not finite in float64"
    ):
        eigenpairs(K, 2, method="krylov")


@pytest.mark.parametrize("method", METHODS)
def test_eigenvalues_that_overflow_are_refused(method):
    with pytest.raises(FloatingPointError, match="of the operator is not finite in float64"):
        eigenpairs(np.ones((3, 3)) * 1e308, 2, method=method)


def test_pairs_are_compared_by_identity():
    pairs, other = (eigenpairs(np.eye(3), 1) for _ in range(2))
    assert pairs != other
    assert len({pairs, other, pairs}) == 2


def test_numpy_integers_and_generators_are_taken(rng):
    pairs = eigenpairs(np.eye(4), np.int64(2), method="krylov", seed=rng)
    assert pairs.values.tolist() == pytest.approx([1, 1])
