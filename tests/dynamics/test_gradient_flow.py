# SPDX-License-Identifier: Apache-2.0
"""GradientFlow against plain NumPy, by either method, and what every such flow satisfies."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.dynamics.evolution import Evolution
from reference import gradient_flow as plain

NET = fn.FullyConnected(2, bias_std=0.1)
METHODS = ("dense", "krylov")
# The reference's own rounding, N eps times the condition of K (1e3 here), and the tolerance of
# "krylov", which is of the residual's norm over all points.
CLOSE = {"dense": 1e-9, "krylov": 1e-7}
TIMES = [0.0, 0.3, 7.0, 2e3, np.inf]


@pytest.fixture
def X(rng):
    return rng.standard_normal((120, 6))


@pytest.fixture
def Z(rng):
    return rng.standard_normal((9, 6))


def flow_of(op, y, f0=None, method="dense", **options):
    return fn.GradientFlow(op, y, f0, method=method, tol=1e-9, **options)


@pytest.mark.parametrize("method", METHODS)
def test_outputs_are_those_of_plain_numpy(X, Z, rng, method):
    """Training and new points, initial outputs, every time, one output or several."""
    y, f0, f0_Z = (rng.standard_normal((n, 3)) for n in (120, 120, 9))
    op = fn.GramOperator(NET, X)
    K, K_ZX = op.to_dense(), op.cross(Z)
    flow = flow_of(op, y, f0, method)
    train, new = flow.outputs(TIMES), flow.outputs(TIMES, Z, f0_Z)
    by_matrix = flow.outputs(TIMES, cross=K_ZX, f0_Z=f0_Z)
    for i, (want, want_new) in enumerate(plain.outputs(K, K_ZX, y, f0, f0_Z, TIMES)):
        np.testing.assert_allclose(train[i], want, rtol=0, atol=CLOSE[method])
        np.testing.assert_allclose(new[i], want_new, rtol=0, atol=CLOSE[method])
        cost = ((want - y) ** 2).sum() / 240
        assert flow.cost(TIMES[i]) == pytest.approx(cost, rel=1e-6, abs=1e-14)
    np.testing.assert_allclose(by_matrix, new, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(train[0], f0)
    c = flow.coefficients(7.0)
    np.testing.assert_allclose(f0_Z + K_ZX @ c, new[2], rtol=0, atol=1e-12)
    vector = flow_of(op, y[:, 0], f0[:, 0], method).outputs(7.0, Z, f0_Z[:, 0])
    np.testing.assert_allclose(vector, new[2, :, 0], rtol=0, atol=CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_gradient_descent(X, rng, method):
    """Also at a rate whose steps change sign along the first eigenvectors."""
    y, f0 = rng.standard_normal((2, 120, 2))
    op = fn.GramOperator(NET, X)
    limit = flow_of(op, y, method=method).max_learning_rate
    assert limit == pytest.approx(240 / np.linalg.eigvalsh(op.to_dense())[-1], rel=1e-6)
    for rate in (0.1 * limit, 0.9 * limit):
        flow = flow_of(op, y, f0, method, learning_rate=rate)
        for count in (0, 1, 2, 17, 400):
            want = plain.steps(op.to_dense(), y, f0, rate, count)
            found = flow.outputs(count * rate)
            np.testing.assert_allclose(found, want, rtol=0, atol=CLOSE[method])
        np.testing.assert_array_equal(flow.outputs(3 * rate), flow.outputs(3.0000001 * rate))
        # Between two steps nothing happens.
        np.testing.assert_array_equal(flow.outputs(2.7 * rate), flow.outputs(2 * rate))
        np.testing.assert_allclose(flow.outputs(np.inf), y, rtol=0, atol=CLOSE[method])
    with pytest.raises(ValueError, match=r"learning_rate must be below 2 N / lambda_1 = "):
        flow_of(op, y, method=method, learning_rate=1.01 * limit)


def test_steps_are_counted_whatever_their_rounding():
    """Three steps of 0.1 end a little after 0.3, and no step is added to a billion."""
    evolution = Evolution(1, 0.1)
    for count in (0, 1, 3, 10**9, 10**9 + 1, 10**12 - 1):
        assert evolution.steps(count * 0.1) == count
    assert evolution.steps(0.3) == 3
    assert evolution.steps(np.cumsum(np.full(100_000, 0.1))[-1]) == 100_000
    assert evolution.steps(0.2999) == 2
    assert evolution.steps(np.inf) == np.inf


@pytest.mark.parametrize("method", METHODS)
def test_properties(X, rng, method):
    """Units of time, the semigroup, and the distance to the limit."""
    y, f0 = rng.standard_normal((2, 120, 2))
    op = fn.GramOperator(NET, X)
    flow, close = flow_of(op, y, f0, method), CLOSE[method]
    faster = flow_of(4 * op.to_dense(), y, f0, method)
    np.testing.assert_allclose(faster.outputs(5.0), flow.outputs(20.0), rtol=0, atol=close)
    later = flow_of(op, y, flow.outputs(3.0), method)
    np.testing.assert_allclose(later.outputs(4.0), flow.outputs(7.0), rtol=0, atol=close)
    distance = np.linalg.norm(flow.outputs(np.linspace(0, 40, 30)) - y, axis=(1, 2))
    assert (np.diff(distance) < 0).all()


def test_units_are_those_of_the_paper():
    """A single point of kernel k: f_t = y (1 - e^{-k t}); two alike points move no faster."""
    for n in (1, 2):
        flow = fn.GradientFlow(np.eye(n) * 3.0 * n, np.ones(n))
        np.testing.assert_allclose(flow.outputs(0.5), 1 - np.exp(-1.5), rtol=1e-14)
        assert flow.max_learning_rate == pytest.approx(2 / 3, rel=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_components_and_the_null_space(rng, method):
    """f_inf is f_0 less the sum of the Delta_i, and y plus Delta_0: the sign is not the text's."""
    factor = rng.standard_normal((60, 20))
    K, y, f0 = factor @ factor.T, *rng.standard_normal((2, 60, 2))
    flow = flow_of(K, y, f0, method)
    parts = flow.components(20)
    values = np.linalg.eigvalsh(K)[::-1][:20] / 60
    np.testing.assert_allclose(parts.eigenvalues, values, rtol=1e-6)
    np.testing.assert_allclose(parts.time_constants, 1 / values, rtol=1e-6)
    np.testing.assert_allclose(flow.time_constants[:20], 1 / values, rtol=1e-6)
    with pytest.warns(UserWarning, match="of y - f0 is never learnt: y - f0 has a part in the"):
        end = flow.outputs(np.inf)
    np.testing.assert_allclose(end, f0 - parts.parts.sum(axis=0), rtol=0, atol=1e-7)
    np.testing.assert_allclose(end, y + flow.null_space_part, rtol=0, atol=1e-7)
    decayed = np.einsum("k,kic->ic", parts.decay(1.5), parts.parts)
    want = y + flow.null_space_part + decayed
    np.testing.assert_allclose(flow.outputs(1.5), want, rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equal_rows_with_different_targets_are_named(X, rng, method, dtype):
    X[70] = X[11]
    y = rng.standard_normal(120)
    flow = fn.GradientFlow(fn.GramOperator(NET, X, dtype=dtype), y, method=method)
    with pytest.warns(UserWarning, match="rows 11 and 70 of the kernel are equal"):
        end = flow.outputs(np.inf)
    # Both learn the mean of their targets; within what either method errs by.
    np.testing.assert_allclose(end[[11, 70]], y[[11, 70]].mean(), rtol=0, atol=2e-3)
    flow.outputs(np.inf)  # said once


@pytest.mark.parametrize("method", METHODS)
def test_equal_rows_with_equal_targets_are_not_the_reason(method):
    x = np.array([[1.0], [1.0], [4.0]])
    with pytest.warns(UserWarning, match="y - f0 has a part in the null space of the kernel"):
        fn.GradientFlow(x @ x.T, [3.0, 3.0, 0.0], method=method).outputs(np.inf)
    # Of three equal rows, those whose targets differ most.
    x = np.array([[1.0], [1.0], [0.0], [1.0]])
    with pytest.warns(UserWarning, match="rows 0 and 3 of the kernel are equal"):
        fn.GradientFlow(x @ x.T, [3.0, 2.9, 0.0, 1.0], method=method).outputs(np.inf)


def test_matrix_valued_kernels(rng):
    """The empirical NTK of a narrow network: N counts points, rows are i C + k; f0 is a network."""
    w = fn.FiniteNetwork(fn.FullyConnected(1), (3, 40, 2), dtype="float64", seed=3)
    X, Z = rng.standard_normal((25, 3)), rng.standard_normal((4, 3))
    y = rng.standard_normal((25, 2))
    op = fn.GramOperator(w, X)
    assert op.shape == (50, 50)
    for method in METHODS:
        flow = flow_of(op, y, w, method)
        want = plain.outputs(op.to_dense(), op.cross(Z), y, w(X), w(Z), [2.0, 50.0])
        for t, (train, new) in zip([2.0, 50.0], want, strict=True):
            np.testing.assert_allclose(flow.outputs(t), train, rtol=0, atol=1e-7)
            np.testing.assert_allclose(flow.outputs(t, Z), new, rtol=0, atol=1e-7)
    lin = w.linearised().closed_form(X, y)
    np.testing.assert_allclose(flow.outputs([2.0, 50.0]), lin.outputs([2.0, 50.0]), atol=1e-7)


def test_wide_networks_follow(rng):
    """Trained networks are 1 / sqrt(width) from their flow with the limiting kernel."""
    X = rng.standard_normal((8, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = rng.standard_normal((8, 1))
    op = fn.GramOperator(fn.FullyConnected(1, bias_std=0.1), X)
    distances = []
    for width in (64, 4096):
        net = fn.FullyConnected(1, bias_std=0.1)
        w = fn.FiniteNetwork(net, (3, width, 1), networks=6, dtype="float64", seed=1)
        starts = w(X)
        w.train(X, y, learning_rate=1.0, steps=40)
        flows = [fn.GradientFlow(op, y, f0, learning_rate=1.0) for f0 in starts]
        ends = np.stack([flow.outputs(40.0) for flow in flows])
        distances.append(np.sqrt(np.mean((w(X) - ends) ** 2)))
    # 8 times less for 64 times the width; the mean of six networks scatters by some 20 %.
    assert 5 < distances[0] / distances[1] < 13
    assert distances[1] < 2 / np.sqrt(4096)


def test_the_error_of_dense_flows_is_bounded(rng):
    """A kernel that is known before it is rounded, of condition 1e10: at late times, digits go."""
    Q, s = np.linalg.qr(rng.standard_normal((40, 40)))[0], np.geomspace(1e-10, 1, 40)
    K, y = Q * s @ Q.T, rng.standard_normal(40)
    flow = fn.GradientFlow((K + K.T) / 2, y)
    for t in (1.0, 1e6, 1e12):
        want = Q @ ((1 - np.exp(-t * s / 40)) * (Q.T @ y))
        error = np.linalg.norm(flow.outputs(t) - want) / np.linalg.norm(y)
        assert error <= flow.error(t)
    assert error > 1e-10
    assert flow.error(1.0) < 1e-13
