# SPDX-License-Identifier: Apache-2.0
"""Mean-field theory: closed forms, published points, and the recursion run for many layers."""

import math

import numpy as np
import pytest

import fastntk as fn
from theory.plain import ERF, RELU, polynomial, with_attributes


def run(f, weight_std, bias_std, q, c, layers):
    """Return variances and correlations of two inputs, layer by layer."""
    found = []
    for _ in range(layers):
        second = weight_std**2 * float(f.dual(q, q, 1.0)[0]) + bias_std**2
        c = (weight_std**2 * float(f.dual(q, q, c)[0]) + bias_std**2) / second
        q = second
        found.append((q, c))
    return np.array(found).T


def test_relu():
    """V(q) = weight_std^2 q / 2 + bias_std^2, and chi_1 = weight_std^2 / 2 at every q."""
    paper = fn.mean_field(RELU, 1.0, 0.1)
    assert paper.limit == "fixed"
    assert paper.phase == "ordered"
    assert paper.variance == pytest.approx(0.02, rel=1e-14)
    assert paper.chi == pytest.approx(0.5, rel=1e-15)
    assert paper.variance_slope == pytest.approx(0.5, rel=1e-12)
    assert paper.correlation == 1
    assert paper.correlation_length == pytest.approx(1 / math.log(2), rel=1e-14)
    assert paper.variance_length == pytest.approx(1 / math.log(2), rel=1e-11)


@pytest.mark.parametrize(
    ("weight_std", "bias_std", "limit", "phase"),
    [
        (1.0, 0.0, "vanishes", "ordered"),
        (math.sqrt(2), 0.0, "kept", "critical"),
        (1.5, 0.0, "diverges", "chaotic"),
        (math.sqrt(2), 0.1, "diverges", "critical"),
    ],
)
def test_limits_of_relu(weight_std, bias_std, limit, phase):
    found = fn.mean_field(RELU, weight_std, bias_std)
    assert (found.limit, found.phase) == (limit, phase)
    assert found.variance == {"vanishes": 0, "kept": 1, "diverges": math.inf}[limit]
    assert math.isnan(found.correlation) == (limit != "kept")
    if limit == "kept":
        assert found.correlation_length == found.variance_length == math.inf


@pytest.mark.parametrize(
    ("weight_std", "bias_std"), [(1.0, 0.1), (1.0, 0.5), (2.0, 0.3), (3.0, 0.05), (2.0, 0.0)]
)
def test_against_many_layers_of_erf(weight_std, bias_std):
    """1000 layers from elsewhere end at q* and c*; deviations fall by the slopes, V' and C'."""
    found = fn.mean_field(ERF, weight_std, bias_std)
    q, c = run(ERF, weight_std, bias_std, 3.0, 0.5, 1000)
    assert q[-1] == pytest.approx(found.variance, rel=1e-13)
    if found.phase == "chaotic":  # c* = 1 is approached from below, to rounding of c
        assert c[-1] == pytest.approx(found.correlation, abs=1e-12)

    start = found.variance * (1 + 1e-4)
    q, _ = run(ERF, weight_std, bias_std, start, 0.5, 2)
    ratio = (q[1] - found.variance) / (q[0] - found.variance)
    assert ratio == pytest.approx(found.variance_slope, rel=1e-3)

    near = found.correlation - 1e-4
    _, c = run(ERF, weight_std, bias_std, found.variance, near, 1)
    ratio = (found.correlation - c[0]) / 1e-4
    assert ratio == pytest.approx(found.correlation_slope, rel=1e-3)


def test_lengths_are_those_of_the_recursion():
    """The correlation's deviation after 60 layers is exp(-l / xi_c) of what it was after 50."""
    found = fn.mean_field(ERF, 2.0, 0.3)
    _, c = run(ERF, 2.0, 0.3, found.variance, 0.9, 60)
    fall = (c[59] - found.correlation) / (c[49] - found.correlation)
    assert fall == pytest.approx(math.exp(-10 / found.correlation_length), rel=1e-3)


def test_chi_is_what_gradients_grow_by():
    """NTK layer shares of a deep network: one layer further from the output, chi_1 times less."""
    net = fn.FullyConnected(40, "erf", weight_std=1.0, bias_std=0.3)
    X = np.ones((1, 3))
    (shares,) = net.kernels(X, get=("layers",), dtype="float64")
    ratios = shares[25:38, 0, 0] / shares[26:39, 0, 0]  # the variance is at its limit there
    np.testing.assert_allclose(ratios, fn.mean_field(net).chi, rtol=1e-6)


def test_a_network_has_its_own_factors():
    net = fn.FullyConnected(3, "erf", weight_std=1.3, bias_std=0.2)
    assert fn.mean_field(net) == fn.mean_field("erf", 1.3, 0.2)
    first_differs = fn.FullyConnected(3, "erf", weight_std=[9.0, 1.3, 1.3, 1.3], bias_std=0.2)
    assert fn.mean_field(first_differs) == fn.mean_field(net)
    scaled = fn.FullyConnected(3, "erf", bias_std=0.2, init_std=1.3)
    assert fn.mean_field(scaled) == fn.mean_field(net)


def test_start_decides_between_fixed_points():
    """V(q) = (q + q^2) / 4 from f = u + u^2 / sqrt(3): 3 is a fixed point that parts others."""
    f = polynomial(0, 1, 1 / math.sqrt(3))  # E[f^2] = q + q^2
    small, large = (fn.mean_field(f, 0.5, 0.0, start=q) for q in (1.0, 4.0))
    assert (small.limit, large.limit) == ("vanishes", "diverges")
    assert small.chi == pytest.approx(0.25, rel=1e-8)
    unstable = fn.mean_field(f, 0.5, 0.0, start=3.0)  # exactly between
    assert (unstable.limit, unstable.variance) == ("fixed", 3.0)
    assert unstable.variance_slope == pytest.approx(0.25 * 7, rel=1e-11)


@pytest.mark.parametrize(
    ("weight_variance", "bias_variance", "digits"),
    [(1.05, 2.01e-5, 2e-5), (1.0, 0.0, 1e-12)],
)
def test_published_edges_of_tanh(weight_variance, bias_variance, digits):
    """(1.05, 2.01e-5) to the digits printed [Xiao et al. 2018, 10,000 layers]; (1, 0) exactly."""
    edge = fn.edge_of_chaos("tanh", math.sqrt(bias_variance))
    assert edge.weight_std**2 == pytest.approx(weight_variance, rel=digits)
    assert edge.stable


@pytest.mark.parametrize(
    ("activation", "bias_std"), [("erf", 0.01), ("erf", 0.5), ("erf", 2.0), ("tanh", 0.5)]
)
def test_edges_are_critical(activation, bias_std):
    """And on either side there is order, or chaos."""
    edge = fn.edge_of_chaos(activation, bias_std)
    found = fn.mean_field(activation, edge.weight_std, bias_std)
    assert found.phase == "critical"
    assert found.correlation_length == math.inf
    assert found.variance == pytest.approx(edge.variance, rel=1e-10)
    below, above = (fn.mean_field(activation, edge.weight_std * s, bias_std) for s in (0.99, 1.01))
    assert (below.phase, above.phase) == ("ordered", "chaotic")
    assert 10 < above.correlation_length < math.inf
    assert 0.5 < above.correlation < 1


def test_edges_without_bias():
    """ReLU: sqrt(2), every variance is kept. erf: 1 / f'(0) = sqrt(pi) / 2, where it vanishes."""
    relu = fn.edge_of_chaos(RELU)
    assert relu.weight_std == pytest.approx(math.sqrt(2), rel=1e-15)
    assert math.isnan(relu.variance)
    erf = fn.edge_of_chaos(ERF)
    assert erf.weight_std == pytest.approx(math.sqrt(math.pi) / 2, rel=1e-14)
    assert (erf.variance, erf.stable) == (0.0, True)
    assert fn.mean_field(ERF, erf.weight_std, 0.0).phase == "critical"


def test_an_edge_nobody_stays_at():
    """f = u + u^2 / sqrt(3): at weight_std 1, V(q) = q + q^2 leaves 0."""
    edge = fn.edge_of_chaos(polynomial(0, 1, 1 / math.sqrt(3)))
    assert edge.weight_std == pytest.approx(1, rel=1e-8)
    assert not edge.stable


def test_no_edge():
    with pytest.raises(ValueError, match=r"no edge of chaos with bias_std 0\.1"):
        fn.edge_of_chaos("relu", 0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("relu",), ValueError, "weight_std and bias_std must be given with an activation"),
        (("relu", 1.0), ValueError, "weight_std and bias_std must be given with an activation"),
        (("relu", 0.0, 0.1), ValueError, "weight_std must be positive and finite, got 0.0"),
        (("relu", 1.0, -1), ValueError, "bias_std must be non-negative and finite, got -1"),
        (("nothing", 1.0, 0.1), ValueError, "activation must be one of .*, got 'nothing'"),
        ((3, 1.0, 0.1), ValueError, "activation must be one of .*, got 3"),
        (("sign", 1.0, 0.1), ValueError, "activation must not jump.*, got sign"),
        ((fn.FullyConnected(), 1.0), ValueError, "are the network's own"),
        ((fn.FullyConnected(0),), ValueError, "net must have a hidden layer"),
        ((fn.FullyConnected(2, ["relu", "erf"]),), ValueError, "layers that are all the same"),
    ],
)
def test_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fn.mean_field(*arguments)


def test_other_layers_are_refused():
    for other in ({"residual": 0.5}, {"layer_norm": True}):
        net = with_attributes(fn.FullyConnected(2), **other)
        with pytest.raises(ValueError, match="net must be without residual connections"):
            fn.mean_field(net)


@pytest.mark.parametrize("start", [0.01, 5.0])
def test_what_overflows_diverges(start):
    """exp has no fixed point without help: V(q) = exp(2 q) leaves float64, and that is all."""
    assert fn.mean_field("exp", 1.0, 0.0, start=start).limit == "diverges"


def test_exp_with_small_weights():
    """V(q) = w^2 exp(2 q) with w^2 = exp(-1) / 4: q* = 0.116 is stable, the other one is not."""
    weight_std = math.sqrt(math.exp(-1) / 4)
    found = fn.mean_field("exp", weight_std, 0.0, start=0.3)
    assert found.variance == pytest.approx(weight_std**2 * math.exp(2 * found.variance), rel=1e-12)
    assert found.chi == pytest.approx(found.variance, rel=1e-12)  # f' = f
    assert found.variance_slope == pytest.approx(2 * found.variance, rel=1e-10)
    assert fn.mean_field("exp", weight_std, 0.0, start=2.0).limit == "diverges"
