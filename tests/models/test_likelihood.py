# SPDX-License-Identifier: Apache-2.0
"""The log marginal likelihood, its gradient in closed form, and parameters that maximise it."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

import fastntk as fn
from fastntk import GaussianProcess
from fastntk.linalg import ConvergenceWarning
from fastntk.models.hyperparameters import NAMES, at_theta, maximise
from reference import process

NET = fn.FullyConnected(hidden_layers=2, weight_std=1.3, bias_std=0.4)


@pytest.fixture
def X(rng):
    return rng.standard_normal((40, 5))


@pytest.fixture
def y(rng, X):
    return np.stack([np.sin(X[:, 0]), X[:, 1] ** 2, X[:, 2]], 1) + 0.1 * rng.standard_normal(
        (40, 3)
    )


def differences(function, theta, step=1e-3):
    """Derivatives by central differences of fourth order."""
    units = step * np.eye(len(theta))
    first, second = (
        np.array([function(theta + k * one) - function(theta - k * one) for one in units]) / step
        for k in (1, 2)
    )
    return 2 / 3 * first - second / 12


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("law", ["nngp", "ntkgp"])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_value_and_gradient(X, y, law, activation, outputs):
    net = fn.FullyConnected(2, activation, weight_std=1.3, bias_std=0.4)
    targets = y[:, 0] if outputs == 1 else y
    model = GaussianProcess(net, law, ridge=0.05).fit(X, targets)
    K = (net.nngp if law == "nngp" else net.ntk)(X)
    want = process.log_likelihood(K, targets, 0.05)
    # Rounding of the solution, 1e-16 times a condition of at most 1e4, and the kernel's gate.
    assert abs(model.log_marginal_likelihood() - want) <= 1e-9 * abs(want)
    theta = np.log([1.1, 0.6, 0.08])
    value, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    assert abs(model.log_marginal_likelihood(theta) - value) <= 1e-10 * abs(value)

    def reference(at):
        varied, ridge = at_theta(net, at)
        kernel = (varied.nngp if law == "nngp" else varied.ntk)(X)
        return process.log_likelihood(kernel, targets, ridge)

    assert abs(reference(theta) - value) <= 1e-9 * abs(value)
    numeric = differences(reference, theta)
    # Steps of 1e-3 err by some 1e-11 of the value, and so do the values' roundings over them.
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * np.abs(numeric).max())


def test_parameters_that_are_zero(X, y):
    """Their logarithm is -inf, and nothing changes with it."""
    net = fn.FullyConnected(2, bias_std=0.0)
    model = GaussianProcess(net).fit(X, y)
    value, gradient = model.log_marginal_likelihood(eval_gradient=True)
    assert abs(value - process.log_likelihood(net.nngp(X), y, 0.0)) <= 1e-8 * abs(value)
    assert gradient[0] != 0
    np.testing.assert_array_equal(gradient[1:], 0)
    again, _ = model.log_marginal_likelihood([0.0, -np.inf, -np.inf], eval_gradient=True)
    assert again == value
    found = GaussianProcess(net, ridge=1e-3).fit(X, y, optimize=True)
    assert found.net_.bias_std == 0


@pytest.mark.parametrize("law", ["nngp", "ntkgp"])
def test_optimising(X, y, law):
    model = GaussianProcess(NET, law, ridge=0.5).fit(X, y)
    before = model.log_marginal_likelihood()
    model.fit(X, y, optimize=True)
    value, gradient = model.log_marginal_likelihood(eval_gradient=True)
    assert model.evaluations_ > 3
    assert value > before + 1
    # L-BFGS-B stops at derivatives of 1e-5 per number, or gains of 2e-9 of the value.
    assert np.abs(gradient).max() <= 1e-3 * y.size
    assert model.net == NET
    mean, _ = process.posterior(
        *(getattr(model.net_, model.kernel_)(*data) for data in ((X,), (X[:5], X), (X[:5],))),
        y,
        model.ridge_,
    )
    np.testing.assert_allclose(model.predict(X[:5]), mean, rtol=0, atol=1e-9)


def test_what_is_optimised(X, y):
    # exp(log(x)) is not x for this bias and this ridge, which stay to the bit.
    net, ridge = fn.FullyConnected(2, bias_std=0.03), 0.046
    model = GaussianProcess(net, ridge=ridge)
    model.fit(X, y, optimize="weight_std")
    assert (model.net_.bias_std, model.ridge_) == (0.03, ridge)
    assert model.net_.weight_std != 1
    model.fit(X, y, optimize=("weight_std", "bias_std"))
    assert model.ridge_ == ridge
    assert model.net_.bias_std != 0.03
    with pytest.warns(fn.ConvergenceWarning, match=r"largest with ridge on its bound, 0\.05"):
        model.fit(X, y, optimize=np.array(["ridge"]), bounds={"ridge": (0.04, 0.05)})
    assert model.net_ == net
    # The best ridge is higher: it ends at the bound, which the logarithm rounds.
    assert abs(model.ridge_ - 0.05) <= 1e-12
    assert model.fit(X, y).net_ == net
    assert model.evaluations_ == 0


def test_ridges_as_a_share_of_the_trace(X, y):
    model = GaussianProcess(NET, ridge=0.1, ridge_units="trace").fit(X, y, optimize=["bias_std"])
    assert abs(model.ridge_ - 0.1 * np.trace(NET.nngp(X)) / 40) <= 1e-12


def two_hills(theta):
    """A function with a low maximum at 0 and a high one at 3, in each parameter."""
    low, high = np.exp(-(theta**2)), 5 * np.exp(-((theta - 3) ** 2))
    return (low + high).sum(), -2 * theta * low - 2 * (theta - 3) * high


def test_restarts_find_what_one_start_does_not():
    bounds = {name: (np.exp(-4), np.exp(4)) for name in NAMES}
    start, rng = np.full(3, -0.5), np.random.default_rng(0)
    single = maximise(two_hills, start, NAMES, bounds, 0, rng)
    assert np.abs(single.theta).max() < 0.1
    best = maximise(two_hills, start, NAMES, bounds, 40, rng)
    assert np.abs(best.theta - 3).max() < 0.1
    assert best.value > single.value
    assert best.evaluations > single.evaluations


def test_steps_into_singular_matrices_are_taken_back():
    def objective(theta):
        if theta[0] > 1:
            raise np.linalg.LinAlgError
        value, gradient = -((theta[0] - 0.9) ** 2), np.array([1.8 - 2 * theta[0], 0, 0])
        return value, gradient

    start, rng = np.array([-3.0, 0.0, 0.0]), np.random.default_rng(0)
    found = maximise(objective, start, ("weight_std",), None, 0, rng)
    assert abs(found.theta[0] - 0.9) < 1e-3


def test_digits(rng):
    images, labels = load_digits(return_X_y=True)
    rows = rng.permutation(len(images))
    X, codes = images[rows].astype(np.uint8), np.eye(10)[labels[rows]] - 0.1
    model = GaussianProcess(ridge=1e-2, ridge_units="trace", scale=1 / 16)
    plain = model.fit(X[:80], codes[:80]).log_marginal_likelihood()
    model.fit(X[:80], codes[:80], optimize=("weight_std", "bias_std"))
    assert model.log_marginal_likelihood() > plain
    found = model.predict(X[80:500]).argmax(axis=1)
    # 86 % here; a tenth by chance.
    assert (found == labels[rows][80:500]).mean() > 0.8


@pytest.mark.parametrize(
    ("options", "arguments", "error", "message"),
    [
        ({"law": "ntk"}, {}, ValueError, "optimize needs the law 'nngp' or 'ntkgp', got 'ntk'"),
        ({"net": fn.RBF(1.0)}, {}, TypeError, "net must be a FullyConnected"),
        ({"net": fn.FullyConnected(init_std=1.5)}, {}, ValueError, "not init_std"),
        ({}, {"optimize": ["depth"]}, ValueError, "optimize must be one of 'weight_std'"),
        ({"ridge": 0.0}, {"optimize": ["ridge"]}, ValueError, "ridge must be positive to be opt"),
        ({}, {"bounds": {"beta": (1, 2)}}, ValueError, "bounds must be of .*, got 'beta'"),
        ({}, {"bounds": {"ridge": (2, 1)}}, ValueError, r"bounds\['ridge'\] must be \(lowest"),
        ({}, {"bounds": {"ridge": (1, 2)}}, ValueError, r"ridge must start within .* \[1, 2\]"),
        ({}, {"bounds": {"ridge": 3}}, TypeError, r"bounds\['ridge'\] must be .* got 3"),
        ({}, {"restarts": -1}, ValueError, "restarts must be at least 0"),
        ({}, {"optimize": 2}, TypeError, "optimize must be a bool, or names of .* got 2"),
        ({}, {"optimize": np.False_, "restarts": 1}, ValueError, "they need optimize"),
        ({}, {"optimize": False, "bounds": {"ridge": (1, 2)}}, ValueError, "they need optimize"),
    ],
)
def test_bad_optimisations(X, y, options, arguments, error, message):
    model = GaussianProcess(**{"net": NET, "ridge": 0.1, **options})
    with pytest.raises(error, match=message):
        model.fit(X, y, **{"optimize": True, **arguments})


def test_bad_likelihoods(X, y):
    with pytest.raises(ValueError, match="posterior of no prior"):
        GaussianProcess(NET, "ntk").fit(X, y).log_marginal_likelihood()
    model = GaussianProcess(fn.RBF(1.0), ridge=0.1).fit(X, y)
    K = np.exp(-((X[:, None] - X) ** 2).sum(2) / 2)
    want = process.log_likelihood(K, y, 0.1)
    assert abs(model.log_marginal_likelihood() - want) <= 1e-9 * abs(want)
    with pytest.raises(TypeError, match="net must be a FullyConnected"):
        model.log_marginal_likelihood(eval_gradient=True)
    model = GaussianProcess(NET).fit(X, y)
    for theta in ([0.0, 0.0], [0.0, 0.0, np.nan], [0.0, np.inf, 0.0]):
        with pytest.raises(ValueError, match="theta must be the logarithms of weight_std"):
            model.log_marginal_likelihood(theta)


def test_targets_whose_likelihood_overflows(X, y):
    with pytest.raises(FloatingPointError, match="targets"):
        GaussianProcess(NET, ridge=0.1).fit(X, y * 1e200).log_marginal_likelihood()


def test_without_scipy(X, y, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"optimize needs SciPy: pip install 'fastntk\[app\]'"):
        GaussianProcess(NET, ridge=0.1).fit(X, y, optimize=True)


def test_a_search_that_ends_early_is_said(X, y, monkeypatch):
    import scipy.optimize

    search = scipy.optimize.minimize

    def short(*arguments, **options):
        return search(*arguments, **options, options={"maxiter": 1})

    monkeypatch.setattr(scipy.optimize, "minimize", short)
    with pytest.warns(ConvergenceWarning, match="ended after .* evaluations: .* its best is used"):
        GaussianProcess(NET, ridge=0.1).fit(X, y, optimize=True)
