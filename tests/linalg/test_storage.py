# SPDX-License-Identifier: Apache-2.0
"""Storages: the same matrix whichever is taken, the budget decides and is honoured."""

import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator, storage

NET = fn.FullyConnected(hidden_layers=1)


@pytest.fixture
def X(rng):
    return rng.integers(0, 256, (600, 5)).astype(np.uint8)


def test_all_storages_hold_the_same_bits(X, dtype):
    want = NET.ntk(X, dtype=dtype)
    for name in storage.storage_names():
        op = GramOperator(NET, X, storage=name, dtype=dtype)
        assert op.storage == name
        np.testing.assert_array_equal(op.to_dense(), want)


def test_products_do_not_depend_on_the_storage(X, rng, dtype):
    V = rng.standard_normal((len(X), 9)).astype(dtype)
    dense, packed, lazy = (
        GramOperator(NET, X, storage=name, dtype=dtype) @ V for name in ("dense", "packed", "lazy")
    )
    np.testing.assert_array_equal(dense, packed)
    np.testing.assert_array_equal(packed, lazy)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_products_do_not_depend_on_threads(X, rng, threads):
    V = rng.standard_normal((len(X), 9)).astype(np.float32)
    want = GramOperator(NET, X, storage="packed") @ V
    np.testing.assert_array_equal(GramOperator(NET, X, storage="packed", threads=threads) @ V, want)


def test_kernel_and_scale_reach_the_entries(X):
    op = GramOperator(NET, X, kernel="nngp", scale=1 / 255)
    np.testing.assert_array_equal(op.to_dense(), NET.nngp(X, scale=1 / 255))
    assert (op.kernel, op.scale, op.net) == ("nngp", 1 / 255, NET)


def test_unknown_names(X):
    message = "storage must be one of 'auto', 'dense', 'packed', 'lazy', got 'disk'"
    with pytest.raises(ValueError, match=message):
        GramOperator(NET, X, storage="disk")
    with pytest.raises(ValueError, match="kernel"):
        GramOperator(NET, X, kernel="rbf")


class Source:
    """A matrix of a given size of which nothing exists; sizes are all that a choice reads."""

    def __init__(self, n, dtype="float32"):
        self.shape, self.dtype, self.nbytes = (n, n), np.dtype(dtype), 1000 * n
        self.symmetric = True


@pytest.mark.parametrize(
    ("budget", "chosen"),
    [
        (16e9, "dense"),
        (14.5e9, "packed"),
        (8e9, "packed"),
        (7e9, "lazy"),
        (1e9, "lazy"),
        (1, "lazy"),
    ],
)
def test_auto_leaves_room_for_an_eigensolver(budget, chosen):
    # 60,000 rows: 14.4 GB dense, 7.27 GB packed, and 0.49 GB for 512 columns of basis.
    assert storage.select_storage("auto", Source(60_000), int(budget)).name == chosen


@pytest.mark.parametrize(("name", "needed"), [("dense", "14.5 GB"), ("packed", "7.33 GB")])
def test_a_storage_that_does_not_fit_is_refused(name, needed):
    message = f"{name} storage of a 60000 x 60000 float32 matrix needs {needed} .* is 5.00 GB"
    with pytest.raises(MemoryError, match=message):
        storage.select_storage(name, Source(60_000), 5 * 10**9)


def test_a_refusal_comes_before_the_allocation(rng):
    X = rng.random((4000, 3))
    tracemalloc.start()
    try:
        with pytest.raises(
            MemoryError, match="dense storage of a 4000 x 4000 float64 matrix needs"
        ):
            GramOperator(NET, X, storage="dense", memory="100 MB")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1e6  # X itself is 96 kB


@pytest.mark.parametrize("name", ["dense", "packed", "lazy"])
def test_announced_sizes_are_those_held(rng, name):
    lazy = GramOperator(NET, rng.random((1000, 4)), storage="lazy")._source
    announced = storage.select_storage(name, lazy, 10**9).nbytes(lazy)
    op = GramOperator(NET, rng.random((1000, 4)), storage=name)
    assert 0.8 * announced <= op.nbytes <= announced


def test_registration_is_all_that_a_new_storage_needs(X, monkeypatch):
    monkeypatch.setattr(storage, "_STORAGES", dict(storage._STORAGES))
    plain = storage.Storage("plain", lambda source: 1, lambda source, threads, progress: source)
    assert storage.register(plain) is plain
    assert GramOperator(NET, X, storage="plain").storage == "plain"
    for name in ("plain", "auto"):
        with pytest.raises(ValueError, match="is already registered"):
            storage.register(storage.Storage(name, plain.nbytes, plain.build))


def test_progress_of_the_construction(X):
    calls = []
    GramOperator(NET, X, storage="packed", progress=lambda *call: calls.append(call))
    assert all(stage == "Gram matrix" and 0 <= done <= total for stage, done, total in calls)


def test_cross_is_the_kernel_of_new_points(X, rng, dtype):
    Z = rng.integers(0, 256, (30, 5)).astype(np.uint8)
    op = GramOperator(NET, X, dtype=dtype, scale=0.1)
    K = NET.ntk(Z, X, dtype=dtype, scale=0.1)
    np.testing.assert_array_equal(op.cross(Z), K)
    V = rng.standard_normal((len(X), 4))
    # 600 terms of random sign in float64, float32 entries being exact in it.
    error = np.abs(op.cross_matmat(Z, V) - K.astype(np.float64) @ V)
    assert (error <= 1e-14 * (K @ np.abs(V))).all()


def test_cross_needs_memory_and_its_product_does_not(X, rng):
    Z = rng.integers(0, 256, (3000, 5)).astype(np.uint8)
    op = GramOperator(NET, X, storage="lazy", memory="1 MB")
    with pytest.raises(MemoryError, match=r"the kernel of 3000 new points needs 7\.20 MB"):
        op.cross(Z)
    calls = []
    V = rng.standard_normal((len(X), 2))
    product = op.cross_matmat(Z, V, lambda *call: calls.append(call))
    want = NET.ntk(Z, X).astype(np.float64) @ V
    np.testing.assert_allclose(product, want, rtol=0, atol=2e-6 * np.abs(want).max())
    assert calls[-1] == ("new points", 3000, 3000)
    assert len(calls) > 1


def test_cross_matmat_says_what_it_lacks(X):
    op = GramOperator(NET, X, storage="lazy", memory=60_000)
    with pytest.raises(MemoryError, match=r"the result of 10000 new points needs 80\.0 kB"):
        op.cross_matmat(np.ones((10_000, 5), np.uint8), np.ones((len(X), 1)))
    with pytest.raises(ValueError, match=r"Z must be 2-D \(samples, features\), got shape \(5,\)"):
        op.cross_matmat(np.ones(5, np.uint8), np.ones((len(X), 1)))
