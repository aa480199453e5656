# SPDX-License-Identifier: Apache-2.0
"""Empirical kernels within a memory budget: blocks of points, progress, and what does not fit."""

import re
import tracemalloc

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(hidden_layers=2)
WIDTHS = (5, 200, 300, 2)
# Blocks are other shapes for the BLAS and the engine: sums of 300 in another order.
BOUNDS = {"float32": 1e-5, "float64": 1e-13}
# For blocks of 64 points, and not for many more.
ROOM = {"float32": 2_900_000, "float64": 4_300_000}


def network(dtype="float64", **options):
    return fn.FiniteNetwork(NET, WIDTHS, dtype=dtype, **options)


@pytest.fixture
def X(rng):
    return rng.standard_normal((300, 5)).astype(np.float32)


def in_blocks(compute, memory):
    """A kernel within a budget, and the reports of its progress."""
    calls = []
    K = compute(memory=memory, progress=lambda *call: calls.append(call))
    assert calls[-1][1] == calls[-1][2] == len(calls)
    assert all(stage == "empirical kernel" for stage, _, _ in calls)
    return K, len(calls)


@pytest.mark.parametrize("options", [{}, {"outputs": "trace"}, {"outputs": (1, 1)}], ids=str)
def test_symmetric_blocks(X, dtype, options):
    w = network(dtype)

    def compute(**more):
        return w.ntk(X, **options, **more)

    whole = compute()
    K, blocks = in_blocks(compute, whole.nbytes + ROOM[dtype])
    assert blocks == 15  # of 5 x 5
    assert np.abs(K - whole).max() <= BOUNDS[dtype] * whole.max()
    np.testing.assert_array_equal(K, K.T)


@pytest.mark.parametrize("options", [{}, {"outputs": (0, 1)}], ids=str)
@pytest.mark.parametrize("rectangular", [True, False])
def test_other_blocks(X, rng, dtype, options, rectangular):
    w, Y = network(dtype), rng.standard_normal((70, 5)) if rectangular else None

    def compute(**more):
        return w.ntk(X, Y, **options, **more)

    whole = compute()
    K, blocks = in_blocks(compute, whole.nbytes + ROOM[dtype])
    assert blocks > 3
    assert np.abs(K - whole).max() <= BOUNDS[dtype] * np.abs(whole).max()
    out = np.full_like(whole, np.nan)
    assert compute(memory=ROOM[dtype], out=out) is out
    assert np.abs(out - whole).max() <= BOUNDS[dtype] * np.abs(whole).max()


def test_several_kernels_of_a_batch(X):
    w, get = network(networks=2), ("layers", "nngp", "ntk")
    whole = w.kernels(X, get=get)
    results = sum(K.nbytes for K in whole)
    calls = []
    parts = w.kernels(
        X, get=get, memory=results + 9_000_000, progress=lambda *call: calls.append(call)
    )
    assert [(done, total) for _, done, total in calls] == [(1, 2), (2, 2)]
    for K, wanted in zip(parts, whole, strict=True):
        assert np.abs(K - wanted).max() <= 1e-13 * np.abs(wanted).max()


def test_numpy_holds_no_more_than_the_budget(X):
    """Of what NumPy allocates; the engine's own memory is in the estimate, so this is less."""
    w = network("float32")
    budget = 600 * 600 * 4 + ROOM["float32"]
    w.ntk(X, memory=budget)
    tracemalloc.start()
    try:
        w.ntk(X, memory=budget)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= budget


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (2_000_000, r"kernels of shapes .* needs 2\.88 MB \(2880000 bytes\), the memory budget is"),
        ("2.9 MB", r"by blocks of 64 points, .* bytes\), the memory budget is 20\.0 kB"),
    ],
)
def test_what_does_not_fit_is_said_first(X, memory, message, monkeypatch):
    w = network()
    monkeypatch.setattr("fastntk.networks.kernels.forward", lambda *_: 1 / 0)
    with pytest.raises(MemoryError, match=message):
        w.ntk(X, memory=memory)


def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(MemoryError, match=r"parameters of 3 network\(s\) of widths .* needs 12"):
        fn.FiniteNetwork(fn.FullyConnected(1), (10**6, 10**6, 1), networks=3)


def test_results_that_do_not_fit_are_refused():
    X = np.zeros((1, 5)).repeat(2_000_000, axis=0)
    with pytest.raises(MemoryError, match=r"kernels of shapes \[\(4000000, 4000000\)\] in float64"):
        network().ntk(X)


def test_ctrl_c_and_errors_of_progress_end_it(X):
    class StopError(Exception):
        pass

    def stop(stage, done, total):
        if done == 2:
            raise StopError

    w = network()
    with pytest.raises(StopError):
        w.ntk(X, memory=2_880_000 + ROOM["float64"], progress=stop)

    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w.ntk(X, memory=2_880_000 + ROOM["float64"], progress=interrupt)
    with pytest.raises(TypeError, match=re.escape("progress must be callable, got 3")):
        w.ntk(X, progress=3)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("widths", [(784, 100, 100, 1), (5, 64, 30, 10), (3, 200, 7, 3)], ids=str)
@pytest.mark.parametrize("outputs", ["full", "trace", (0, 0)], ids=str)
def test_the_estimate_holds(rng, dtype, outputs, widths, activation):
    """A source and the terms it is made of take no more than was asked for."""
    w = fn.FiniteNetwork(fn.FullyConnected(2, activation), widths, dtype=dtype)
    X = rng.standard_normal((512, widths[0]))
    maker = w.kernel_maker("ntk", 1.0, outputs)
    terms = maker.prepared(X, None).terms
    held = sum(array.nbytes for term in terms.values() for array in term if array is not None)
    source = maker.source(X, dtype=None, device="cpu", threads=1, budget=10**9)
    assert source.nbytes + held <= maker.prepared_bytes(X)


def test_wide_networks_are_added_up(rng, dtype, monkeypatch):
    """Groups of maps, where their terms outweigh the kernel: the same kernel, in less memory."""
    w = network(dtype)
    X, Y = rng.standard_normal((20, 5)), rng.standard_normal((11, 5))
    monkeypatch.setattr("fastntk.gram.empirical_gram._LEAST_GROUP", 0)
    calls = []
    options = {"outputs": "trace", "progress": lambda *call: calls.append(call[1:])}
    K, R = w.ntk(X, **options), w.ntk(X, Y, outputs="trace")
    assert calls == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_array_equal(K, K.T)
    monkeypatch.setattr("fastntk.gram.empirical_gram._GROUP", np.inf)
    assert np.abs(w.ntk(X, outputs="trace") - K).max() <= BOUNDS[dtype] * K.max()
    assert np.abs(w.ntk(X, Y, outputs="trace") - R).max() <= BOUNDS[dtype] * K.max()
