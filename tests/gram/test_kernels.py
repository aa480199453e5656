# SPDX-License-Identifier: Apache-2.0
"""`kernels`: what `get` returns and in which order, and the face around it."""

import dataclasses
import itertools
import pickle
import threading

import numpy as np
import pytest

import fastntk as fn
from reference.data import PIXELS, images
from tolerances import gram_gate

X = images(np.random.default_rng(21), 60, 40)
NAMES = ("nngp", "ntk", "layers")


@pytest.mark.parametrize(
    "get", [p for k in (1, 2, 3) for p in itertools.permutations(NAMES, k)], ids="-".join
)
def test_order_of_get(get, dtype):
    """Each kernel comes where it was asked for, the same as when it is computed alone."""
    net = fn.FullyConnected(3)
    options = {"scale": PIXELS, "dtype": dtype}
    alone = {
        "nngp": net.nngp(X, **options),
        "ntk": net.ntk(X, **options),
        "layers": net.kernels(X, get=("layers",), **options)[0],
    }
    got = net.kernels(X, get=get, **options)
    assert isinstance(got, tuple)
    assert len(got) == len(get)
    gate = 2 * gram_gate(dtype, X.dtype, 3)
    for name, K in zip(get, got, strict=True):
        assert K.dtype == dtype
        assert K.shape == alone[name].shape
        np.testing.assert_allclose(K, alone[name], rtol=gate)


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("hidden_layers", [0, 1, 4])
@pytest.mark.parametrize("init_std", [None, 1.3])
def test_layers_sum_to_the_ntk(isa, dtype, hidden_layers, activation, init_std):
    """One part per layer, (hidden_layers + 1, n, m), also for two arguments."""
    net = fn.FullyConnected(hidden_layers, activation, init_std=init_std)
    gate = 2 * gram_gate(dtype, X.dtype, hidden_layers)
    for args in ((X,), (X[:7], X[5:])):
        ntk, layers = net.kernels(*args, scale=PIXELS, dtype=dtype, get=("ntk", "layers"))
        assert layers.shape == (hidden_layers + 1, *ntk.shape)
        np.testing.assert_allclose(layers.sum(axis=0, dtype=np.float64), ntk, rtol=gate)


def test_last_layer_is_the_nngp(isa, dtype):
    """Under weight_std the last layer adds its own Sigma."""
    net = fn.FullyConnected(3)
    nngp, layers = net.kernels(X, scale=PIXELS, dtype=dtype, get=("nngp", "layers"))
    np.testing.assert_allclose(layers[-1], nngp, rtol=2 * gram_gate(dtype, X.dtype, 3))


def test_without_hidden_layers_all_kernels_are_equal(isa, dtype):
    """Sigma_1 = Theta_1."""
    nngp, ntk, layers = fn.FullyConnected(0).kernels(X, scale=PIXELS, dtype=dtype, get=NAMES)
    np.testing.assert_array_equal(nngp, ntk)
    np.testing.assert_array_equal(layers[0], ntk)


def test_init_std_keeps_the_nngp(isa, dtype):
    """The two readings share Sigma; the NTK differs unless the standard deviation is 1."""
    one = fn.FullyConnected(3, init_std=1.0).ntk(X, scale=PIXELS, dtype=dtype)
    np.testing.assert_allclose(
        one,
        fn.FullyConnected(3).ntk(X, scale=PIXELS, dtype=dtype),
        rtol=2 * gram_gate(dtype, X.dtype, 3),
    )
    init, weight = fn.FullyConnected(3, init_std=1.3), fn.FullyConnected(3, weight_std=1.3)
    np.testing.assert_allclose(
        init.nngp(X, scale=PIXELS, dtype=dtype),
        weight.nngp(X, scale=PIXELS, dtype=dtype),
        rtol=2 * gram_gate(dtype, X.dtype, 3),
    )
    assert (init.ntk(X, scale=PIXELS, dtype=dtype) < weight.ntk(X, scale=PIXELS, dtype=dtype)).all()


def test_network_is_a_frozen_value():
    """Equal parameters make equal networks, usable as keys; nothing can be reassigned."""
    net = fn.FullyConnected()
    assert net == fn.FullyConnected(4, "relu", 1.0, 0.1, None)
    assert net != fn.FullyConnected(hidden_layers=3)
    assert len({net, fn.FullyConnected()}) == 1
    assert "hidden_layers=4" in repr(net)
    assert pickle.loads(pickle.dumps(net)) == net
    with pytest.raises(dataclasses.FrozenInstanceError):
        net.hidden_layers = 2


# A call of a second or so with two threads: progress comes about ten times a second.
LONG = fn.FullyConnected(1000)
LONG_X = images(np.random.default_rng(22), 800, 4)


@pytest.mark.parametrize("args", [(LONG_X,), (LONG_X[:400], LONG_X)], ids=["square", "rectangular"])
def test_progress(args, monkeypatch):
    """Called from the calling thread with the stage's name, never backwards or beyond the total."""
    monkeypatch.setenv("FASTNTK_ISA", "portable")
    calls = []

    def progress(stage, done, total):
        calls.append((stage, done, total, threading.get_ident()))

    LONG.ntk(*args, threads=2, progress=progress)
    assert calls
    assert {ident for *_, ident in calls} == {threading.get_ident()}
    assert all(isinstance(stage, str) and stage for stage, *_ in calls)
    assert len({total for _, _, total, _ in calls}) == 1
    assert all(0 <= done <= total for _, done, total, _ in calls)
    assert [c[1] for c in calls] == sorted(c[1] for c in calls)


def test_an_exception_in_progress_comes_through(monkeypatch):
    """It ends the computation and reaches the caller; the next call works."""
    monkeypatch.setenv("FASTNTK_ISA", "portable")

    def progress(stage, done, total):
        raise LookupError("stop here")

    with pytest.raises(LookupError, match="stop here"):
        LONG.ntk(LONG_X, threads=2, progress=progress)
    net = fn.FullyConnected(2)
    np.testing.assert_array_equal(net.ntk(X), net.ntk(X))
