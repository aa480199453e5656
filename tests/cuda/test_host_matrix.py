# SPDX-License-Identifier: Apache-2.0
"""A matrix in the host's memory that does not fit a GPU's budget: multiplied slab by slab."""

import gc
import threading

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
# Three slabs of the least height, 128 rows, the last one of 44.
N = 300
# Products of the CPU and of the GPU with float32 in both matrix and vectors: each relative to the
# sum of magnitudes, 2e-6 (see csrc/cuda/tile_times.cuh) and less; in float64 to rounding.
CLOSE = {"float32": 3e-6, "float64": 1e-13}


@pytest.fixture
def K(X, dtype):
    return NET.ntk(X, dtype=dtype, device="cpu")


@pytest.fixture
def V(rng, dtype):
    return rng.standard_normal((N, 5)).astype(dtype)


def streamed(K, height=128):
    """Return an operator whose budget forces slabs of so many rows."""
    slab = height * K[0].nbytes
    # A quarter of the budget is one slab's; where that is less than one of 128 rows, half is.
    budget = 4 * slab if height > 128 else 2 * slab
    op = fn.GramOperator.from_matrix(K, device="cuda", memory=budget)
    assert (op.storage, op.nbytes) == ("host", 2 * slab)
    return op


def slabs_of(op, V):
    told = []
    op.matmat(V, progress=lambda *step: told.append(step))
    return told


def test_products(gpu, K, V, dtype):
    cp = gpu.cupy
    op = streamed(K)
    assert (op.place, op.host, op.xp, op.dtype) == ("cuda:0", True, cp, dtype)
    want = fn.GramOperator.from_matrix(K).matmat(V)
    there, back = op.matmat(cp.asarray(V)), op.matmat(V)
    assert isinstance(there, cp.ndarray)
    assert isinstance(back, np.ndarray)
    assert there.dtype == back.dtype == np.float64
    np.testing.assert_array_equal(there.get(), back)
    bound = CLOSE[dtype] * (np.abs(K).astype(float) @ np.abs(V))
    assert (np.abs(back - want) <= bound).all()
    double = V.astype(float)
    exact = K.astype(float) @ double
    assert (np.abs(op.matmat(double) - exact) <= 1e-13 * (np.abs(K) @ np.abs(double))).all()
    assert isinstance(op @ cp.asarray(V[:, 0]), cp.ndarray)
    assert op.matmat(V[:, :0]).shape == (N, 0)


@pytest.mark.parametrize("n", [257, 384, 385])
def test_every_number_of_slabs(gpu, rng, n):
    """The last one of any height: each slab has its own rows."""
    K = rng.standard_normal((n, n))
    K += K.T
    V = rng.standard_normal((n, 2))
    np.testing.assert_allclose(streamed(K).matmat(V), K @ V, rtol=0, atol=1e-12 * n)


def test_results_do_not_depend_on_the_slabs(gpu, rng):
    K = rng.standard_normal((1200, 1200)).astype(np.float32)
    K += K.T
    V = rng.standard_normal((1200, 3)).astype(np.float32)
    least, more = streamed(K), streamed(K, 256)
    assert [len(slabs_of(op, V)) for op in (least, more)] == [10 + 1, 5 + 1]
    got, want = more.matmat(V), least.matmat(V)
    if hasattr(gpu.native, "calls"):  # the stand-in
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)  # BLAS, in another order
    else:
        np.testing.assert_array_equal(got, want)


def test_what_fits_is_copied_once(gpu, K, V):
    op = fn.GramOperator.from_matrix(K, device="cuda", memory=K.nbytes)
    assert op.storage == "dense"


def test_a_matrix_mapped_from_a_file(gpu, K, V, tmp_path):
    np.save(tmp_path / "K.npy", K)
    op = streamed(np.load(tmp_path / "K.npy", mmap_mode="r"))
    np.testing.assert_array_equal(op.matmat(V), streamed(K).matmat(V))


def test_entries(gpu, K, dtype):
    cp = gpu.cupy
    op = streamed(K)
    np.testing.assert_array_equal(op.diagonal(), K.diagonal())
    for out in (np.empty(K.shape), np.empty(K.shape, dtype), cp.empty(K.shape, dtype=dtype)):
        assert op.to_dense(out) is out
        np.testing.assert_array_equal(out if isinstance(out, np.ndarray) else out.get(), K)
    some = np.array([250, 3, 3])
    columns = op.columns(some)
    assert isinstance(columns, cp.ndarray)
    np.testing.assert_array_equal(columns.get(), K[:, some])


def test_algorithms(gpu, X, rng):
    K = NET.ntk(X, dtype="float64", device="cpu")
    op = streamed(K)
    op.budget = 10**8  # what algorithms take beside it
    pairs = fn.eigenpairs(op, 4, method="krylov")
    # The tolerance of the solver, 1e-6 of the largest eigenvalue, is one of residuals.
    want = np.linalg.eigvalsh(K)[::-1][:4]
    np.testing.assert_allclose(pairs.values, want, rtol=0, atol=1e-6 * want[0])
    B = rng.standard_normal((N, 2))
    centred = fn.CenteredOperator(op)
    H = np.eye(N) - 1 / N
    np.testing.assert_allclose(centred.matmat(B), H @ K @ H @ B, rtol=0, atol=1e-9 * K.trace())
    found = op.solve(B, ridge=1.0)
    residuals = np.linalg.norm(K @ found.value + found.value - B, axis=0)
    assert (residuals <= 1.01e-6 * np.linalg.norm(B, axis=0)).all()  # tol, and its own rounding


def test_progress_is_told_of_every_slab(gpu, K, V):
    assert slabs_of(streamed(K), V) == [("product", done, 3) for done in range(4)]


def test_copies_run_beside_products(standin, K, V):
    """A slab is copied while the one before is multiplied, and waits for the one before that."""
    cp, calls = standin.cupy, standin.native.calls
    op = streamed(K)
    V = cp.asarray(V)
    cp.log.clear(), calls.clear()
    with cp.cuda.Stream() as mine:
        op.matmat(V)
    assert calls == [("matmat", 0, mine.ptr)] * 3
    (copies,) = {entry[1] for entry in cp.log if entry[0] == "copy"}
    assert copies not in (0, mine.ptr)
    first, second, third = cp.log[:6], cp.log[6:12], cp.log[12:18]
    for entries in (first, second, third):
        host, slab_free, copy, copied, ready, multiplied = entries
        assert host[0] == "sync"  # the host's memory has been read
        assert slab_free[:2] == ("wait", copies)
        assert copy[:2] == ("copy", copies)
        assert copied == ("record", copies, host[1])
        assert ready == ("wait", mine.ptr, host[1])
        assert multiplied == ("record", mine.ptr, slab_free[2])
    # Two slabs take turns.
    assert first == third
    assert {entry[-1] for entry in first}.isdisjoint({entry[-1] for entry in second})
    # The stream of the operator waits for both.
    assert sorted(cp.log[18:]) == sorted(("wait", 0, slot[1][2]) for slot in (first, second))


def test_a_device_that_failed_says_so_once(standin, K, V, monkeypatch):
    def fail(stream):
        raise RuntimeError("cudaErrorIllegalAddress")

    op = streamed(K)
    standin.native.failure.append("a call: cudaErrorIllegalAddress")
    monkeypatch.setattr(standin.cupy.cuda.Stream, "synchronize", fail)
    with pytest.raises(fn.CudaError):
        op.matmat(standin.cupy.asarray(V))


def test_products_do_not_wait_for_the_device(standin, K, V):
    """But for the two slabs' turns."""
    op = streamed(K)
    V = standin.cupy.asarray(V)
    standin.cupy.log.clear()
    op.matmat(V)
    synchronised = [entry[1] for entry in standin.cupy.log if entry[0] == "sync"]
    assert len(synchronised) == 3
    assert all(isinstance(event, int) for event in synchronised)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_product_that_is_stopped(gpu, K, V, error):
    op = streamed(K)
    want = op.matmat(V)

    def stop(stage, done, total):
        if done == 2:
            raise error

    with pytest.raises(error):
        op.matmat(V, progress=stop)
    np.testing.assert_array_equal(op.matmat(V), want)


def test_a_product_that_fails_is_waited_for(standin, K, V):
    op = streamed(K)
    standin.native.failure.append("a call: cudaErrorIllegalAddress")
    with pytest.raises(fn.CudaError):
        op.matmat(standin.cupy.asarray(V))
    assert standin.cupy.log[-2:] == [("sync", "stream")] * 2


def test_products_of_several_threads_take_turns(gpu, K, V):
    """They share the slabs."""
    op = streamed(K)
    want, other, got = op.matmat(V), op.matmat(2 * V), []
    thread = threading.Thread(target=lambda: got.append(op.matmat(2 * V)))

    def meanwhile(stage, done, total):
        if done == 1:
            thread.start()
            thread.join(0.3)  # it would be through, if it could
            assert thread.is_alive()

    np.testing.assert_array_equal(op.matmat(V, progress=meanwhile), want)
    thread.join()
    np.testing.assert_array_equal(got, [other])


def test_progress_that_multiplies(gpu, K, V):
    op = streamed(K)
    want, inner = op.matmat(V), []
    got = op.matmat(V, progress=lambda *_: inner.append(op.matmat(2 * V)))
    np.testing.assert_array_equal(got, want)
    assert len(inner) == 4
    np.testing.assert_array_equal(inner[1], op.matmat(2 * V))


def test_zeros(gpu):
    K = np.zeros((N, N))
    np.testing.assert_array_equal(streamed(K).matmat(np.ones((N, 1))), np.zeros((N, 1)))


def test_vectors_that_are_not_finite(gpu, K, V):
    op = streamed(K)
    V[3, 1] = np.nan
    product = op.matmat(gpu.cupy.asarray(V)).get()
    np.testing.assert_array_equal(np.isnan(product).all(axis=0), [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(np.isnan(product).any(axis=0), [0, 1, 0, 0, 0])


def test_slabs_that_do_not_fit(standin, K):
    slabs = 2 * 128 * K[0].nbytes
    message = rf"copying K in slabs of 128 rows needs .* \({slabs} bytes\), .* budget on cuda:0 is"
    with pytest.raises(MemoryError, match=message):
        fn.GramOperator.from_matrix(K, device="cuda", memory=slabs - 1)
    assert standin.cupy.get_default_memory_pool().peak == 0


def test_memory_is_what_is_said(standin, K, V):
    pool = standin.cupy.get_default_memory_pool()
    op = streamed(K)
    assert pool.used_bytes() == op.nbytes
    op.matmat(V)
    del op
    gc.collect()
    assert pool.used_bytes() == 0


def test_the_device_s_memory_is_the_budget(standin, rng):
    """Half of it at most is for slabs."""
    K = np.ones((1000, 1000))
    pool = standin.cupy.get_default_memory_pool()
    pool.capacity[0] = 6 * 10**6
    op = fn.GramOperator.from_matrix(K, device="cuda")
    assert op.storage == "host"
    assert op.nbytes <= pool.capacity[0] / 2
    V = rng.standard_normal((1000, 4))
    np.testing.assert_allclose(op.matmat(V), K @ V, rtol=0, atol=1e-10)


def test_another_device(standin, K, V):
    slabs = 2 * 128 * K[0].nbytes
    op = fn.GramOperator.from_matrix(K, device="cuda:1", memory=slabs)
    op.matmat(V)
    assert {device for _, device, _ in standin.native.calls} == {1}
