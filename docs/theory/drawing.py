# SPDX-License-Identifier: Apache-2.0
"""Figures of the pages in this folder, in the project's colours: axes, and the SVG of a figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fastntk import _ink as ink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.display import SVG
    from matplotlib.axes import Axes

SOFT, BLUE, ORANGE, GREEN = ink.SOFT, ink.BLUE, ink.ORANGE, ink.GREEN


def axes(*headings: str, height: float = 3.0) -> list[Axes]:
    """Return axes side by side, each under its heading, of an empty figure."""
    figure = ink.figure((7.8 if len(headings) > 1 else 5.4, height))
    figure.get_layout_engine().set(wspace=0.06)
    panels = figure.subplots(1, len(headings), squeeze=False)[0]
    for panel, text in zip(panels, headings, strict=True):
        ink.heading(panel, text)
        ink.plain(panel)
        panel.tick_params(which="minor", colors=SOFT, labelsize=8)
    return list(panels)


def mark(panel: Axes, values: Iterable[float]) -> None:
    """Put the ticks of a logarithmic x axis at some values, and nowhere else."""
    values = list(values)
    panel.set_xticks(values, [f"{value:g}" for value in values])
    panel.set_xticks([], minor=True)


def legend(panel: Axes, columns: int = 0) -> None:
    """Write a plain legend into axes, or in so many columns below all axes of the figure."""
    style = {"frameon": False, "fontsize": 9, "labelcolor": ink.INK}
    if columns:
        entries = panel.get_legend_handles_labels()
        panel.figure.legend(*entries, loc="outside lower center", ncols=columns, **style)
    else:
        panel.legend(**style)


def show(panel: Axes) -> SVG:
    """Return the figure that axes belong to, as a page shows it."""
    from IPython.display import SVG

    text = io.StringIO()
    panel.figure.savefig(text, format="svg", facecolor="white", metadata={"Date": None})
    return SVG(text.getvalue())
