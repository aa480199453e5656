# SPDX-License-Identifier: Apache-2.0
"""Contours of the cost over planes, in the space of parameters and in that of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastntk.paper.experiment import Outcome

_SPACES = ("parameters", "functions")
_COLORS = "YlGnBu"
# Contours in powers of two; the cost of a narrow network reaches far beyond that of functions.
_LEVELS = 13


def draw(outcome: Outcome) -> Figure:
    """Draw a row for each width; the two spaces beside each other, for both planes."""
    from matplotlib.colors import LogNorm

    figure = ink.figure((13.2, 6.9))
    arrays, settings = outcome.arrays, outcome.settings
    panels = [(plane, space) for plane in settings["planes"] for space in _SPACES]
    axes = figure.subplots(len(settings["widths"]), len(panels))
    for plane in settings["planes"]:
        columns = [i for i, (name, _) in enumerate(panels) if name == plane]
        shown = [arrays[f"{n}_{plane}_{space}"] for n in settings["widths"] for space in _SPACES]
        levels = _levels(shown)
        for row, width in enumerate(settings["widths"]):
            for column in columns:
                panel: Axes = axes[row, column]
                space = panels[column][1]
                values = {name: arrays[f"{width}_{plane}_{name}"] for name in ("a", "b", space)}
                drawn = panel.contourf(
                    values["a"], values["b"], np.clip(values[space].T, levels[0], levels[-1]),
                    levels=levels, norm=LogNorm(levels[0], levels[-1]), cmap=_COLORS,
                )  # fmt: skip
                panel.contour(
                    values["a"], values["b"], values[space].T, levels=levels, colors="white",
                    linewidths=0.5, alpha=0.7,
                )  # fmt: skip
                if space == "parameters":
                    _hatch(panel, values["a"], values["b"], arrays[f"{width}_{plane}_curvature"])
                _mark(panel, arrays.get(f"{width}_{plane}_path"))
                ink.plain(panel)
                panel.set_xlabel("a", color=ink.INK)
                if column == 0:
                    panel.set_ylabel(f"n = {width:,}\nb", color=ink.INK)
                if row == 0:
                    ink.heading(panel, f"{plane} plane: {space}")
        bar = figure.colorbar(
            drawn, ax=axes[:, columns], location="bottom", fraction=0.05, pad=0.02, aspect=40,
            ticks=levels[1::3],
        )  # fmt: skip
        bar.ax.set_xticklabels([f"{level:.2g}" for level in levels[1::3]])
        bar.ax.minorticks_off()
        bar.set_label("cost", color=ink.INK)
    ink.titles(
        figure,
        outcome.title,
        "cost around trained networks (star; red: their training) at "
        f"{settings['points']} points: at parameters θ + a u + b v, and at functions "
        "f + a Ju + b Jv; hatched: not convex",
    )
    return figure


def _levels(shown: list[Any]) -> Any:
    """Return contours in equal ratios, over what the functions' cost covers."""
    functions = np.stack([shown[1], shown[3]])
    top = np.ceil(np.log2(np.quantile(functions, 0.99)))
    return 2.0 ** (top + np.arange(1 - _LEVELS, 1))


def _hatch(panel: Axes, a: Any, b: Any, curvature: Any) -> None:
    """Hatch where a second derivative is negative."""
    from matplotlib import rc_context

    with rc_context({"hatch.linewidth": 0.6, "hatch.color": "white"}):
        panel.contourf(
            a[1:-1], b[1:-1], np.sign(curvature.T), levels=[-1.5, 0, 1.5], colors="none",
            hatches=["///", None],
        )  # fmt: skip


def _mark(panel: Axes, path: Any) -> None:
    """Mark the trained network, and the way to it where there is one."""
    if path is not None:
        panel.plot(path[:, 0], path[:, 1], color="#c8262b", linewidth=1.4)
        panel.scatter(path[:1, 0], path[:1, 1], color="#c8262b", s=16, zorder=3)
    panel.scatter([0], [0], color="#c8262b", marker="*", s=52, zorder=3)
