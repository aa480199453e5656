# SPDX-License-Identifier: Apache-2.0
"""Figures from results; nothing is computed here but positions on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Up to here a class is drawn as its label, beyond as a point.
_MAX_GLYPHS = 2500
# A longer class name is in the legend only.
_MAX_CENTRE_LETTERS = 3
# More distinct labels than this are a quantity, not classes.
_MAX_CLASSES = 20
# Ten hues that stay apart in print and for most colour-blind readers, light ones darkened.
_COLORS = (
    "#1f5fa8", "#e07b00", "#2a8f3c", "#c8262b", "#7a4fb0",
    "#7d4a35", "#d455a4", "#5f6468", "#9a9400", "#0099ad",
)  # fmt: skip
_INK, _SOFT_INK, _FAINT = "#222222", "#555555", "#d8d8d8"


def component_plane(
    scores: NDArray[np.floating[Any]],
    eigenvalues: NDArray[np.floating[Any]],
    labels: NDArray[Any] | None,
    components: tuple[int, int],
    *,
    title: str,
    subtitle: str = "",
) -> Figure:
    """Draw samples in the plane of two kernel principal components, coloured by class.

    Parameters
    ----------
    scores : ndarray of shape (n, 2)
        Coordinates of the samples.
    eigenvalues : ndarray of shape (2,)
        Eigenvalues of K/N that belong to the two axes.
    labels : ndarray of shape (n,) or None
        Classes, or a quantity if there are more than 20 different ones.
    components : tuple of int
        The numbers of the two components, counted from 1.
    title, subtitle : str
        Written above.

    Returns
    -------
    matplotlib.figure.Figure
        Made without pyplot: no display, no global state.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 6.6), layout="constrained")
    axes = figure.add_subplot()
    classes = None if labels is None else np.unique(labels)
    if classes is None or labels is None:
        _dots(axes, scores, _COLORS[0])
    elif len(classes) <= _MAX_CLASSES:
        _draw_classes(axes, scores, labels, classes)
    elif labels.dtype.kind in "iuf":
        drawn = _dots(axes, scores, labels.astype(np.float64))
        figure.colorbar(drawn, ax=axes, label="label", fraction=0.04, pad=0.02)
    else:
        _dots(axes, scores, _COLORS[0])
    _frame(axes, eigenvalues, components)
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", color=_INK, pad=26)
    axes.annotate(
        subtitle, (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points",
        fontsize=9.5, color=_SOFT_INK,
    )  # fmt: skip
    return figure


def _draw_classes(
    axes: Axes,
    scores: NDArray[np.floating[Any]],
    labels: NDArray[Any],
    classes: NDArray[Any],
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    colors = [_COLORS[i % len(_COLORS)] for i in range(len(classes))]
    names = [str(int(c)) if _is_whole(c) else str(c) for c in classes]
    if len(scores) <= _MAX_GLYPHS and all(len(name) <= 2 and name.isalnum() for name in names):
        size = float(np.clip(40_000 / len(scores), 26, 60))
        for c, name, color in zip(classes, names, colors, strict=True):
            place = scores[labels == c]
            axes.scatter(
                place[:, 0], place[:, 1], s=size, marker=rf"$\mathbf{{{name}}}$", c=color,
                linewidths=0, alpha=0.9,
            )  # fmt: skip
    else:
        # One call in random order: no class covers the others because it is drawn last.
        order = np.random.default_rng(0).permutation(len(scores))
        index = np.searchsorted(classes, labels)
        _dots(axes, scores[order], np.array(colors)[index[order]])
        for c, name, color in zip(classes, names, colors, strict=True):
            if len(name) > _MAX_CENTRE_LETTERS:
                continue
            x, y = np.median(scores[labels == c], axis=0)
            axes.text(
                x, y, name, color=color, fontsize=17, fontweight="bold", ha="center", va="center",
                path_effects=[withStroke(linewidth=4, foreground="white")], zorder=5,
            )  # fmt: skip
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=7, color=color, label=name)
        for name, color in zip(names, colors, strict=True)
    ]
    axes.legend(
        handles=handles, title="class", loc="upper left", bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0, frameon=False, handletextpad=0.2, alignment="left",
    )  # fmt: skip


def _dots(axes: Axes, scores: NDArray[np.floating[Any]], color: Any) -> Any:
    count = len(scores)
    size = float(np.clip(60_000 / count, 2.0, 30))
    alpha = float(np.clip(2_500 / count, 0.4, 0.8))
    return axes.scatter(
        scores[:, 0], scores[:, 1], s=size, c=color, alpha=alpha, linewidths=0, rasterized=True
    )


def _frame(axes: Axes, eigenvalues: NDArray[np.floating[Any]], components: tuple[int, int]) -> None:
    labels = [
        f"{_ordinal(c)} component   (eigenvalue of K/N: {value:.3g})"
        for c, value in zip(components, eigenvalues, strict=True)
    ]
    axes.set_xlabel(labels[0], color=_INK)
    axes.set_ylabel(labels[1], color=_INK)
    # One unit is as long on both axes: distances on paper are distances in feature space.
    axes.set_aspect("equal", adjustable="datalim")
    axes.axhline(0, color=_FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, color=_FAINT, linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=_SOFT_INK, labelsize=9)
    axes.margins(0.03)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (np.integer, np.floating)) and float(value).is_integer()


def _ordinal(number: int) -> str:
    teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
