# SPDX-License-Identifier: Apache-2.0
"""Gaussian laws: percentiles and samples, singular covariances, and the law of f_t."""

import numpy as np
import pytest

import fastntk as fn
from reference import gradient_flow as plain

NET = fn.FullyConnected(2, bias_std=0.1)


def test_percentiles_and_samples(rng):
    """5000 samples estimate means and covariances to within five of their standard errors."""
    factor = rng.standard_normal((4, 2))  # rank 2: a singular covariance
    law = fn.Gaussian(rng.standard_normal((4, 3)), factor @ factor.T)
    drawn = law.sample(5000, seed=2)
    assert drawn.shape == (5000, 4, 3)
    error = np.abs(drawn.mean(axis=0) - law.mean) / law.std[:, None]
    assert error.max() < 5 / np.sqrt(5000)
    each = drawn - law.mean
    size = np.outer(law.std, law.std)
    for c in range(3):
        found = each[:, :, c].T @ each[:, :, c] / 5000
        assert np.abs((found - law.covariance) / size).max() < 5 * np.sqrt(2 / 5000)
    assert np.abs(np.einsum("nic,njd->ijcd", each, each)[:, :, 0, 1] / 5000 / size).max() < 0.08
    # What a rank of 2 cannot do, no sample does.
    null = np.linalg.svd(factor.T)[2][2:]
    assert np.abs(np.einsum("ki,nic->nkc", null, each)).max() < 1e-6
    np.testing.assert_array_equal(drawn, law.sample(5000, seed=2))
    low, middle, high = law.percentiles([5, 50, 95])
    np.testing.assert_allclose(middle, law.mean)
    np.testing.assert_allclose((high - low)[:, 0], 2 * 1.6448536269514722 * law.std, rtol=1e-12)
    assert ((drawn < low).mean(axis=0) - 0.05).max() < 5 * np.sqrt(0.05 / 5000)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0.0, 0.0], [[1, 2], [2, 1]]), {}, ValueError, r"semidefinite, got the eigenvalue -1"),
        (([0.0, 0.0], [[1, 2], [0, 1]]), {}, ValueError, "symmetric, but it .* differ by 2"),
        (([0.0], [[1, 0], [0, 1]]), {}, ValueError, r"covariance must have shape \(1, 1\)"),
        (([0.0],), {}, ValueError, "give covariance or variance"),
        (([np.nan], [[1]]), {}, ValueError, "mean must be finite"),
        (([0.0],), {"variance": [-1.0]}, ValueError, "variances must not be negative, got -1"),
        (([0.0], [["a"]]), {}, TypeError, "covariance must hold real numbers"),
    ],
)
def test_what_is_no_law(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fn.Gaussian(*arguments, **options)


def test_rounding_is_taken_as_zero():
    law = fn.Gaussian([0.0, 0.0], [[-1e-12, 0], [0, 1]], rounding=1e-11)
    assert law.std.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"q must be .* got 100"):
        law.percentiles(100)
    with pytest.raises(ValueError, match="samples need the covariance"):
        fn.Gaussian([0.0], variance=[1.0]).sample(2)


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_the_law_of_trained_networks(rng, method):
    """Mean and covariance at any time; nothing is left of the variance at the training points."""
    X, Z, y = (rng.standard_normal(shape) for shape in ((80, 5), (40, 5), (80, 2)))
    op = fn.GramOperator(NET, X)
    flow = fn.GradientFlow(op, y, method=method, tol=1e-9)
    K_ZX = op.cross(Z)
    sigma = [NET.nngp(*points, dtype="float64") for points in ((X,), (Z, X), (Z,))]
    for t in (0.0, 4.0, np.inf):
        A, covariance = plain.law(op.to_dense(), K_ZX, *sigma, t)
        found = flow.gaussian(t, Z)
        np.testing.assert_allclose(found.mean, A @ y, rtol=0, atol=1e-7)
        np.testing.assert_allclose(found.covariance, covariance, rtol=0, atol=1e-7)
        assert np.linalg.eigvalsh(found.covariance)[0] > -1e-12
        given = flow.gaussian(t, cross=K_ZX, prior=tuple(sigma), covariance=False)
        np.testing.assert_allclose(given.variance, np.diag(covariance), rtol=0, atol=1e-7)
    at_data = flow.gaussian(np.inf, X[:7])
    assert np.abs(at_data.variance).max() < 1e-7
    np.testing.assert_allclose(at_data.mean, y[:7], rtol=0, atol=1e-7)


def test_the_law_at_the_training_points(rng):
    X, y = rng.standard_normal((50, 4)), rng.standard_normal(50)
    op = fn.GramOperator(NET, X)
    flow = fn.GradientFlow(op, y)
    S = NET.nngp(X, dtype="float64")
    np.testing.assert_allclose(flow.gaussian(0.0).covariance, S, rtol=0, atol=1e-12)
    _, want = plain.law(op.to_dense(), op.to_dense(), S, S, S, 3.0)
    np.testing.assert_allclose(flow.gaussian(3.0).covariance, want, rtol=0, atol=1e-12)
    assert flow.gaussian(np.inf).variance.max() == 0


def test_the_law_with_sigma_in_place_of_theta_is_the_posterior(rng):
    """The asymptotic law of one kernel is that kernel's Gaussian process given the data."""
    X, Z, y = rng.standard_normal((40, 4)), rng.standard_normal((6, 4)), rng.standard_normal(40)
    op = fn.GramOperator(NET, X, kernel="nngp")
    law = fn.GradientFlow(op, y).gaussian(np.inf, Z)
    S, S_ZX, S_ZZ = op.to_dense(), op.cross(Z), NET.nngp(Z, dtype="float64")
    np.testing.assert_allclose(law.mean, S_ZX @ np.linalg.solve(S, y), rtol=0, atol=1e-9)
    posterior = S_ZZ - S_ZX @ np.linalg.solve(S, S_ZX.T)
    np.testing.assert_allclose(law.covariance, posterior, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["dense", "krylov"])
def test_the_rounding_of_sigma_counts(rng, method):
    """Sigma in float32, Theta in float64: nothing is left of the variance but that rounding."""
    X, y = rng.standard_normal((80, 5)), rng.standard_normal(80)
    single = fn.GramOperator(NET, X, kernel="nngp", dtype="float32")
    flow = fn.GradientFlow(fn.GramOperator(NET, X), y, method=method, tol=1e-9)
    for options in ({}, {"covariance": False}):
        law = flow.gaussian(np.inf, X[:40], prior=single, **options)
        assert np.abs(law.variance).max() < 1e-4


def test_sigma_that_is_no_kernel(rng):
    """Negative variances that no rounding explains."""
    X, Z, y = rng.standard_normal((30, 4)), rng.standard_normal((6, 4)), rng.standard_normal(30)
    flow = fn.GradientFlow(fn.GramOperator(NET, X), y)
    S, S_ZX = NET.nngp(X), NET.nngp(Z, X)
    for covariance in (False, True):
        with pytest.raises(ValueError, match=r"must not be negative|semidefinite"):
            flow.gaussian(1.0, Z, prior=(S, S_ZX, np.eye(6) * 1e-3), covariance=covariance)


@pytest.mark.parametrize(
    ("prior", "error", "message"),
    [
        ((np.eye(20), np.eye(20)), ValueError, "three matrices .* got 2"),
        ((np.eye(4), np.ones((2, 4)), np.eye(2)), ValueError, "20 training points, got"),
        ((np.triu(np.ones((20, 20))), 0, 0), ValueError, r"prior\[0\]: K must be symmetric"),
        (
            [np.eye(20), np.ones((2, 20)), np.eye(5)],
            ValueError,
            r"of 2 new points, got Sigma\(Z, X\) of 2 rows and Sigma\(Z, Z\) of 5",
        ),
        (np.eye(20), TypeError, "a network, an operator or three matrices, got a NumPy array"),
        (fn.GramOperator.from_matrix(np.eye(20)), ValueError, "must be three matrices where there"),
    ],
)
def test_bad_priors(rng, prior, error, message):
    """Said before anything is computed."""
    op = fn.GramOperator(NET, rng.standard_normal((20, 3)))
    flow = fn.GradientFlow(op, np.ones(20), method="krylov")
    with pytest.raises(error, match=message):
        flow.gaussian(1.0, np.ones((2, 3)), prior=prior)
    assert flow.passes == 0


def test_kernels_of_users_have_no_sigma(rng):
    X = rng.standard_normal((20, 3))
    flow = fn.GradientFlow(fn.GramOperator(fn.RBF(), X), np.ones(20))
    with pytest.raises(ValueError, match=r"prior must be given .* not one of a network"):
        flow.gaussian(1.0, X[:2])
    assert flow.gaussian(1.0, X[:2], prior=fn.RBF(2.0)).variance.max() < 1
    with pytest.raises(ValueError, match="where there are no points Z"):
        flow.gaussian(1.0, cross=np.ones((2, 20)), prior=NET)


@pytest.mark.parametrize("Z", [None, (300, 3)])
def test_memory(rng, Z):
    """Said before anything is computed."""
    op = fn.GramOperator(NET, rng.standard_normal((100, 3)))
    flow = fn.GradientFlow(op, np.ones(100), memory=450_000)
    with pytest.raises(MemoryError, match=f"the law of f_t at {300 if Z else 100} points needs"):
        flow.gaussian(1.0, None if Z is None else rng.standard_normal(Z))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"t": [1.0, 2.0]}, "t must be a single time, got 2"),
        ({"t": 1.0, "prior": (np.eye(5), np.eye(5))}, "three matrices"),
        ({"t": 1.0, "prior": np.eye(3)[:2]}, "prior must be given as matrices or as an operator"),
        ({"t": 1.0, "prior": (np.eye(4), np.ones((2, 4)), np.eye(2))}, r"5 training points"),
    ],
)
def test_bad_laws(options, message):
    flow = fn.GradientFlow(np.eye(5), np.ones(5))
    with pytest.raises((ValueError, TypeError), match=message):
        flow.gaussian(**options, cross=np.ones((2, 5)))
