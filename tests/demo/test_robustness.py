# SPDX-License-Identifier: Apache-2.0
"""The page bears bad addresses, many clicks, several windows and small screens."""

import random

import pytest

from demo_window import PATIENCE, SERVE, Window, start_server


@pytest.mark.parametrize(
    "query",
    [
        "depth=99&t=-1",
        "points=1,2,3_nan,0",
        "activation=<b>x</b>",
        "%00%ff=%fe&activation=<script>alert(1)</script>",
        "width=" + "9" * 5000,
    ],
    ids=["ranges", "points", "markup", "script", "long"],
)
def test_bad_addresses_are_told_and_replaced(window, query):
    page = window(query)
    assert page.page.locator(".notes p").count() >= 1
    assert len(page.data("law")["mean"]) > 200
    assert page.page.locator(".notes b, .notes script").count() == 0
    # The next change is of a state that is well.
    page.slide("hidden_layers", "ArrowRight")
    page.until("location.search.startsWith('?') && location.search.includes('depth=4')")
    page.page.locator(".notes p").wait_for(state="detached")


def test_five_hundred_clicks(window):
    page = window("points=")
    left, top = page.place(-1.9, 1.9)
    right, bottom = page.place(1.9, -1.9)
    draw = random.Random(0)
    for _ in range(500):
        page.page.mouse.click(draw.uniform(left, right), draw.uniform(top, bottom))
    page.page.locator(".notes", has_text="40 points are the most").wait_for()
    assert len(page.points) == 40
    page.page.get_by_text("Clear all").click()
    page.until("data('points').x.length == 0 && location.search == '?points='")
    page.click(0, 1)
    page.until("data('points').x.length == 1")


def test_windows_have_states_of_their_own(window):
    one, other = window(), window()
    before = other.data("law")
    one.click(1.8, 1.8)
    one.slide("hidden_layers", "ArrowLeft")
    one.until("location.search.includes('depth=2') && data('points').x.length == 6")
    assert other.data("law") == before
    assert len(other.points) == 5
    assert other.query == ""


def test_a_closed_window_is_forgotten(window, server):
    page = window("networks=1&seed=77")
    page.until("data('samples').ys.length == 5")
    page.close()
    # Windows of other tests are forgotten too.
    while "seed=77" not in server.said.get(timeout=PATIENCE / 1000):
        pass


def test_a_lost_connection_is_told_and_comes_back(screens):
    process, url = start_server("-c", SERVE)
    with process:
        page = Window(screens["laptop"], url, "depth=4")
        process.terminate()
        process.stdout.read()
    page.page.get_by_text("connection to the server is lost").wait_for()
    port = url.rstrip("/").rpartition(":")[2]
    process, _ = start_server("-c", SERVE.replace("port=0", f"port={port}"))
    with process:
        page.page.get_by_text("connection to the server is lost").wait_for(state="hidden")
        page.drawn()
        page.slide("hidden_layers", "ArrowRight")
        page.until("location.search == '?depth=5'")
        page.close()
        process.terminate()
        process.stdout.read()


def test_a_phone(window):
    page = window("points=", screen="phone")
    assert page.read("document.documentElement.scrollWidth") <= 390
    page.page.touchscreen.tap(*page.place(0.5, 1))
    page.until("data('points').x.length == 1")
    page.page.get_by_text("erf", exact=True).tap(timeout=PATIENCE)
    page.until("location.search.includes('activation=erf')")
