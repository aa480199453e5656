# SPDX-License-Identifier: Apache-2.0
"""Training and linearised networks on GPUs: the steps of the CPU, and arrays where the data are."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, SmoothHinge

NET = fn.FullyConnected(2, activation="erf", bias_std=0.3)
# Twenty steps in another order of sums than NumPy's.
BOUNDS = {"float32": 1e-4, "float64": 1e-11}


def network(device, dtype="float64", outputs=2, **options):
    return fn.FiniteNetwork(NET, (3, 12, 10, outputs), dtype=dtype, device=device, **options)


@pytest.fixture
def data(rng):
    return rng.standard_normal((5, 3)), rng.standard_normal((5, 2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"updates": "low-rank"},
        {"batch_size": 2},
        {"flow": True},
        {"cost": CrossEntropy()},
        {"cost": SmoothHinge()},
        {"direction": lambda f, t: 1 - f},
    ],
    ids=["dense", "low-rank", "mini-batches", "flow", "cross-entropy", "hinge", "direction"],
)
@pytest.mark.parametrize("networks", [None, 2])
def test_training_is_that_of_the_cpu(gpu, data, options, networks, dtype):
    """Parameters, costs and everything recorded; recorded arrays are where the points are."""
    X, y = data
    y = np.array([0, 1, 1, 0, 1]) if "cost" in options else y
    record = fn.Record(at=[0, 2, 5], ntk=X, activations=True)
    w = network("cpu", dtype, networks=networks)
    expected = w.train(X, y, steps=5, record=record, **options)
    v = network("cuda", dtype, networks=networks)
    xp = gpu.cupy
    record = fn.Record(at=[0, 2, 5], ntk=xp.asarray(X), activations=True)
    run = v.train(xp.asarray(X), xp.asarray(y), steps=5, record=record, **options)
    assert isinstance(run.outputs, xp.ndarray)
    assert isinstance(run.ntk, xp.ndarray)
    assert isinstance(run.cost, np.ndarray)
    tight = {"rtol": 0, "atol": BOUNDS[dtype]}
    np.testing.assert_allclose(v.flat.get(), w.flat, **tight)
    if "flow" not in options:  # the step is chosen by sums that are rounded in another order
        np.testing.assert_allclose(run.cost, expected.cost, **tight)
        np.testing.assert_allclose(run.direction_integral, expected.direction_integral, **tight)
    np.testing.assert_allclose(run.outputs.get(), expected.outputs, **tight)
    np.testing.assert_allclose(run.ntk.get(), expected.ntk, rtol=0, atol=10 * BOUNDS[dtype])
    for ours, theirs in zip(run.activations, expected.activations, strict=True):
        np.testing.assert_allclose(ours.get(), theirs, **tight)


def test_numpy_data_give_numpy_records(gpu, data):
    """A network on a GPU reads them, and hands back what they are."""
    w, v = network("cpu"), network("cuda")
    runs = [one.train(*data, steps=3) for one in (w, v)]
    assert isinstance(runs[1].outputs, np.ndarray)
    np.testing.assert_allclose(runs[0].outputs, runs[1].outputs, rtol=0, atol=1e-11)


def test_linearised_is_that_of_the_cpu(gpu, data):
    """Descent, the closed form at all points and its parameters."""
    X, y = data
    xp = gpu.cupy
    ours, theirs = network("cuda").linearised(), network("cpu").linearised()
    runs = [
        ours.train(xp.asarray(X), xp.asarray(y), steps=4),
        theirs.train(X, y, steps=4),
    ]
    tight = {"rtol": 0, "atol": 1e-10}
    np.testing.assert_allclose(runs[0].cost, runs[1].cost, **tight)
    np.testing.assert_allclose(ours.displacement.get(), theirs.displacement, **tight)
    flows = [ours.closed_form(xp.asarray(X), xp.asarray(y)), theirs.closed_form(X, y)]
    Z = np.linspace(-1, 1, 6).reshape(2, 3)
    f = flows[0].outputs([1.0, np.inf], xp.asarray(Z))
    assert isinstance(f, xp.ndarray)
    np.testing.assert_allclose(f.get(), flows[1].outputs([1.0, np.inf], Z), **tight)
    moved = flows[0].displacement(2.0)
    np.testing.assert_allclose(moved.get(), flows[1].displacement(2.0), **tight)
    assert ours.distance(network("cuda"), xp.asarray(X)) == pytest.approx(
        theirs.distance(network("cpu"), X), rel=1e-9
    )


def test_drift_of_device_matrices(gpu, rng):
    """Measures of kernels on a GPU are those of NumPy."""
    A = rng.standard_normal((3, 4, 6))
    K, y = A @ A.transpose(0, 2, 1), rng.standard_normal(4)
    xp = gpu.cupy
    for ours, theirs in (
        (fn.ntk_drift(xp.asarray(K)), fn.ntk_drift(K)),
        (fn.kernel_alignment(xp.asarray(K), y), fn.kernel_alignment(K, y)),
        (fn.effective_rank(xp.asarray(K)), fn.effective_rank(K)),
    ):
        np.testing.assert_allclose(ours.get(), theirs, rtol=1e-12)
