# SPDX-License-Identifier: Apache-2.0
"""Kernel ridge regression and classification: scikit-learn's contract, dense NumPy, bad input."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastntk as fn
from fastntk import KernelClassifier, KernelRidge

NET = fn.FullyConnected(hidden_layers=2)
# Predictions against dense NumPy: the rounding of both solutions, 1e-16 times the condition of
# K + r I, at most 1e5 here, and the gate of the kernel, 1e-12, times what a coefficient weighs.
EXACT = 1e-9


@pytest.fixture
def X(rng):
    return rng.standard_normal((60, 5))


@pytest.fixture
def Z(rng):
    return rng.standard_normal((23, 5))


@pytest.fixture
def y(rng, X):
    return np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]), rng.standard_normal(len(X))], axis=1)


@parametrize_with_checks([KernelRidge(), KernelClassifier()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("units", ["absolute", "trace"])
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_regression_is_the_dense_solution(X, Z, y, units, kernel, method):
    K, K_ZX = getattr(NET, kernel)(X), getattr(NET, kernel)(Z, X)
    r = 0.02 if units == "absolute" else 0.02 * np.trace(K) / len(K)
    c = np.linalg.solve(K + r * np.eye(len(K)), y)
    for targets, coefficients in ((y, c), (y[:, 0], c[:, 0])):
        model = KernelRidge(
            NET, 0.02, ridge_units=units, kernel=kernel, method=method, tol=1e-12
        ).fit(X, targets)
        assert model.converged_
        assert model.method_ == method
        assert np.max(model.residuals_) <= 1e-12
        assert abs(model.ridge_ - r) <= 1e-12 * r
        np.testing.assert_allclose(
            model.dual_coef_, coefficients, rtol=0, atol=EXACT * np.abs(c).max()
        )
        want = K_ZX @ coefficients
        np.testing.assert_allclose(model.predict(Z), want, rtol=0, atol=EXACT * np.abs(want).max())


def test_score_is_r_squared(X, Z, y):
    model = KernelRidge(NET).fit(X, y)
    target = np.ones((len(Z), 3)) * np.arange(len(Z))[:, None]
    f, weights = model.predict(Z), np.arange(1.0, len(Z) + 1)
    spread = (weights[:, None] * (target - np.average(target, 0, weights)) ** 2).sum(0)
    want = 1 - (weights[:, None] * (target - f) ** 2).sum(0) / spread
    assert abs(model.score(Z, target, weights) - want.mean()) <= 1e-12


def test_without_a_ridge_training_has_converged(X, Z, y):
    """Ridge 0 is the mean of f_t at infinity, f_0 being 0; small ridges approach it linearly."""
    values, vectors = np.linalg.eigh(NET.ntk(X))
    f_infinity = NET.ntk(Z, X) @ (vectors / values) @ vectors.T @ y
    scale = np.abs(f_infinity).max()
    model = KernelRidge(NET, 0).fit(X, y)
    np.testing.assert_allclose(model.predict(Z), f_infinity, rtol=0, atol=EXACT * scale)
    np.testing.assert_allclose(model.predict(X), y, rtol=0, atol=EXACT)
    differences = [
        np.abs(KernelRidge(NET, ridge).fit(X, y).predict(Z) - f_infinity).max() / scale
        for ridge in values[0] * np.array([1e-2, 1e-4, 1e-6])
    ]
    # Each is at most ridge / lambda_N times the part of the function that it takes away.
    assert differences[0] < 0.1
    assert differences[1] < differences[0] / 50
    assert differences[2] < differences[1] / 50


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ["numbers", "text"])
def test_classification_is_regression_on_codes(X, Z, count, kind):
    indices = np.arange(len(X)) % count
    names = np.array([7, -2, 30]) if kind == "numbers" else np.array(["b", "a", "cc"])
    labels = names[indices]
    classes = np.sort(names[:count])
    codes = (labels[:, None] == classes) - 1 / count
    model = KernelClassifier(NET, 0.1).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, classes)
    want = KernelRidge(NET, 0.1).fit(X, codes).predict(Z)
    found = model.decision_function(Z)
    assert found.shape == ((len(Z), 3) if count == 3 else (len(Z),))
    want_shaped = want if count == 3 else want[:, 1]
    np.testing.assert_allclose(found, want_shaped, rtol=0, atol=EXACT * np.abs(want).max())
    predicted = model.predict(Z)
    assert predicted.dtype == labels.dtype
    np.testing.assert_array_equal(predicted, classes[want.argmax(axis=1)])
    assert model.score(Z, predicted) == 1
    assert model.score(Z, np.roll(classes, 1)[want.argmax(axis=1)]) == 0


def test_digits_are_recognised():
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8)
    model = KernelClassifier(scale=1 / 16).fit(images[:600], labels[:600])
    assert model.dual_coef_.shape == (600, 10)
    # 95.8 % here; a tenth by chance.
    assert model.score(images[600:900], labels[600:900]) > 0.93


def test_searches_and_validation(X):
    labels = np.where(X[:, 0] > 0, "right", "left")
    search = GridSearchCV(KernelClassifier(NET), {"ridge": [1e-3, 1.0], "kernel": ["ntk", "nngp"]})
    assert search.fit(X, labels).best_score_ > 0.7
    assert len(cross_val_score(KernelRidge(NET, 0.1), X, X[:, :2], cv=3)) == 3


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_support_vector_machines(X, Z, kernel):
    """A network's method is a kernel for SVC, like its matrix."""
    labels = X[:, 0] * X[:, 1] > 0
    function = getattr(NET, kernel)
    machine = SVC(kernel=function, C=10).fit(X, labels)
    ready = SVC(kernel="precomputed", C=10).fit(function(X), labels)
    np.testing.assert_allclose(
        machine.decision_function(Z), ready.decision_function(function(Z, X)), rtol=1e-9, atol=1e-9
    )
    search = GridSearchCV(SVC(kernel=function), {"C": [1, 100]}, cv=2).fit(X, labels)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(search)).predict(Z), clone(search).fit(X, labels).predict(Z)
    )


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_pixels_and_options_reach_the_kernel(rng, kind):
    X = rng.integers(0, 256, (50, 6)).astype(kind)
    Z = rng.integers(0, 256, (9, 6)).astype(kind)
    y = X[:, 0] / 255
    model = KernelRidge(NET, 0.1, scale=1 / 255, dtype="float64", storage="packed").fit(X, y)
    assert model.X_fit_.dtype == kind
    K, K_ZX = (NET.ntk(*data, scale=1 / 255, dtype="float64") for data in ((X,), (Z, X)))
    want = K_ZX @ np.linalg.solve(K + 0.1 * np.eye(50), y)
    np.testing.assert_allclose(model.predict(Z), want, rtol=0, atol=EXACT)


@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_refinement_solves_with_the_float64_kernel(rng, method):
    X = rng.integers(0, 256, (120, 6)).astype(np.uint8)
    y = X[:, :2] / 255
    options = {"ridge": 1e-4, "scale": 1 / 255, "method": method, "tol": 1e-10}
    K = NET.ntk(X, scale=1 / 255, dtype="float64") + 1e-4 * np.eye(120)

    def residual(model):
        return np.linalg.norm(y - K @ model.dual_coef_, axis=0) / np.linalg.norm(y, axis=0)

    plain = KernelRidge(NET, **options).fit(X, y)
    refined = KernelRidge(NET, **options, refine=True).fit(X, y)
    # Rounding K to float32 leaves 6e-8 of it times the coefficients; two corrections square that.
    assert residual(plain).min() > 1e-8
    assert refined.converged_
    assert residual(refined).max() <= 1e-10
    np.testing.assert_allclose(refined.residuals_, residual(refined), rtol=0, atol=1e-12)


def test_a_network_of_finite_width(X, Z):
    network = fn.FiniteNetwork(NET, (5, 40, 40, 1), seed=1)
    y = X[:, 0]
    model = KernelRidge(network, 0.1, device="cpu", dtype="float32").fit(X.astype("float32"), y)
    K, K_ZX = (network.ntk(*one).astype(float) for one in ((X,), (Z, X)))
    want = K_ZX @ np.linalg.solve(K + 0.1 * np.eye(len(K)), y)
    # A float32 kernel: 1e-6 of its largest values, times the coefficients' sum.
    np.testing.assert_allclose(model.predict(Z.astype("float32")), want, rtol=0, atol=1e-3)


def test_clone_and_pickle(X, Z, y):
    model = KernelRidge(NET, 0.3, ridge_units="trace").fit(X, y)
    assert clone(model).get_params() == model.get_params()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(Z), model.predict(Z))


@pytest.mark.parametrize("change", [{"ridge": 9.0}, {"kernel": "nngp"}, {"scale": 3.0}])
def test_parameters_set_after_fit_wait_for_the_next(X, Z, y, change):
    model = KernelRidge(NET, 0.3).fit(X, y)
    want = model.predict(Z)
    np.testing.assert_array_equal(model.set_params(**change).predict(Z), want)


def test_a_fit_that_fails_changes_nothing(X, y):
    model = KernelClassifier(NET).fit(X, y[:, 0] > 0)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="kernel must be"):
        model.set_params(kernel="rbf").fit(X[:, :3], y[:, 0].round())
    assert all(vars(model)[name] is value for name, value in before.items() if name != "kernel")


def test_prediction_keeps_to_the_budget(rng):
    X = rng.integers(0, 256, (2000, 8)).astype(np.uint8)
    Z = rng.integers(0, 256, (6000, 8)).astype(np.uint8)
    model = KernelRidge(NET, 1.0, scale=1 / 255, method="cg", tol=1e-2).fit(X, X[:, :3] / 255)
    whole = model.predict(Z)
    model.set_params(memory="3 MB")  # K(Z, X) has 48 MB
    tracemalloc.start()
    try:
        outputs = model.predict(Z)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 3e6
    # Blocks may take different routes: the float32 gate of the kernel.
    np.testing.assert_allclose(outputs, whole, rtol=0, atol=2e-5 * np.abs(whole).max())


def test_equal_points_with_different_targets(X, y):
    X[41] = X[17]
    message = "ridge must be positive where .* as rows 17 and 41 of X"
    with pytest.raises(ValueError, match=message):
        KernelRidge(NET, 0).fit(X, y)
    labels = np.arange(len(X)) % 5
    with pytest.raises(ValueError, match=message):
        KernelClassifier(NET, 0).fit(X, labels)
    y[41] = y[17]
    with pytest.raises(ValueError, match=r"singular .* row 41 .* 1 times row 17"):
        KernelRidge(NET, 0, method="cholesky").fit(X, y)
    # Conjugate gradients need no inverse where the targets are in the range of K.
    model = KernelRidge(NET, 0, method="cg", tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": -1e-9}, "ridge must be non-negative"),
        ({"ridge": np.nan}, "ridge must be non-negative"),
        ({"ridge_units": "share"}, "ridge_units must be one of 'absolute', 'trace', got 'share'"),
        ({"kernel": "rbf"}, "kernel must be"),
        ({"method": "qr"}, "method must be"),
        ({"tol": 0}, "tol must be"),
        ({"storage": "disk"}, "storage must be one of"),
        ({"memory": "much"}, "memory must be"),
    ],
)
def test_bad_options(X, y, options, message):
    with pytest.raises(ValueError, match=message):
        KernelRidge(NET, **options).fit(X, y)
    with pytest.raises(ValueError, match=message):
        KernelClassifier(NET, **options).fit(X, np.arange(len(X)) % 3)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(59), "inconsistent numbers of samples"),
        (np.zeros((60, 2, 2)), "dim 3"),
        (np.full(60, np.nan), "Input y contains NaN"),
        (np.array(["cat"] * 60), "not compatible with arrays of bytes"),
        (np.ones(60, complex), "Complex data not supported"),
        (None, "requires y to be passed, but the target y is None"),
    ],
)
def test_bad_targets(X, y, message):
    with pytest.raises(ValueError, match=message):
        KernelRidge(NET).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(59) % 3, "inconsistent numbers of samples"),
        (np.zeros((60, 2), int), "y should be a 1d array"),
        (np.linspace(0, 1, 60), "Unknown label type: continuous"),
        (np.full(60, np.nan), "Input y contains NaN"),
        (np.ones(60, int), "at least two classes, got one class"),
        (None, "requires y to be passed, but the target y is None"),
    ],
)
def test_bad_labels(X, y, message):
    with pytest.raises(ValueError, match=message):
        KernelClassifier(NET).fit(X, y)


def test_bad_points(X, y):
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        KernelRidge(NET).fit(X, y)
    model = KernelRidge(NET).fit(X[:3], y[:3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(X)
    with pytest.raises(ValueError, match="X has 4 features, but KernelRidge is expecting 5"):
        model.predict(X[:2, :4])
