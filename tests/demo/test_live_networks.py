# SPDX-License-Identifier: Apache-2.0
"""Finite networks trained in the background: they follow the law, and obey the page."""

import math
import threading
import time
from dataclasses import replace
from itertools import takewhile

import numpy as np
import pytest

from fastntk.demo import live_networks, network_training
from fastntk.demo.live_networks import LiveNetworks
from fastntk.demo.network_training import MOST_PARAMETERS, Snapshot, parameters, trained
from fastntk.demo.regression import curves, evaluation_grid
from fastntk.demo.state import DemoState

SMALL = DemoState(
    points=((-1.0, 0.5), (0.2, -0.6), (1.3, 0.4)),
    hidden_layers=1,
    band="trained",
    networks=True,
    width=32,
    count=3,
)
# Long enough for a machine that does other things; reached only where something is broken.
PATIENCE = 60.0


def quiet(stage, done, total):
    pass


class Page:
    """Live networks, and what they told."""

    def __init__(self):
        self.told, self.threads = threading.Event(), set()
        self.live = LiveNetworks(self.on_change)

    def on_change(self):
        self.threads.add(threading.current_thread())
        self.told.set()

    def ended(self, state):
        """Show a state, and return its last status."""
        self.live.show(state)
        while self.live.status().stage == "training":
            assert self.told.wait(PATIENCE)
            self.told.clear()
        return self.live.status()


@pytest.fixture
def page():
    page = Page()
    yield page
    page.live.close()
    for thread in page.threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kernel": "nngp", "activation": "erf"},
        {"activation": "gelu"},
        {"inputs": "arc", "ridge": 0.3},
    ],
    ids=str,
)
def test_wide_networks_follow_the_law(changes):
    state = replace(SMALL, width=512, count=20, **changes)
    for number, snapshot in enumerate(trained(state, quiet)):
        if number % 9:
            continue
        law = curves(replace(state, t=snapshot.t))
        mean, std = snapshot.outputs.mean(axis=0), snapshot.outputs.std(axis=0, ddof=1)
        # Of 20 networks the mean is off by std / sqrt(20), and the std by std / sqrt(38), and a
        # curve has few independent points: three times as much. Kernels are off by 1 / sqrt(512).
        spread, finite = law.std.max(), 1 / math.sqrt(512)
        assert np.abs(mean - law.mean).max() < 3 * spread / math.sqrt(20) + finite
        assert np.abs(std - law.std).max() < 3 * spread / math.sqrt(38) + finite
        if snapshot.t > 30:
            break
    assert np.abs(law.mean).max() > 0.3


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_linear_networks_follow_their_flow(ridge):
    """Their tangent kernel is the limit's, and stays: all that differs is the steps."""
    state = replace(SMALL, hidden_layers=0, ridge=ridge)
    snapshots = list(takewhile(lambda one: one.t < 50, trained(state, quiet)))
    x, y = np.array(state.points).T
    grid, start = evaluation_grid(state), snapshots[0].outputs
    values, vectors = np.linalg.eigh(state.net.ntk(x[:, None]) + ridge * np.eye(3))
    weights = state.net.ntk(grid[:, None], x[:, None]) @ vectors
    residual = (y - start[:, np.searchsorted(grid, x)]) @ vectors
    for snapshot in snapshots:
        positive = values > 1e-12
        phi = np.where(positive, -np.expm1(-snapshot.t / 3 * values), 0)
        phi /= np.where(positive, values, 1)
        moved = (residual * phi) @ weights.T
        # Steps of 0.08 t make an error of 0.08 / (2 e) of a component, at most; float32 is below.
        assert np.abs(snapshot.outputs - start - moved).max() < 0.02 * np.abs(moved).max() + 1e-5
    # Nothing of the steps' error is left at the end.
    assert np.abs(snapshot.outputs - start - moved).max() < 1e-3


def test_snapshots_end_where_the_points_are_learnt():
    snapshots = list(trained(SMALL, quiet))
    times = [one.t for one in snapshots]
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
    assert [one.end for one in snapshots] == [""] * (len(snapshots) - 1) + ["learnt"]
    at = np.searchsorted(evaluation_grid(SMALL), [x for x, _ in SMALL.points])
    # The root mean square over three points is below 1e-3.
    residual = snapshots[-1].outputs[:, at] - [y for _, y in SMALL.points]
    assert np.abs(residual).max() < 2e-3


def test_the_time_selects_a_snapshot(page):
    assert page.ended(SMALL).stage == "done"
    live = page.live
    last = live.curves(SMALL)
    assert last.t == live.status().reached
    assert last.outputs.shape == (3, len(curves(SMALL).x))
    early = live.curves(replace(SMALL, t=1.0))
    assert abs(math.log10(early.t)) < 0.5 / 12
    assert live.curves(replace(SMALL, t=0.0)).t == 0
    assert live.curves(replace(SMALL, t=0.001)).t == 0
    # Neither the time nor the band begin another training.
    live.show(replace(SMALL, t=1.0, band="posterior"))
    assert live.status().stage == "done"
    assert live.curves(replace(SMALL, seed=1)) is None


def test_networks_come_back(page):
    page.ended(SMALL)
    first = page.live.curves(SMALL).outputs
    page.ended(replace(SMALL, seed=1))
    page.live.show(SMALL)
    assert page.live.status().stage == "done"
    assert page.live.curves(SMALL).outputs is first


def test_networks_begin_while_time_plays(page):
    until = time.monotonic() + PATIENCE
    while not page.told.wait(0.02) and time.monotonic() < until:
        page.live.show(replace(SMALL, t=1 + until - time.monotonic()))
    assert page.told.is_set()


def test_many_changes_leave_one_thread(page):
    before = threading.active_count()
    for number in range(500):
        page.live.show(replace(SMALL, seed=number, hidden_layers=number % 4))
    assert threading.active_count() <= before + 1
    assert page.ended(replace(SMALL, seed=7)).stage == "done"
    assert len(page.threads) == 1


def test_off_stops_them(page):
    page.live.show(SMALL)
    state = replace(SMALL, networks=False)
    page.live.show(state)
    assert page.live.status() == ("off", 0.0, "")
    assert page.live.curves(state) is None


@pytest.mark.parametrize(
    "changes",
    [{"points": ()}, {"points": ((0.0, 1.0),), "bias_std": 0.0}],
    ids=["none", "kernel 0"],
)
def test_networks_that_have_nothing_to_learn(page, changes):
    state = replace(SMALL, **changes)
    status = page.ended(state)
    assert (status.stage, status.reached) == ("done", 0.0)
    assert "as they are drawn" in status.text
    found = page.live.curves(state)
    assert found.outputs.shape == (3, len(curves(state).x))
    assert found.outputs.any()


def test_a_closed_page_trains_nothing(page):
    page.live.show(SMALL)
    page.live.close()
    page.live.show(SMALL)
    assert page.live.status().stage == "off"


@pytest.mark.parametrize("how", ["off", "closed"])
def test_a_training_is_given_up(page, monkeypatch, how):
    """One that would never end."""

    def endless(state, progress):
        while True:
            progress("", 0, 0)
            yield Snapshot(0.0, np.zeros((3, 203)), "")
            time.sleep(0.01)

    monkeypatch.setattr(live_networks, "_IDLE", 0.1)
    monkeypatch.setattr(live_networks, "trained", endless)
    page.live.show(SMALL)
    assert page.told.wait(PATIENCE)
    (thread,) = page.threads
    if how == "off":
        page.live.show(replace(SMALL, networks=False))
    else:
        page.live.close()
    thread.join(PATIENCE / 6)
    assert not thread.is_alive()


def test_divergence_is_a_sentence(page, monkeypatch):
    monkeypatch.setattr(network_training, "_fastest", lambda *_: 1e-3)
    status = page.ended(SMALL)
    assert status.stage == "failed"
    assert status.text.startswith("Training diverged after t = ")


def test_any_error_is_a_sentence(page, monkeypatch):
    def broken(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(network_training, "_fastest", broken)
    assert page.ended(SMALL).text == "The networks could not be trained: no room"


def test_too_many_parameters_are_refused(page):
    state = replace(SMALL, hidden_layers=10, width=1024, count=20)
    assert parameters(state) > MOST_PARAMETERS
    status = page.ended(state)
    assert status.stage == "failed"
    assert "189 million" in status.text
