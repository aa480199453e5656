# SPDX-License-Identifier: Apache-2.0
"""Kernel PCA: scikit-learn's contract, its numbers, new points within a memory budget."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import KernelPCA as Peer
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastntk as fn
from fastntk import KernelPCA

NET = fn.FullyConnected(hidden_layers=2)
# Scores relative to the largest: eigenvectors of well separated eigenvalues carry the rounding of
# the kernel (1e-12 on float data), times the largest over the smallest gap, below 1e3 here.
SCORES = 1e-9


@pytest.fixture
def X(rng):
    return rng.standard_normal((80, 6)) * [4, 3, 2, 1, 1, 1]


@pytest.fixture
def Z(rng):
    return rng.standard_normal((33, 6))


def same_up_to_sign(scores, want):
    signs = np.sign((scores * want).sum(axis=0))
    np.testing.assert_allclose(scores * signs, want, rtol=0, atol=SCORES * np.abs(want).max())


@parametrize_with_checks([KernelPCA(), KernelPCA(centered=True), KernelPCA(method="krylov")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_centred_is_scikit_learns_on_the_same_kernel(X, Z, method):
    peer = Peer(n_components=4, kernel="precomputed", eigen_solver="dense").fit(NET.ntk(X))
    model = KernelPCA(NET, 4, centered=True, method=method, tol=1e-12)
    same_up_to_sign(model.fit_transform(X), peer.transform(NET.ntk(X)))
    same_up_to_sign(model.transform(Z), peer.transform(NET.ntk(Z, X)))
    np.testing.assert_allclose(model.eigenvalues_, peer.eigenvalues_, rtol=1e-10)


def test_uncentred_is_the_eigenproblem_of_the_kernel(X, Z):
    K = NET.ntk(X)
    values, vectors = np.linalg.eigh(K)
    values, vectors = values[::-1][:4], vectors[:, ::-1][:, :4]
    model = KernelPCA(NET, 4).fit(X)
    np.testing.assert_allclose(model.eigenvalues_, values, rtol=1e-10)
    np.testing.assert_array_equal(model.eigenvalues_over_n_, model.eigenvalues_ / 80)
    same_up_to_sign(model.transform(X), vectors * np.sqrt(values))
    same_up_to_sign(model.transform(Z), NET.ntk(Z, X) @ vectors / np.sqrt(values))
    residuals = np.linalg.norm(
        K @ model.eigenvectors_ - model.eigenvectors_ * model.eigenvalues_, axis=0
    )
    # Both are rounding, a few n eps of the largest eigenvalue.
    assert np.abs(residuals - model.residuals_).max() <= 1e-13 * values[0]


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_transform_of_the_data_is_fit_transform(rng, centered, kind):
    X = rng.integers(0, 256, (90, 12)).astype(kind)
    model = KernelPCA(NET, 5, centered=centered, scale=1 / 255, tol=1e-9)
    scores = model.fit_transform(X)
    assert scores.dtype == np.float64
    assert model.X_fit_.dtype == kind
    # float32 kernels: 6e-7 of the largest entries of K, sqrt(N) of which make a score.
    bound = 1e-9 if kind == "float64" else 2e-5
    np.testing.assert_allclose(
        model.transform(X), scores, rtol=0, atol=bound * np.abs(scores).max()
    )
    if centered:
        assert np.abs(scores.sum(axis=0)).max() <= 1e-9 * np.abs(scores).max()


def test_points_of_another_type_are_taken(rng):
    X = rng.integers(0, 256, (50, 4)).astype(np.uint8)
    model = KernelPCA(NET, 2, scale=1 / 255, dtype="float64").fit(X)
    # The kernel of the pixels as floats differs by its gate, 1e-12.
    np.testing.assert_allclose(model.transform(X.astype(float)), model.transform(X), atol=1e-10)


def test_components_without_variance_are_zero(X):
    # Three distinct points: rank 3, and eigenvalues that are rounding after the third.
    points = np.repeat(X[:3], 10, axis=0)
    model = KernelPCA(NET, 6)
    scores = model.fit_transform(points)
    assert (scores[:, 3:] == 0).all()
    assert (model.transform(points)[:, 3:] == 0).all()
    assert (np.abs(scores[:, :3]).max(axis=0) > 0).all()


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_identical_points_have_no_centred_components(X, method):
    # H K H is 0 up to the rounding of K: no warning, and no component made of rounding.
    points = np.repeat(X[:1], 30, axis=0)
    model = KernelPCA(NET, 3, centered=True, method=method)
    assert (model.fit_transform(points) == 0).all()
    assert (model.transform(X) == 0).all()


def test_defaults_are_the_papers(X):
    model = KernelPCA().fit(X)
    assert model.net_ == fn.FullyConnected()
    assert not model.centered
    same_up_to_sign(
        model.transform(X), KernelPCA(fn.FullyConnected(hidden_layers=4)).fit_transform(X)
    )


@pytest.mark.parametrize("name", ["kernel", "scale", "dtype", "storage"])
def test_options_reach_the_kernel(X, Z, name):
    option = {"kernel": "nngp", "scale": 0.5, "dtype": "float32", "storage": "lazy"}[name]
    model = KernelPCA(NET, 2, **{name: option}).fit(X)
    given = {name: option} if name in ("scale", "dtype") else {}
    function = NET.nngp if name == "kernel" else NET.ntk
    values = np.linalg.eigvalsh(function(X, **given).astype(float))[::-1]
    np.testing.assert_allclose(model.eigenvalues_, values[:2], rtol=1e-9)
    want = function(Z, X, **given).astype(float) @ model.eigenvectors_ / np.sqrt(values[:2])
    np.testing.assert_allclose(model.transform(Z), want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("count", [0, -1, 81, 2.0, True, None, "3"])
def test_bad_numbers_of_components(X, count):
    message = rf"n_components must be an int between 1 and the number of samples, got .*{count}"
    with pytest.raises(ValueError, match=message):
        KernelPCA(NET, count).fit(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage": "disk"}, "storage must be one of"),
        ({"method": "qr"}, "method must be"),
        ({"tol": -1}, "tol must be"),
        ({"kernel": "rbf"}, "kernel must be"),
        ({"memory": "much"}, "memory must be"),
        ({"scale": 0}, "scale must be"),
        ({"threads": 0}, "threads must be"),
    ],
)
def test_bad_options(X, options, message):
    with pytest.raises(ValueError, match=message):
        KernelPCA(NET, **options).fit(X)


def test_other_numbers_of_features(X):
    model = KernelPCA(NET).fit(X)
    with pytest.raises(ValueError, match="X has 5 features, but KernelPCA is expecting 6 features"):
        model.transform(X[:, :5])


def test_names_of_features(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    model = KernelPCA(NET, 2).set_output(transform="pandas").fit(frame)
    assert list(model.feature_names_in_) == list("abcdef")
    assert list(model.transform(frame).columns) == ["kernelpca0", "kernelpca1"]


def test_names_of_components(X):
    names = KernelPCA(NET, 2).fit(X).get_feature_names_out()
    assert names.tolist() == ["kernelpca0", "kernelpca1"]


def test_clone_and_pickle(X, Z):
    model = KernelPCA(NET, 2, centered=True).fit(X)
    assert clone(model).get_params() == model.get_params()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).transform(Z), model.transform(Z)
    )


def test_random_state_decides(X):
    def vectors(state):
        return KernelPCA(NET, 2, method="krylov", random_state=state).fit(X).eigenvectors_

    np.testing.assert_array_equal(vectors(3), vectors(3))
    assert (vectors(3) != vectors(4)).any()
    assert vectors(np.random.RandomState(3)).shape == (80, 2)


def test_transform_keeps_to_the_budget(rng):
    X = rng.integers(0, 256, (2000, 8)).astype(np.uint8)
    Z = rng.integers(0, 256, (6000, 8)).astype(np.uint8)
    model = KernelPCA(NET, 3, scale=1 / 255, storage="lazy").fit(X)
    whole = model.transform(Z)
    model.set_params(memory="3 MB")  # K(Z, X) has 48 MB
    tracemalloc.start()
    try:
        scores = model.transform(Z)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 3e6
    # The same products up to the float32 gate of the kernel: blocks may take different routes.
    np.testing.assert_allclose(scores, whole, rtol=0, atol=2e-5 * np.abs(whole).max())


def test_too_little_memory_is_said(rng):
    X = rng.random((2000, 3))
    with pytest.raises(MemoryError, match=r"packed storage of a 2000 x 2000 .* needs .* budget of"):
        KernelPCA(NET, storage="packed", memory="10 MB").fit(X)
    model = KernelPCA(NET, storage="lazy").fit(X).set_params(memory="100 kB")
    with pytest.raises(MemoryError, match=r"a copy of X in float64 needs 48\.0 MB"):
        model.transform(np.broadcast_to(X[:1], (2_000_000, 3)))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.full((9, 2), 2**60 + 1), TypeError, "X must hold integers that float64 represents"),
        (np.ones((9, 2), np.longdouble), TypeError, "X must hold at most 64-bit floats"),
        (np.ma.masked_less(np.eye(9), 0.5), ValueError, "X must not have masked entries, got 72"),
    ],
)
def test_data_are_taken_as_by_the_network(X, error, message):
    with pytest.raises(error, match=message):
        NET.ntk(X)
    with pytest.raises(error, match=message):
        KernelPCA(NET).fit(X)
    with pytest.raises(error, match=message):
        KernelPCA(NET).fit(np.random.default_rng(0).random((9, X.shape[1]))).transform(X)


def test_byte_order_does_not_matter(X, Z):
    model = KernelPCA(NET, 2).fit(X.astype(">f8"))
    assert model.X_fit_.dtype == np.float64
    np.testing.assert_array_equal(
        model.transform(Z.astype(">f8")), KernelPCA(NET, 2).fit(X).transform(Z)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": "nngp"},
        {"scale": 3.0},
        {"net": None},
        {"dtype": "float32"},
        {"centered": True},
        {"n_components": 1},
        {"threads": 1},
    ],
)
def test_parameters_set_after_fit_wait_for_the_next(X, Z, change):
    model = KernelPCA(NET, 2, scale=0.5).fit(X)
    want = model.transform(Z)
    np.testing.assert_array_equal(model.set_params(**change).transform(Z), want)
    assert (model.net_, model.kernel_, model.scale_) == (NET, "ntk", 0.5)


@pytest.mark.parametrize("copy_X", [True, False])
def test_data_are_copied_unless_told(X, Z, copy_X):
    model = KernelPCA(NET, 2, copy_X=copy_X).fit(X)
    assert np.may_share_memory(model.X_fit_, X) != copy_X
    if copy_X:
        want = model.transform(Z)
        X[:] = 0
        np.testing.assert_array_equal(model.transform(Z), want)


def test_a_fit_that_fails_changes_nothing(X, Z):
    model = KernelPCA(NET, 2).fit(X)
    before = dict(vars(model))
    model.set_params(kernel="rbf")
    with pytest.raises(ValueError, match="kernel"):
        model.fit(X[:40, :3])
    with pytest.raises(MemoryError, match="needs"):
        model.set_params(kernel="ntk", memory=1000).fit(X[:40, :3])
    model.set_params(memory=None)
    assert model.n_features_in_ == 6
    assert all(vars(model)[name] is value for name, value in before.items())


def test_only_networks_are_taken(X):
    with pytest.raises(TypeError, match=r"net must be a FullyConnected .*, got 'relu'"):
        KernelPCA("relu").fit(X)
