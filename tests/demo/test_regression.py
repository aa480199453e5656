# SPDX-License-Identifier: Apache-2.0
"""Curves of infinitely wide networks against Gaussian processes and plain NumPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import fastntk as fn
from demo_states import STATES
from fastntk.demo.inputs import features
from fastntk.demo.regression import curves, heat_map, spectrum
from fastntk.demo.state import DemoState

# Kernels are rounded to 1e-15, and the weights of these few points' values add up to 1e3 at most.
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
# A standard deviation is the root of a difference of variances of about 1: 1e-12 becomes 1e-6.
STD = {"rtol": 1e-6, "atol": 2e-6}


def xy(state):
    return np.array(state.points).T


def at_points(state, values, x):
    return values[np.searchsorted(x, xy(state)[0])]


@pytest.mark.parametrize("inputs", ["line", "arc"])
@pytest.mark.parametrize("ridge", [0.0, 0.2])
@pytest.mark.parametrize(
    ("kernel", "band", "law"),
    [("ntk", "posterior", "ntkgp"), ("nngp", "posterior", "nngp"), ("ntk", "trained", "ntk")],
)
def test_infinite_time_is_the_estimator(kernel, band, law, ridge, inputs):
    state = DemoState(kernel=kernel, band=band, ridge=ridge, inputs=inputs)
    x, y = xy(state)
    process = fn.GaussianProcess(state.net, law, ridge=ridge).fit(features(x, inputs), y)
    found = curves(state)
    mean, std = process.predict(features(found.x, inputs), return_std=True)
    np.testing.assert_allclose(found.mean, mean, **CLOSE)
    np.testing.assert_allclose(found.std, std, **STD)


def test_finite_time_is_the_estimator():
    state = DemoState(band="trained", t=3.0)
    x, y = xy(state)
    process = fn.GaussianProcess(state.net, "ntk", t=3.0).fit(features(x, "line"), y)
    found = curves(state)
    mean, std = process.predict(features(found.x, "line"), return_std=True)
    np.testing.assert_allclose(found.mean, mean, **CLOSE)
    np.testing.assert_allclose(found.std, std, **STD)


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
@pytest.mark.parametrize("band", ["posterior", "trained"])
def test_the_ridge_at_a_finite_time(kernel, band):
    """f' = -(K (f - y) + r (f - f_0)) / N, by steps of the midpoint method."""
    t, r, steps = 2.0, 0.3, 400
    state = DemoState(kernel=kernel, band=band, ridge=r, t=t)
    x, y = xy(state)
    found = curves(state)
    rows = features(np.concatenate([x, found.x]), "line")
    sigma, theta = state.net.kernels(rows)
    K = theta if kernel == "ntk" else sigma
    N, M = len(x), len(found.x)
    # What becomes of each number that f_t is linear in: f_0 everywhere, then the targets.
    f_0 = np.eye(N + M, 2 * N + M)
    targets = np.eye(N, 2 * N + M, N + M)
    f = f_0.copy()

    def slope(f):
        return -(K[:, :N] @ (f[:N] - targets) + r * (f - f_0)) / N

    for _ in range(steps):
        f = f + t / steps * slope(f + t / steps / 2 * slope(f))
    S = sigma if band == "trained" else K
    noise = r if band == "posterior" else 0.0
    law = np.block([[S, np.zeros((N + M, N))], [np.zeros((N, N + M)), noise * np.eye(N)]])
    curve = f[N:]
    # Its error, t rate (rate t / steps)^2 / 6 with rates up to 6, is at most 2e-3 of what is left.
    np.testing.assert_allclose(found.mean, curve[:, N + M :] @ y, atol=1e-3)
    std = np.sqrt(np.einsum("ij,jk,ik->i", curve, law, curve))
    np.testing.assert_allclose(found.std, std, atol=1e-3)


def test_time_0_and_no_points_are_the_prior():
    for band, kernel in [("trained", "nngp"), ("posterior", "ntk")]:
        state = DemoState(band=band, t=0.0)
        found, empty = curves(state), curves(replace(state, points=()))
        variance = np.diagonal(getattr(state.net, kernel)(features(found.x, "line")))
        np.testing.assert_allclose(found.std**2, variance, rtol=1e-12)
        assert not found.mean.any()
        assert len(empty.x) == 201
        assert not empty.mean.any()
        np.testing.assert_allclose(empty.std, np.interp(empty.x, found.x, found.std), rtol=1e-3)
    assert spectrum(DemoState(points=())).rates.shape == (0,)


@pytest.mark.parametrize("band", ["posterior", "trained"])
def test_bands_pass_through_the_points(band):
    state = DemoState(band=band)
    found = curves(state)
    np.testing.assert_allclose(at_points(state, found.mean, found.x), xy(state)[1], **CLOSE)
    assert at_points(state, found.std, found.x).max() < STD["atol"]
    assert found.std.max() > 0.1
    assert found.notes == ()


def test_points_above_each_other():
    state = DemoState(points=((0.5, 1.0), (0.5, 0.4), (-1.0, 0.0)))
    found = curves(state)
    # A ridge of 1e-9 takes the place of none: as much of an error, and 1e-7 by rounding.
    np.testing.assert_allclose(at_points(state, found.mean, found.x), [0.7, 0.7, 0], atol=1e-6)
    assert "the same x" in found.notes[0]
    assert curves(replace(state, ridge=0.1)).notes == ()


def test_linear_regression():
    points = tuple((x, round(math.sin(3 * x), 3)) for x in (-1.5, -0.5, 0.0, 1.0, 2.0))
    state = DemoState(points=points, hidden_layers=0)
    found = curves(state)
    line = np.polyval(np.polyfit(*xy(state), 1), found.x)
    np.testing.assert_allclose(found.mean, line, atol=1e-6)  # as above
    assert "least squares" in found.notes[0]


def test_what_cannot_be_learnt_is_not():
    state = DemoState(points=((0.0, 0.0), (0.0, -1.0), (1.0, 1.0)), hidden_layers=0)
    found = spectrum(state)
    np.testing.assert_array_equal(found.learnt, [1, 1, 0])
    assert found.rates[-1] == 0
    assert found.time_constants[-1] == math.inf


def test_a_kernel_that_is_zero():
    state = DemoState(points=((0.0, 1.0),), bias_std=0.0)
    assert not curves(state).mean.any()
    assert spectrum(state).eigenvalues == 0
    assert "singular" in curves(state).notes[0]


def test_spectrum():
    state = DemoState(t=2.0, ridge=0.3)
    x, y = xy(state)
    found, N = spectrum(state), len(x)
    values, vectors = np.linalg.eigh(state.net.ntk(features(x, "line")) / N)
    np.testing.assert_allclose(found.eigenvalues, values[::-1], **CLOSE)
    np.testing.assert_allclose(found.rates, values[::-1] + 0.3 / N, **CLOSE)
    np.testing.assert_allclose(found.learnt, 1 - np.exp(-2 * found.rates), **CLOSE)
    np.testing.assert_allclose(found.time_constants, 1 / found.rates, **CLOSE)
    parts = np.abs(vectors.T @ y)[::-1] / math.sqrt(N)
    np.testing.assert_allclose(found.targets, parts, **CLOSE)


def test_heat_map():
    state = DemoState(kernel="nngp", inputs="arc", bias_std=0.0)
    found = heat_map(state)
    assert found.kernel.shape == (101, 101)
    # On the arc the kernel depends on the distance only, which a diagonal of the grid shares.
    for offset in (0, 7, 100):
        diagonal = np.diagonal(found.kernel, offset)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-12)
    assert heat_map(state).kernel is found.kernel  # not computed again


@settings(max_examples=40)
@given(STATES)
def test_every_state_has_a_picture(state):
    found, parts = curves(state), spectrum(state)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.std).all()
    assert (found.std >= 0).all()
    assert (np.diff(found.x) > 0).all()
    assert ((parts.learnt >= 0) & (parts.learnt <= 1)).all()
    assert np.isfinite(heat_map(state).kernel).all()
