# SPDX-License-Identifier: Apache-2.0
"""Finite networks on a GPU: their passes, their tangent kernels, and what is done with these."""

import numpy as np
import pytest

import fastntk as fn
from fastntk import _backend

# Relative to sqrt(K_ii K_jj): two products of 22-bit floats to an entry, and sums of doubles.
BOUNDS = {"float32": 2e-6, "float64": 1e-13}
# Of whole networks, relative to the largest number: CuPy's products are summed in another order.
NETWORK_BOUNDS = {"float32": 1e-5, "float64": 1e-12}
NET = fn.FullyConnected(2)
WIDTHS = (5, 33, 20, 3)


def engine_of(gpu):
    return _backend.engine("cuda")


def passes(rng, points, outputs, dtype):
    """Return made-up activations and signals of two maps; the last has none."""
    draw = [(points, 31), (points * outputs, 17), (points, 17)]
    a, d, b = (rng.standard_normal(shape).astype(dtype) for shape in draw)
    return [(a, d), (b, None)]


def kernel_of(rows, cols, factors, outputs):
    """Return the kernel of such passes in float64."""

    def product(A, B):
        return A.astype(float) @ B.astype(float).T

    same = np.ones((outputs, outputs))
    K = 0
    for (a, d), (b, e), (alpha, beta) in zip(rows, cols, factors, strict=True):
        A = alpha * product(a, b) + beta
        S = np.kron(np.ones(A.shape), np.eye(outputs)) if d is None else product(d, e)
        K = K + S * np.kron(A, same)
    return K


def close(got, wanted, bound):
    return np.abs(got - wanted).max() <= bound * np.abs(wanted).max()


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("square", [True, False])
def test_a_kernel_is_a_tile_source(gpu, rng, dtype, square, outputs):
    engine = engine_of(gpu)
    factors = [(0.03, 0.01), (0.06, 0.01)]
    rows = passes(rng, 40, outputs, dtype)
    cols = rows if square else passes(rng, 23, outputs, dtype)

    def on_device(side):
        return [tuple(None if x is None else gpu.cupy.asarray(x) for x in pair) for pair in side]

    source = engine.empirical_kernel(
        np.dtype(dtype), on_device(rows), None if square else on_device(cols), factors, outputs
    )
    wanted = kernel_of(rows, cols, factors, outputs)
    own = kernel_of(rows, rows, factors, outputs).diagonal()
    other = kernel_of(cols, cols, factors, outputs).diagonal()
    assert source.shape == wanted.shape
    assert source.dtype == dtype
    assert source.symmetric == square
    assert source.largest_diagonal == pytest.approx(max(own.max(), other.max()), rel=1e-6)
    K = gpu.cupy.empty(source.shape, dtype)
    source.to_dense(K)
    error = np.abs(K.get() - wanted) / np.sqrt(np.outer(own, other))
    assert error.max() <= BOUNDS[dtype]
    V = rng.standard_normal((source.shape[1], 2))
    out = gpu.cupy.empty((source.shape[0], 2), np.float64)
    source.matmat(gpu.cupy.asarray(V), out)
    assert close(out.get(), wanted @ V, 1e-5 if dtype == "float32" else 1e-12)
    if square:
        assert np.array_equal(source.diagonal().get(), K.get().diagonal())
        packed = engine.empty(source.shape, source.dtype)
        engine.pack_triangle(source).to_dense(packed)
        assert np.array_equal(packed.get(), K.get())


def test_bad_arrays(gpu, rng):
    cp, engine = gpu.cupy, engine_of(gpu)
    if gpu.native.architectures == ["stand-in"]:
        pytest.skip("the stand-in's checks are those of the CPU")
    a = cp.asarray(rng.standard_normal((4, 6)).astype(np.float32))
    float32 = np.dtype(np.float32)
    with pytest.raises(TypeError, match="activations must be an array in device memory"):
        engine.empirical_kernel(float32, [(np.zeros((4, 6), np.float32), None)], None, [(1, 0)], 1)
    with pytest.raises(TypeError, match=r"activations must be a device array of <f8, got <f4"):
        engine.empirical_kernel(np.dtype(np.float64), [(a, None)], None, [(1, 0)], 1)
    with pytest.raises(TypeError, match="activations must be C-contiguous"):
        engine.empirical_kernel(float32, [(a.T, None)], None, [(1, 0)], 1)
    with pytest.raises(ValueError, match="outputs must be at least 1, got 0"):
        engine.empirical_kernel(float32, [(a, None)], None, [(1, 0)], 0)
    with pytest.raises(ValueError, match="as many terms"):
        engine.empirical_kernel(float32, [(a, None)], [], [(1, 0)], 1)
    with pytest.raises(ValueError, match="signals have a row per point and output"):
        engine.empirical_kernel(float32, [(a, a)], None, [(1, 0)], 2)
    with pytest.raises(ValueError, match=r"shift must have shape \(6,\)"):
        engine.activate(("relu", ()), a, 1.0, a, None)
    with pytest.raises(ValueError, match="signals must have shape"):
        engine.apply_slope(("relu", ()), a, a[:3], 1.0)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_activations_and_slopes(gpu, rng, activation, dtype):
    cp, engine = gpu.cupy, engine_of(gpu)
    z, shift = rng.standard_normal((6, 37)).astype(dtype), rng.standard_normal(37).astype(dtype)
    z[2, 3] = -shift[3] / 2  # zero when it is shifted
    host = _backend.engine("cpu")
    device, out = cp.asarray(z), cp.empty(z.shape, dtype)
    wanted, values = z.copy(), np.empty_like(z)
    host.activate((activation, ()), wanted, 2.0, shift, values)
    engine.activate((activation, ()), device, 2.0, cp.asarray(shift), out)
    # erf of the GPU's own library.
    bound = 1e-6 if dtype == "float32" else 1e-15
    assert np.array_equal(device.get(), wanted)
    assert np.abs(out.get() - values).max() <= bound
    signals = rng.standard_normal((18, 37)).astype(dtype)
    given = cp.asarray(signals)
    host.apply_slope((activation, ()), wanted, signals, 0.5)
    engine.apply_slope((activation, ()), device, given, 0.5)
    assert np.abs(given.get() - signals).max() <= 2 * bound
    engine.activate((activation, ()), device, 0.5, None, None)
    assert np.array_equal(device.get(), (0.5 * wanted).astype(dtype))


@pytest.fixture
def points(rng):
    return rng.standard_normal((14, 5)).astype(np.float32)


def networks(activation="relu", dtype="float32", **options):
    """Return one network on the host and on the device."""
    net = fn.FullyConnected(2, activation)
    return [
        fn.FiniteNetwork(net, WIDTHS, seed=3, dtype=dtype, device=device, **options)
        for device in ("cpu", "cuda")
    ]


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_kernels_of_networks(gpu, points, activation, dtype):
    cp, bound = gpu.cupy, NETWORK_BOUNDS[dtype]
    host, device = networks(activation, dtype)
    X, Z = cp.asarray(points), cp.asarray(points[:6])
    assert close(device(X).get(), host(points), bound)
    for outputs in ("full", "trace", (0, 2)):
        wanted = host.ntk(points, outputs=outputs)
        K = device.ntk(X, outputs=outputs)
        assert isinstance(K, cp.ndarray)
        assert close(K.get(), wanted, bound)
        cross = host.ntk(points[:6], points, outputs=outputs)
        assert close(device.ntk(Z, X, outputs=outputs).get(), cross, bound)
    assert close(device.nngp(X).get(), host.nngp(points), bound)
    (layers,) = device.kernels(X, get=("layers",))
    (wanted,) = host.kernels(points, get=("layers",))
    for part, expected in zip(layers, wanted, strict=True):
        assert close(part.get(), expected, bound)
    assert isinstance(device.ntk(points), np.ndarray)


def test_a_batch_of_networks(gpu, points):
    host, device = networks(networks=2)
    X = gpu.cupy.asarray(points)
    assert close(device(X).get(), host(points), 1e-5)
    assert close(device.ntk(X).get(), host.ntk(points), 1e-5)


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_operators_of_networks(gpu, points, rng, dtype, storage):
    cp, bound = gpu.cupy, NETWORK_BOUNDS[dtype]
    host, device = networks(dtype=dtype)
    V = rng.standard_normal((3 * len(points), 4))
    wanted = fn.GramOperator(host, points, storage=storage)
    op = fn.GramOperator(device, cp.asarray(points), storage=storage)
    assert op.shape == wanted.shape
    assert close((op @ cp.asarray(V)).get(), wanted @ V, bound)
    assert close(op.diagonal().get(), wanted.diagonal(), bound)


def test_jacobians_of_networks(gpu, points, rng):
    cp = gpu.cupy
    host, device = networks(dtype="float64")
    J, wanted = device.jacobian(cp.asarray(points)), host.jacobian(points)
    v = rng.standard_normal(host.n_parameters)
    u = rng.standard_normal(wanted.shape[0])
    assert close((J @ cp.asarray(v)).get(), wanted @ v, 1e-12)
    assert close((J.T @ cp.asarray(u)).get(), wanted.T @ u, 1e-12)


def test_kernels_of_networks_do_not_wait(standin, points):
    """The host reads nothing of CuPy's but what says that parameters and data are finite."""
    _, device = networks()
    X = standin.cupy.asarray(points)
    device.ntk(X)  # what is checked once is checked now
    standin.cupy.log.clear()
    source = engine_of(standin).empirical_kernel(
        np.dtype(np.float32), [(X, None)], None, [(1.0, 0.0)], 1
    )
    out = standin.cupy.empty(source.shape, source.dtype)
    source.to_dense(out)
    device.engine.activate(("relu", ()), X, 1.0, None, None)
    assert [entry for entry in standin.cupy.log if entry[0] == "sync"] == []


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 4},
        {"steps": 4, "updates": "low-rank"},
        {"steps": 4, "batch_size": 5},
        {"steps": 4, "flow": True},
        {"steps": 3, "cost": fn.costs.CrossEntropy()},
    ],
    ids=["whole", "low-rank", "batches", "flow", "cross-entropy"],
)
def test_training(gpu, points, rng, options):
    """The same seed draws the same batches, and a step on a device is the host's."""
    cp = gpu.cupy
    y = rng.standard_normal((len(points), 3))
    if "cost" in options:
        y = np.eye(3)[y.argmax(axis=1)]
    host, device = networks(dtype="float64")
    host.train(points, y, learning_rate=0.5, **options)
    device.train(cp.asarray(points), cp.asarray(y), learning_rate=0.5, **options)
    assert close(device(cp.asarray(points)).get(), host(points), 1e-10)
