# SPDX-License-Identifier: Apache-2.0
"""The state of the demonstration, and its query: whatever an address says, a page can show it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo_states import STATES
from fastntk.demo.state import MOST_POINTS, DemoState

# Text that begins like a query, and text that does not.
KEYS = st.sampled_from(
    ["points", "depth", "t", "ridge", "kernel", "networks", "seed", "colour", ""]
)
VALUES = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-inf", "1e999", "-1", "1e3", "0", "1,2_3,4", "1,1e999_2,2"]
    ),
    st.text(max_size=12),
)
QUERIES = st.one_of(
    st.text(max_size=60),
    st.lists(st.tuples(KEYS, VALUES).map("=".join), max_size=12).map("&".join),
)


@settings(max_examples=60)
@given(STATES)
def test_a_query_says_the_state_exactly(state):
    query = state.to_query()
    assert DemoState.from_query(query) == (state, [])
    assert query.isascii()
    assert not set(query) & set(" +%#\"'<>")


@settings(max_examples=60)
@given(QUERIES)
def test_every_query_is_a_state(query):
    state, problems = DemoState.from_query(query)
    assert DemoState.from_query(state.to_query()) == (state, [])
    assert len(problems) <= 9
    assert all(len(one) < 150 and one.isascii() and "\n" not in one for one in problems)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("depth=-1", "depth must be a whole number between 0 and 10, not '-1': 3 is taken"),
        ("depth=2.5", "depth must be a whole number between 0 and 10, not '2.5': 3 is taken"),
        ("t=nan", "t must be a number between 0.001 and 1e+06, or 0, or inf, not 'nan'"),
        ("ridge=inf", "ridge must be a number between 1e-06 and 10, or 0, not 'inf': 0 is taken"),
        ("weight_std=1e999", "weight_std must be a number between 0.1 and 3, not '1e999'"),
        ("width=\uff112", "width must be a whole number between 1 and 1024, not '\\uff112'"),
        ("kernel=NTK", "kernel must be ntk or nngp, not 'NTK': ntk is taken"),
        ("networks=yes", "networks must be 0 or 1, not 'yes': 0 is taken"),
        ("colour=red", "'colour' is not a setting of this page: it is left out"),
        ("depth=4&depth=5", "depth is given more than once: its first value is taken"),
        ("points=0,0_1", "points left out that are not two numbers: 1"),
        ("points=nan,0_1,inf_1e999,0_1,2,0", "points left out that are not two numbers: 4"),
        ("points=5,-7", "points moved to within 2 of 0 in x and y: 1"),
        ("points=" + "_".join(["0,0"] * 10_000), "the address is longer than 4000 characters"),
        ("points=" + "_".join(["0,0"] * 60), "points beyond the first 40 left out: 20"),
    ],
)
def test_what_is_wrong_is_said(query, said):
    state, problems = DemoState.from_query(query)
    assert problems[0].startswith(said)
    assert state.hidden_layers in (3, 4)


def test_queries_are_short_and_readable():
    state = replace(DemoState(), points=((-1.5, 0.25), (0.5, -1)), hidden_layers=4, t=1e6)
    assert state.to_query() == "points=-1.5,0.25_0.5,-1&depth=4&t=1e6"
    assert DemoState().to_query() == ""
    # No points is a state too, and not the default's.
    assert replace(DemoState(), points=()).to_query() == "points="
    assert DemoState.from_query("?points=&t=inf")[0].points == ()
    # As an address bar may write it.
    assert DemoState.from_query("points=-1.5%2C0.25_0.5%2C-1&depth=4&t=1e6") == (state, [])


def test_points_of_clicks():
    clicks = [(0.12345, 1), (9, -9), (math.nan, 0), (1, 2, 3), None, ("a", "b"), (1e400, 0)]
    state, problems = DemoState().with_points(clicks)
    assert state.points == ((0.123, 1.0), (2.0, -2.0))
    assert problems == [
        "points left out that are not two numbers: 5",
        "points moved to within 2 of 0 in x and y: 1",
    ]
    state, problems = DemoState().with_points([(0, 0)] * (MOST_POINTS + 1))
    assert len(state.points) == MOST_POINTS
    assert problems == ["points beyond the first 40 left out: 1"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"hidden_layers": 11}, ValueError),
        ({"hidden_layers": 2.0}, TypeError),
        ({"t": math.nan}, ValueError),
        ({"ridge": -1.0}, ValueError),
        ({"kernel": "rbf"}, ValueError),
        ({"networks": 1}, TypeError),
        ({"points": ((0.0, 3.0),)}, ValueError),
        ({"points": ((0.0, 0.0),) * 41}, ValueError),
    ],
)
def test_a_state_is_always_valid(changes, kind):
    (name,) = changes
    with pytest.raises(kind, match=name):
        DemoState(**changes)
