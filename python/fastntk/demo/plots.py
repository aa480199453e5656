# SPDX-License-Identifier: Apache-2.0
"""The three pictures: the curves, the kernel, the spectrum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    FixedTicker,
    HoverTool,
    Label,
    LinearColorMapper,
    PointDrawTool,
    Span,
)
from bokeh.palettes import Blues256
from bokeh.plotting import figure
from numpy.typing import NDArray

from fastntk.demo.live_networks import NetworkCurves
from fastntk.demo.look import BLUE, FAINT, FONT, INK, ORANGE, SOFT
from fastntk.demo.regression import Curves, HeatMap, Spectrum
from fastntk.demo.scripts import ON_DOUBLE_TAP, ON_LAW, ON_PAN, ON_POINTS, ON_SELECTION
from fastntk.demo.state import LARGEST, MOST_POINTS, DemoState

# Curves beyond are far outside the picture; a browser draws numbers of this size exactly.
_FAR = 100.0
# The curves' picture shows a little more than where points may be.
_X_EDGE, _Y_EDGE = LARGEST + 0.1, LARGEST + 0.5
_PALETTE = list(reversed(Blues256))


class CurvesPlot:
    """Points, mean, band and finite networks over x; points are added and moved in it."""

    def __init__(self, state: DemoState) -> None:
        self.points = ColumnDataSource({"x": [], "y": []}, name="points")
        self.law = ColumnDataSource({"x": [], "mean": [], "low": [], "high": []}, name="law")
        self.networks = ColumnDataSource({"xs": [], "ys": []}, name="samples")
        self.figure = _figure(
            x_range=(-_X_EDGE, _X_EDGE), y_range=(-_Y_EDGE, _Y_EDGE), name="curves",
            x_axis_label="input x", y_axis_label="output",
        )  # fmt: skip
        self.figure.varea("x", "low", "high", source=self.law, fill_color=BLUE, fill_alpha=0.16)
        self.figure.multi_line(
            "xs", "ys", source=self.networks, line_color=ORANGE, line_width=1.4, line_alpha=0.75
        )
        self.figure.line("x", "mean", source=self.law, line_color=BLUE, line_width=2.5)
        # A finger needs more room than a dot takes; the ring around a chosen point is this room.
        room = self.figure.scatter(
            "x", "y", source=self.points, size=30, line_width=2.5, fill_alpha=0, line_alpha=0,
            line_color=ORANGE,
        )  # fmt: skip
        room.nonselection_glyph = room.glyph
        room.selection_glyph = room.glyph.clone(line_alpha=1.0)
        dots = self.figure.scatter(
            "x", "y", source=self.points, size=11, line_color="white", line_width=1.5,
            fill_color=INK, level="overlay",
        )  # fmt: skip
        dots.nonselection_glyph = dots.selection_glyph = dots.glyph
        self._invitation = Label(
            x=0, y=0.5, text="Click anywhere to add a point", text_align="center",
            text_baseline="middle", text_color=SOFT, text_font_size="17px", text_font=FONT,
        )  # fmt: skip
        self.figure.add_layout(self._invitation)
        tool = PointDrawTool(renderers=[room], add=True)
        self.figure.add_tools(tool)
        self.figure.toolbar.active_tap = tool
        arguments = {"points": self.points, "tool": tool, "figure": self.figure}
        arguments["most"] = MOST_POINTS
        self.points.js_on_change("data", CustomJS(args=arguments, code=ON_POINTS))
        self.points.selected.js_on_change("indices", CustomJS(args=arguments, code=ON_SELECTION))
        self.law.js_on_change("data", CustomJS(code=ON_LAW))
        self.figure.js_on_event("doubletap", CustomJS(args=arguments, code=ON_DOUBLE_TAP))
        self.figure.js_on_event("pan", CustomJS(args=arguments, code=ON_PAN))
        self.show_points(state)

    def show_points(self, state: DemoState) -> None:
        """Replace the points in the browser by the state's; none is chosen then."""
        self.points.selected.indices = []
        xs, ys = zip(*state.points, strict=True) if state.points else ((), ())
        self.points.data = {"x": list(xs), "y": list(ys)}

    def show_law(self, curves: Curves, *, empty: bool) -> None:
        """Draw mean and band, and an invitation where there is no point."""
        low, high = (np.clip(curves.mean + sign * curves.std, -_FAR, _FAR) for sign in (-1.0, 1.0))
        mean = np.clip(curves.mean, -_FAR, _FAR)
        self.law.data = {"x": curves.x, "mean": mean, "low": low, "high": high}
        if self._invitation.visible != empty:
            self._invitation.visible = empty

    def show_networks(self, networks: NetworkCurves | None) -> None:
        """Draw finite networks, or none."""
        ys = [] if networks is None else list(np.clip(networks.outputs, -_FAR, _FAR))
        xs = [] if networks is None else [networks.x] * len(ys)
        if ys or self.networks.data["ys"]:
            self.networks.data = {"xs": xs, "ys": ys}


class KernelPlot:
    """The kernel over pairs of inputs, with the entries of the points' Gram matrix."""

    def __init__(self) -> None:
        self.image = ColumnDataSource({"kernel": [np.zeros((2, 2))]}, name="kernel")
        self.entries = ColumnDataSource({"x": [], "other": []}, name="entries")
        self.figure = _figure(
            x_range=(-LARGEST, LARGEST), y_range=(-LARGEST, LARGEST), name="heat_map",
            x_axis_label="input x", y_axis_label="input x\N{PRIME}",
        )  # fmt: skip
        self.figure.axis.ticker = FixedTicker(ticks=[-2, -1, 0, 1, 2])
        colours = LinearColorMapper(palette=_PALETTE, low=0, high=1)
        self._colours = colours
        image = self.figure.image(
            "kernel", x=-LARGEST, y=-LARGEST, dw=2 * LARGEST, dh=2 * LARGEST, source=self.image,
            color_mapper=colours,
        )  # fmt: skip
        entries = self.figure.scatter(
            "x", "other", source=self.entries, size=3.5, fill_color=ORANGE, line_color=None
        )
        self._entries = entries.glyph
        self.figure.add_layout(
            ColorBar(
                color_mapper=colours, width=8, padding=4, title=None,
                ticker=BasicTicker(desired_num_ticks=4), major_label_text_color=SOFT,
                major_label_text_font_size="11px",
                major_label_text_font=FONT, background_fill_alpha=0,
            ),
            "right",
        )  # fmt: skip
        self.figure.add_tools(
            HoverTool(renderers=[image], tooltips="k($x{0.00}, $y{0.00}) = @kernel{0.000}")
        )

    def show(self, heat: HeatMap) -> None:
        """Draw a kernel."""
        self._colours.update(low=float(min(heat.kernel.min(), 0)), high=float(heat.kernel.max()))
        self.image.data = {"kernel": [heat.kernel.astype(np.float32)]}

    def show_points(self, state: DemoState) -> None:
        """Mark the pairs of points."""
        xs = np.array([x for x, _ in state.points])
        x, other = np.meshgrid(xs, xs)
        self._entries.size = min(3.5, 30 / max(len(xs), 1))
        self.entries.data = {"x": x.ravel(), "other": other.ravel()}


class SpectrumPlot:
    """The rate at which each component is learnt, filled as far as it is."""

    def __init__(self) -> None:
        columns = ("component", "rate", "eigenvalue", "time", "learnt", "target")
        self.source = ColumnDataSource({name: [] for name in columns}, name="spectrum")
        self.figure = _figure(
            y_axis_type="log", x_range=(0.5, 1.5), y_range=(0.1, 1), name="rates",
            x_axis_label="component", y_axis_label="decay rate",
        )  # fmt: skip
        self.figure.xaxis.ticker.min_interval = 1
        self.figure.yaxis.ticker = self._decades = FixedTicker(ticks=[])
        filled = LinearColorMapper(palette=["#ffffff", *_PALETTE[40:200]], low=0, high=1)
        dots = self.figure.scatter(
            "component", "rate", source=self.source, size=11, line_color=BLUE, line_width=1.5,
            fill_color={"field": "learnt", "transform": filled},
        )  # fmt: skip
        self.now = Span(
            location=1, dimension="width", line_color=ORANGE, line_dash="dashed", line_width=2,
            visible=False, name="now", level="underlay",
        )  # fmt: skip
        self.figure.add_layout(self.now)
        tips = [
            ("component", "@component"),
            ("eigenvalue of K/N", "@eigenvalue{0.00e+0}"),
            ("decay rate", "@rate{0.00e+0}"),
            ("time 1/rate", "@time{0.00e+0}"),
            ("learnt", "@learnt{0%}"),
            ("size of target", "@target{0.000}"),
        ]
        self.figure.add_tools(HoverTool(renderers=[dots], tooltips=tips))

    def show(self, spectrum: Spectrum, t: float) -> None:
        """Draw the spectrum at a time; the dashed line is the rate 1/t."""
        rates = spectrum.rates
        # What is never learnt has no place on a logarithmic axis: it is drawn below all others.
        some = rates[rates > 0]
        least = some.min() / 10 if len(some) else 1.0
        # Infinite numbers have no place in the JSON of a browser.
        times = np.where(np.isfinite(spectrum.time_constants), spectrum.time_constants, 1e300)
        self.source.data = {
            "component": np.arange(1, len(rates) + 1),
            "rate": np.where(rates > 0, rates, least),
            "eigenvalue": spectrum.eigenvalues,
            "time": times,
            "learnt": spectrum.learnt,
            "target": spectrum.targets,
        }
        low, high = _decades(self.source.data["rate"])
        self.figure.y_range.update(start=10.0**low, end=10.0**high)
        self._decades.ticks = [10.0**k for k in range(low, high + 1, 1 + (high - low) // 6)]
        self.figure.x_range.end = max(len(rates), 1) + 0.5
        moving = bool(len(rates)) and 0 < t < math.inf
        self.now.update(visible=moving, **({"location": 1 / t} if moving else {}))


def _decades(rates: NDArray[np.float64]) -> tuple[int, int]:
    """Return the exponents of the whole decades around rates, for a logarithmic axis."""
    if not len(rates):
        return -1, 0
    low, high = math.log10(rates.min()), math.log10(rates.max())
    return math.floor(low - 0.25), math.ceil(high + 0.25)


def _figure(**settings: Any) -> Any:
    """Return a calm figure that fills its place on the page and scrolls with it."""
    plot = figure(
        tools="", toolbar_location=None, sizing_mode="stretch_both", min_border=4,
        outline_line_color=None, background_fill_alpha=0, border_fill_alpha=0, **settings,
    )  # fmt: skip
    plot.grid.grid_line_color = FAINT
    plot.grid.grid_line_alpha = 0.6
    plot.axis.axis_line_color = "#999999"
    plot.axis.major_tick_line_color = "#999999"
    plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_font = plot.axis.axis_label_text_font = FONT
    plot.axis.major_label_text_color = SOFT
    plot.axis.major_label_text_font_size = "12px"
    plot.axis.axis_label_text_color = SOFT
    plot.axis.axis_label_text_font_size = "13px"
    plot.axis.axis_label_text_font_style = "normal"
    return plot
