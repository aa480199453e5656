# SPDX-License-Identifier: Apache-2.0
"""Hypothesis' strategy for all states of the demonstration."""

from hypothesis import strategies as st

from fastntk.demo.state import CHOICES, INTEGERS, MOST_POINTS, REALS, DemoState

NUMBERS = {
    name: st.one_of(st.sampled_from([*one.beside, one.low, one.high]), st.floats(one.low, one.high))
    for name, one in REALS.items()
}
WHOLE = {name: st.integers(one.low, one.high) for name, one in INTEGERS.items()}
NAMES = {name: st.sampled_from(one) for name, one in CHOICES.items()}
COORDINATES = st.floats(-2, 2)
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=MOST_POINTS).map(tuple)
STATES = st.builds(DemoState, points=POINTS, networks=st.booleans(), **NUMBERS, **WHOLE, **NAMES)
