# SPDX-License-Identifier: Apache-2.0
"""What every limiting kernel must satisfy, whatever the data: examples are searched for."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastntk as fn
from tolerances import tolerance

PIXELS = 1 / 255
shapes = st.tuples(st.integers(1, 8), st.integers(1, 16))
pixels = hnp.arrays(np.uint8, shapes)
# Away from the ends of the range, where products underflow or overflow; those have their own test.
magnitudes = st.floats(1e-3, 1e3) | st.just(0.0) | st.floats(-1e3, -1e-3)
floats = hnp.arrays(np.float64, shapes, elements=magnitudes)
anything = hnp.arrays(
    np.float64,
    shapes,
    elements=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150),
)
factors = st.floats(1e-2, 1e2)
homogeneous = st.builds(
    fn.FullyConnected,
    hidden_layers=st.integers(0, 4),
    weight_std=st.sampled_from([0.7, 1.0, 2**0.5]),
    bias_std=st.just(0.0),
)
networks = homogeneous | st.builds(
    fn.FullyConnected,
    hidden_layers=st.integers(0, 4),
    activation=st.sampled_from(["relu", "erf"]),
    weight_std=st.sampled_from([0.7, 1.0]),
    bias_std=st.sampled_from([0.0, 0.1, 1.0]),
)
several = settings(
    max_examples=60,
    # The result dtype is the same for all examples of a test.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def geometric_means(K):
    """sqrt(K_ii K_jj) in float64."""
    root = np.sqrt(np.diagonal(K).astype(np.float64))
    return np.outer(root, root)


def assert_close(got, expected, relative_to, family, dtype):
    """Every entry within a tolerance of the family."""
    bound = tolerance(family, dtype) * relative_to
    # Results below the normal range have an absolute spacing instead.
    bound += np.finfo(dtype).tiny
    assert (np.abs(got.astype(np.float64) - expected) <= bound).all()


@several
@given(X=pixels | floats, net=networks)
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_symmetric_with_a_bounded_cosine(kernel, dtype, X, net):
    """K == K.T to the bit, a non-negative diagonal, |K_ij| <= sqrt(K_ii K_jj)."""
    K = getattr(net, kernel)(X, scale=PIXELS, dtype=dtype)
    np.testing.assert_array_equal(K, K.T)
    assert (np.diagonal(K) >= 0).all()
    means = geometric_means(K)
    assert (np.abs(K) <= means * (1 + tolerance("transform", dtype)) + np.finfo(dtype).tiny).all()


@several
@given(X=pixels | floats, net=networks)
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_positive_semidefinite(kernel, dtype, X, net):
    """No eigenvalue is negative beyond rounding; uint8 rows may be duplicates or zero."""
    K = getattr(net, kernel)(X, scale=PIXELS, dtype=dtype).astype(np.float64)
    bound = tolerance("psd" if X.dtype == np.uint8 else "transform", dtype)
    assert np.linalg.eigvalsh(K)[0] >= -bound * max(np.trace(K), np.finfo(dtype).tiny)


@several
@given(X=floats, net=homogeneous, a=factors, b=factors)
def test_homogeneous_without_bias(dtype, X, net, a, b):
    """K(a X, b Y) = a b K(X, Y) for ReLU, bias_std = 0 and a, b > 0."""
    X = X * PIXELS
    plain = net.ntk(X, X, dtype=dtype).astype(np.float64)
    scaled = net.ntk(a * X, b * X, dtype=dtype)
    assert_close(scaled, a * b * plain, a * b * geometric_means(plain), "transform", dtype)


@several
@given(X=floats, net=homogeneous, k=st.integers(-20, 20))
def test_scale_is_a_factor_of_the_data(dtype, X, net, k):
    """Powers of two are exact, as a factor of X or as `scale`, with any bias."""
    for bias_std in (0.0, 0.1):
        built = fn.FullyConnected(net.hidden_layers, "relu", net.weight_std, bias_std)
        first = built.ntk(X, scale=2.0**k, dtype=dtype).astype(np.float64)
        second = built.ntk(X * 2.0**k, dtype=dtype)
        assert_close(second, first, geometric_means(first), "transform", dtype)


@several
@given(X=floats, net=networks, seed=st.integers(0, 1000))
def test_invariant_under_rotations(dtype, X, net, seed):
    """K(X Q, Y Q) = K(X, Y) for orthogonal Q."""
    X = X * PIXELS
    d = X.shape[1]
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
    K = net.ntk(X, dtype=dtype).astype(np.float64)
    assert_close(net.ntk(X @ Q, dtype=dtype), K, geometric_means(K), "transform", dtype)


@several
@given(X=pixels, net=networks, data=st.data())
def test_invariant_under_permutations(dtype, X, net, data):
    """Exchanging columns changes nothing; exchanging rows permutes K."""
    columns = data.draw(st.permutations(range(X.shape[1])))
    rows = data.draw(st.permutations(range(X.shape[0])))
    K = net.ntk(X, scale=PIXELS, dtype=dtype).astype(np.float64)
    means = geometric_means(K)
    other = net.ntk(X[:, columns], scale=PIXELS, dtype=dtype)
    assert_close(other, K, means, "transform", dtype)
    other = net.ntk(X[rows], scale=PIXELS, dtype=dtype)
    assert_close(other, K[np.ix_(rows, rows)], means[np.ix_(rows, rows)], "transform", dtype)


@several
@given(X=pixels | floats, net=networks, cut=st.integers(0, 7))
def test_blocks_are_blocks(dtype, X, net, cut):
    """A matrix computed in pieces is the matrix computed at once."""
    cut = min(cut, len(X) - 1)
    K = net.ntk(X, scale=PIXELS, dtype=dtype).astype(np.float64)
    means = geometric_means(K)
    piece = net.ntk(X[cut:], X, scale=PIXELS, dtype=dtype)
    assert_close(piece, K[cut:], means[cut:], "transform", dtype)


@several
@given(X=pixels, Y=st.none() | st.just(True), weight_std=factors, bias_std=st.floats(0, 10))
def test_without_hidden_layers_it_is_linear(dtype, X, Y, weight_std, bias_std):
    """Theta_1 = weight_std^2 x.x' / n0 + bias_std^2."""
    net = fn.FullyConnected(0, "relu", weight_std, bias_std)
    product = X.astype(np.float64) @ X.astype(np.float64).T
    expected = (weight_std * PIXELS) ** 2 / X.shape[1] * product + bias_std**2
    K = net.ntk(X, X if Y else None, scale=PIXELS, dtype=dtype)
    assert_close(K, expected, expected, "gram-exact", dtype)


@several
@given(
    X=pixels,
    hidden_layers=st.integers(0, 10),
    weight_std=st.floats(0.5, 2),
    bias_std=st.floats(0, 2),
)
def test_diagonal_has_a_closed_form(dtype, X, hidden_layers, weight_std, bias_std):
    """ReLU halves the variance and the derivative's mean square is 1/2."""
    norms = (X.astype(np.float64) ** 2).sum(axis=1)
    q = theta = (weight_std * PIXELS) ** 2 / X.shape[1] * norms + bias_std**2
    for _ in range(hidden_layers):
        q = weight_std**2 * q / 2 + bias_std**2
        theta = weight_std**2 * theta / 2 + q
    net = fn.FullyConnected(hidden_layers, "relu", weight_std, bias_std)
    nngp, ntk = net.kernels(X, scale=PIXELS, dtype=dtype, get=("nngp", "ntk"))
    # Both sides round once per layer and factor.
    slack = 1 if dtype == "float32" else 3
    assert_close(np.diagonal(nngp), q, slack * q, "gram-exact", dtype)
    assert_close(np.diagonal(ntk), theta, slack * theta, "gram-exact", dtype)


@several
@given(X=pixels, net=networks)
def test_every_layer_adds_to_the_diagonal(dtype, X, net):
    """Contributions are kernels: symmetric, with a non-negative diagonal, summing to the NTK."""
    ntk, layers = net.kernels(X, scale=PIXELS, dtype=dtype, get=("ntk", "layers"))
    assert len(layers) == net.hidden_layers + 1
    np.testing.assert_array_equal(layers, layers.transpose(0, 2, 1))
    for part in layers:
        assert (np.diagonal(part) >= 0).all()
    total = layers.sum(axis=0, dtype=np.float64)
    assert_close(total, ntk.astype(np.float64), geometric_means(ntk), "reduction", dtype)


@several
@given(X=pixels, net=networks)
def test_zero_rows_without_bias(dtype, X, net):
    """f(0) = 0: the kernel with a zero row is 0 exactly when bias_std is 0."""
    X = np.concatenate([X, np.zeros_like(X[:1])])
    for K in net.kernels(X, scale=PIXELS, dtype=dtype, get=("nngp", "ntk")):
        if net.bias_std == 0:
            assert not K[-1].any()
            assert not K[:, -1].any()
        else:
            assert K[-1, -1] > 0


@several
@given(X=anything, net=networks)
@example(
    X=np.array([[5e-324], [1.0]]),
    net=fn.FullyConnected(hidden_layers=1, weight_std=0.7, bias_std=0.0),
)
def test_finite_data_give_finite_kernels(X, net):
    """From subnormal numbers to 1e150, in one matrix: no NaN, no infinity."""
    for K in net.kernels(X, dtype="float64", get=("nngp", "ntk")):
        assert np.isfinite(K).all()
        np.testing.assert_array_equal(K, K.T)
