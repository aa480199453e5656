# SPDX-License-Identifier: Apache-2.0
"""The experiments on the circle, with tiny networks; formulas against direct computations."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.paper import circle, fig1, fig2, fig2_claims, frequency, likeness
from fastntk.paper.experiment import Check, Claim, Outcome
from fastntk.paper.parts import Parts


def run(experiment, folder, seed=0, progress=None):
    return experiment.EXPERIMENT.run(
        quick=True, seed=seed, parts=Parts(folder), progress=progress, device="cpu"
    )


def test_a_sound_run_is_finite_and_passes_its_checks():
    claim = Claim("it", "grows", "it shrinks", np.bool_(False))
    assert claim.holds is False
    good = Outcome("x", "X", {"a": np.ones(2), "names": np.array(["a"])}, [claim], {})
    assert good.faults == []
    bad = Outcome(
        "x", "X", {"a": np.array([1.0, np.nan])}, [], {},
        [Check("near", 1.0, 1.0), Check("far", 2.0, 1.0), Check("nowhere", np.nan, 1.0)],
    )  # fmt: skip
    assert [fault.split(" ")[0] for fault in bad.faults] == ["a", "far:", "nowhere:"]


def test_figure_1(tmp_path, monkeypatch):
    monkeypatch.setattr(fig1, "_QUICK_WIDTHS", (10, 100))
    monkeypatch.setattr(fig1, "_NETWORKS", 3)
    told = []
    found = run(fig1, tmp_path, progress=lambda *call: told.append(call))
    assert found.faults == []
    theta = found.arrays["theta_100"]
    assert theta.shape == (3, 2, 201)
    assert told[-1] == ("fig1: 3 networks of width 100", 600, 600)
    # Network 2 by itself, trained again.
    w = circle.finite_network(100, 0, 2)
    x_0, points = np.array([[1.0, 0.0]]), circle.at(found.arrays["angles"])
    np.testing.assert_array_equal(theta[2, 0], w.ntk(x_0, points)[0])
    circle.train(w, None)
    # To the rounding of float32 through 200 steps.
    np.testing.assert_allclose(theta[2, 1], w.ntk(x_0, points)[0], rtol=1e-3)
    again = run(fig1, tmp_path)
    np.testing.assert_array_equal(again.arrays["theta_10"], found.arrays["theta_10"])
    (axes,) = fig1.draw(found).axes
    assert len(axes.lines) == 2 * 2 * 3 + 1


def test_the_claims_of_figure_1_are_about_its_curves():
    gamma = circle.angles(201)
    limit = 2 + np.cos(gamma)
    numbers = np.array([-1.0, 0.0, 1.0])[:, None]

    def curves(spread, waves, growth):
        before = limit * (1 + spread * numbers) + waves * np.cos(20 * gamma)
        return np.stack([before, growth * before], axis=1)

    def verdicts(narrow, wide):
        arrays = {"limit": limit, "theta_5": curves(*narrow), "theta_50": curves(*wide)}
        return [claim.holds for claim in fig1._claims((5, 50), arrays)]

    assert verdicts((0.3, 0.2, 1.5), (0.1, 0.1, 1.01)) == [True] * 6
    assert verdicts((0.1, 0.1, 1.0), (0.3, 0.2, 1.5)) == [False, False, True, False, False, False]
    one = fig1._Curves(curves(0.3, 0.2, 1.5), limit)
    scale = np.sqrt(np.mean(limit**2))
    assert one.spread == pytest.approx(0.3)
    assert one.roughness == pytest.approx(0.2 / np.sqrt(2) / scale)
    assert one.rough_share == pytest.approx(one.roughness / 0.3)
    assert one.inflation == pytest.approx(np.full(3, 1.5))
    assert one.drift == pytest.approx(np.full(3, 0.5))


def test_figure_2(tmp_path, monkeypatch):
    monkeypatch.setattr(fig2, "_QUICK", fig2._Plan({20: 3, 60: 2}, 2, 300))
    found = run(fig2, tmp_path)
    assert found.faults == []
    assert found.arrays["f_20"].shape == (3, 200)
    assert len(found.claims) == 6
    # The law, from its formula: posterior mean of the NTK, and the prior carried along.
    net, X = circle.limiting_network(), circle.at(found.arrays["training_angles"])
    points = circle.at(found.arrays["angles"])
    K, S = (kernel(np.concatenate([points, X]), dtype="float64") for kernel in (net.ntk, net.nngp))
    A = np.linalg.solve(K[200:, 200:], K[200:, :200]).T
    B = np.hstack([np.eye(200), -A])
    np.testing.assert_allclose(
        found.arrays["exact_mean"], A @ found.arrays["training_targets"], atol=1e-9
    )
    np.testing.assert_allclose(found.arrays["exact_std"] ** 2, np.diag(B @ S @ B.T), atol=1e-9)
    # Kernels of one network of 300 units err by some 300^(-1/2) of themselves, over a mean of
    # deviations of 0.07.
    assert np.abs(found.arrays["empirical"][1] - found.arrays["exact"][1]).max() < 0.2
    (axes,) = fig2.draw(found).axes
    assert len(axes.lines) == 2 + 2 + 1 + 3 + 3


def test_functions_are_compared_with_a_law(rng):
    law = fn.Gaussian(np.array([1.0, 2.0]), np.array([[4.0, 1.0], [1.0, 1.0]]))
    draws = law.sample(4000, rng)
    wide = law.mean + 4 * (draws - law.mean) + 0.5
    # Some 1 / sqrt(4000) = 0.016 each, four times that of the second.
    one, other = (likeness.shown(functions, law, rng) for functions in (draws, wide))
    off = likeness.difference(one, likeness.limit(2))
    assert [part.value for part in off] == pytest.approx([0.0, 0.0, 0.0], abs=0.05)
    off = likeness.difference(other, one)
    assert [part.value for part in off][:2] == pytest.approx([0.5 / np.sqrt(2.5), 3.0], abs=0.2)
    # Of a deviation, 1 / sqrt(2 N) of itself and less where points differ, (4^2 + 1)^(1/2) times;
    # the powers of these two points, 4.3 and 0.7 uncorrelated, have sqrt(19 / 25) of that.
    assert off.spread.error == pytest.approx(np.sqrt(17 / 8000 * 19 / 25), rel=0.15)
    errors = likeness.errors_of_draws(law, 10, rng)
    assert errors[0] == pytest.approx(np.sqrt(1 / 10))
    # The same of 10 values, with 9 degrees of freedom; 10 % for what the expansion leaves out.
    assert errors[1] == pytest.approx(np.sqrt(19 / 25 / 18), rel=0.1)


def test_an_estimate_near_the_margin_decides_nothing():
    found = [likeness.Estimate(value, 0.1).within(0.5) for value in (-0.7, -0.3, 0.45, 0.55, 0.7)]
    assert found == [False, True, None, None, False]


# Factor of the deviation and shift in deviations, of n = 50 and of n = 1,000; what is said of the
# mean, the variance, the two widths, n = 50, and the lower variance.
@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ((1, 0), (1, 0), [True, True, True, True, None]),
        ((1, 1), (1, 1), [False, True, True, False, None]),
        ((1.5, 0), (1.5, 0), [True, False, True, False, None]),
        ((0.65, 0), (0.65, 0), [True, False, True, False, None]),
        ((0, 0.5), (0, 0.5), [False, False, True, False, None]),
        ((1.5, 0), (0.65, 0), [True, False, False, False, True]),
        ((0.65, 0), (1.5, 0), [True, False, False, False, False]),
    ],
)
def test_the_claims_of_figure_2_can_fail_on_both_sides(narrow, wide, expected):
    # 40 points of correlation length 4: a law of many directions, so that chance decides little.
    at = np.arange(40.0)
    law = fn.Gaussian(np.sin(at), np.exp(-((at[:, None] - at) ** 2) / 32) + 1e-9 * np.eye(40))
    rng = np.random.default_rng(1)
    functions = {
        width: law.mean + shift + factor * (law.sample(1000, rng) - law.mean)
        for width, (factor, shift) in ((50, narrow), (1000, wide))
    }
    # As few draws as make the margins wide against the errors of 1,000.
    claims = fig2_claims.claims(functions, 10, law, law.percentiles((10, 50, 90)), 99)
    assert [claim.holds for claim in claims] == [*expected, True]


def test_frequencies(tmp_path):
    found = run(frequency, tmp_path, seed=3)
    assert found.faults == []
    assert [claim.holds for claim in found.claims] == [True] * 4
    # Fourier modes are eigenvectors of K/N on even angles: the same values as LAPACK's.
    X = circle.at(2 * np.pi * np.arange(40) / 40)
    values = frequency.spectrum(circle.limiting_network(), 40, "cpu")
    both = np.sort(np.concatenate([values, values[1:-1]]))
    K = circle.limiting_network().ntk(X, dtype="float64")
    np.testing.assert_allclose(both, np.linalg.eigvalsh(K) / 40, rtol=1e-9)
    # In training every component goes at the rate of its eigenvalue.
    rates = frequency.spectrum(circle.limiting_network(), 64, "cpu")
    np.testing.assert_allclose(found.arrays["learnt_after"] * rates, 1, rtol=1e-6)
    # One draw of the noise among many, at the end, where the points are fitted.
    assert found.arrays["error_once"][-1] == pytest.approx(0.25, abs=0.15)
    assert len(frequency.draw(found).axes) == 3


def test_the_claims_about_frequencies_can_fail():
    """A constant spectrum learns noise as fast as f*: stopping it early only shrinks."""
    spectra = {name: 1 / np.arange(1, 302.0) ** 2 for name in ("ntk_1", "ntk_3", "ntk_6", "rbf")}
    rates = 1 / np.arange(1, 34.0) ** 2

    def verdicts(rates, after):
        error = frequency._expected_error(rates)
        return [c.holds for c in frequency._claims(spectra, "ntk_3", error, rates, after)][2:]

    assert verdicts(rates, 1 / rates) == [True, True]
    constant = np.full(33, 0.1)
    best = frequency._expected_error(constant).min()
    # The times are so near each other that the least of them misses the minimum by little.
    assert best == pytest.approx(frequency.shrinking(1 / 8, 0.25), rel=1e-3)
    assert verdicts(constant, 1 / constant) == [False, False]
    swapped = 1 / rates
    swapped[[4, 5]] = swapped[[5, 4]]
    assert verdicts(rates, swapped) == [False, True]


def test_times_of_an_exponential():
    times = np.geomspace(0.1, 100, 20)
    left = np.exp(-np.concatenate([[0], times])[:, None] * [0.05, 3.0, 1e-4])
    found = frequency.down_to_1_e(left, np.concatenate([[0], times]))
    assert found == pytest.approx([20, 1 / 3, np.inf])
