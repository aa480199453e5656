# SPDX-License-Identifier: Apache-2.0
"""Gram operators, eigenpairs, solutions and kernel PCA with the empirical kernels of a network."""

import pickle

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator

NET = fn.FullyConnected(hidden_layers=2)
# Entries of a few hundred products each, relative to the largest; sums of 300 of them.
BOUNDS = {"float32": 1e-5, "float64": 1e-12}


def network(dtype="float64", outputs=3, **options):
    return fn.FiniteNetwork(NET, (5, 40, 30, outputs), dtype=dtype, **options)


@pytest.fixture
def X(rng):
    return rng.standard_normal((100, 5)).astype(np.float32)


def close(got, wanted, dtype):
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max() <= BOUNDS[dtype] * np.abs(wanted).max()


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy", "path"])
@pytest.mark.parametrize("outputs", ["full", "trace", (1, 1)])
def test_every_storage_is_the_kernel(X, rng, tmp_path, storage, outputs, dtype):
    w = network(dtype)
    path = tmp_path / "K.gram" if storage == "path" else storage
    op = GramOperator(w, X, "ntk", path, outputs=outputs, scale=0.5)
    K = w.ntk(X, scale=0.5, outputs=outputs)
    assert op.shape == K.shape
    assert op.dtype == dtype
    assert op.outputs == outputs
    assert close(op.to_dense(), K, dtype)
    assert close(op.diagonal(), K.diagonal(), dtype)
    V = rng.standard_normal((len(K), 4)).astype(dtype)
    assert close(op @ V, K @ V, dtype)
    Z = rng.standard_normal((9, 5))
    cross = w.ntk(Z, X, scale=0.5, outputs=outputs)
    assert close(op.cross(Z), cross, dtype)
    assert close(op.cross_matmat(Z, V), cross @ V, dtype)
    indices = np.array([7, 99, 0, 99])
    assert close(op.columns(indices), K[:, indices], dtype)


def test_nngp_has_a_row_per_point(X):
    w = network()
    op = GramOperator(w, X, "nngp", "lazy")
    assert close(op.to_dense(), w.nngp(X), "float64")
    assert close(op.cross(X[:3]), w.nngp(X[:3], X), "float64")


def test_new_points_come_by_blocks(X, rng):
    w = network("float32")
    V = rng.standard_normal((300, 2))
    op = GramOperator(w, X, storage="lazy", memory=3_500_000)
    Z, calls = rng.standard_normal((1000, 5)), []
    product = op.cross_matmat(Z, V, progress=lambda *call: calls.append(call))
    assert len(calls) > 1
    assert calls[-1] == ("new points", 1000, 1000)
    assert close(product, w.ntk(Z, X).astype(np.float64) @ V, "float32")


def test_eigenpairs_and_solutions(X, rng):
    w = network()
    op = GramOperator(w, X[:60], storage="packed")
    K = w.ntk(X[:60])
    pairs = fn.eigenpairs(op, 5)
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(K)[::-1][:5], rtol=1e-10)
    B = rng.standard_normal((180, 2))
    A = op.solve(B, ridge=0.1).value
    # The residual is that of the solver's default tolerance.
    assert np.abs(K @ A + 0.1 * A - B).max() <= 1e-5


def test_kernel_pca_is_of_the_trace(X):
    w = network()
    model = fn.KernelPCA(w, n_components=3).fit(X)
    K = w.ntk(X, outputs="trace")
    np.testing.assert_allclose(model.eigenvalues_, np.linalg.eigvalsh(K)[::-1][:3], rtol=1e-9)
    scores = model.transform(X)
    np.testing.assert_allclose(scores, model.fit_transform(X), atol=1e-6 * np.abs(scores).max())


@pytest.mark.parametrize("storage", ["packed", "lazy"])
def test_later_training_does_not_matter(X, rng, storage):
    w = network()
    op = GramOperator(w, X, storage=storage)
    wanted = op.to_dense()
    Z = rng.standard_normal((4, 5))
    cross = op.cross(Z)
    w.flat *= 2
    np.testing.assert_array_equal(op.to_dense(), wanted)
    np.testing.assert_array_equal(op.cross(Z), cross)
    # Without a copy it does, for what is computed later.
    op = GramOperator(w, X, storage=storage, copy_X=False)
    cross = op.cross(Z)
    w.flat *= 2
    assert not close(op.cross(Z), cross, "float64")


def test_a_file_knows_its_network(X, tmp_path):
    w, path = network(), tmp_path / "K.gram"
    GramOperator(w, X, storage=path)
    before = path.read_bytes()
    op = GramOperator(w.copy(), X, storage=path)
    assert path.read_bytes() == before
    alone = GramOperator.from_file(path)
    assert (alone.kernel, alone.scale, alone.outputs) == ("ntk", 1.0, "full")
    np.testing.assert_array_equal(alone.to_dense(), op.to_dense())
    pair = tmp_path / "pair.gram"
    GramOperator(w, X, storage=pair, outputs=(1, 1))
    assert GramOperator.from_file(pair).outputs == (1, 1)
    other = w.copy()
    other.flat[3] += 1e-9
    for changed, options, word in [
        (other, {}, "parameters SHA-256"),
        (network(trainable="last"), {}, "rates"),
        (w.in_parametrisation("standard"), {}, "factors"),
        (network(outputs=2), {}, "widths"),
        (w, {"outputs": "trace"}, "outputs"),
        (w, {"kernel": "nngp"}, "kernel"),
        (w, {"scale": 2.0}, "scale"),
        (NET, {"dtype": "float64"}, "weight_std"),
    ]:
        with pytest.raises(ValueError, match=f"holds another matrix .*{word}"):
            GramOperator(changed, X, storage=path, **options)
    assert path.read_bytes() == before


def test_memory_is_asked_for_first(X):
    w = network()
    each = 60_000
    with pytest.raises(MemoryError, match=r"passes of points of shape \(100, 5\) needs .* bytes"):
        GramOperator(w, X, memory=10 * each)


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (lambda: network(networks=2), {}, ValueError, "net must be a single network such as net"),
        (network, {"kernel": "layers"}, ValueError, "kernel must be one of 'ntk', 'nngp'"),
        (network, {"outputs": (0, 1)}, ValueError, r"outputs must be .*a pair \(k, k\)"),
        (network, {"outputs": (0, 3)}, ValueError, "outputs must be below the 3 outputs"),
        (network, {"outputs": "diagonal"}, ValueError, "outputs must be one of"),
        (network, {"dtype": "float32"}, TypeError, "dtype must be the network's, float64"),
        (network, {"scale": 0}, ValueError, "scale must be positive"),
        (lambda: NET, {"outputs": (0, 0)}, ValueError, "outputs must be 'full' or 'trace'"),
        (lambda: fn.FiniteNetwork, {}, TypeError, "net must be"),
    ],
)
def test_bad_arguments(X, make, options, error, message):
    with pytest.raises(error, match=message):
        GramOperator(make(), X, **options)


def test_bad_points(X):
    op = GramOperator(network(), X, storage="lazy")
    with pytest.raises(ValueError, match=r"Z must have X's 5 columns, got shape \(2, 4\)"):
        op.cross(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"X must have widths\[0\] = 5 columns"):
        GramOperator(network(), X[:, :3])
    w = network()
    w.flat[0] = np.nan
    with pytest.raises(ValueError, match="parameters must be finite, got nan"):
        GramOperator(w, X)


def test_networks_travel(X):
    w = network()
    again = pickle.loads(pickle.dumps(w))
    np.testing.assert_array_equal(again.ntk(X), w.ntk(X))
    assert again.engine is w.engine


def test_estimators_with_networks_are_cloned_and_travel(X):
    base = pytest.importorskip("sklearn.base")
    model = fn.KernelPCA(network(), n_components=2)
    twin = base.clone(model).fit(X)
    scores = model.fit(X).transform(X[:5])
    np.testing.assert_array_equal(twin.transform(X[:5]), scores)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X[:5]), scores)
    model.net.flat *= 2  # what was fitted stays
    np.testing.assert_array_equal(model.transform(X[:5]), scores)
