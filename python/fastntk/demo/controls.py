# SPDX-License-Identifier: Apache-2.0
"""The widgets of the page, each for one field of the state."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import panel as pn

from fastntk.demo.data_sets import DATA_SETS
from fastntk.demo.look import widget_css
from fastntk.demo.state import DIGITS, INTEGERS, REALS, DemoState

# The steps of sliders whose numbers span decades; a number from an address is added to them.
TIMES = (0.0, *(float(f"{10 ** (k / 12):.3g}") for k in range(-24, 73)), math.inf)
_RIDGES = (0.0, *(float(f"{10 ** (k / 4):.2g}") for k in range(-24, 5)))
_WIDTHS = tuple(2**k for k in range(2, 11))
_CHOOSE = "Data sets"


class Controls:
    """All widgets, at the values of a state.

    Attributes
    ----------
    fields : dict of str to widget
        Widgets whose value is that of the state's field of this name.
    """

    def __init__(self, state: DemoState) -> None:
        self.fields: dict[str, Any] = {
            "hidden_layers": _slider(pn.widgets.IntSlider, "Hidden layers", state, "hidden_layers"),
            "activation": _choice(
                "Activation", state, "activation",
                {"ReLU": "relu", "leaky": "leaky_relu(0.1)", "GELU": "gelu", "erf": "erf",
                 "sin": "sin"},
            ),
            "weight_std": _slider(
                pn.widgets.FloatSlider, "Weights: weight_std", state, "weight_std", step=0.05
            ),
            "bias_std": _slider(
                pn.widgets.FloatSlider, "Biases: beta (bias_std)", state, "bias_std", step=0.05
            ),
            "inputs": _choice(
                "Inputs", state, "inputs", {"x itself": "line", "half circle": "arc"}
            ),
            "kernel": _choice(
                "Trained layers", state, "kernel",
                {"all: NTK": "ntk", "the last: NNGP": "nngp"},
            ),
            "band": _choice(
                "Band", state, "band",
                {"GP posterior": "posterior", "trained networks": "trained"},
            ),
            "ridge": _steps("Ridge", state, "ridge", _RIDGES),
            "t": _steps("Training time t", state, "t", TIMES),
            "width": _steps("Width", state, "width", _WIDTHS),
            "count": _slider(pn.widgets.IntSlider, "How many", state, "count"),
            "networks": _widget(pn.widgets.Toggle, "Show NN samples", state.networks),
        }  # fmt: skip
        self.data_sets = pn.widgets.Select(
            label="", options=[_CHOOSE, *DATA_SETS], value=_CHOOSE, **_common(),
        )  # fmt: skip
        self.delete = _button("Delete point")
        self.clear = _button("Clear all")
        self.copy = _button("Copy link")
        self.play = pn.widgets.Button(label="Play", color="primary", **_common())
        self.again = _button("New draw")
        self.typed = pn.widgets.TextAreaInput(
            label="Points, one x, y per line", value=as_text(state), rows=6, max_length=2000,
            **_common(),
        )  # fmt: skip

    def everything(self) -> dict[str, Any]:
        """Return all widgets by the names of their places on the page."""
        buttons = ("data_sets", "delete", "clear", "copy", "play", "again", "typed")
        return self.fields | {name: getattr(self, name) for name in buttons}

    def chosen_data(self) -> str | None:
        """Return the name of the set of points that was chosen, and forget it."""
        name = self.data_sets.value
        if name == _CHOOSE:
            return None
        self.data_sets.value = _CHOOSE
        return str(name)


def as_text(state: DemoState) -> str:
    """Return the points as lines of numbers."""
    return "\n".join(f"{x:g}, {y:g}" for x, y in state.points)


def from_text(text: str) -> list[list[str]]:
    """Return the numbers of each line that has any, as they were typed."""
    lines = (line.replace(",", " ").replace(";", " ").split() for line in text.splitlines())
    return [line for line in lines if line]


def _common() -> dict[str, Any]:
    return {"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [widget_css()]}


def _widget(kind: Any, name: str, value: Any, **settings: Any) -> Any:
    return kind(label=name, value=value, **_common(), **settings)


def _button(name: str) -> Any:
    return pn.widgets.Button(label=name, **_common())


def _slider(kind: Any, name: str, state: DemoState, field: str, **settings: Any) -> Any:
    interval = {**REALS, **INTEGERS}[field]
    kinds = int if field in INTEGERS else float
    low, high = kinds(interval.low), kinds(interval.high)
    return _widget(kind, name, getattr(state, field), start=low, end=high, **settings)


def _steps(name: str, state: DemoState, field: str, values: Iterable[float]) -> Any:
    value = getattr(state, field)
    options = {_short(one): one for one in sorted({*values, value})}
    return _widget(pn.widgets.DiscreteSlider, name, value, options=options)


def _choice(name: str, state: DemoState, field: str, options: dict[str, str]) -> Any:
    return _widget(
        pn.widgets.RadioButtonGroup, name, getattr(state, field), options=options
    )  # fmt: skip


def _short(value: float) -> str:
    if value == math.inf:
        return "infinity"
    # As many digits as a state has: no two values have one text.
    return f"{value:.{DIGITS}g}".replace("e+0", "e").replace("e-0", "e-")
