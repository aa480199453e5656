# SPDX-License-Identifier: Apache-2.0
"""Gaussian processes: three laws against dense NumPy, their properties, and bad input."""

import math
import pickle
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastntk as fn
from fastntk import GaussianProcess
from reference import process

NET = fn.FullyConnected(hidden_layers=2)
RIDGE = 0.03
# Moments against dense NumPy: the rounding of both, 1e-16 times the condition of K + r I, at most
# 1e5 here, and the gate of the kernel, 1e-12, times what the weights make of it.
EXACT = 1e-9
INF = math.inf


@pytest.fixture
def X(rng):
    return rng.standard_normal((50, 5))


@pytest.fixture
def Z(rng):
    return rng.standard_normal((21, 5))


@pytest.fixture
def y(rng, X):
    return np.stack([X[:, 0] * X[:, 1], rng.standard_normal(len(X))], axis=1)


def dense(law, X, Z, y, ridge=0.0, t=INF):
    """Mean and covariance at Z by the formulas of `reference.process`."""
    S, K = ((f(X), f(Z, X), f(Z)) for f in (NET.nngp, NET.ntk))
    if law == "ntk":
        return process.trained(*K[:2], *S, y, t, ridge)
    return process.posterior(*(S if law == "nngp" else K), y, ridge)


@parametrize_with_checks([GaussianProcess(ridge=1e-3)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", ["dense", "iterative"])
@pytest.mark.parametrize("law", ["nngp", "ntk", "ntkgp"])
def test_laws(X, Z, y, law, method):
    mean, covariance = dense(law, X, Z, y, RIDGE)
    model = GaussianProcess(NET, law, ridge=RIDGE, method=method, tol=1e-12).fit(X, y)
    assert (model.law_, model.method_, model.ridge_) == (law, method, RIDGE)
    found, cov = model.predict(Z, return_cov=True)
    np.testing.assert_allclose(found, mean, rtol=0, atol=EXACT * np.abs(mean).max())
    assert cov.shape == (21, 21, 2)
    scale = EXACT * np.abs(covariance).max()
    for output in (0, 1):
        np.testing.assert_allclose(cov[..., output], covariance, rtol=0, atol=scale)
    again, std = model.predict(Z, return_std=True)
    np.testing.assert_array_equal(again, found)
    np.testing.assert_allclose(std**2, cov.diagonal().T, rtol=0, atol=scale)
    one = GaussianProcess(NET, law, ridge=RIDGE, method=method, tol=1e-12).fit(X, y[:, 0])
    single, its_std = one.predict(Z, return_std=True)
    np.testing.assert_allclose(single, mean[:, 0], rtol=0, atol=EXACT * np.abs(mean).max())
    np.testing.assert_allclose(its_std, std[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["dense", "iterative"])
@pytest.mark.parametrize("t", [0.0, 3.0, 1000.0, INF])
def test_networks_in_training(X, Z, y, t, method):
    mean, covariance = dense("ntk", X, Z, y, t=t)
    model = GaussianProcess(NET, "ntk", t=t, method=method, tol=1e-12).fit(X, y[:, 0])
    assert model.method_ == method
    found, cov = model.predict(Z, return_cov=True)
    np.testing.assert_allclose(found, mean[:, 0], rtol=0, atol=EXACT * max(1, np.abs(mean).max()))
    np.testing.assert_allclose(cov, covariance, rtol=0, atol=EXACT * np.abs(covariance).max())


@pytest.mark.parametrize("t", [3.0, INF])
def test_gradient_flow_agrees(X, Z, y, t):
    """The same law by two ways, one of which is made for many times."""
    law = fn.GradientFlow(fn.GramOperator(NET, X), y).gaussian(t, Z, prior=NET)
    mean, covariance = GaussianProcess(NET, "ntk", t=t).fit(X, y).predict(Z, return_cov=True)
    np.testing.assert_allclose(law.mean, mean, rtol=0, atol=EXACT)
    np.testing.assert_allclose(law.covariance, covariance[..., 0], rtol=0, atol=EXACT)


@pytest.mark.parametrize("law", ["nngp", "ntk", "ntkgp"])
def test_a_network_of_finite_width(X, Z, y, law):
    """Its empirical kernels, as they were at the fit."""
    network = fn.FiniteNetwork(NET, (5, 30, 30, 1), seed=1, dtype="float64")
    S, K = ((f(X), f(Z, X), f(Z)) for f in (network.nngp, network.ntk))
    if law == "ntk":
        mean, covariance = process.trained(*K[:2], *S, y, INF, RIDGE)
    else:
        mean, covariance = process.posterior(*(S if law == "nngp" else K), y, RIDGE)
    model = GaussianProcess(network, law, ridge=RIDGE, device="cpu").fit(X, y)
    network.flat *= 2
    found, cov = model.predict(Z, return_cov=True)
    np.testing.assert_allclose(found, mean, rtol=0, atol=EXACT * np.abs(mean).max())
    np.testing.assert_allclose(cov[..., 1], covariance, rtol=0, atol=EXACT * np.abs(K[2]).max())


def test_with_one_kernel_networks_are_a_posterior(X, Z, y):
    """ "ntk" with Theta replaced by Sigma: a kernel of one's own is both."""
    trained, posterior = (
        GaussianProcess(fn.RBF(2.0), law).fit(X, y).predict(Z, return_cov=True)
        for law in ("ntk", "nngp")
    )
    np.testing.assert_allclose(trained[0], posterior[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(trained[1], posterior[1], rtol=0, atol=EXACT)
    assert np.abs(posterior[1]).max() > 0.01


@pytest.mark.parametrize("law", ["nngp", "ntk", "ntkgp"])
def test_training_points_are_certain(X, y, law):
    mean, std = GaussianProcess(NET, law).fit(X, y).predict(X, return_std=True)
    np.testing.assert_allclose(mean, y, rtol=0, atol=EXACT)
    # A variance of 1e-12 is the rounding of the kernel, of size 1.
    assert std.max() < 1e-6


@pytest.mark.parametrize("law", ["nngp", "ntk", "ntkgp"])
def test_covariances_are_positive_and_below_the_prior(X, Z, y, law):
    points = np.concatenate([Z, X[:10], Z[:3]])
    kernel = NET.ntk if law == "ntkgp" else NET.nngp
    _, covariance = GaussianProcess(NET, law).fit(X, y[:, 0]).predict(points, return_cov=True)
    np.testing.assert_array_equal(covariance, covariance.T)
    # Rounding of differences of matrices whose trace is below 100.
    assert np.linalg.eigvalsh(covariance)[0] > -1e-10
    if law != "ntk":
        assert np.linalg.eigvalsh(kernel(points) - covariance)[0] > -1e-10


def test_the_law_as_a_gaussian(X, Z, y):
    model = GaussianProcess(NET, "ntk").fit(X, y)
    mean, std = model.predict(Z, return_std=True)
    law = model.distribution(Z)
    band = law.percentiles([2.5, 50])
    np.testing.assert_allclose(band[1], mean, rtol=0, atol=1e-12)
    score = NormalDist().inv_cdf(0.025)
    np.testing.assert_allclose(band[0], mean + score * std, rtol=0, atol=1e-9)
    variances = model.distribution(Z, covariance=False)
    np.testing.assert_allclose(variances.percentiles(2.5), band[0], rtol=0, atol=1e-9)
    drawn = model.sample_y(Z, 2000, random_state=3)
    assert drawn.shape == (21, 2, 2000)
    np.testing.assert_array_equal(drawn, model.sample_y(Z, 2000, random_state=3))
    # Six standard errors.
    assert (np.abs(drawn.mean(axis=2) - mean) < 6 * std / 2000**0.5).all()
    assert GaussianProcess(NET).fit(X, y[:, 0]).sample_y(Z, 4).shape == (21, 4)


@pytest.mark.parametrize("ridge", [0.0, RIDGE])
@pytest.mark.parametrize("law", ["nngp", "ntk", "ntkgp"])
def test_leave_one_out_is_fitting_again(X, y, law, ridge, monkeypatch):
    monkeypatch.setattr("fastntk.models.likelihood._COLUMNS", 17)
    left_out = GaussianProcess(NET, law, ridge=ridge).fit(X, y).leave_one_out()
    assert left_out.mean.shape == left_out.log_density.shape == (50, 2)
    for i in (0, 17, 49):
        rest = np.arange(50) != i
        mean, covariance = dense(law, X[rest], X[i : i + 1], y[rest], ridge)
        variance = covariance[0, 0] + (0 if law == "ntk" else ridge)
        np.testing.assert_allclose(left_out.mean[i], mean[0], rtol=0, atol=EXACT * 10)
        assert abs(left_out.variance[i] - variance) <= EXACT * 10
        log_density = -((y[i] - mean[0]) ** 2 / variance + np.log(2 * np.pi * variance)) / 2
        np.testing.assert_allclose(left_out.log_density[i], log_density, rtol=1e-6)
    one = GaussianProcess(NET, law, ridge=ridge, method="iterative", tol=1e-12).fit(X, y[:, 0])
    np.testing.assert_allclose(one.leave_one_out().mean, left_out.mean[:, 0], rtol=0, atol=1e-8)


def test_pixels_and_options_reach_the_kernels(rng):
    X, Z = (rng.integers(0, 256, (n, 6)).astype(np.uint8) for n in (40, 9))
    y = X[:, 0] / 255
    given = {"scale": 1 / 255, "dtype": "float64"}
    S, K = ((f(X, **given), f(Z, X, **given), f(Z, **given)) for f in (NET.nngp, NET.ntk))
    ridge = 0.1 * np.trace(K[0]) / len(K[0])
    mean, covariance = process.trained(*K[:2], *S, y, INF, ridge)
    model = GaussianProcess(NET, "ntk", ridge=0.1, ridge_units="trace", scale=1 / 255).fit(X, y)
    found, cov = model.predict(Z, return_cov=True)
    assert model.X_fit_.dtype == np.uint8
    assert abs(model.ridge_ - ridge) <= 1e-12
    np.testing.assert_allclose(found, mean, rtol=0, atol=EXACT)
    np.testing.assert_allclose(cov, covariance, rtol=0, atol=EXACT)


@pytest.mark.parametrize("t", [5.0, INF])
@pytest.mark.parametrize("method", ["dense", "iterative"])
def test_clone_and_pickle(X, Z, y, t, method):
    model = GaussianProcess(NET, "ntk", t=t, method=method).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    for one, other in zip(
        again.predict(Z, return_std=True), model.predict(Z, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        again.set_params(law="nngp", t=INF, net=None).predict(Z, True)[1],
        model.predict(Z, True)[1],
    )


def test_a_file_keeps_the_kernel_of_the_weights(X, Z, y, tmp_path):
    """The other kernel of trained networks is not written there."""
    options = {"method": "iterative", "ridge": RIDGE, "storage": tmp_path / "K.gram", "tol": 1e-12}
    model = GaussianProcess(NET, "ntk", **options).fit(X, y)
    stored = fn.GramOperator.from_file(tmp_path / "K.gram")
    np.testing.assert_allclose(stored.to_dense(), NET.ntk(X), rtol=1e-12)
    _, covariance = dense("ntk", X, Z, y, RIDGE)
    std = model.predict(Z, return_std=True)[1]
    np.testing.assert_allclose(std[:, 0] ** 2, np.diag(covariance), rtol=0, atol=EXACT)


def test_searches(X, y):
    grid = {"law": ["nngp", "ntk", "ntkgp"], "ridge": [0.01, 1.0]}
    search = GridSearchCV(GaussianProcess(NET), grid, cv=3).fit(X, X[:, :2])
    assert search.best_score_ > 0.5


def test_variances_come_by_blocks(X, y, rng):
    Z = rng.standard_normal((3000, 5))
    model = GaussianProcess(NET, ridge=RIDGE).fit(X, y[:, 0])
    whole = model.predict(Z, return_std=True)[1]
    model.set_params(memory=1_500_000)  # the weights alone of all points take 1.2 MB
    np.testing.assert_allclose(model.predict(Z, return_std=True)[1], whole, rtol=0, atol=1e-10)
    with pytest.raises(MemoryError, match=r"the covariance of 3000 new points .* needs"):
        model.predict(Z, return_cov=True)


def test_too_little_memory_is_said(rng):
    X = rng.standard_normal((800, 3))
    options = {"storage": "lazy", "memory": "4 MB", "ridge": 0.1, "tol": 1e-3}
    with pytest.raises(MemoryError, match="a dense Gaussian process of 800 points needs"):
        GaussianProcess(NET, method="dense", **options).fit(X, X[:, 0])
    model = GaussianProcess(NET, **options).fit(X, X[:, 0])
    assert model.method_ == "iterative"
    with pytest.raises(MemoryError, match="the log marginal likelihood of 800 points needs"):
        model.log_marginal_likelihood()
    with pytest.raises(MemoryError, match="the inverse for 800 points needs"):
        model.leave_one_out()
    options |= {"ridge": 0.0, "method": "dense"}
    with pytest.raises(MemoryError, match="a dense Gaussian process of 800 points needs"):
        GaussianProcess(NET, "ntk", t=1.0, **options).fit(X, X[:, 0])


def test_equal_points(X, Z, y):
    X[41] = X[17]
    with pytest.raises(ValueError, match=r"ridge must be positive where .* as rows 17 and 41 of X"):
        GaussianProcess(NET).fit(X, y)
    y[41] = y[17]
    with pytest.raises(ValueError, match=r"singular .* row 41 .* 1 times row 17"):
        GaussianProcess(NET).fit(X, y)
    # At a finite time, and with noise, there is nothing wrong with them.
    model = GaussianProcess(NET, "ntk", ridge=1e-9).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, rtol=0, atol=1e-5)
    assert np.isfinite(GaussianProcess(NET, "ntk", t=1e9).fit(X, y).predict(Z, True)[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"law": "gp"}, "law must be one of 'nngp', 'ntk', 'ntkgp', got 'gp'"),
        ({"law": "ntk", "t": -1.0}, "t must not be negative or NaN, got -1"),
        ({"law": "ntk", "t": math.nan}, "t must not be negative or NaN, got nan"),
        ({"law": "ntk", "t": [1.0, 2.0]}, "t must be a single time"),
        ({"t": 3.0}, "t is the training time of the law 'ntk', got t=3 with law='nngp'"),
        ({"law": "ntk", "t": 3.0, "ridge": 0.1}, "ridge must be 0 at a finite t"),
        ({"method": "cg"}, "method must be one of 'auto', 'dense', 'iterative'"),
        ({"ridge": -0.1}, "ridge must be non-negative"),
        ({"ridge_units": "share"}, "ridge_units must be one of"),
    ],
)
def test_bad_options(X, y, options, message):
    with pytest.raises(ValueError, match=message):
        GaussianProcess(NET, **options).fit(X, y)


def test_bad_arguments(X, Z, y):
    model = GaussianProcess(NET, ridge=RIDGE).fit(X, y)
    with pytest.raises(ValueError, match="exclude each other"):
        model.predict(Z, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="X has 4 features, but GaussianProcess is expecting 5"):
        model.predict(Z[:, :4], return_std=True)
    with pytest.raises(ValueError, match="leave_one_out needs t=inf, got 2"):
        GaussianProcess(NET, "ntk", t=2.0).fit(X, y).leave_one_out()
