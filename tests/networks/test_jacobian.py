# SPDX-License-Identifier: Apache-2.0
"""The Jacobian of a network: its products against differences of the network's outputs."""

import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from networks.as_reference import BOUNDS, maps_of
from reference import finite

# float64: sums of some 30 products; float32: the same roundings, 5e8 times as large.
ROUNDING = {"float64": 1e-13, "float32": 5e-6}


def network(activation="erf", dtype="float64", **options):
    net = fn.FullyConnected(hidden_layers=2, activation=activation, weight_std=1.3)
    return fn.FiniteNetwork(net, (5, 16, 12, 3), seed=1, dtype=dtype, **options)


def differences(w, X, V, step=1e-6):
    """Central differences of the outputs, in the directions of V's columns."""
    moved, columns = w.copy(), []
    for v in V.T:
        moved.flat = w.flat + step * v
        after = moved(X)
        moved.flat = w.flat - step * v
        columns.append((after - moved(X)).reshape(-1) / (2 * step))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("parametrisation", ["ntk", "standard", "mup"])
def test_directional_derivatives(rng, activation, parametrisation):
    w = network(activation, parametrisation=parametrisation)
    X = rng.standard_normal((9, 5))
    V = rng.standard_normal((w.n_parameters, 3))
    V /= np.linalg.norm(V, axis=0)
    # Steps of 1e-6 err by about 1e-12 (third derivatives) and 1e-10 (rounding); no unit of these
    # networks is within 1e-5 of its kink.
    np.testing.assert_allclose(w.jacobian(X) @ V, differences(w, X, V), rtol=0, atol=1e-8)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("parametrisation", ["ntk", "standard", "mup"])
def test_against_backpropagation(rng, activation, parametrisation, dtype):
    """The dense matrix, its products and its rates, as the reference has them."""
    w = network(activation, dtype, parametrisation=parametrisation, trainable=[0, 2])
    X = rng.standard_normal((9, 5)).astype(dtype)
    jacobian, maps = w.jacobian(X), maps_of(w)
    J = finite.jacobian(maps, activation, X)
    V, U = rng.standard_normal((J.shape[1], 3)), rng.standard_normal((27, 3))
    V, U = V.astype(dtype), U.astype(dtype)
    for got, want in ((jacobian.to_dense(), J), (jacobian @ V, J @ V), (jacobian.T @ U, J.T @ U)):
        np.testing.assert_allclose(got, want, rtol=0, atol=BOUNDS[dtype] * abs(want).max())
    np.testing.assert_allclose(jacobian.multipliers, finite.rates(maps), rtol=1e-15)
    Theta = fn.JacobianOperator(jacobian).to_dense()
    want = finite.ntk(maps, activation, X)
    np.testing.assert_allclose(Theta, want, rtol=0, atol=BOUNDS[dtype] * abs(want).max())


def test_points_are_copied(rng, dtype):
    """Whatever their type: later changes to them do not matter."""
    w = network(dtype=dtype)
    for own in ("float32", "float64"):
        X = rng.standard_normal((9, 5)).astype(own)
        jacobian, v = w.jacobian(X), np.ones(w.n_parameters)
        before = jacobian @ v
        X[:] = 0
        np.testing.assert_array_equal(jacobian @ v, before)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_every_product_is_of_one_matrix(rng, activation, dtype):
    w = network(activation, dtype)
    X = rng.standard_normal((9, 5)).astype(dtype)
    jacobian = w.jacobian(X)
    assert jacobian.shape == (27, w.n_parameters)
    assert (jacobian.samples, jacobian.outputs, jacobian.dtype) == (9, 3, dtype)
    J = jacobian.to_dense()
    assert J.dtype == dtype
    V = rng.standard_normal((w.n_parameters, 4)).astype(dtype)
    U = rng.standard_normal((27, 4)).astype(dtype)
    for got, want in ((jacobian @ V, J @ V), (jacobian.T @ U, J.T @ U)):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=0, atol=ROUNDING[dtype] * abs(want).max())


def test_order_of_parameters_and_rows(rng):
    """A column is a parameter in the order of flat; row i C + k is output k at sample i."""
    w, X = network(), rng.standard_normal((4, 5))
    J = w.jacobian(X).to_dense()
    last_biases = J[:, -3:]
    np.testing.assert_allclose(last_biases, np.tile(0.1 * np.eye(3), (4, 1)), rtol=1e-15)
    one = w.jacobian(X[2:3]).to_dense()
    np.testing.assert_allclose(J[6:9], one, rtol=0, atol=ROUNDING["float64"])


def test_one_linear_map_and_no_columns(rng):
    w = fn.FiniteNetwork(fn.FullyConnected(hidden_layers=0), (3, 1), dtype="float64")
    jacobian, X = w.jacobian(np.eye(3)), np.eye(3)
    want = np.hstack([X / np.sqrt(3), np.full((3, 1), 0.1)])
    np.testing.assert_allclose(jacobian.to_dense(), want, rtol=1e-15)
    np.testing.assert_allclose(jacobian @ np.eye(4), want, rtol=1e-15, atol=1e-16)
    assert (jacobian @ np.ones((4, 0))).shape == (3, 0)
    assert (jacobian.T @ np.ones((3, 0))).shape == (4, 0)
    assert repr(jacobian.T) == "<transpose of <3 x 4 NetworkJacobian, float64>>"


def test_float64_products_of_a_float32_network(rng):
    """They are those of the stored parameters and points, to float64's rounding."""
    w, X = network(dtype="float32"), rng.standard_normal((9, 5)).astype(np.float32)
    double = network()
    double.flat = w.flat
    V, U = rng.standard_normal((w.n_parameters, 2)), rng.standard_normal((27, 2))
    got, want = w.jacobian(X), double.jacobian(X.astype(np.float64))
    for a, b in ((got @ V, want @ V), (got.T @ U, want.T @ U)):
        assert a.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=0, atol=ROUNDING["float64"] * abs(b).max())


def test_blocks_of_points_within_the_budget(rng):
    w, X = network(), rng.standard_normal((50, 5))
    V, U = rng.standard_normal((w.n_parameters, 2)), rng.standard_normal((150, 2))
    whole, calls = w.jacobian(X), []
    small = w.jacobian(X, memory=50_000)
    got = small.matmat(V, lambda *call: calls.append(call))
    assert calls[0][1] < 50  # samples times columns of the first block: more than one block
    assert calls[-1] == ("Jacobian product", 100, 100)
    for a, b in ((got, whole @ V), (small.T @ U, whole.T @ U)):
        np.testing.assert_allclose(a, b, rtol=0, atol=ROUNDING["float64"] * abs(b).max())
    with pytest.raises(MemoryError, match="the passes of one sample"):
        w.jacobian(X, memory=2_100 + 8 * 2 * (150 + w.n_parameters)).matmat(V)
    with pytest.raises(MemoryError, match=r"a dense 150 x \d+ Jacobian in float64 needs"):
        small.to_dense()


@pytest.fixture
def peak():
    """Most bytes that NumPy held at once during a call."""

    def measured(call):
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measured


@pytest.mark.parametrize("share", [0.12, 0.3])
def test_memory_stays_within_the_budget(rng, dtype, peak, share):
    """Budgets below what all points need at once: of products, diagonals, and callbacks' NTK."""
    net = fn.FullyConnected(hidden_layers=2)
    w, X = fn.FiniteNetwork(net, (20, 64, 64, 2), dtype=dtype), rng.random((600, 20)).astype(dtype)
    whole = np.dtype(dtype).itemsize * 600 * 2 * w.n_parameters
    jacobian = w.jacobian(X, memory=int(share * whole))
    left = jacobian.room.left
    V, U = rng.standard_normal((w.n_parameters, 3)), rng.standard_normal((1200, 3))
    op = fn.JacobianOperator(jacobian)
    for call in (
        lambda: jacobian.matmat(V),
        lambda: jacobian.rmatmat(U),
        lambda: op.matmat(U),
        op.diagonal,
    ):
        assert 0 < peak(call) < left
    with pytest.raises(MemoryError, match="a dense 1200 x"):
        jacobian.to_dense()
    few = w.jacobian(X[:40])
    generic = fn.CallbackJacobian(few.__matmul__, few.T.__matmul__, few.shape, outputs=2)
    # The kernel, and gradients of a few points.
    generic.budget = 8 * 80**2 + int(share * 8 * 80 * w.n_parameters)
    few.budget = generic.budget
    theta = fn.JacobianOperator(generic)
    # One product of the network behind the callbacks is beside it.
    beside = peak(lambda: few.T @ np.ones(80))
    assert peak(theta.to_dense) < generic.budget + beside
    assert peak(theta.diagonal) < generic.budget + beside


def test_scale_and_pixels(rng):
    w, pixels = network(), rng.integers(0, 256, (9, 5), dtype=np.uint8)
    got = w.jacobian(pixels, scale=1 / 255).to_dense()
    np.testing.assert_allclose(got, w.jacobian(pixels / 255).to_dense(), rtol=0, atol=1e-14)


def test_rates(rng):
    """J is the plain derivative; rates are beside it, 0 for what is not trained."""
    X = rng.standard_normal((4, 5))
    plain = network().jacobian(X)
    assert plain.rates == ()
    np.testing.assert_array_equal(plain.multipliers, np.ones(plain.shape[1]))
    w = network(trainable="last")
    last = w.jacobian(X)
    np.testing.assert_array_equal(last.to_dense(), plain.to_dense())
    assert last.multipliers.sum() == 13 * 3
    np.testing.assert_array_equal(last.multipliers[-39:], 1)
    V = rng.standard_normal((2, plain.shape[1]))
    scaled = V.copy()
    last.scale_by_rates(scaled)
    np.testing.assert_array_equal(scaled, V * last.multipliers)


def test_parameters_are_read_when_a_product_is_asked_for(rng):
    w, X = network(), rng.standard_normal((4, 5))
    jacobian, kept = w.jacobian(X), w.copy().jacobian(X)
    before = jacobian.to_dense()
    w.flat = 2 * w.flat
    np.testing.assert_array_equal(kept.to_dense(), before)
    assert abs(jacobian.to_dense() - before).max() > 0.1


def test_bad_arguments(rng):
    w = network()
    for call, error, message in (
        (lambda: w.jacobian(np.ones((3, 4))), ValueError, "X must have .* 5 columns, got shape"),
        (lambda: w.jacobian(np.ones((3, 5)), memory=60), MemoryError, "the scaled points needs"),
        (lambda: network(networks=2).jacobian(np.ones((3, 5))), ValueError, "a batch of 2: take w"),
    ):
        with pytest.raises(error, match=message):
            call()
