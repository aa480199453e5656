# SPDX-License-Identifier: Apache-2.0
"""Memory of a GPU: asked before anything is allocated, and given back."""

import gc

import numpy as np
import pytest

import fastntk as fn
from fastntk import _memory
from fastntk.gram.limiting import limiting_source
from fastntk.gram.problem import prepared_bytes

NET = fn.FullyConnected(1)


@pytest.fixture(autouse=True)
def _always_asked(monkeypatch):
    """Small requests too."""
    monkeypatch.setattr("fastntk._cuda_engine.UNASKED", 0)


@pytest.fixture
def pool(standin):
    return standin.cupy.get_default_memory_pool()


def test_a_kernel_that_does_not_fit(standin, pool, X):
    data = standin.cupy.asarray(X)
    pool.capacity[0] = 300_000
    message = (
        r"1 kernel\(s\) of shape \(300, 300\) in float32 needs 360 kB \(360000 bytes\), the memory "
        r"budget on cuda:0 is 294 kB .*; take blocks of rows, storage='lazy', dtype='float32'"
    )
    with pytest.raises(MemoryError, match=message):
        NET.ntk(data)
    assert standin.native.calls == []


def test_data_that_do_not_fit(standin, pool, X):
    data = standin.cupy.asarray(X)
    pool.capacity[0] = 400_000
    with pytest.raises(MemoryError, match=r"preparing data of shape \(300, 20\) needs"):
        NET.ntk(data)
    assert standin.native.calls == []


def test_what_the_pool_keeps_is_free(standin, pool, X):
    """CuPy's pool holds freed memory: the system's own figure would refuse."""
    data = standin.cupy.asarray(X)
    keeper = standin.cupy.empty(3_000_000, dtype=np.uint8)
    pool.capacity[0] = 3_100_000
    del keeper
    assert standin.cupy.cuda.runtime.memGetInfo()[0] < 100_000
    NET.ntk(data)


def test_the_pool_s_limit_counts(standin, pool, X):
    data = standin.cupy.asarray(X)
    pool.limit = 300_000
    with pytest.raises(MemoryError, match="budget on cuda:0 is 294 kB"):
        NET.ntk(data)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (3, 2), (300, 1), (257, 130), (20, 1000)])
@pytest.mark.parametrize("layers", [0, 4])
def test_preparing_takes_no_more_than_is_asked_for(gpu, rng, kind, n, d, layers, dtype):
    """Peaks included; a real pool does not tell them."""
    pool = gpu.cupy.get_default_memory_pool()
    if not hasattr(pool, "peak"):
        pytest.skip("CuPy's own pool knows no peak")
    net = fn.FullyConnected(layers)
    X = gpu.cupy.asarray(rng.integers(0, 256, (n, d)).astype(kind))
    before = pool.used_bytes()
    pool.peak = before
    source = limiting_source(net, X, dtype=dtype)
    estimate = prepared_bytes(X, net.program())
    assert source.nbytes <= estimate
    assert pool.peak - before <= estimate


def test_memory_that_goes_between_question_and_allocation(standin, pool, X, monkeypatch):
    """CuPy's own error says what the others do."""
    data = standin.cupy.asarray(X)
    monkeypatch.setattr("fastntk._cuda_engine.UNASKED", 10**9)
    pool.capacity[0] = 50_000
    message = r"cuda:0: Out of memory allocating .* bytes; take blocks of rows"
    with pytest.raises(MemoryError, match=message) as caught:
        NET.ntk(data)
    assert type(caught.value) is MemoryError


def test_host_results_that_do_not_fit_come_in_blocks(standin, pool, rng):
    X = rng.integers(0, 256, (1000, 20)).astype(np.uint8)
    whole = NET.ntk(X)
    standin.native.calls.clear()
    pool.free_all_blocks()
    pool.capacity[0] = 3_000_000
    blocks = NET.ntk(X)
    assert [name for name, *_ in standin.native.calls] == ["prepare", "to_dense"] * 2
    np.testing.assert_allclose(blocks, whole, rtol=1.2e-6)  # two gates of float32
    layers, nngp = NET.kernels(X, X[:700], get=("layers", "nngp"))
    np.testing.assert_allclose(layers.sum(axis=0), whole[:, :700], rtol=2e-6)
    assert nngp.shape == (1000, 700)


def test_not_even_a_block_fits(standin, pool, rng):
    X = rng.integers(0, 256, (1000, 20)).astype(np.uint8)
    pool.capacity[0] = 1_000_000
    with pytest.raises(MemoryError, match=r"256 rows of a kernel of shape \(1000, 1000\) needs"):
        NET.ntk(X)


def test_memory_is_given_back(standin, pool, X):
    data = standin.cupy.asarray(X)
    before = pool.used_bytes()
    op = fn.GramOperator(NET, data, storage="packed")
    assert pool.used_bytes() > before
    op.matmat(standin.cupy.asarray(np.ones((300, 2))))
    del op
    gc.collect()
    assert pool.used_bytes() == before


def test_budgets_are_of_the_device(standin, pool, X):
    pool.capacity[0] = 10**9
    op = fn.GramOperator(NET, standin.cupy.asarray(X), storage="packed")
    assert op.budget == pytest.approx(0.9e9, rel=0.01)
    assert fn.CenteredOperator(op).room == _memory.Budget(op.budget, op.nbytes, "cuda:0")
    assert fn.GramOperator(NET, X, memory="7 MB").budget == 7 * 10**6


@pytest.mark.parametrize(
    ("capacity", "storage"), [(10**9, "dense"), (12 * 10**6, "packed"), (5 * 10**6, "lazy")]
)
def test_auto_takes_the_storage_that_fits(standin, pool, rng, capacity, storage):
    X = standin.cupy.asarray(rng.integers(0, 256, (1000, 20)).astype(np.uint8))
    pool.capacity[0] = capacity
    assert fn.GramOperator(NET, X, memory=capacity).storage == storage


def test_storages_that_do_not_fit(standin, X):
    data = standin.cupy.asarray(X)
    with pytest.raises(MemoryError, match=r"dense storage.*on cuda:0 .*storage='lazy'"):
        fn.GramOperator(NET, data, storage="dense", memory=300_000)
    with pytest.raises(MemoryError, match=r"the data needs 6.00 kB .*on cuda:0"):
        fn.GramOperator(NET, X, storage="lazy", memory=5000)


def test_a_solver_that_does_not_fit(standin, X):
    op = fn.GramOperator(NET, standin.cupy.asarray(X), storage="lazy")
    with pytest.raises(MemoryError, match=r"Krylov basis .* on cuda:0"):
        fn.eigenpairs(op, 3, method="krylov", memory=10_000)
    with pytest.raises(MemoryError, match=r"dense eigenproblem .* on cuda:0"):
        fn.eigenpairs(op, 3, method="dense", memory=10_000)
    assert fn.select_method(op, 3, 10_000) == "krylov"
