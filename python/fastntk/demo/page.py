# SPDX-License-Identifier: Apache-2.0
"""One page: a state, its widgets and pictures, and what a change of one makes of the others."""

from __future__ import annotations

import html
import time
from dataclasses import replace
from typing import Any

import panel as pn
from bokeh.document import Document
from bokeh.events import ConnectionLost, DocumentReady
from bokeh.models import CustomJS, Div, InlineStyleSheet

from fastntk.demo.controls import TIMES, Controls, as_text, from_text
from fastntk.demo.data_sets import DATA_SETS
from fastntk.demo.live_networks import LiveNetworks
from fastntk.demo.look import page_html
from fastntk.demo.plots import CurvesPlot, KernelPlot, SpectrumPlot
from fastntk.demo.regression import curves, heat_map, spectrum
from fastntk.demo.scripts import ON_COPY, ON_LOST, ON_QUERY, ON_READY
from fastntk.demo.state import LARGEST, MOST_POINTS, DemoState

# Milliseconds between two frames while the function trains.
_FRAME = 70
# Seconds that a frame is waited for, in a browser that draws nothing, being in the background.
_PATIENCE = 1.0
# Fields that the kernel over the inputs depends on.
_OF_KERNEL = ("hidden_layers", "activation", "weight_std", "bias_std", "inputs", "kernel")
_BAND_WORDS = {
    "posterior": "±1 standard deviation: Gaussian process whose prior is the kernel",
    "trained": "±1 standard deviation: trained networks at time t",
}

_OTHER_BAND = "Finite networks follow the other band, that of trained networks"
_NOT_OF_NETWORKS = {
    "ntk": f"{_OTHER_BAND}: no network is distributed like the Gaussian process whose prior is the "
    "NTK.",
    "nngp": f"{_OTHER_BAND}: with a ridge, this one counts noise in the points.",
}
_TEXT_STYLE = """
:host { font: inherit; color: inherit; line-height: 1.45; }
p { margin: 0 0 2px; }
"""
_NOTES_STYLE = """
p { margin-top: 6px; color: #8a4b00; }
"""
_LEGEND_STYLE = """
div.entries { display: flex; flex-wrap: wrap; gap: 2px 18px; }
span { display: inline-flex; align-items: center; }
i { flex: none; margin-right: 7px; width: 20px; border-top: 2.5px solid var(--blue); }
i.points { width: 10px; height: 10px; border: 0; border-radius: 50%; background: var(--ink); }
i.band { height: 12px; border: 0; background: color-mix(in srgb, var(--blue) 20%, white); }
i.network { border-color: var(--orange); }
"""


class Page:
    """What one browser window shows.

    Parameters
    ----------
    query : str
        Of the window's address.
    document : bokeh.document.Document
        The window's.
    """

    def __init__(self, query: str, document: Document) -> None:
        self._document = document
        self.state, self._problems = DemoState.from_query(query)
        self.controls = Controls(self.state)
        self.plot = CurvesPlot(self.state)
        self.kernel = KernelPlot()
        self.rates = SpectrumPlot()
        self.networks = LiveNetworks(self._networks_changed)
        self._notes = _text("notes", _NOTES_STYLE)
        self._legend = _text("legend", _LEGEND_STYLE)
        self._progress = _text("progress")
        # The figure carries the query to the browser, as a tag.
        self.plot.figure.js_on_change("tags", CustomJS(code=ON_QUERY))
        self._drawn: DemoState | None = None
        self._waiting = False
        self._seconds = 0.0
        self._player: Any = None
        self._sent, self._unseen = 0.0, False
        self._networks_waiting = False
        self._connect()
        self._draw()

    def template(self) -> pn.Template:
        """Return the page, to be served."""
        template = pn.Template(page_html())
        places: dict[str, Any] = self.controls.everything()
        for name, plot in (("plot", self.plot), ("heat", self.kernel), ("rates", self.rates)):
            places[name] = pn.pane.Bokeh(plot.figure, sizing_mode="stretch_both", margin=0)
        places |= {"notes": self._notes, "legend": self._legend, "progress": self._progress}
        for name, place in places.items():
            template.add_panel(name, place)
        template.add_variable("most_points", MOST_POINTS)
        labels = {name: widget.label for name, widget in self.controls.fields.items()}
        labels["data_sets"] = "Data sets"
        arguments = {
            "figure": self.plot.figure,
            "points": self.plot.points,
            "largest": LARGEST,
            "most": MOST_POINTS,
            "labels": labels,
        }
        ready = CustomJS(args=arguments, code=ON_READY)
        self._document.js_on_event(DocumentReady, ready)
        self._document.js_on_event(ConnectionLost, CustomJS(code=ON_LOST))
        return template

    def close(self) -> None:
        """Stop what works in the background: the window is closed."""
        self._stop()
        self.networks.close()

    def _connect(self) -> None:
        """Let widgets change the state."""
        for name, widget in self.controls.fields.items():
            widget.param.watch(lambda event, name=name: self._set(**{name: event.new}), "value")
        controls = self.controls
        self.plot.points.on_change("data", self._points_moved)
        self.plot.law.on_change("tags", self._frame_seen)
        controls.data_sets.param.watch(lambda _: self._choose_data(), "value")
        controls.typed.param.watch(lambda event: self._typed(event.new), "value")
        controls.delete.on_click(lambda _: self._delete())
        controls.clear.on_click(lambda _: self._set_points([]))
        controls.again.on_click(lambda _: self._set(seed=(self.state.seed + 1) % 10000))
        controls.play.on_click(lambda _: self._stop() if self._player else self._play())
        controls.copy.js_on_click(args={"button": controls.copy}, code=ON_COPY)

    # Changes of the state -----------------------------------------------------------------------

    def _set(self, **fields: Any) -> None:
        """Change fields of the state, and draw soon."""
        self._problems = []
        self._change(replace(self.state, **fields))

    def _change(self, state: DemoState) -> None:
        if state == self.state and not self._problems:
            return
        self.state = state
        if self._waiting:
            return
        self._waiting = True
        # Events that come while a picture is drawn are taken together: one more drawing for all.
        self._document.add_timeout_callback(self._draw, 1 + int(1000 * self._seconds))

    def _points_moved(self, attr: str, old: Any, new: Any) -> None:
        """Take over the points of the browser."""
        del attr, old, new  # what Bokeh calls its callbacks with
        data = self.plot.points.data
        pairs = list(zip(data["x"], data["y"], strict=False))
        state, problems = self.state.with_points(pairs)
        if state.points == self.state.points and not problems:
            return  # it was this page that moved them
        self._problems = problems
        self._change(state)
        self.controls.typed.value = as_text(state)
        if problems:
            self.plot.show_points(state)

    def _set_points(self, points: Any) -> None:
        """Replace all points."""
        state, self._problems = self.state.with_points(points)
        self._change(state)
        self.controls.typed.value = as_text(state)
        self.plot.show_points(state)

    def _typed(self, text: str) -> None:
        """Take over typed points; what is no point is said, and stays to be mended."""
        state, problems = self.state.with_points(from_text(text))
        if state.points == self.state.points and not problems:
            return
        self._problems = problems
        self._change(state)
        self.plot.show_points(state)

    def _delete(self) -> None:
        """Delete the chosen point, or else the last one."""
        points = list(self.state.points)
        chosen = self.plot.points.selected.indices
        if points:
            points.pop(chosen[0] if chosen and chosen[0] < len(points) else -1)
        self._set_points(points)

    def _choose_data(self) -> None:
        name = self.controls.chosen_data()
        if name is not None:
            self._set_points(DATA_SETS[name])

    # Time ---------------------------------------------------------------------------------------

    def _play(self) -> None:
        """Let the function train, from the beginning where it is at its end."""
        if self.state.t == TIMES[-1]:
            self.controls.fields["t"].value = TIMES[0]
        self.controls.play.label = "Pause"
        self._sent, self._unseen = time.monotonic(), False
        self._player = pn.state.add_periodic_callback(self._step, period=_FRAME)

    def _step(self) -> None:
        """Go on, by as many steps as time has passed, once the browser has drawn the last one."""
        now = time.monotonic()
        if self._unseen and now - self._sent < _PATIENCE:
            return
        slider = self.controls.fields["t"]
        later = [t for t in slider.values if t > self.state.t] or [TIMES[-1]]
        steps = max(1, round((now - self._sent) * 1000 / _FRAME))
        self._sent, self._unseen = now, True
        slider.value = later[min(steps, len(later)) - 1]
        if steps >= len(later):
            self._stop()

    def _frame_seen(self, attr: str, old: Any, new: Any) -> None:
        del attr, old, new  # what Bokeh calls its callbacks with
        self._unseen = False

    def _stop(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None
            self.controls.play.label = "Play"

    # Drawing ------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw what has changed since the last drawing."""
        start = time.perf_counter()
        self._waiting = False
        state, before = self.state, self._drawn
        self._drawn = state
        law = curves(state)
        self.plot.show_law(law, empty=not state.points)
        if before is None or any(getattr(state, f) != getattr(before, f) for f in _OF_KERNEL):
            self.kernel.show(heat_map(state))
        if before is None or state.points != before.points:
            self.kernel.show_points(state)
        self.rates.show(spectrum(state), state.t)
        self._say(law.notes)
        self.plot.figure.tags = [state.to_query()]
        self.networks.show(state)
        self._show_networks()
        self._seconds = time.perf_counter() - start

    def _say(self, notes: tuple[str, ...]) -> None:
        """Write the legend and all that is to be told."""
        state = self.state
        told = [*self._problems, *notes]
        if len(state.points) == MOST_POINTS:
            told.append(f"{MOST_POINTS} points are the most: delete one to add another.")
        # Without noise, the NNGP's posterior is the law of networks whose last layer is trained.
        same = state.kernel == "nngp" and state.ridge == 0
        if state.networks and state.band == "posterior" and not same:
            told.append(_NOT_OF_NETWORKS[state.kernel])
        _show(self._notes, "".join(f"<p>{html.escape(_sentence(one))}</p>" for one in told))
        entries = [
            ("points", "your points"),
            ("mean", "mean of infinitely wide networks"),
            ("band", _BAND_WORDS[state.band]),
        ]
        if state.networks:
            entries.append(("network", f"networks of width {state.width}"))
        words = "".join(f"<span><i class='{key}'></i>{words}</span>" for key, words in entries)
        _show(self._legend, f"<div class='entries'>{words}</div>")

    def _networks_changed(self) -> None:
        """Draw new snapshots, in the page's thread; called in that of the networks."""
        if not self._networks_waiting:
            self._networks_waiting = True
            self._document.add_next_tick_callback(self._show_networks)

    def _show_networks(self) -> None:
        self._networks_waiting = False
        shown = self.networks.curves(self.state) if self.state.networks else None
        self.plot.show_networks(shown)
        _show(self._progress, html.escape(self.networks.status().text))


def _text(name: str, style: str = "") -> Div:
    # Bokeh's: Panel's own asks for a style sheet whenever its text changes, and not this server.
    styles = [InlineStyleSheet(css=_TEXT_STYLE + style)]
    return Div(
        name=f"{name}_text",
        sizing_mode="stretch_width",
        margin=0,
        stylesheets=styles,
        disable_math=True,
    )


def _show(place: Div, content: str) -> None:
    if place.text != content:
        place.text = content


def _sentence(text: str) -> str:
    """Return a note with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ":", "!")) else ".")
