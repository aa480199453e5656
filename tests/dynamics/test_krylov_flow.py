# SPDX-License-Identifier: Apache-2.0
"""Flows by Krylov spaces: their error estimates, and what they keep from call to call."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg.basis import Basis
from reference import gradient_flow as plain

NET = fn.FullyConnected(3, bias_std=0.1)


def problem(rng, n=400, dtype="float64"):
    """Eight classes of points that overlap: eigenvalues over four decades."""
    centres = rng.standard_normal((8, 10))
    labels = rng.integers(0, 8, n + 100)
    points = centres[labels] + rng.standard_normal((n + 100, 10))
    op = fn.GramOperator(NET, points[:n], dtype=dtype, storage="packed")
    return op, np.eye(8)[labels[:n]], points[n:]


def true_errors(op, y, Z, flow, times):
    """Errors of K c_t and K(Z, X) c_t, relative as `GradientFlow.error` is; and of the outputs."""
    K = op.to_dense().astype(np.float64)
    K_ZX = op.cross(Z).astype(np.float64)
    c = flow.coefficients(times)
    found, found_Z, outputs = K @ c, K_ZX @ c, flow.outputs(times)
    np.testing.assert_allclose(flow.outputs(times, Z), found_Z, rtol=0, atol=1e-5)
    zero, zero_Z = np.zeros_like(y), np.zeros((len(Z), y.shape[1]))
    unit, errors = np.linalg.norm(y, axis=0) / np.sqrt(len(y)), []
    wanted = plain.outputs(K, K_ZX, y, zero, zero_Z, times)
    for (want, want_Z), *three in zip(wanted, found, found_Z, outputs, strict=True):
        each = zip((want, want_Z, want), three, strict=True)
        errors.append([(np.sqrt(((a - b) ** 2).mean(axis=0)) / unit).max() for a, b in each])
    return np.transpose(errors)


@pytest.mark.parametrize(("dtype", "tol"), [("float64", 1e-2), ("float32", 1e-4)])
def test_errors_are_estimated(rng, dtype, tol):
    """The bound holds, and so does the estimate at new points; neither is 30 times too large."""
    op, y, Z = problem(rng, dtype=dtype)
    unit = 1 / np.linalg.eigvalsh(op.to_dense().astype(np.float64))[[-1, 0]] * 400
    times = [*np.geomspace(*unit, 7).tolist(), np.inf]
    flow = fn.GradientFlow(op, y, method="krylov", tol=tol)
    bounds, estimates = flow.error(times), flow.error(times, Z)
    assert bounds.max() <= tol
    assert flow.passes < 50  # not all of K
    true, true_Z, outputs = true_errors(op, y, Z, flow, times)
    # What is as small as the reference's rounding says nothing; float32 products err by more than
    # their bound says while eigenvectors, not all of them, decide.
    least = {"float64": 1e-11, "float32": 1e-6}[dtype]
    told = true > least
    assert told.sum() >= 3
    assert (bounds >= outputs - least).all()
    assert (bounds >= true)[told].all()
    assert (bounds <= 30 * true)[told].all()
    assert (estimates >= true_Z)[true_Z > least].all()
    assert (estimates <= 30 * true_Z)[true_Z > least].all()


def test_errors_of_steps_are_estimated(rng):
    op, y, _ = problem(rng)
    rate = 0.9 * fn.GradientFlow(op, y, method="krylov").max_learning_rate
    flow = fn.GradientFlow(op, y, method="krylov", tol=1e-3, learning_rate=rate)
    times = [5 * rate, 100 * rate, 2000 * rate]
    bounds = flow.error(times)
    found, K = flow.outputs(times), op.to_dense()
    for t, bound, f in zip(times, bounds, found, strict=True):
        want = plain.steps(K, y, np.zeros_like(y), rate, round(t / rate))
        error = (np.linalg.norm(f - want, axis=0) / np.linalg.norm(y, axis=0)).max()
        assert error - 1e-12 <= bound <= max(30 * error, 1e-11)
    assert bounds.max() <= 1e-3


def test_errors_of_steps_whose_signs_change(rng):
    """Near the largest rate, terms cancel after even numbers of steps and add up after odd ones."""
    Q = np.linalg.qr(rng.standard_normal((200, 200)))[0]
    K = Q * (200 * np.linspace(1, 0.1, 200)) @ Q.T
    y, rate = rng.standard_normal((200, 1)), 1.99
    flow = fn.GradientFlow((K + K.T) / 2, y, method="krylov", learning_rate=rate)
    for count in (10, 159, 160):
        want = plain.steps(K, y, 0 * y, rate, count)
        found = K @ flow.coefficients(count * rate)
        bound = flow.error(count * rate)
        # And the rounding of both, of some hundred operations.
        assert np.linalg.norm(found - want) <= (bound + 1e-13) * np.linalg.norm(y)
        assert bound <= 1e-4


def test_the_space_is_kept(rng):
    """Late times take passes that early ones do not; asked again, none."""
    op, y, Z = problem(rng)
    flow = fn.GradientFlow(op, y, method="krylov", tol=1e-6)
    assert flow.passes == 0
    flow.outputs(0.5)
    early = flow.passes
    flow.outputs(np.inf)
    late = flow.passes
    assert 0 < early < late
    flow.outputs([0.5, 3.0], Z)
    assert flow.passes == late


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_space_goes_on(rng, interrupt):
    """What is lost is the product that was interrupted; results are those of an undisturbed run."""
    op, y, _ = problem(rng)
    stages = []

    def progress(stage, done, total):
        stages.append(stage)
        if "pass 7" in stage and armed:
            armed.clear()
            raise interrupt

    armed = [True]
    flow = fn.GradientFlow(op, y, method="krylov", progress=progress)
    with pytest.raises(interrupt):
        flow.outputs(np.inf)
    assert flow.passes == 6
    found = flow.outputs(np.inf)
    assert any("error" in stage for stage in stages)
    whole = fn.GradientFlow(op, y, method="krylov")
    # Other looks at the errors may end it a few passes apart.
    np.testing.assert_allclose(found, whole.outputs(np.inf), rtol=0, atol=1e-3)
    assert flow.error(np.inf) <= 1e-4


def test_an_interrupt_while_the_basis_changes(rng, monkeypatch):
    """What was appended is forgotten: the pass is made again."""
    op, y, _ = problem(rng, n=200)
    flow = fn.GradientFlow(op, y, method="krylov")
    flow.outputs(0.1)
    passes, whole = flow.passes, Basis.next_block

    def once(*arguments):
        monkeypatch.setattr(Basis, "next_block", whole)
        raise KeyboardInterrupt

    monkeypatch.setattr(Basis, "next_block", once)
    with pytest.raises(KeyboardInterrupt):
        flow.coefficients(np.inf)
    assert flow.passes == passes
    c = flow.coefficients(np.inf)
    error = np.linalg.norm(op.to_dense() @ c - y, axis=0) / np.linalg.norm(y, axis=0)
    assert error.max() <= flow.error(np.inf) <= 1e-4


def test_the_integral_is_that_of_the_defects(rng):
    """At most 20 % above a quadrature that is thirty times finer, and not below it."""
    op, y, _ = problem(rng, n=200)
    flow = fn.GradientFlow(op, y, method="krylov", tol=1e-2)
    flow.outputs([100.0])
    engine, ritz = flow._engine, flow._engine._space.ritz()
    nodes, found = engine._integral(ritz, [100.0])
    fine = np.concatenate([[0.0], np.geomspace(nodes[1], 100.0, 4000)])
    norms = ritz.tail(np.exp(-np.outer(fine, ritz.values * ritz.unit) / 200)) * ritz.unit / 200
    steps = np.diff(fine)[:, None] * (norms[1:] + norms[:-1]) / 2
    want = steps.sum(axis=0)
    assert nodes[-1] <= 100
    assert (want * (1 - 1e-6) <= found[-1]).all()
    assert (found[-1] <= 1.2 * want).all()


def test_what_is_not_reached_is_said(rng):
    op, y, _ = problem(rng)
    flow = fn.GradientFlow(op, y, method="krylov", max_passes=6)
    with pytest.warns(fn.ConvergenceWarning, match=r"after pass 6 .* the next call goes on"):
        flow.outputs(np.inf)
    # The error of what was returned; only outputs go on.
    assert flow.error(np.inf) > 1e-4
    assert flow.passes == 6
    with pytest.warns(fn.ConvergenceWarning, match="after pass 12"):
        flow.coefficients(np.inf)
    few = fn.GradientFlow(op, y, method="krylov", max_passes=2)
    with pytest.raises(ValueError, match=r"k must be at most 16, .* raise memory or max_passes"):
        few.components(100)
    small = fn.GradientFlow(op, y, method="krylov", memory=400_000)
    with pytest.warns(fn.ConvergenceWarning, match="raise memory or tol"):
        small.outputs(np.inf)
    Q = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    K = Q * np.geomspace(1e-10, 1, 60) @ Q.T
    rounded = fn.GradientFlow((K + K.T) / 2, rng.standard_normal(60), method="krylov", tol=1e-8)
    with pytest.warns(fn.ConvergenceWarning, match="the operator's rounding allows no less"):
        rounded.outputs(np.inf)


def test_float32_products_give_way_to_float64_ones(rng):
    """Points in a plane: eigenvalues down to 1e-5 of the first, on which float32 errs too much."""
    op = fn.GramOperator(NET, rng.standard_normal((300, 2)), dtype="float32", storage="packed")
    y = rng.standard_normal((300, 2))
    flow = fn.GradientFlow(op, y, method="krylov", tol=1e-5)
    flow.outputs(0.01)
    assert flow._engine._space.single
    c = flow.coefficients(np.inf)
    assert not flow._engine._space.single
    assert flow.error(np.inf) <= 1e-5
    assert (np.linalg.norm(op.matmat(c) - y, axis=0) <= 1e-5 * np.linalg.norm(y, axis=0)).all()


def test_small_and_degenerate_problems(rng):
    """Spaces that are all of K, dependent and zero columns, nothing to learn at all."""
    K = np.diag([3.0, 2.0, 2.0, 1.0])
    y = rng.standard_normal((4, 3))
    y[:, 1], y[:, 2] = 2 * y[:, 0], 0
    for method in ("dense", "krylov"):
        flow = fn.GradientFlow(K, y, method=method)
        want = y * (1 - np.exp(-2.0 * np.diag(K) / 4))[:, None]
        np.testing.assert_allclose(flow.outputs(2.0), want, rtol=0, atol=1e-14)
        wide = fn.GradientFlow(K, np.hstack([y, y]), method=method).outputs(2.0)
        np.testing.assert_allclose(wide, np.hstack([want, want]), rtol=0, atol=1e-14)
        still = fn.GradientFlow(K, y, y, method=method)
        np.testing.assert_array_equal(still.outputs([0.0, np.inf]), [y, y])
        assert np.max(still.error([1.0])) < 1e-14
        zero = fn.GradientFlow(np.zeros((4, 4)), y, method=method)
        np.testing.assert_array_equal(zero.outputs(1e9), np.zeros((4, 3)))
        assert zero.max_learning_rate == np.inf


@pytest.mark.parametrize("method", ["dense", "krylov"])
@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_numbers_of_any_size(rng, method, size):
    """Targets and kernels whose squares are out of range; a flat product of both is not."""
    op, y, _ = problem(rng, n=100)
    K = op.to_dense()
    want = fn.GradientFlow(K, y, method=method).outputs([3.0, np.inf])
    with np.errstate(all="raise", under="ignore"):
        large = fn.GradientFlow(K, y * size, method=method).outputs([3.0, np.inf])
        fast = fn.GradientFlow(K * size, y, method=method)
        found = fast.outputs([3.0 / size, np.inf])
    np.testing.assert_allclose(large / size, want, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-9)
    assert fast.error(3.0 / size) < 1e-4


@pytest.mark.filterwarnings("ignore::fastntk.ConvergenceWarning")
@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_the_null_space_does_not_move(rng, method):
    """A numerical null space: training and new points agree at times that rounding would move."""
    Q = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    K = ((Q * np.r_[64, np.full(63, 64e-8)]) @ Q.T).astype(np.float32)
    flow = fn.GradientFlow((K + K.T) / 2, rng.standard_normal(64), method=method)
    for t in (1.0, 1e8, 1e300):
        np.testing.assert_allclose(flow.outputs(t), flow.outputs(t, cross=K), rtol=0, atol=1e-4)
    with pytest.warns(UserWarning, match="never learnt"):
        np.testing.assert_allclose(flow.outputs(np.inf), flow.outputs(1e300), rtol=0, atol=1e-12)
    # That this is not known is in the error: nearly all of y may have moved by then.
    assert flow.error(1e8) > 0.1
    assert flow.error(np.inf) < 1e-4


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_indefinite_kernels_are_refused(rng, method):
    K = np.diag([2.0, 1.0, -0.5, 0.2])
    with pytest.raises(ValueError, match=r"must be positive semidefinite, got the eigenvalue -0.5"):
        fn.GradientFlow(K, rng.standard_normal((4, 2)), method=method).outputs(1.0)


def test_auto(rng):
    from fastntk.dynamics.flow_method import select_flow_method

    op, y, _ = problem(rng, n=100)
    assert fn.GradientFlow(op, y).method == "dense"
    assert select_flow_method(op, budget=40 * 100**2 - 1) == "krylov"
    with pytest.raises(MemoryError, match="dense eigenproblem"):
        fn.GradientFlow(op, y, method="dense", memory=100_000)
    with pytest.raises(MemoryError, match="Krylov basis of 32 columns"):
        fn.GradientFlow(op, y, method="krylov", memory=30_000)
    with pytest.raises(MemoryError, match="the outputs of 1000 times"):
        fn.GradientFlow(op, y, memory=500_000).outputs(np.ones(1000))


def test_warnings_point_at_the_line_that_asked(rng):
    """However deep in the package they arise."""
    X = rng.standard_normal((60, 3))
    op, y = fn.GramOperator(NET, X), rng.standard_normal(60)
    for ask in (
        lambda flow: flow.outputs(np.inf),
        lambda flow: flow.outputs(np.inf, X),
        lambda flow: flow.cost(np.inf),
        lambda flow: flow.gaussian(np.inf, X[:2]),
        lambda flow: flow.early_stopping(X, y),
    ):
        with pytest.warns(fn.ConvergenceWarning, match="stopped after pass") as caught:
            ask(fn.GradientFlow(op, y, method="krylov", max_passes=1))
        assert {warning.filename for warning in caught} == {__file__}
