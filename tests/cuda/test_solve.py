# SPDX-License-Identifier: Apache-2.0
"""Linear systems on a GPU: the residual asked for, in the library of the right-hand sides."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import conjugate_gradients

NET = fn.FullyConnected(2)


@pytest.mark.parametrize("method", ["cholesky", "cg"])
@pytest.mark.parametrize("centred", [False, True])
def test_systems(gpu, X, rng, method, centred):
    cp = gpu.cupy
    B = rng.standard_normal((300, 4))
    K = NET.ntk(X, dtype="float64", device="cpu")
    if centred:
        K = fn.CenteredOperator(fn.GramOperator.from_matrix(K)).to_dense()
    ridge = 1e-2 * np.trace(K) / 300
    for data in (X, cp.asarray(X)):
        op = fn.GramOperator(NET, data, dtype="float64", device="cuda")
        op = fn.CenteredOperator(op) if centred else op
        for right in (B, cp.asarray(B), B[:, 0]):
            solution = fn.solve(op, right, ridge, method=method, tol=1e-8)
            assert type(solution.value) is type(right)
            assert solution.converged
            A = solution.value if isinstance(right, np.ndarray) else solution.value.get()
            want = B if right.ndim == 2 else B[:, 0]
            residual = K @ A + ridge * A - want
            # tol, and what the kernel's own error of 2e-15 makes of the solution.
            assert np.linalg.norm(residual) <= 1.1e-8 * np.linalg.norm(want)


def test_another_device(standin, X, rng):
    op = fn.CenteredOperator(fn.GramOperator(NET, X, device="cuda:1", storage="packed"))
    for method in ("cholesky", "cg"):
        value = op.solve(rng.standard_normal(300), 1e3, method=method).value
        assert isinstance(value, np.ndarray)
    assert {device for _, device, _ in standin.native.calls} == {1}
    with pytest.raises(TypeError, match="cuda:1, got a CuPy array on cuda:0"):
        op.solve(standin.cupy.asarray(np.ones(300)), 1e3)


@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_float32_operators(gpu, X, rng, method):
    cp = gpu.cupy
    op = fn.GramOperator(NET, cp.asarray(X), storage="packed")
    B = rng.standard_normal((300, 3))
    ridge = 1e-2 * float(op.diagonal().sum()) / 300
    calls = []
    solution = op.solve(cp.asarray(B), ridge, method=method, progress=lambda *c: calls.append(c))
    assert calls
    assert solution.converged
    assert isinstance(solution.residuals, np.ndarray)
    A = solution.value.get()
    residual = B - op.matmat(A) - ridge * A
    assert (np.linalg.norm(residual, axis=0) <= 1.01e-6 * np.linalg.norm(B, axis=0)).all()


@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_refinement_blocks_and_starts(gpu, X, rng, method, monkeypatch):
    cp = gpu.cupy
    monkeypatch.setattr(conjugate_gradients, "_MOST", 3)
    op = fn.GramOperator(NET, cp.asarray(X), storage="packed", dtype="float32")
    double = fn.GramOperator(NET, cp.asarray(X), storage="lazy", dtype="float64")
    B = rng.standard_normal((300, 5))
    ridge = 1e-3 * float(op.diagonal().sum()) / 300
    options = {"method": method, "refine": double, "tol": 1e-9, "refinements": 4}
    solution = op.solve(cp.asarray(B), ridge, **options)
    assert solution.converged
    A = solution.value.get()
    residual = B - NET.ntk(X, dtype="float64", device="cpu") @ A - ridge * A
    # tol, and what the kernel's own error of 2e-15 makes of the solution.
    assert (np.linalg.norm(residual, axis=0) <= 1.1e-9 * np.linalg.norm(B, axis=0)).all()
    again = double.solve(cp.asarray(B), ridge, method="cg", tol=1e-8, start=solution.value)
    assert again.passes == 2  # of each block, to see that it is solved
    host = fn.GramOperator(NET, X, dtype="float64", device="cpu")
    with pytest.raises(TypeError, match="refine must be where op is, on cuda:0, got one on cpu"):
        op.solve(B, ridge, refine=host)
    with pytest.raises(TypeError, match="refine must be where op is, on cpu"):
        fn.GramOperator(NET, X, device="cpu").solve(B, ridge, refine=double)


def test_contradicting_rows_are_named(gpu, X, rng):
    # Rows 3 and 7 are equal.
    op = fn.GramOperator(NET, gpu.cupy.asarray(X), dtype="float64")
    with pytest.raises(np.linalg.LinAlgError, match="rows 3 and 7 are equal"):
        op.solve(rng.standard_normal(300), method="cg")


@pytest.mark.parametrize(
    ("B", "error", "message"),
    [
        (np.ones(299), ValueError, r"B must have shape \(300,\) or .* got shape \(299,\)"),
        (np.full(300, np.nan), ValueError, "B must be finite, got NaN or infinity"),
        (np.ones(300, complex), TypeError, "B must hold real numbers, got dtype complex"),
    ],
)
def test_bad_right_hand_sides(gpu, X, B, error, message):
    op = fn.GramOperator(NET, gpu.cupy.asarray(X), storage="lazy")
    with pytest.raises(error, match=message):
        op.solve(gpu.cupy.asarray(B), 1.0)


def test_singular_matrices_are_said(gpu):
    K = np.eye(600)
    K[500, 7] = K[7, 500] = 1
    with pytest.raises(np.linalg.LinAlgError, match=r"row 500 .* 1 times row 7"):
        fn.solve(gpu.cupy.asarray(K), np.ones(600), method="cholesky")


def test_memory(standin, X):
    op = fn.GramOperator(NET, standin.cupy.asarray(X), storage="lazy")
    with pytest.raises(MemoryError, match=r"Cholesky factor .* on cuda:0"):
        op.solve(np.ones(300), 1.0, method="cholesky", memory=10_000)
