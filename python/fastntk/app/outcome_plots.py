# SPDX-License-Identifier: Apache-2.0
"""What a regression predicts against what is true: confusion matrices, or points at a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More classes than this leave no room for a number in each cell.
_MAX_NUMBERS = 16
# And more than this none for the name of each.
_MAX_NAMES = 40
_MAX_NAME_LETTERS = 12
# Mistakes are rare: their colours go to the commonest of them, and never stand for less than this.
_LEAST_TOP = 0.01


@dataclass(frozen=True)
class Panel:
    """One kernel's part of a figure: a heading and predictions, numbers of classes or values."""

    heading: str
    predicted: NDArray[Any]


def confusion(
    true: NDArray[np.integer[Any]],
    panels: list[Panel],
    names: list[str],
    *,
    title: str,
    subtitle: str,
) -> Figure:
    """Draw one confusion matrix per panel, rows of per cent that sum to 100.

    Parameters
    ----------
    true : ndarray of shape (M,)
        Class numbers.
    panels : list of Panel
        Class numbers as predicted.
    names : list of str
        Of the classes.
    title, subtitle : str
        Written above, as they are.

    Returns
    -------
    matplotlib.figure.Figure
        The diagonal is blue; what is off it is orange, on a scale of its own that ends at the
        commonest mistake.
    """
    figure = ink.figure((6.0 * len(panels) + 1.2, 7.2))
    shares = [_shares(true, panel.predicted, len(names)) for panel in panels]
    mistakes = [share * (1 - np.eye(len(names))) for share in shares]
    top = max(_LEAST_TOP, *(float(share.max()) for share in mistakes))
    counts = np.bincount(true, minlength=len(names))
    for i, (panel, share) in enumerate(zip(panels, shares, strict=True)):
        axes = figure.add_subplot(1, len(panels), i + 1)
        _cells(axes, share, top)
        _class_names(axes, names, counts, first=i == 0)
        ink.heading(axes, panel.heading)
    ink.titles(figure, title, subtitle)
    return figure


def _shares(
    true: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.float64]:
    """Return the share of each true class (rows) that is taken for each class (columns)."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (true, predicted), 1)
    share: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return share


def _cells(axes: Axes, share: NDArray[np.float64], top: float) -> None:
    from matplotlib import colormaps

    classes = len(share)
    right = np.eye(classes, dtype=bool)
    # The pale ends of the two scales: dark numbers are read on all of them.
    colors = colormaps["Oranges"](0.75 * np.minimum(share / top, 1) * (share > 0))
    colors[share == 0] = 1.0
    colors[right] = colormaps["Blues"](0.05 + 0.55 * share[right])
    axes.imshow(colors, interpolation="nearest")
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#eeeeee", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    if classes > _MAX_NUMBERS:
        return
    for i, j in zip(*np.nonzero(share), strict=True):
        per_cent = 100 * share[i, j]
        axes.text(
            j, i, f"{per_cent:.1f}" if per_cent < 99.95 else "100", ha="center", va="center",
            color=ink.INK, fontsize=9, fontweight="bold" if i == j else "normal",
        )  # fmt: skip


def _class_names(
    axes: Axes, names: list[str], counts: NDArray[np.integer[Any]], *, first: bool
) -> None:
    axes.set_xlabel("predicted", color=ink.INK)
    if first:
        axes.set_ylabel("true class (samples), per cent of each row", color=ink.INK)
    if len(names) > _MAX_NAMES:
        return
    short = [name[:_MAX_NAME_LETTERS] for name in names]
    places = range(len(names))
    long = max(map(len, short)) > 3
    axes.set_xticks(places, short, rotation=90 if long else 0, parse_math=False)
    rows = [f"{name} ({count:,})" for name, count in zip(short, counts, strict=True)]
    axes.set_yticks(places, rows if first else short, parse_math=False)
    axes.tick_params(colors=ink.SOFT, labelsize=9)


def agreement(
    true: NDArray[np.float64], panels: list[Panel], *, title: str, subtitle: str
) -> Figure:
    """Draw predicted against true values, one panel per kernel, with the residuals below.

    Parameters
    ----------
    true : ndarray of shape (M,)
        Values.
    panels : list of Panel
        Values as predicted.
    title, subtitle : str
        Written above, as they are.
    """
    figure = ink.figure((5.2 * len(panels) + 1.8, 7.4))
    grid = figure.add_gridspec(2, len(panels), height_ratios=(3, 1))
    size = float(np.clip(60_000 / len(true), 2.0, 26))
    opacity = float(np.clip(2_500 / len(true), 0.25, 0.8))
    ends = np.array([min(true.min(), *(p.predicted.min() for p in panels)),
                     max(true.max(), *(p.predicted.max() for p in panels))])  # fmt: skip
    largest = max(float(np.abs(p.predicted - true).max()) for p in panels) or 1.0
    for i, panel in enumerate(panels):
        above = figure.add_subplot(grid[0, i])
        below = figure.add_subplot(grid[1, i], sharex=above)
        above.plot(ends, ends, color=ink.FAINT, linewidth=1.2, zorder=0)
        below.axhline(0, color=ink.FAINT, linewidth=1.2, zorder=0)
        for axes, y in ((above, panel.predicted), (below, panel.predicted - true)):
            axes.scatter(
                true, y, s=size, alpha=opacity, color=ink.BLUE, linewidths=0, rasterized=True
            )
            ink.plain(axes)
        above.tick_params(labelbottom=False)
        below.set_ylim(-1.08 * largest, 1.08 * largest)
        below.set_xlabel("true value", color=ink.INK)
        if i == 0:
            above.set_ylabel("predicted value", color=ink.INK)
            below.set_ylabel("predicted - true", color=ink.INK)
        ink.heading(above, panel.heading)
    ink.titles(figure, title, subtitle)
    return figure
