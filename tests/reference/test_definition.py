# SPDX-License-Identifier: Apache-2.0
"""The mpmath rung against definitions: Gaussian integrals and wide random networks."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.special import erf

from reference.multiprecision import DUALS, entry
from reference.network import Network

VARIANCES = [(1.3, 0.7, 0.5), (0.4, 2.1, -0.6), (1.0, 1.0, 0.95), (0.8, 0.8, 0.0)]


def relu_integral(q, p, s):
    """E[relu(u) relu(v)] and E[relu'(u) relu'(v)] as integrals over the angle of (u, v)."""
    theta = mp.acos(mpf(s) / mp.sqrt(mpf(q) * p))
    ends = [theta - mp.pi / 2, mp.pi / 2]  # both arguments are positive between these angles
    value = mp.quad(lambda t: mp.cos(t) * mp.cos(t - theta), ends)
    return mp.sqrt(mpf(q) * p) * value / mp.pi, (ends[1] - ends[0]) / (2 * mp.pi)


def erf_integral(q, p, s):
    """E[erf(u) erf(v)] and E[erf'(u) erf'(v)] by one exact and one numerical integral."""
    rest = p - mpf(s) ** 2 / q  # v given u ~ N(s u / q, rest)

    def density(u):
        return mp.exp(-u * u / (2 * mpf(q))) / mp.sqrt(2 * mp.pi * q)

    def value(u):
        return density(u) * mp.erf(u) * mp.erf(s * u / q / mp.sqrt(1 + 2 * rest))

    def slope(u):
        mean = s * u / mpf(q)
        given = 2 / mp.sqrt(mp.pi * (1 + 2 * rest)) * mp.exp(-mean * mean / (1 + 2 * rest))
        return density(u) * 2 / mp.sqrt(mp.pi) * mp.exp(-u * u) * given

    span = [-mp.inf, 0, mp.inf]
    return mp.quad(value, span), mp.quad(slope, span)


@pytest.mark.parametrize("variances", VARIANCES)
@pytest.mark.parametrize(
    ("activation", "integral"), [("relu", relu_integral), ("erf", erf_integral)]
)
def test_duals_are_the_gaussian_integrals(activation, integral, variances):
    """Closed forms equal quadrature, to the quadrature's 1e-15."""
    with mp.workdps(25):
        closed = DUALS[activation](*(mpf(v) for v in variances))
        for got, expected in zip(closed, integral(*variances), strict=True):
            assert abs(got - expected) < 1e-15


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
@pytest.mark.parametrize("weight_std", [0.7, 1.0, 2**0.5])
def test_diagonal_of_relu(weight_std, bias_std):
    """On the diagonal E[f f] = q/2 and E[f' f'] = 1/2."""
    x = np.array([0.3, -1.2, 2.0])
    got = entry(Network(3, "relu", weight_std, bias_std), x, x)
    with mp.workdps(60):
        w2, b2 = mpf(weight_std) ** 2, mpf(bias_std) ** 2
        q = theta = w2 * mp.fsum(mpf(float(v)) ** 2 for v in x) / 3 + b2
        for _ in range(3):
            q = w2 * q / 2 + b2
            theta = w2 * theta / 2 + q
        assert abs(got.nngp / q - 1) < 1e-50
        assert abs(got.ntk / theta - 1) < 1e-50


def test_one_layer_of_proportional_and_opposite_points():
    """Theta = 0: E[f f] = s/2, E[f' f'] = 1/2; theta = pi: both are 0."""
    x = np.array([1.0, 2.0, 2.0])  # x.x / 3 = 3
    net = Network(1, "relu", 1.0, 0.0)
    assert entry(net, x, 4 * x).nngp == pytest.approx(6, abs=1e-30)
    assert entry(net, x, 4 * x).ntk == pytest.approx(12, abs=1e-30)
    assert entry(net, x, -x).nngp == pytest.approx(0, abs=1e-30)
    assert entry(net, x, -x).ntk == pytest.approx(0, abs=1e-30)


def test_orthogonal_points():
    """Theta = pi/2: E[f f] = sqrt(q p) / (2 pi), E[f' f'] = 1/4."""
    x, y = np.array([2.0, 0.0]), np.array([0.0, 4.0])  # q = 2, p = 8
    got = entry(Network(1, "relu", 1.0, 0.0), x, y)
    assert got.nngp == pytest.approx(4 / (2 * np.pi), rel=1e-15)
    assert got.ntk == pytest.approx(4 / (2 * np.pi), rel=1e-15)  # Theta_1 = 0


def test_zero_row_without_bias_is_exactly_zero():
    """No NaN and no rounding."""
    zero, x = np.zeros(3), np.array([1.0, 2.0, 3.0])
    for activation in DUALS:
        got = entry(Network(4, activation, 1.0, 0.0), zero, x)
        assert got.nngp == 0
        assert got.ntk == 0


def test_near_duplicates_keep_their_digits():
    """1 - K_ij / sqrt(K_ii K_jj) ~ the angle, down to an angle of 1e-16 (ReLU is not smooth)."""
    net = Network(1, "relu", 1.0, 0.0)
    own = entry(net, np.array([1.0, 0.0]), np.array([1.0, 0.0])).ntk
    for k in (4, 8, 16):
        x, y = np.array([1.0, 0.0]), np.array([1.0, 10.0**-k])
        with mp.workdps(60):
            gap = 1 - entry(net, x, y).ntk / own
            # Theta_2 = (pi - theta)/(2 pi) cos + ..., so the gap is theta / (2 pi) to first order
            assert abs(gap / (mpf(float(y[1])) / (2 * mp.pi)) - 1) < 10 * 10.0**-k


def finite_kernel(net, X, width, rng):
    """Gram matrix of the parameter gradients of one random network with a single output."""
    stds = net.weight_std if net.init_std is None else net.init_std
    gradient = net.weight_std if net.init_std is None else 1.0
    relu = net.activation == "relu"
    acts, slopes, weights = [X], [], []
    sizes = [X.shape[1], *[width] * net.hidden_layers, 1]
    for k in range(len(sizes) - 1):
        W = rng.standard_normal((sizes[k], sizes[k + 1])) * stds / np.sqrt(sizes[k])
        h = acts[-1] @ W + net.bias_std * rng.standard_normal(sizes[k + 1])
        weights.append(W)
        slopes.append((h > 0) * 1.0 if relu else 2 / np.sqrt(np.pi) * np.exp(-h * h))
        acts.append(np.maximum(h, 0) if relu else erf(h))
    signal = np.ones((len(X), 1))
    kernel = np.zeros((len(X), len(X)))
    for k in reversed(range(len(weights))):
        inputs = gradient**2 * acts[k] @ acts[k].T / sizes[k] + net.bias_std**2
        kernel += (signal @ signal.T) * inputs
        if k:
            signal = (signal @ weights[k].T) * slopes[k - 1]
    return kernel


@pytest.mark.parametrize(
    "net",
    [
        Network(2, "relu", 1.0, 0.1),
        Network(2, "relu", 1.6, 0.5),
        Network(2, "relu", 1.0, 0.5, init_std=1.6),
        Network(1, "erf", 1.0, 0.5, init_std=1.6),
        Network(0, "relu", 1.0, 0.5, init_std=1.6),
    ],
    ids=str,
)
def test_wide_networks_approach_the_limit(net):
    """Mean of 8 networks of width 400; each scatters by about 1/sqrt(400), a wrong s^2 is 2.6x."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((4, 6))
    got = np.mean([finite_kernel(net, X, 400, rng) for _ in range(8)], axis=0)
    limit = np.array([[float(entry(net, x, y).ntk) for y in X] for x in X])
    norms = np.sqrt(np.outer(np.diag(limit), np.diag(limit)))
    assert np.abs(got - limit).max() < 0.12 * norms.max()
    assert (np.abs(got - limit) / norms).max() < 0.12
