# SPDX-License-Identifier: Apache-2.0
"""The claims about convergence are measured as they say, and a claim that fails is named."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest


@pytest.fixture
def net():
    from fastntk.paper import circle

    return circle.limiting_network()


def test_a_slope_is_found_with_its_standard_error(rng):
    from bench.convergence import claims

    deviation = 0.3
    widths = (10, 30, 100, 300)
    x = np.log(np.repeat(widths, 200))
    found = claims.slope(
        {n: n**-0.7 * np.exp(deviation * rng.standard_normal(200)) for n in widths}
    )
    error = deviation / math.sqrt(len(x)) / x.std()
    assert found.error == pytest.approx(error, rel=0.1)  # itself known to 1 in sqrt(2 * 800)
    assert abs(found.value + 0.7) < 4 * error


def test_a_slope_of_means_weighs_them_by_their_errors():
    from bench.convergence.claims import Estimate, slope_of_means

    means = {n: Estimate(-0.9 / n, 0.01 / n) for n in (4, 8)} | {64: Estimate(0.5, 50.0)}
    found = slope_of_means(means)
    assert found.value == pytest.approx(-1, abs=1e-3)
    # Two logarithms with an error of 1/90 each, a factor of 2 apart.
    assert found.error == pytest.approx(math.sqrt(2) / 90 / math.log(2), rel=1e-2)


def test_gaussian_values_are_told_from_others(rng):
    from bench.convergence import claims

    assert claims.kolmogorov_smirnov(np.array([0.0])) == pytest.approx(0.5)
    assert claims.kolmogorov_smirnov(rng.standard_normal(500)) < 1.63
    assert claims.kolmogorov_smirnov(1.3 * rng.standard_normal(500)) > 1.63


def test_a_claim_that_fails_is_named():
    from bench.convergence.claims import Estimate, slope_claim, table, zero_claim

    near, far = Estimate(0.02, 0.01), Estimate(-0.05, 0.01)
    good = zero_claim("good", {10: near, 20: Estimate(0.0, 0.01)})
    bad = zero_claim("bad", {10: near, 20: far})
    assert good.holds
    assert not bad.holds
    assert "(-5.0 s.e., the largest, at n = 20)" in bad.found
    steep = slope_claim("steep", -0.5, 0.1, Estimate(-0.61, 0.02))
    assert not steep.holds
    lines = table([good, bad, steep]).splitlines()
    assert [("MISSED" in line) for line in lines] == [False, False, False, True, True]


def test_networks_at_initialisation(net, monkeypatch):
    from bench.convergence import initialisation as part

    monkeypatch.setattr(part, "_GAUSSIAN_WIDTH", 200)
    plan = part.Plan({20: 12, 80: 12, 320: 12}, {4: 1_000, 16: 1_000}, 60)
    lines, found = part.claims(net, plan, str)
    by_name = {line.name: line for line in lines}
    assert len(by_name) == len(lines) == 8
    # Few narrow networks: what is steady enough to be asserted.
    assert by_name["distance of Theta from its limit"].holds
    assert by_name["blocks of Theta between two of 3 outputs"].holds
    assert by_name["bias of antipodal pairs, n = 4"].holds
    assert found.antipodal[4].value < found.antipodal[16].value < 0
    assert len(found.distance[20]) == 3 * 12
    json.dumps([asdict(found), *map(asdict, lines)])


def test_training_of_networks(monkeypatch):
    from bench.convergence import lazy

    lines, found = lazy.claims({20: 2, 40: 2, 80: 2}, str)
    assert len(lines) == 4
    for values in (found.drift, found.activation_change, found.lower_share):
        assert all(len(part) == 2 and min(part) > 0 for part in values.values())
    assert np.mean(found.activation_change[80]) < np.mean(found.activation_change[20])
    json.dumps([asdict(found), *map(asdict, lines)])


def test_the_lower_layers_share_is_what_they_do_alone():
    from bench.convergence import lazy

    from fastntk.paper import circle

    *_, share = lazy._trained(30, 0)
    X, _ = circle.data()
    before = circle.finite_network(30, 0)
    after = circle.finite_network(30, 0)
    circle.train(after, None)
    mixed = after.copy()
    for array, initial in zip(mixed.parameters[-1], before.parameters[-1], strict=True):
        array[...] = initial
    f_0, f_t, f_lower = before(X), after(X), mixed(X)
    assert share == pytest.approx(np.linalg.norm(f_lower - f_0) / np.linalg.norm(f_t - f_0))
