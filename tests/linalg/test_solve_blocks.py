# SPDX-License-Identifier: Apache-2.0
"""Blocks of right-hand sides, a start, Ctrl-C, and rows that contradict each other."""

import pickle

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import (
    ConvergenceWarning,
    GramOperator,
    SolveInterrupted,
    block_search,
    conjugate_gradients,
    solve,
)
from fastntk.linalg.conjugate_gradients import gradients_bytes
from fastntk.linalg.equal_rows import contradicting_rows, contradiction

N = 600


@pytest.fixture
def system(rng):
    """A float32 operator with a condition of some thousands, and 20 right-hand sides."""
    X = rng.integers(0, 256, (N, 30)).astype(np.uint8)
    op = GramOperator(fn.FullyConnected(hidden_layers=3), X, scale=1 / 255, storage="packed")
    return op, rng.standard_normal((N, 20))


def residuals(op, A, B, ridge=0.0):
    K = op.to_dense().astype(np.float64)
    return np.linalg.norm(B - K @ A - ridge * A, axis=0) / np.linalg.norm(B, axis=0)


def options(**more):
    return {"method": "cg", "rank": 40, **more}


def test_blocks_share_a_preconditioner(system, monkeypatch):
    op, B = system
    monkeypatch.setattr(conjugate_gradients, "_MOST", 8)
    calls = []
    solution = solve(op, B, **options(progress=lambda *call: calls.append(call)))
    assert residuals(op, solution.value, B).max() <= 1e-6
    assert solution.residuals.shape == solution.op_residuals.shape == (20,)
    stages = list(dict.fromkeys(stage for stage, _, _ in calls))
    assert stages == [
        "preconditioner",
        "solve, columns 0 to 6 of 20",
        "solve, columns 7 to 13 of 20",
        "solve, columns 14 to 19 of 20",
    ]


def test_blocks_are_as_wide_as_fits(system):
    op, B = system
    least = gradients_bytes(N, 20, 1)
    wide = solve(op, B, method="cg", rank=0)
    narrow = solve(op, B, method="cg", rank=0, memory=least)
    assert narrow.passes > 2 * wide.passes  # one by one
    np.testing.assert_allclose(residuals(op, narrow.value, B), narrow.residuals, atol=1e-10)
    with pytest.raises(MemoryError, match="conjugate gradients with 20 columns of 600 rows needs"):
        solve(op, B, method="cg", memory=least - 1)


def test_blocks_refine_each_as_often_as_it_needs(system, monkeypatch):
    op, B = system
    monkeypatch.setattr(conjugate_gradients, "_MOST", 10)
    double = GramOperator(op.net, op.X, scale=op.scale, dtype="float64", storage="lazy")
    B[:, 10:] = double @ (double @ np.ones((N, 10)))  # solved at once to many digits
    solution = solve(op, B, **options(refine=double, tol=1e-9))
    assert residuals(double, solution.value, B).max() <= 1e-9
    assert {each.shape for each in solution.refined} == {(20,)}
    assert solution.refined[-1].max() == solution.residuals.max() <= 1e-9


def test_a_start_saves_passes(system):
    op, B = system
    cold = solve(op, B, 1e-3, **options())
    same = solve(op, B, 1e-3, **options(start=cold.value))
    assert same.passes == 1
    np.testing.assert_allclose(same.value, cold.value, rtol=1e-14)
    near = solve(op, B, 1.01e-3, **options(start=cold.value))
    assert near.passes < cold.passes
    assert residuals(op, near.value, B, 1.01e-3).max() <= 1e-6


def test_a_start_for_zero_columns_and_vectors(system):
    op, B = system
    B[:, 3] = 0
    value = solve(op, B, **options(start=np.ones((N, 20)))).value
    assert (value[:, 3] == 0).all()
    assert solve(op, B[:, 0], **options(start=value[:, 0])).passes == 1


def test_starts_that_help_nobody_are_left(system):
    op, B = system
    cold = solve(op, B, 1e-3, **options())
    wild = solve(op, B, 1e-3, **options(start=1e200 * B))
    assert wild.passes <= cold.passes + 1
    with pytest.warns(ConvergenceWarning):
        stopped = solve(op, B, 1e-3, **options(start=0.999 * cold.value, max_passes=2))
    assert stopped.residuals.max() <= 1.1e-3  # no worse than the start


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 10])
def test_one_equal_row_is_named(columns, dtype, rng):
    X = rng.random((N, 20))
    X[50] = X[3]
    op = GramOperator(fn.FullyConnected(hidden_layers=3), X, dtype=dtype)
    with pytest.raises(np.linalg.LinAlgError, match="rows 3 and 50 are equal"):
        solve(op, rng.standard_normal((N, columns)), method="cg")


def test_an_interruption_at_the_begin_of_a_block(system, monkeypatch):
    op, B = system
    monkeypatch.setattr(conjugate_gradients, "_MOST", 8)
    norms, calls = block_search.column_norms, []

    def interrupted(A):
        calls.append(A.shape)
        if calls.count((N, 7)) > 1 and calls[-1] == (N, 6):  # B of the last block
            raise KeyboardInterrupt
        return norms(A)

    monkeypatch.setattr(block_search, "column_norms", interrupted)
    with pytest.raises(SolveInterrupted) as caught:
        solve(op, B, **options())
    partial = caught.value.solution
    assert residuals(op, partial.value, B)[:14].max() <= 1e-6
    assert (partial.residuals[14:] == 1).all()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.ones(3), r"start must have shape \(600,\) or \(600, columns\), got shape \(3,\)"),
        (np.ones(N), r"start must have B's shape \(600, 20\), got shape \(600,\)"),
        (np.full((N, 20), np.nan), "start must be finite"),
    ],
)
def test_bad_starts(start, message, system):
    op, B = system
    with pytest.raises(ValueError, match=message):
        solve(op, B, start=start)


class CtrlC:
    """Progress that is interrupted once a stage is so far."""

    def __init__(self, stage, at):
        self.stage, self.at = stage, at

    def __call__(self, stage, done, total):
        if stage == self.stage and done >= self.at:
            raise KeyboardInterrupt


def test_nothing_is_lost_by_an_interruption(system):
    op, B = system
    whole = solve(op, B, **options())
    with pytest.raises(SolveInterrupted, match=r"interrupted after .* start=error") as caught:
        solve(op, B, **options(progress=CtrlC("solve", 3000)))
    assert isinstance(caught.value, KeyboardInterrupt)
    partial = caught.value.solution
    assert not partial.converged
    assert 2 < partial.passes < whole.passes
    true = residuals(op, partial.value, B)
    assert true.max() < 0.1
    # Carried along by float32 products of norm up to 1e2 ||B||.
    np.testing.assert_allclose(partial.residuals, true, atol=1e-5)
    again = solve(op, B, **options(start=partial.value))
    assert again.converged
    assert again.passes < whole.passes
    copied = pickle.loads(pickle.dumps(caught.value))
    np.testing.assert_array_equal(copied.solution.value, partial.value)


def test_blocks_before_an_interruption_are_whole(system, monkeypatch):
    op, B = system
    monkeypatch.setattr(conjugate_gradients, "_MOST", 8)
    with pytest.raises(SolveInterrupted) as caught:
        solve(op, B, **options(progress=CtrlC("solve, columns 7 to 13 of 20", 3000)))
    partial = caught.value.solution
    true = residuals(op, partial.value, B)
    assert true[:7].max() <= 1e-6
    assert 1e-6 < true[7:14].max() < 1
    assert (partial.value[:, 14:] == 0).all()
    assert (partial.residuals[14:] == 1).all()


def test_an_interrupted_refinement_keeps_what_it_has(system):
    op, B = system
    double = GramOperator(op.net, op.X, scale=op.scale, dtype="float64", storage="lazy")
    for stage in ("refinement 1", "residual of refine"):
        with pytest.raises(SolveInterrupted) as caught:
            solve(op, B, **options(refine=double, tol=1e-9, progress=CtrlC(stage, 1)))
        # The rounding of float32 entries, or less.
        assert residuals(double, caught.value.solution.value, B).max() <= 1e-4


def test_an_interrupted_preconditioner_has_nothing(system):
    op, B = system
    with pytest.raises(KeyboardInterrupt) as caught:
        solve(op, B, **options(progress=CtrlC("preconditioner", 1)))
    assert type(caught.value) is KeyboardInterrupt


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rank", [None, 0])
def test_equal_rows_of_different_classes_are_named(rank, dtype, rng):
    X = rng.integers(0, 256, (N, 30)).astype(np.uint8)
    X[550], X[20] = X[7], X[400]
    op = GramOperator(fn.FullyConnected(hidden_layers=3), X, scale=1 / 255, dtype=dtype)
    B = np.eye(10)[rng.integers(0, 10, N)]
    B[7], B[550] = np.eye(10)[3], np.eye(10)[4]
    B[400] = B[20]
    message = (
        r"^K is singular to rounding: rows 7 and 550 are equal, but their right-hand sides are not"
    )
    with pytest.raises(np.linalg.LinAlgError, match=message) as caught:
        solve(op, B, method="cg", rank=rank)
    ridge = float(str(caught.value).split("a ridge above ")[1])
    assert solve(op, B, ridge, method="cg", tol=1e-2, rank=rank).converged
    B[550] = B[7]
    if rank is None:  # else the rounding of entries makes K indefinite on the way
        assert solve(op, B, method="cg", tol=1e-5).converged


def test_multiples_and_many_pairs_are_named(rng):
    X = rng.random((60, 10))
    X[30:35] = 2 * X[:5]
    op = GramOperator(fn.FullyConnected(hidden_layers=2, bias_std=0), X)
    B = rng.standard_normal((60, 1))
    with pytest.raises(np.linalg.LinAlgError, match=r"row 3\d is 2 times row \d"):
        solve(op, B, method="cg")
    B[34] = 2 * B[4]
    pairs = contradicting_rows(op, B, np.ones(60))
    assert [(i, j, round(a, 9)) for i, j, a in pairs] == [(i, 30 + i, 2.0) for i in range(4)]
    assert "; row 32 is 2 times row 2; and 1 pairs more, but" in contradiction(op, 0.0, pairs)
