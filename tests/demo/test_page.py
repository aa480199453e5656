# SPDX-License-Identifier: Apache-2.0
"""The page does what its controls say."""

import numpy as np
import pytest

# A pixel of the picture is 0.01 in x and y, and positions on the screen are rounded to pixels.
PIXEL = 0.02


def mean_at(window, x):
    """The drawn mean at x, and the height of the band there."""
    law = window.data("law")
    return np.interp(x, law["x"], law["mean"]), np.interp(
        x, law["x"], np.subtract(law["high"], law["low"])
    )


def test_a_click_adds_a_point_and_the_mean_passes_through_it(window):
    page = window("points=")
    assert page.points == []
    page.click(0.5, 1.2)
    page.until("data('points').x.length == 1")
    page.settled()
    ((x, y),) = page.points
    assert (x, y) == pytest.approx((0.5, 1.2), abs=PIXEL)
    # The state has three decimals.
    mean, height = mean_at(page, round(x, 3))
    assert mean == pytest.approx(y, abs=1e-3)
    assert height < 1e-3
    assert mean_at(page, -1.5)[1] > 0.3
    assert page.query == f"points={round(x, 3):g},{round(y, 3):g}"


def test_a_drag_moves_the_point_it_begins_at(window):
    page = window("points=-1,0_1,0")
    page.click(1, 0)  # chosen: yet the other one is dragged
    page.page.mouse.move(*page.place(-1, 0))
    page.page.mouse.down()
    page.page.mouse.move(*page.place(-0.7, 0.4))
    page.page.mouse.move(*page.place(-0.5, 1))
    page.page.mouse.up()
    page.until("data('points').x[0] > -0.6")
    page.settled()
    moved, other = page.points
    assert moved == pytest.approx((-0.5, 1), abs=PIXEL)
    assert other == (1, 0)
    assert mean_at(page, round(moved[0], 3))[0] == pytest.approx(moved[1], abs=1e-3)


def test_points_are_deleted_by_keys_and_buttons(window):
    page = window("points=-1,0_0,1_1,0")
    page.click(0, 1)
    page.page.keyboard.press("Delete")
    page.until("data('points').x.length == 2")
    assert page.points == [(-1, 0), (1, 0)]
    page.click(-1, 0)
    page.page.keyboard.press("ArrowUp")
    page.until("location.search == '?points=-1,0.05_1,0'")
    page.page.get_by_text("Delete point").click()
    page.until("data('points').x.length == 1")
    assert page.points == [(1, 0)]
    page.page.keyboard.press("Backspace")  # a button has the focus, and no point is meant
    page.page.get_by_role("application").focus()
    for key in ("+", "ArrowRight", "Enter", "ArrowDown"):
        page.page.keyboard.press(key)
    page.until("location.search == '?points=1,-0.05_0.05,0'")
    page.page.get_by_text("Clear all").click()
    page.until("location.search == '?points='")
    assert page.points == []


def test_points_can_be_typed(window):
    page = window()
    page.page.get_by_text("Type the points").click()
    field = page.page.locator("textarea")
    field.fill("-1, 0.5\n1 -0.5\nnonsense")
    page.page.keyboard.press("Tab")
    page.until("data('points').x.length == 2")
    assert page.points == [(-1, 0.5), (1, -0.5)]
    page.page.locator(".notes p").wait_for()
    assert page.notes() == "Points left out that are not two numbers: 1."


def test_settings_change_the_curves_and_the_address(window):
    page = window()
    before = page.data("law")["mean"]
    page.slide("hidden_layers", "ArrowRight", 2)
    page.until("location.search == '?depth=5'")
    assert page.data("law")["mean"] != before
    page.page.get_by_text("erf", exact=True).click()
    assert page.page.get_by_role("button", name="erf", pressed=True).count() == 1
    assert page.page.get_by_role("button", name="ReLU", pressed=False).count() == 1
    page.page.get_by_text("the last: NNGP").click()
    page.page.get_by_text("trained networks", exact=True).click()
    page.until("location.search == '?depth=5&activation=erf&kernel=nngp&band=trained'")
    # A name with a number in brackets is in the address as it is.
    page.page.get_by_text("leaky", exact=True).click()
    page.until("location.search.includes('activation=leaky_relu(0.1)&')")
    page.slide("ridge", "ArrowRight")
    page.until("location.search.includes('ridge=1e-06')")
    page.page.get_by_text("Copy link").click()
    page.page.get_by_text("Copied").wait_for()


def test_an_address_is_the_whole_state(window):
    page = window("points=-1,0.5_0.25,-1&depth=2&t=10&band=trained&weight_std=1.234")
    query = page.query
    law, spectrum = page.data("law"), page.data("spectrum")
    page.click(1.5, 0)
    page.until("data('points').x.length == 3")
    page.settled()
    points, three = page.points, page.data("law")
    page.reload()
    assert page.points == pytest.approx(np.round(points, 3))
    assert page.data("law") == three
    page.open(query)
    assert page.data("law") == law
    assert page.data("spectrum") == spectrum


def test_playing_moves_time_to_its_end(window):
    page = window("t=500000")
    assert page.data("spectrum")["learnt"][-1] > 0.9
    page.page.get_by_text("Play", exact=True).click()
    page.page.get_by_text("Pause", exact=True).wait_for()
    page.until("location.search == ''")
    page.page.get_by_text("Play", exact=True).wait_for()
    page.page.get_by_text("Play", exact=True).click()
    page.until("location.search.includes('t=0.')")
    assert page.data("spectrum")["learnt"][-1] < 0.5


def test_finite_networks_are_shown_and_hidden(window):
    page = window("width=16&count=3&t=1")
    assert page.data("samples") == {"xs": [], "ys": []}
    page.page.get_by_text("Show NN samples").click()
    page.until("data('samples').ys.length == 3")
    lines = page.data("samples")
    assert [len(ys) for ys in lines["ys"]] == [len(xs) for xs in lines["xs"]]
    assert "other band" in page.notes()
    page.page.get_by_text("trained networks", exact=True).click()
    page.until("location.search.includes('band=trained')")
    page.page.locator(".notes p").wait_for(state="detached")
    page.page.get_by_text("Show NN samples").click()
    page.until("data('samples').ys.length == 0")
