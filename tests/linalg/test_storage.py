# SPDX-License-Identifier: Apache-2.0
"""Storages: the same matrix whichever is taken, the budget decides and is honoured."""

import tracemalloc

import numpy as np
import pytest

import fastntk as fn
from fastntk._memory import Budget
from fastntk.gram import limiting
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
    message = (
        "storage must be one of 'auto', 'dense', 'packed', 'lazy', or a path such as 'K.gram', "
    )
    for name in ("disk", "", None, b"K.gram"):
        with pytest.raises(ValueError, match=f"{message}got {name!r}"):
            GramOperator(NET, X, storage=name)
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
        (1e12, "packed"),
        (8e9, "packed"),
        (7e9, "lazy"),
        (60e6, "lazy"),
    ],
)
def test_auto_leaves_room_for_an_eigensolver(budget, chosen):
    # 60,000 rows: 14.4 GB dense, 7.27 GB packed, and 0.49 GB for 512 columns of basis.
    room = Budget(int(budget))
    assert storage.select_storage("auto", Source(60_000), room).name == chosen


@pytest.mark.parametrize(
    ("n", "budget", "chosen"),
    [(8192, 1e12, "dense"), (8192, 300e6, "packed"), (8193, 1e12, "packed")],
)
def test_auto_stores_few_rows_densely(n, budget, chosen):
    assert storage.select_storage("auto", Source(n), Budget(int(budget))).name == chosen


def test_the_last_resort_of_auto_must_fit():
    message = r"lazy storage of a 60000 x 60000 float32 matrix needs 60\.0 MB .* is 59\.0 MB"
    with pytest.raises(MemoryError, match=message):
        storage.select_storage("auto", Source(60_000), Budget(59 * 10**6))


@pytest.mark.parametrize(("name", "needed"), [("dense", "14.5 GB"), ("packed", "7.33 GB")])
def test_a_storage_that_does_not_fit_is_refused(name, needed):
    message = f"{name} storage of a 60000 x 60000 float32 matrix needs {needed} .* is 5.00 GB"
    with pytest.raises(MemoryError, match=message):
        storage.select_storage(name, Source(60_000), Budget(5 * 10**9))


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
    X = rng.random((1000, 4))
    lazy = GramOperator(NET, X, storage="lazy", copy_X=False)._source
    announced = storage.select_storage(name, lazy, Budget(10**9)).nbytes(lazy)
    op = GramOperator(NET, X, storage=name, copy_X=False)
    assert GramOperator(NET, X, storage=name).nbytes == op.nbytes + X.nbytes
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
    op = GramOperator(NET, X, storage="lazy", memory=400_000)
    with pytest.raises(MemoryError, match=r"the result of 50000 new points needs 400 kB"):
        op.cross_matmat(np.ones((50_000, 5), np.uint8), np.ones((len(X), 1)))
    op.budget = 200_000
    message = r"a block of 256 new points, of which there are 300, needs .* the operator holds"
    with pytest.raises(MemoryError, match=message):
        op.cross_matmat(np.ones((300, 5), np.uint8), np.ones((len(X), 1)))


@pytest.mark.parametrize("method", ["cross", "cross_matmat"])
@pytest.mark.parametrize(
    ("Z", "error", "message"),
    [
        (np.ones(5), ValueError, r"^Z must be 2-D \(samples, features\), got shape \(5,\)"),
        (np.ones((2, 4)), ValueError, r"^Z must have X's 5 columns, got shape \(2, 4\)"),
        (np.full((2, 5), np.nan), ValueError, "^Z must be finite, got nan"),
        (np.full((2, 5), 1j), TypeError, "^Z must hold real numbers"),
        ([[1.0], [1.0, 2.0]], TypeError, "^Z must be .* unequal lengths"),
        (np.ma.masked_less(np.eye(5), 0.5), ValueError, "^Z must not have masked entries, got 20"),
    ],
)
def test_bad_new_points(X, method, Z, error, message):
    op = GramOperator(NET, X)
    with pytest.raises(error, match=message):
        getattr(op, method)(Z, *([np.ones((600, 1))] if method == "cross_matmat" else []))


def test_new_points_are_converted_once(X, rng, monkeypatch):
    # 600 rows in blocks of 256: the operator's own points change their type before the first.
    seen = []
    op = GramOperator(NET, X, storage="lazy", memory=900_000)
    make = limiting.limiting_source
    monkeypatch.setattr(
        limiting, "limiting_source", lambda net, Z, X, **o: seen.append(X) or make(net, Z, X, **o)
    )
    Z = rng.random((1500, 5))
    product = op.cross_matmat(Z, np.ones((600, 1)))
    assert len(seen) > 1
    assert all(points is seen[0] and points.dtype == np.float64 for points in seen)
    np.testing.assert_allclose(product[:, 0], NET.ntk(Z, X, dtype="float32").sum(axis=1), rtol=1e-5)


def test_preparing_data_is_refused_before_it_starts(rng):
    X = rng.random((4000, 50))
    with pytest.raises(MemoryError, match=r"preparing data of shape \(4000, 50\) needs"):
        GramOperator(NET, X, memory="3 MB")
    with pytest.raises(MemoryError, match=r"a copy of X in float64 needs 1\.60 MB .* is 1\.00 MB"):
        GramOperator(NET, X, memory="1 MB")


@pytest.mark.parametrize("storage", ["packed", "lazy"])
def test_later_changes_of_the_data_do_not_matter(rng, storage):
    X = rng.random((300, 4))
    op = GramOperator(NET, X, storage=storage)
    want, cross = op.to_dense(), op.cross(X)
    points = X.copy()
    X[:] = 0
    np.testing.assert_array_equal(op.to_dense(), want)
    np.testing.assert_array_equal(op.cross(points), cross)
    assert GramOperator(NET, X, copy_X=False).X is X


def test_threads_and_the_budget_left_prepare_the_data(X, monkeypatch):
    seen = []
    make = limiting.limiting_source

    def spy(net, *data, **options):
        seen.append((options["threads"], options["budget"]))
        return make(net, *data, **options)

    monkeypatch.setattr(limiting, "limiting_source", spy)
    op = GramOperator(NET, X, storage="lazy", threads=2, memory=10**6)
    assert seen == [(2, 10**6 - X.nbytes)]
    op.cross_matmat(X, np.ones((600, 1)))
    op.cross(X[:9])
    assert seen[1:] == [(2, op.room.left - 8 * 600), (2, op.room.left - 9 * 600 * 4)]
