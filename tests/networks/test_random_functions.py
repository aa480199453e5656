# SPDX-License-Identifier: Apache-2.0
"""The model of random functions, section 3.1 of the paper."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.costs import CrossEntropy, LeastSquares

NET = fn.FullyConnected(hidden_layers=2)


@pytest.fixture
def X(rng):
    return rng.standard_normal((6, 3))


def kernel_descent(kernel, f, y, cost, learning_rate, steps):
    """Gradient descent in function space: each step is along the kernel gradient."""
    course = [f]
    for _ in range(steps):
        direction = cost.direction(f, y).reshape(-1)
        f = f + learning_rate / len(f) * (kernel @ direction).reshape(f.shape)
        course.append(f)
    return np.array(course)


@pytest.mark.parametrize("cost", [LeastSquares(), CrossEntropy()])
@pytest.mark.parametrize("start", ["zero", "random"])
def test_parameter_descent_is_kernel_descent_step_by_step(rng, X, cost, start):
    model = fn.RandomFunctions.from_network(NET, X, 40, outputs=3, seed=1)
    y = np.eye(3)[rng.integers(0, 3, 6)]
    theta = None if start == "zero" else rng.standard_normal(40)
    run = model.train(y, 0.5, 50, cost=cost, theta=theta)
    first = np.zeros((6, 3)) if theta is None else model(theta)
    want = kernel_descent(model.tangent_kernel(), first, y, cost, 0.5, 50)
    assert abs(want[-1] - want[0]).max() > 0.1
    # 50 steps of a contraction, each a sum of 40 products in either order: 1e-15 a step.
    np.testing.assert_allclose(run.outputs, want, rtol=0, atol=1e-13)
    np.testing.assert_allclose(run.cost, [cost.value(f, y) for f in want], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(run.times, 0.5 * np.arange(51))
    np.testing.assert_allclose(model(run.theta), run.outputs[-1], rtol=0, atol=1e-14)


def errors(K, sizes, repeats, draw):
    """Squared distances of tangent kernels to K over their size, (sizes, repeats)."""
    found = np.empty((len(sizes), repeats))
    for i, P in enumerate(sizes):
        for r in range(repeats):
            distance = np.linalg.norm(draw(P, r).tangent_kernel() - K) / np.linalg.norm(K)
            found[i, r] = distance**2
    return found


def slope_of(sizes, squares):
    """Slope of log(root mean square) in log(size), and its standard error."""
    x = np.log(sizes) - np.log(sizes).mean()
    mean, repeats = squares.mean(axis=1), squares.shape[1]
    noise = squares.std(axis=1, ddof=1) / np.sqrt(repeats) / mean / 2
    slope = x @ np.log(mean) / 2 / (x @ x)
    return slope, np.sqrt((x**2) @ noise**2) / (x @ x)


def test_tangent_kernel_tends_to_the_kernel_as_one_over_root_p(X):
    K = NET.ntk(X)
    sizes = 4 ** np.arange(2, 7)
    squares = errors(
        K, sizes, 200, lambda P, r: fn.RandomFunctions.from_kernel(K, P, seed=1000 * P + r)
    )
    slope, error = slope_of(sizes, squares)
    # The mean square is exactly (|K|^2 + tr(K)^2) / (P |K|^2) for Gaussian functions, so the slope
    # is -0.5 and only the 200 draws scatter it: three of its standard errors.
    assert error < 0.02
    assert abs(slope + 0.5) < 3 * error
    want = (1 + np.trace(K) ** 2 / np.linalg.norm(K) ** 2) / sizes
    scatter = squares.std(axis=1, ddof=1) / np.sqrt(200)
    assert (abs(squares.mean(axis=1) - want) < 4 * scatter).all()


def fourier_features(rng, P, X):
    """Random cosines, whose kernel is exp(-|x - x'|^2 / 2), for two independent outputs."""
    directions = rng.standard_normal((P, 2, X.shape[1]))
    phases = rng.uniform(0, 2 * np.pi, (P, 2, 1))
    return np.sqrt(2) * np.cos(directions @ X.T + phases).transpose(0, 2, 1)


def test_functions_from_a_sampler(X):
    squares = ((X[:, None] - X) ** 2).sum(axis=-1)
    K = np.kron(np.exp(-squares / 2), np.eye(2))
    sizes = 4 ** np.arange(2, 7)
    found = errors(
        K,
        sizes,
        200,
        lambda P, r: fn.RandomFunctions.from_sampler(fourier_features, X, P, seed=1000 * P + r),
    )
    slope, error = slope_of(sizes, found)
    assert error < 0.02
    assert abs(slope + 0.5) < 3 * error


def test_outputs_may_depend_on_each_other(rng):
    A = rng.standard_normal((6, 6))
    K = (A @ A.T).reshape(3, 2, 3, 2)
    model = fn.RandomFunctions.from_kernel(K, 200_000, seed=0)
    assert model.shape == (200_000, 3, 2)
    # Entries of the mean of 2e5 products scatter by sqrt(2 / 2e5) = 0.003 of the diagonal: 5 times.
    np.testing.assert_allclose(
        model.tangent_kernel(), A @ A.T, rtol=0, atol=0.016 * (A @ A.T).max()
    )


def test_independent_outputs_are_sample_major(X):
    K = NET.nngp(X)
    model = fn.RandomFunctions.from_network(NET, X, 100_000, kernel="nngp", outputs=2, seed=0)
    np.testing.assert_allclose(
        model.tangent_kernel(), np.kron(K, np.eye(2)), rtol=0, atol=0.023 * K.max()
    )


def test_the_jacobian_gives_the_tangent_kernel(X):
    model = fn.RandomFunctions.from_network(NET, X, 40, outputs=2, seed=1)
    op = fn.JacobianOperator(model.jacobian())
    np.testing.assert_allclose(op.to_dense(), model.tangent_kernel(), rtol=0, atol=1e-14)


def test_a_singular_kernel_is_drawn_from():
    K = np.ones((4, 4))
    f = fn.RandomFunctions.from_kernel(K, 5, seed=0).functions
    # The root of a rounding of 1e-16 in an eigenvalue 0.
    np.testing.assert_allclose(f, f[:, :1] * np.ones((1, 4, 1)), rtol=0, atol=1e-7)


def test_same_seed_same_functions(X):
    draws = [fn.RandomFunctions.from_network(NET, X, 5, seed=s).functions for s in (3, 3, 4)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert abs(draws[0] - draws[2]).max() > 0.1


def test_records(X):
    model, calls = fn.RandomFunctions.from_network(NET, X, 20, seed=1), []
    run = model.train(np.ones(6), steps=7, every=3, progress=lambda *call: calls.append(call))
    np.testing.assert_array_equal(run.times, [0, 3, 6, 7])
    assert run.outputs.shape == (4, 6, 1)
    assert calls[-1] == ("training", 7, 7)


def test_divergence_names_a_learning_rate_that_is_stable(X):
    model = fn.RandomFunctions.from_network(NET, X, 20, seed=1)
    bound = 2 * 6 / np.linalg.eigvalsh(model.tangent_kernel())[-1]
    with pytest.raises(
        fn.DivergenceError, match=rf"step \d+ with .* stable below {bound:.3g}"
    ) as caught:
        model.train(np.ones(6), learning_rate=1e6, steps=1000)
    error = caught.value
    assert error.suggested_learning_rate == pytest.approx(bound)
    assert error.step == len(error.run.times) > 1
    np.testing.assert_array_equal(error.run.times, 1e6 * np.arange(error.step))
    np.testing.assert_allclose(error.run.cost, error.run.direction_norm**2 / 2)
    assert model.train(np.ones(6), learning_rate=0.99 * bound, steps=1000).cost[-1] < 0.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda R: R(np.ones((3, 4))), ValueError, r"functions must have shape .* got shape \(3"),
        (lambda R: R(np.full((1, 2, 1), np.nan)), ValueError, "functions must be finite"),
        (lambda R: R.from_kernel(np.ones((2, 3)), 3), ValueError, r"K must have shape \(N, N\) or"),
        (lambda R: R.from_kernel(-np.eye(2), 3), ValueError, "K must be positive semi-definite"),
        (lambda R: R.from_kernel([[1, 2], [0, 1]], 3), ValueError, "K must be symmetric"),
        (lambda R: R.from_kernel(np.eye(2), 0), ValueError, "P must be at least 1, got 0"),
        (
            lambda R: R.from_kernel(np.ones((2, 2, 2, 2)), 1, outputs=3),
            ValueError,
            "outputs must be K's 2, got 3",
        ),
        (
            lambda R: R.from_kernel(np.eye(2), 10**6, memory="1 MB"),
            MemoryError,
            r"1000000 functions at 2 points with 1 output\(s\) needs",
        ),
        (lambda R: R.from_network("net", np.eye(2), 3), TypeError, "net must be a FullyConnected"),
        (
            lambda R: R.from_network(NET, np.eye(2), 3, kernel="rbf"),
            ValueError,
            "kernel must be one of 'ntk', 'nngp'",
        ),
        (lambda R: R.from_sampler(3, np.eye(2), 3), TypeError, "sampler must be callable, got 3"),
        (
            lambda R: R.from_sampler(lambda rng, P, X: np.ones((2, P, 1)), np.eye(2), 3),
            ValueError,
            r"sampler must return shape \(3, 2, outputs\), got \(2, 3, 1\)",
        ),
        (lambda R: R(np.ones((3, 2, 1)))(np.ones(2)), ValueError, r"theta must have shape \(3,\)"),
        (
            lambda R: R(np.ones((3, 2, 1))).train(np.ones(2), theta=[0, 0, np.inf]),
            ValueError,
            "theta must be finite",
        ),
        (
            lambda R: R(np.ones((3, 2, 1))).train(np.ones(3)),
            ValueError,
            "y must have the outputs' shape",
        ),
        (
            lambda R: R(np.ones((3, 2, 1))).tangent_kernel(memory=31),
            MemoryError,
            "the tangent kernel needs 32 bytes",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(fn.RandomFunctions)
