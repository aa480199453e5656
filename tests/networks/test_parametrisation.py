# SPDX-License-Identifier: Apache-2.0
"""Parametrisations: their numbers, what they share, and which of them keeps its kernel."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.networks import passes
from fastntk.networks.parametrisation import PARAMETRISATIONS, map_scales

NET = fn.FullyConnected(hidden_layers=2, weight_std=3.0, bias_std=0.5)
WIDTHS = (25, 16, 100, 4)


def steps(w, X, y, rate, count):
    """Outputs along plain gradient descent on 1/(2N) sum |f - y|^2, at learning rates rate r."""
    path = [w(X)]
    for _ in range(count):
        state = passes.forward(w.layers(), X, w.engine)
        gradient = passes.parameter_gradient(
            w.layers(), state, (state.outputs - y) / len(X), w.engine
        )
        for (W, b), (dW, db), (r, q) in zip(w.parameters, gradient, w.rates, strict=True):
            W[...] -= rate * r * dW
            b[...] -= rate * q * db
        path.append(w(X))
    return np.array(path)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("ntk", [(3 / 5, 0.5, 1, 1), (3 / 4, 0.5, 1, 1), (3 / 10, 0.5, 1, 1)]),
        ("standard", [(1, 1, 3 / 5, 0.5), (1, 1, 3 / 4, 0.5), (1, 1, 3 / 10, 0.5)]),
        (
            "mup",
            [(3 * 4 / 5, 0.5 * 4, 1 / 4, 1 / 4), (3, 5, 1 / 4, 1 / 10), (3 / 10, 0.5, 1 / 10, 1)],
        ),
    ],
)
def test_numbers(name, numbers):
    """w, c, s and t of each map, as the table has them for widths 25, 16, 100, 4."""
    scales = map_scales(NET, WIDTHS, name)
    got = [(s.weight_factor, s.bias_factor, s.weight_std, s.bias_std) for s in scales]
    np.testing.assert_allclose(got, numbers, rtol=1e-15)
    assert [(s.weight_rate, s.bias_rate) for s in scales] == [(1, 1)] * 3


def test_numbers_of_mean_field():
    net = fn.FullyConnected(1, weight_std=3.0, bias_std=0.5)
    first, last = map_scales(net, (25, 16, 4), "mean-field")
    assert (first.weight_factor, first.bias_factor) == (3 / 5, 0.5)
    assert (last.weight_factor, last.bias_factor) == (3 / 16, 0.5)
    assert (first.weight_rate, first.bias_rate, last.weight_rate, last.bias_rate) == (16, 16, 16, 1)
    assert {first.weight_std, first.bias_std, last.weight_std, last.bias_std} == {1}


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_init_std_is_where_weights_start(name):
    """weight_std = s and init_std = s draw the same function; only the factors differ."""
    hidden = 1 if name == "mean-field" else 2
    widths = (25, 16, 4) if hidden == 1 else WIDTHS
    X = np.random.default_rng(0).standard_normal((5, 25))
    by_factor, by_start = (
        fn.FiniteNetwork(
            fn.FullyConnected(hidden, **{kind: 1.7}), widths, parametrisation=name, dtype="float64"
        )
        for kind in ("weight_std", "init_std")
    )
    np.testing.assert_allclose(by_start(X), by_factor(X), rtol=1e-12)
    for one, other in zip(by_factor.scales, by_start.scales, strict=True):
        if name == "standard":
            assert one == other
        else:
            assert one.weight_factor == pytest.approx(1.7 * other.weight_factor)


@pytest.mark.parametrize("hidden", [0, 2])
@pytest.mark.parametrize("name", ["ntk", "standard"])
def test_outputs_start_alike(name, hidden):
    """ntk and standard draw the same function from a seed; so does mup but for its last map."""
    widths = WIDTHS if hidden else (25, 4)
    net = fn.FullyConnected(hidden, bias_std=0.5)
    X = np.random.default_rng(0).standard_normal((5, 25))
    w = fn.FiniteNetwork(net, widths, parametrisation=name, dtype="float64")
    np.testing.assert_allclose(w(X), fn.FiniteNetwork(net, widths, dtype="float64")(X), rtol=1e-12)
    mup = fn.FiniteNetwork(net, widths, parametrisation="mup", dtype="float64")
    f, bias = w(X), net.bias_std * mup.parameters[-1][1]
    shrunk = (f - bias) / (10 if hidden else 1) + bias
    np.testing.assert_allclose(mup(X), shrunk, rtol=1e-12)


def test_remark_1_of_the_paper():
    """n = 100, eta = 1: plain gradient descent at rate 0.01 on weights N(0, 1/n)."""
    net = fn.FullyConnected(hidden_layers=1, bias_std=0.1)
    w = fn.FiniteNetwork(net, (100, 100, 1), dtype="float64")
    rates = w.in_parametrisation("standard").rates
    np.testing.assert_allclose(rates, [(0.01, 0.01), (0.01, 0.01)], rtol=1e-15)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_ntk_training_is_standard_training_at_other_rates(rng, activation):
    """Step by step: written out by hand, and by in_parametrisation."""
    net = fn.FullyConnected(2, activation, bias_std=0.1)
    X, y = rng.standard_normal((8, 4)), rng.standard_normal((8, 2))
    widths, rate = (4, 100, 50, 2), 0.5
    w = fn.FiniteNetwork(net, widths, seed=3, dtype="float64")
    by_hand = fn.FiniteNetwork(
        net,
        widths,
        seed=3,
        dtype="float64",
        parametrisation="standard",
        rates=[(1 / n, 0.1**2) for n in widths[:-1]],
    )
    converted = w.in_parametrisation("standard")
    path = steps(w, X, y, rate, 40)
    assert np.abs(path[-1] - path[0]).max() > 0.1
    # 40 steps carry some 40 roundings of the outputs' own size.
    for other in (by_hand, converted):
        np.testing.assert_allclose(steps(other, X, y, rate, 40), path, atol=1e-12)
    np.testing.assert_allclose(converted.flat, by_hand.flat, atol=1e-12)


@pytest.mark.parametrize("name", PARAMETRISATIONS)
@pytest.mark.parametrize("start", PARAMETRISATIONS)
def test_every_parametrisation_trains_alike_at_equal_rates(rng, start, name):
    net = fn.FullyConnected(1, bias_std=0.1)
    X, y = rng.standard_normal((6, 4)), rng.standard_normal((6, 2))
    w = fn.FiniteNetwork(net, (4, 30, 2), dtype="float64", parametrisation=start, trainable=[1])
    other = w.in_parametrisation(name)
    assert other.parametrisation == name
    np.testing.assert_allclose(other.ntk(X), w.ntk(X), rtol=1e-10, atol=1e-14)
    path = steps(w, X, y, 0.1, 10)
    np.testing.assert_allclose(steps(other, X, y, 0.1, 10), path, atol=1e-12)
    own = w.in_parametrisation(name, rates="own")
    scales = map_scales(net, (4, 30, 2), name)
    assert own.rates == ((0, 0), (scales[1].weight_rate, scales[1].bias_rate))


def test_mean_field_is_mup_in_other_units(rng):
    net = fn.FullyConnected(1, bias_std=0.1)
    X, y = rng.standard_normal((6, 4)), rng.standard_normal((6, 2))
    one, other = (
        fn.FiniteNetwork(net, (4, 60, 2), dtype="float64", parametrisation=name)
        for name in ("mean-field", "mup")
    )
    np.testing.assert_allclose(steps(one, X, y, 0.1, 20), steps(other, X, y, 0.1, 20), atol=1e-12)


def moves(name, n, rng, count=10):
    """How far the NTK is after some steps, relative to where it was, and the outputs' own move."""
    net = fn.FullyConnected(1, bias_std=0.1)
    X = rng.standard_normal((6, 4))
    y = 2 * np.sign(X[:, :1] * X[:, 1:2])
    w = fn.FiniteNetwork(net, (4, n, 1), dtype="float64", parametrisation=name)
    before = w.ntk(X)
    # Steps that fit: of a size that the kernel's largest eigenvalue allows.
    rate = len(X) / np.linalg.eigvalsh(before)[-1]
    path = steps(w, X, y, rate, count)
    after = w.ntk(X)
    return np.linalg.norm(after - before) / np.linalg.norm(before), np.abs(path[-1] - path[0]).max()


@pytest.mark.parametrize("name", ["ntk", "mean-field", "mup"])
def test_only_ntk_keeps_its_kernel(name):
    """64 times wider: the kernel of "ntk" moves about 8 times less, the others' as much as before.

    Measured: 0.15 and 0.005 of its norm in "ntk", 5.3 and 2.5 in the others.
    """
    narrow, wide = (moves(name, n, np.random.default_rng(7)) for n in (64, 4096))
    assert min(narrow[1], wide[1]) > 1  # outputs learn everywhere
    if name == "ntk":
        assert wide[0] < narrow[0] / 4
        assert wide[0] < 0.02
    else:
        assert min(narrow[0], wide[0]) > 0.5


def test_standard_at_a_fixed_rate_does_not_freeze(rng):
    """Its kernel grows with the width, and a rate that does not shrink makes training diverge."""
    net = fn.FullyConnected(1, bias_std=0.1)
    X = rng.standard_normal((6, 4))
    diagonal = [
        fn.FiniteNetwork(net, (4, n, 1), parametrisation="standard").ntk(X).diagonal().mean()
        for n in (64, 4096)
    ]
    # By 64, to the fluctuation (some n^(-1/2)) of the narrow one.
    assert 64 / 2 < diagonal[1] / diagonal[0] < 64 * 2
    path = steps(
        fn.FiniteNetwork(net, (4, 4096, 1), parametrisation="standard", dtype="float64"),
        X,
        np.zeros((6, 1)),
        0.05,
        3,
    )
    assert np.abs(path[-1]).max() > 1e3 * np.abs(path[0]).max()


def test_lecun_initialisation():
    """Weights N(0, 1/n), biases 0 and trained: nn.Linear's own kind of network."""
    net = fn.FullyConnected(2, bias_std=1.0)
    w = fn.FiniteNetwork(
        net, (100, 400, 400, 10), parametrisation="standard", zero_bias=True, dtype="float64"
    )
    for (W, b), n in zip(w.parameters, w.widths, strict=False):
        # 4000 squares at least: their mean errs by (2 / 4000)^(1/2) = 0.022.
        assert (W**2).mean() * n == pytest.approx(1, abs=0.1)
        assert not b.any()
    assert w.rates == ((1, 1),) * 3
    assert [s.weight_factor for s in w.scales] == [1, 1, 1]


def test_without_bias_std_there_is_no_bias():
    net = fn.FullyConnected(1, bias_std=0.0)
    X = np.ones((1, 3))
    for name in PARAMETRISATIONS:
        w = fn.FiniteNetwork(net, (3, 8, 1), parametrisation=name)
        before = w(X), w.ntk(X)
        for _, b in w.parameters:
            b[...] += 1
        np.testing.assert_array_equal(w(X), before[0])
        np.testing.assert_array_equal(w.ntk(X), before[1])


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_empirical_nngp_of_each(name):
    """The outputs' variance at the start: with biases, over the last width where it is divided."""
    n, net = 4000, fn.FullyConnected(1, bias_std=0.5)
    X = np.array([[1.0, -2.0, 0.5]])
    K = fn.FiniteNetwork(net, (3, n, 1), parametrisation=name, dtype="float64").nngp(X)
    weights = net.nngp(X) - 0.5**2
    wanted = 0.5**2 + weights / (n if name in ("mean-field", "mup") else 1)
    # The mean of n squares relu(z)^2, z Gaussian, errs by (5 / n)^(1/2) = 0.035 of it.
    np.testing.assert_allclose(K - 0.5**2, wanted - 0.5**2, rtol=4 * 0.035)
