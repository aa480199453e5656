# SPDX-License-Identifier: Apache-2.0
"""Where the limiting kernels are positive definite: the answers, and Gram matrices that agree."""

import math

import numpy as np
import pytest

import fastntk as fn
from fastntk.theory.powers import NONE, Powers, powers_of_function, powers_of_kernels
from theory import plain

INF = math.inf


def sphere(rng, pairs, dimension):
    """Return points of the unit sphere with their opposites: (2 pairs, dimension)."""
    X = rng.standard_normal((pairs, dimension))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return np.concatenate([X, -X])


def rank(K):
    """Return the numerical rank: eigenvalues above 1e-12 of the largest."""
    values = np.linalg.eigvalsh(K)
    return int(np.sum(values > 1e-12 * values[-1]))


@pytest.mark.parametrize(
    ("text", "even", "odd"),
    [
        ("relu", INF, 1),
        ("leaky_relu(0.1)", INF, 1),
        ("absolute", INF, NONE),
        ("identity", NONE, 1),
        ("relu_power(2)", 2, INF),
        ("relu_power(3)", INF, 3),
        ("erf", NONE, INF),
        ("gelu", INF, 1),
        ("sin", NONE, INF),
        ("sin(0.001)", NONE, INF),
        ("sin(300)", NONE, INF),
        ("sin(1, 1)", INF, INF),
        ("cos", INF, NONE),
        ("rbf(0.3)", INF, INF),
        ("gaussian(0.0001)", INF, NONE),
        ("tanh", NONE, INF),
        ("sigmoid", 0, INF),
        ("softplus", INF, 1),
        ("silu", INF, 1),
        ("mish", INF, INF),
        ("selu", INF, INF),
        ("elu", INF, INF),
        ("exp", INF, INF),
        ("sign", NONE, INF),
        ("step", 0, INF),
        ("monomial(5)", NONE, 5),
        ("monomial(8)", 8, NONE),
        ("hermite(8)", 8, NONE),
        ("polynomial(1, 2, 3, 0.001)", 2, 3),
    ],
)
def test_parts_of_functions(text, even, odd):
    """The degrees of the even and the odd part, known for each; scales change nothing."""
    from fastntk.activations import as_activation

    activation = as_activation(text)
    assert powers_of_function(activation) == (even, odd)
    assert powers_of_function(activation.scaled(input=0.01, output=1e6)) == (even, odd)


def brute_force(functions, bias_std, residual, most):
    """Return the powers up to ``most`` by multiplying the series out: sets of powers."""

    def compose(outer, inner):
        found, power = set(), {0}
        for n in range(most + 1):
            if n in outer:
                found |= power
            power = {a + b for a in power for b in inner if a + b <= most}
        return found

    bias = {0} if bias_std > 0 else set()
    nngp = {1} | bias
    ntk = nngp
    for layer, hermite in enumerate(functions):
        before = (nngp, ntk) if residual and layer < len(functions) - 1 else (set(), set())
        slopes = compose({n - 1 for n in hermite if n}, nngp)
        nngp = compose(hermite, nngp) | bias
        ntk = {a + b for a in slopes for b in ntk if a + b <= most} | nngp
        nngp, ntk = nngp | before[0], ntk | before[1]
    return nngp, ntk


RELU = {0, 1, *range(2, 40, 2)}
ODD = set(range(1, 40, 2))
EVEN = set(range(0, 40, 2))
HERMITE = {
    "relu": (Powers(INF, 1), RELU),
    "odd": (Powers(NONE, INF), ODD),
    "even": (Powers(INF, NONE), EVEN),
    "square": (Powers(2, NONE), {0, 2}),
    "cubic": (Powers(NONE, 3), {1, 3}),
    "both": (Powers(2, 1), {0, 1, 2}),
    "identity": (Powers(NONE, 1), {1}),
    "constant": (Powers(0, NONE), {0}),
}


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
@pytest.mark.parametrize("residual", [0.0, 0.5])
@pytest.mark.parametrize("first", HERMITE)
def test_powers_of_two_layers(first, residual, bias_std, monkeypatch):
    """Against series multiplied out up to the power 24, where infinity begins at 20."""
    monkeypatch.setattr("fastntk.theory.powers.powers_of_function", lambda f: HERMITE[f][0])
    for second in HERMITE:
        found = powers_of_kernels([first, second], [bias_std] * 3, residual)
        series = [HERMITE[first][1], HERMITE[second][1]]
        wanted = brute_force(series, bias_std, residual, 24)
        for powers, some in zip(found, wanted, strict=True):
            for largest, parity in ((powers.even, 0), (powers.odd, 1)):
                top = max((n for n in some if n % 2 == parity), default=NONE)
                assert largest == (top if top < 20 else INF)


@pytest.mark.parametrize(
    ("hidden_layers", "activation", "bias_std", "holds", "everywhere"),
    [
        (0, "relu", 0.1, False, False),
        (1, "relu", 0.1, True, True),
        (1, "relu", 0.0, False, False),
        (2, "relu", 0.0, True, False),
        (1, "erf", 0.1, True, True),
        (3, "erf", 0.0, False, False),
        (1, "gelu", 0.0, False, False),
        (2, "gelu", 0.0, True, False),
        (2, "cos", 0.0, False, False),
        (2, "rbf(0.5)", 0.0, True, None),
        (1, "monomial(3)", 0.1, False, False),
        (2, ["monomial(2)", "relu"], 0.1, True, True),
        (2, ["monomial(2)", "relu"], 0.0, False, False),
    ],
)
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_gram_matrices_agree(hidden_layers, activation, bias_std, holds, everywhere, kernel, rng):
    """Twelve pairs of opposite points of a sphere in R^3: singular or not, by a wide margin."""
    net = fn.FullyConnected(hidden_layers, activation, bias_std=bias_std)
    answer = fn.is_positive_definite(net, kernel)
    assert (answer.holds, answer.everywhere) == (holds, everywhere)
    assert bool(answer) is holds
    compute = getattr(net, kernel)
    values = np.linalg.eigvalsh(compute(3 * sphere(rng, 12, 3), dtype="float64"))
    if holds:
        assert values[0] > 1e-9 * values[-1]  # of rounding, 1e-15 would be left
    else:
        assert abs(values[0]) < 1e-14 * values[-1]


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_off_the_sphere(kernel, rng):
    """x and 2 x, and the origin: all distinct points with a bias, singular without."""
    x = rng.standard_normal((4, 3))
    X = np.concatenate([x, 2 * x, -x, np.zeros((1, 3))])
    with_bias, without = (fn.FullyConnected(2, bias_std=beta) for beta in (0.5, 0.0))
    assert fn.is_positive_definite(with_bias, kernel).everywhere is True
    values = np.linalg.eigvalsh(getattr(with_bias, kernel)(X, dtype="float64"))
    assert values[0] > 1e-9 * values[-1]

    answer = fn.is_positive_definite(without, kernel)
    assert answer.holds
    assert answer.everywhere is False
    assert "at the origin" in answer.reason
    K = getattr(without, kernel)(X[:8], dtype="float64")
    assert rank(K) == 4


@pytest.mark.parametrize(
    ("coefficients", "layers", "bias_std"),
    [
        ((0, 1), 1, 0.0),
        ((0, 0, 1), 1, 0.0),
        ((0, 0, 1), 1, 0.5),
        ((0, 0, 1), 2, 0.0),
        ((0, 1, 1), 1, 0.0),
        ((0, 1, 0, 1), 1, 0.0),
        ((0, 1, 0, 1), 1, 0.5),
    ],
)
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_rank_of_polynomials(coefficients, layers, bias_std, kernel, rng):
    """The bound is attained by enough points of the sphere in R^3; off it, nothing exceeds it."""
    f = plain.polynomial(*coefficients)
    activation = fn.Activation.polynomial(coefficients)
    net = fn.FullyConnected(layers, activation, bias_std=bias_std)
    answer = fn.is_positive_definite(net, kernel)
    assert not answer.holds
    assert answer.everywhere is False
    which = ("nngp", "ntk").index(kernel)
    X = rng.standard_normal((60, 3))
    space = plain.kernels([f] * layers, X, bias_std)[which]
    assert rank(space) <= answer.rank_bound(3, on_sphere=False) < 60
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    unit = plain.kernels([f] * layers, X, bias_std)[which]
    assert rank(unit) == answer.rank_bound(3)
    degree = (len(coefficients) - 1) ** layers
    assert max(answer.even_power, answer.odd_power) == degree
    assert f"of degree {degree} in the points" in answer.reason


def test_rank_of_a_linear_network():
    """The inputs, and a constant with the bias; ReLU has no bound even where it is singular."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 5))
    for beta, expected in ((0.0, 5), (0.3, 6)):
        net = fn.FullyConnected(0, bias_std=beta)
        answer = fn.is_positive_definite(net)
        assert answer.rank_bound(5) == answer.rank_bound(5, on_sphere=False) == expected
        assert rank(net.ntk(X, dtype="float64")) == expected
    shallow = fn.is_positive_definite(fn.FullyConnected(1, bias_std=0.0))
    assert (shallow.even_power, shallow.odd_power) == (INF, 1)
    assert shallow.rank_bound(5) is None
    assert "no odd powers" in shallow.reason


def test_odd_part_of_shallow_relu(rng):
    """40 pairs of opposite points: rank 40 for what is even, 3 for the only odd power, 1."""
    net = fn.FullyConnected(1, bias_std=0.0)
    assert rank(net.ntk(sphere(rng, 20, 3), dtype="float64")) == 20 + 3


def test_other_layers():
    """A residual mends two layers of even functions; off the sphere nothing is claimed then."""
    for beta, residual, expected in ((0.1, 0.0, True), (0.0, 0.0, False), (0.0, 0.5, True)):
        net = fn.FullyConnected(2, "cos", bias_std=beta)
        answer = fn.is_positive_definite(plain.with_attributes(net, residual=residual))
        assert answer.holds is expected
    assert answer.everywhere is None
    normalised = plain.with_attributes(fn.FullyConnected(2), layer_norm=True)
    answer = fn.is_positive_definite(normalised)
    assert (answer.holds, answer.everywhere) == (True, None)


def test_arguments():
    with pytest.raises(ValueError, match="kernel must be one of 'ntk', 'nngp', got 'rbf'"):
        fn.is_positive_definite(fn.FullyConnected(), "rbf")
    with pytest.raises(TypeError, match="net must be a FullyConnected"):
        fn.is_positive_definite("relu")
    with pytest.raises(ValueError, match="dimension must be at least 2, got 1"):
        fn.is_positive_definite(fn.FullyConnected(0)).rank_bound(1)
    jump = fn.FullyConnected(1, "sign")
    assert fn.is_positive_definite(jump, "nngp").holds
    with pytest.raises(ValueError, match="activation must not jump"):
        fn.is_positive_definite(jump)
