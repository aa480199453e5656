# SPDX-License-Identifier: Apache-2.0
"""Finite networks on a GPU: where parameters, points and results are, blocks, files."""

import pickle

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
WIDTHS = (5, 40, 30, 2)
# Products of CuPy and NumPy sum in another order.
BOUNDS = {"float32": 1e-5, "float64": 1e-12}


def network(device="cuda", dtype="float64", **options):
    return fn.FiniteNetwork(NET, WIDTHS, dtype=dtype, device=device, **options)


def close(got, wanted, dtype="float64"):
    got = got if isinstance(got, np.ndarray) else got.get()
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max() <= BOUNDS[dtype] * np.abs(wanted).max()


@pytest.fixture
def X(rng):
    return rng.standard_normal((150, 5))


def test_parameters_are_those_of_the_host(gpu, dtype):
    w, host = network(dtype=dtype, networks=2), network("cpu", dtype, networks=2)
    assert isinstance(w.flat, gpu.cupy.ndarray)
    assert w.engine.name == "cuda:0"
    np.testing.assert_array_equal(w.flat.get(), host.flat)
    np.testing.assert_array_equal(w[1].parameters[1][0].get(), host[1].parameters[1][0])
    w.flat = 2 * host.flat
    np.testing.assert_array_equal(w.flat.get(), 2 * host.flat)
    w.flat = gpu.cupy.asarray(host.flat)
    kept = w.copy()
    w[0].flat = np.zeros(w.n_parameters)
    np.testing.assert_array_equal(kept.flat.get(), host.flat)


def test_results_are_of_the_library_of_the_points(gpu, X, dtype):
    cp, w, host = gpu.cupy, network(dtype=dtype), network("cpu", dtype)
    for give, library in ((np.asarray, np), (cp.asarray, cp)):
        for got, wanted in (
            (w(give(X)), host(X)),
            (w.ntk(give(X), give(X[:9])), host.ntk(X, X[:9])),
            (w.nngp(give(X), scale=0.5), host.nngp(X, scale=0.5)),
        ):
            assert isinstance(got, library.ndarray)
            assert close(got, wanted, dtype)


@pytest.mark.parametrize("outputs", ["full", (0, 1)], ids=str)
def test_blocks(gpu, X, outputs):
    """Through the host's memory, and within the device's."""
    cp, w = gpu.cupy, network()
    wanted = network("cpu").ntk(X, outputs=outputs)
    calls = []
    options = {"outputs": outputs, "progress": lambda *call: calls.append(call)}
    K = w.ntk(X, memory=850_000, **options)
    assert isinstance(K, np.ndarray)
    assert len(calls) > 1
    assert close(K, wanted)
    calls.clear()
    K = w.ntk(cp.asarray(X), memory=850_000 + wanted.nbytes, **options)
    assert isinstance(K, cp.ndarray)
    assert len(calls) > 1
    assert close(K, wanted)
    if outputs == "full":
        np.testing.assert_array_equal(K.get(), K.get().T)


def test_results_are_written_where_they_are_asked_for(gpu, X):
    cp, w = gpu.cupy, network()
    wanted = network("cpu").ntk(X)
    for give, library in ((np.asarray, np), (cp.asarray, cp)):
        out = library.empty(wanted.shape, dtype="float64")
        assert w.ntk(give(X), out=out) is out
        assert close(out, wanted)


def test_networks_travel(gpu, X, tmp_path):
    w, host = network(parametrisation="mup"), network("cpu", parametrisation="mup")
    w.save(tmp_path / "w.npz")
    for again in (
        fn.FiniteNetwork.load(tmp_path / "w.npz", device="cuda"),
        fn.FiniteNetwork.from_state_dict(w.state_dict(), NET, dtype="float64", device="cuda"),
        pickle.loads(pickle.dumps(w)),
        w.in_parametrisation("standard"),
    ):
        assert again.engine.name == "cuda:0"
        assert close(again(X), host(X))
    on_host = fn.FiniteNetwork.load(tmp_path / "w.npz", device="cpu")
    np.testing.assert_array_equal(on_host.flat, host.flat)


def test_operators_are_where_the_network_is(gpu, X, rng):
    w, host = network(), network("cpu")
    op = fn.GramOperator(w, X, storage="lazy")
    assert op.place == "cuda:0"
    Z, V = rng.standard_normal((7, 5)), rng.standard_normal((300, 2))
    assert close(op.cross(Z), host.ntk(Z, X))
    assert close(op.cross_matmat(Z, V), host.ntk(Z, X) @ V)
    assert close(op.columns(np.array([3, 299])), host.ntk(X)[:, [3, 299]])
    assert fn.GramOperator(host, X, device="auto").place == "cpu"
    with pytest.raises(ValueError, match="device must be where the network is, 'cuda:0'"):
        fn.GramOperator(w, X, device="cpu")
    with pytest.raises(ValueError, match="storage in a file is the CPU's"):
        fn.GramOperator(w, X, storage="K.gram")


def test_arrays_elsewhere_are_refused(standin, X):
    cp = standin.cupy
    with pytest.raises(TypeError, match="X must be where the network is, on cpu, or in the host's"):
        network("cpu").ntk(cp.asarray(X))
    w = network("cuda:1")
    with pytest.raises(TypeError, match=r"X must be where the network is, on cuda:1, .*on cuda:0"):
        w(cp.asarray(X))
    with cp.cuda.Device(1):
        there = cp.asarray(X)
    assert close(w.ntk(there), network("cpu").ntk(X))
    with pytest.raises(TypeError, match="Y must be where X is: X is a NumPy array, Y is a CuPy"):
        w.ntk(X, there)
    with pytest.raises(TypeError, match="device='cpu' needs X in the host's memory"):
        fn.GramOperator(network("cpu"), cp.asarray(X))
