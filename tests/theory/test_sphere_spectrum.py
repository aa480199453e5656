# SPDX-License-Identifier: Apache-2.0
"""Eigenvalues on spheres: closed forms, Gram matrices, mpmath, known decays and zeros."""

import math

import mpmath
import numpy as np
import pytest

import fastntk as fn


def net(hidden_layers, activation="relu", bias_std=0.0, **other):
    return fn.FullyConnected(hidden_layers, activation, bias_std=bias_std, **other)


def circle_of_relu(kernel, k):
    """Return the Fourier coefficient of one hidden layer on the unit circle, n_0 = 2, no bias.

    kappa = (sin t + a (pi - t) cos t) / (4 pi) with a = 1 for the NNGP, 2 for the NTK.
    """

    def ramp(j):  # (1 / pi) int_0^pi (pi - t) cos(j t) dt
        return math.pi / 2 if j == 0 else (1 - (-1) ** j) / (math.pi * j * j)

    sine = 0.0 if k % 2 else 2 / (math.pi * (1 - k * k))
    a = {"nngp": 1, "ntk": 2}[kernel]
    return (sine + a * (ramp(k + 1) + ramp(abs(k - 1))) / 2) / (4 * math.pi)


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_circle_against_fourier_coefficients(kernel):
    """The stated errors hold, up to degree 300, and are small."""
    spectrum = fn.sphere_spectrum(net(1), 2, degrees=300, kernel=kernel)
    wanted = np.array([circle_of_relu(kernel, k) for k in range(301)])
    assert (np.abs(spectrum.eigenvalues - wanted) <= spectrum.errors).all()
    assert spectrum.errors.max() < 1e-14
    assert spectrum.trace == pytest.approx({"nngp": 1 / 4, "ntk": 1 / 2}[kernel], rel=1e-15)


@pytest.mark.parametrize("radius", [1.0, 3.0])
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_circle_against_a_gram_matrix(kernel, radius):
    """40 equidistant points: a circulant matrix, with eigenvalues lambda_j + lambda_(40-j) + ..."""
    one = net(2, "erf", 0.3)
    angles = 2 * np.pi * np.arange(40) / 40
    X = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    gram = getattr(one, kernel)(X, dtype="float64")
    found = fn.sphere_spectrum(one, 2, degrees=400, kernel=kernel, radius=radius)
    values = found.eigenvalues
    folded = [
        values[j] + sum(values[40 * m - j] + values[40 * m + j] for m in range(1, 9))
        for j in (0, *(k for k in range(1, 20) for _ in range(2)), 20)
    ]
    wanted = np.linalg.eigvalsh(gram)[::-1] / 40
    # 1e-14 of the trace: the rounding of an eigenvalue solver.
    np.testing.assert_allclose(sorted(folded)[::-1], wanted, rtol=0, atol=1e-14 * found.trace)


def kappa(activation, kernel, cosine, dimension, bias_std):
    """Return a kernel of one hidden layer, unit sphere, by mpmath."""
    q = mpmath.mpf(1) / dimension + bias_std**2
    s = cosine / dimension + bias_std**2
    if activation == "relu":
        t = mpmath.acos(s / q)
        value = q * (mpmath.sin(t) + (mpmath.pi - t) * mpmath.cos(t)) / (2 * mpmath.pi)
        slope = (mpmath.pi - t) / (2 * mpmath.pi)
    else:
        value = 2 / mpmath.pi * mpmath.asin(2 * s / (1 + 2 * q))
        slope = 4 / mpmath.pi / mpmath.sqrt((1 + 2 * q) ** 2 - 4 * s * s)
    return value + bias_std**2 + (s * slope if kernel == "ntk" else 0)


@pytest.mark.parametrize(
    ("activation", "kernel", "dimension", "bias_std"),
    [("relu", "ntk", 3, 0.0), ("relu", "nngp", 5, 0.5), ("erf", "ntk", 10, 0.0)],
)
def test_against_mpmath(activation, kernel, dimension, bias_std):
    """Degrees 0 to 4 at 20 digits, within the stated errors and one of the engine's, 1e-15."""
    found = fn.sphere_spectrum(net(1, activation, bias_std), dimension, degrees=4, kernel=kernel)
    a = mpmath.mpf(dimension) / 2 - 1
    with mpmath.workdps(20):
        beta = mpmath.mpf(bias_std)
        mass = mpmath.beta(mpmath.mpf(dimension - 1) / 2, mpmath.mpf(1) / 2)
        for k in range(5):
            top = mpmath.gegenbauer(k, a, 1)
            value = mpmath.quad(
                lambda t, k=k, top=top: (
                    kappa(activation, kernel, mpmath.cos(t), dimension, beta)
                    * mpmath.gegenbauer(k, a, mpmath.cos(t))
                    / top
                    * mpmath.sin(t) ** (dimension - 2)
                ),
                [0, mpmath.pi / 2, mpmath.pi],
            )
            allowed = found.errors[k] + 1e-15 * found.trace * found.multiplicities[k] ** -0.5
            assert abs(found.eigenvalues[k] - value / mass) <= allowed


def test_of_a_linear_network():
    """K = weight_std^2 r^2 c / d + bias_std^2: two degrees, exactly."""
    found = fn.sphere_spectrum(net(0, bias_std=0.5, weight_std=1.5), 7, degrees=6, radius=2.0)
    wanted = [0.25, 1.5**2 * 4 / 7**2, 0, 0, 0, 0, 0]
    assert (np.abs(found.eigenvalues - wanted) <= found.errors + 1e-15 * np.array(wanted)).all()
    assert found.captured == pytest.approx(1, abs=1e-13)


@pytest.mark.parametrize("dimension", [3, 6])
def test_against_uniform_points(dimension, rng):
    """lambda_k = E[K(x, x') P_k(x . x')]: the mean over 40,000 points, within 4 standard errors."""
    one = net(3, "relu", 0.1)
    X = rng.standard_normal((40_000, dimension))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    pole = np.eye(1, dimension)
    values = one.ntk(X, pole, dtype="float64")[:, 0]
    found = fn.sphere_spectrum(one, dimension, degrees=3)
    from scipy.special import eval_gegenbauer

    for k in range(4):
        a = dimension / 2 - 1
        p = eval_gegenbauer(k, a, X[:, 0]) / eval_gegenbauer(k, a, 1.0)
        error = np.std(values * p) / 200
        assert abs(np.mean(values * p) - found.eigenvalues[k]) < 4 * error
        assert error < 0.1 * found.eigenvalues[0]


def test_largest_eigenvalues_of_a_gram_matrix(rng):
    """Those of 1,500 points of the sphere, by degrees 0, 1, 2: 1, 3 and 5 of them.

    The mean over a degree: it varies by some sqrt(2 / N) = 0.04 of itself, and the quadratic
    perturbation by the other degrees is smaller.
    """
    X = rng.standard_normal((1500, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    one = net(2, bias_std=0.1)
    found = fn.sphere_spectrum(one, 3, degrees=10).largest(9)
    values = np.linalg.eigvalsh(one.ntk(X, dtype="float64"))[::-1][:9] / 1500
    for part in (slice(0, 1), slice(1, 4), slice(4, 9)):
        assert np.ptp(found[part]) == 0
        assert values[part].mean() == pytest.approx(found[part].mean(), rel=0.1)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_decay_of_relu(dimension, layers):
    """k^-d for the NTK and k^-(d+2) for the NNGP, at any depth [Bietti and Bach 2021].

    Even degrees from 60 to 240: the next order of the asymptotics moves the slope by 0.01.
    """
    degrees = np.arange(60, 241, 60)
    for kernel, exponent in (("ntk", dimension), ("nngp", dimension + 2)):
        found = fn.sphere_spectrum(net(layers), dimension, degrees=degrees, kernel=kernel)
        shifted = degrees + (dimension - 2) / 2
        slope = np.polyfit(np.log(shifted), np.log(found.eigenvalues), 1)[0]
        assert slope == pytest.approx(-exponent, abs=0.03)


def test_decay_of_a_smooth_activation():
    """Faster than every power: e^-k here. At degree 30 nothing is left."""
    values = fn.sphere_spectrum(net(1, "erf", 0.5), 3, degrees=30).eigenvalues
    assert values[5] < 1e-3 * values[1]
    assert values[15] < 1e-8 * values[1]


def test_parity():
    """ReLU without bias: no odd degrees from 3 on with one hidden layer, all with two."""
    one = fn.sphere_spectrum(net(1), 3, degrees=15)
    assert (np.abs(one.eigenvalues[3::2]) <= one.errors[3::2]).all()
    assert one.errors.max() < 1e-15
    for other in (net(2), net(1, bias_std=0.1)):
        found = fn.sphere_spectrum(other, 3, degrees=15)
        assert (found.eigenvalues > 100 * found.errors).all()
    odd = fn.sphere_spectrum(net(3, "erf"), 3, degrees=6)
    assert (np.abs(odd.eigenvalues[::2]) <= odd.errors[::2]).all()


def test_trace():
    """All of it in a few degrees where the kernel is smooth, ever more of it with ReLU."""
    smooth = fn.sphere_spectrum(net(2, "erf", 0.2), 3, degrees=40)
    assert smooth.captured == pytest.approx(1, abs=1e-12)
    parts = [fn.sphere_spectrum(net(2), 3, degrees=k).captured for k in (4, 16, 64)]
    assert parts[0] < parts[1] < parts[2] < 1
    assert 1 - parts[2] == pytest.approx((1 - parts[1]) / 4, rel=0.1)  # sum of N k^-3 = k^-1


def test_many_dimensions():
    """As d grows the part of degree k is the k-th power's in the kernel: ReLU's 1/pi, 1/2, ..."""
    found = fn.sphere_spectrum(net(1), 100_000, degrees=2, kernel="nngp")
    wanted = [1 / math.pi, 1 / 2, 1 / (2 * math.pi)]
    np.testing.assert_allclose(found.shares, wanted, rtol=1e-4)  # O(1 / d)
    assert (found.errors < 1e-6 * found.eigenvalues).all()
    high = fn.sphere_spectrum(net(2, bias_std=0.1), 784, degrees=12)
    assert high.errors[12] > 0.01 * abs(high.eigenvalues[12])  # no digits left, and it is said


def test_radius_of_a_homogeneous_network():
    """K(r x, r x') = r^2 K(x, x')."""
    near, far = (fn.sphere_spectrum(net(2), 4, degrees=5, radius=r) for r in (1, 8))
    np.testing.assert_allclose(far.eigenvalues, 64 * near.eigenvalues, rtol=1e-12)


def test_degrees_by_name():
    """A list gives the same numbers, ascending, without duplicates."""
    all_of_them = fn.sphere_spectrum(net(1, bias_std=0.1), 3, degrees=9)
    some = fn.sphere_spectrum(net(1, bias_std=0.1), 3, degrees=[9, 2, 2, 5])
    assert some.degrees.tolist() == [2, 5, 9]
    assert some.eigenvalues.tolist() == all_of_them.eigenvalues[[2, 5, 9]].tolist()
    assert some.multiplicities.tolist() == [5, 11, 19]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dimension": 1}, ValueError, "dimension must be at least 2, got 1"),
        ({"dimension": 3.0}, TypeError, "dimension must be an integer, got 3.0"),
        ({"degrees": -1}, ValueError, "degrees must be at least 0, got -1"),
        ({"degrees": []}, ValueError, "degrees must name at least one degree, got none"),
        ({"kernel": "rbf"}, ValueError, "kernel must be one of 'ntk', 'nngp', got 'rbf'"),
        ({"radius": 0.0}, ValueError, "radius must be positive and finite, got 0.0"),
        ({"dimension": 10**6, "degrees": [80]}, ValueError, "multiplicities below 1e308"),
        ({"net": 3}, TypeError, "net must be a FullyConnected"),
    ],
)
def test_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fn.sphere_spectrum(**{"net": net(1), "dimension": 3, "degrees": 3, **arguments})


def test_more_eigenvalues_than_there_are():
    with pytest.raises(ValueError, match="at most the 9 eigenvalues of these degrees, got 10"):
        fn.sphere_spectrum(net(1), 3, degrees=2).largest(10)
