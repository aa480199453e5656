# SPDX-License-Identifier: Apache-2.0
"""Samples in the plane of two kernel principal components, for the commands and the paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Up to here a class is drawn as its label, beyond as a point.
_MAX_GLYPHS = 2500
# A longer class name is in the legend only.
_MAX_CENTRE_LETTERS = 3
# A longer one is cut in the legend.
_MAX_NAME = 24
# More distinct labels than this are a quantity, not classes.
_MAX_CLASSES = 20
# Ten hues that stay apart in print and for most colour-blind readers, light ones darkened.
_COLORS = (
    "#1f5fa8", "#e07b00", "#2a8f3c", "#c8262b", "#7a4fb0",
    "#7d4a35", "#d455a4", "#5f6468", "#9a9400", "#0099ad",
)  # fmt: skip
# Share of white in the second ten.
_TINT = 0.45
_UNKNOWN = "#aaaaaa"


def component_plane(
    scores: NDArray[np.floating[Any]],
    eigenvalues: NDArray[np.floating[Any]],
    labels: NDArray[Any] | None,
    components: tuple[int, int],
    *,
    title: str,
    subtitle: str = "",
    matrix: str = "K",
) -> Figure:
    """Draw samples in the plane of two kernel principal components, coloured by class.

    Parameters
    ----------
    scores : ndarray of shape (n, 2)
        Coordinates of the samples.
    eigenvalues : ndarray of shape (2,)
        Eigenvalues of ``matrix`` / N that belong to the two axes.
    labels : ndarray of shape (n,) or None
        Classes, or a quantity if there are more than 20 different ones.
    components : tuple of int
        The numbers of the two components, counted from 1.
    title, subtitle : str
        Written above, as they are: a "$" is a dollar.
    matrix : str
        What the eigenvalues belong to: "K", or "HKH" for the centred kernel.

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
        _dots(axes, scores, _COLORS[0], count=len(scores))
    elif len(classes) <= _MAX_CLASSES:
        _draw_classes(axes, scores, labels)
    elif labels.dtype.kind in "iuf":
        _draw_quantity(axes, scores, labels)
    else:
        _dots(axes, scores, _COLORS[0], count=len(scores))
    _frame(axes, eigenvalues, components, matrix)
    axes.set_title(
        title, loc="left", fontsize=14, fontweight="bold", color=ink.INK, pad=26, parse_math=False
    )
    axes.annotate(
        subtitle, (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points",
        fontsize=9.5, color=ink.SOFT, parse_math=False,
    )  # fmt: skip
    return figure


def _draw_classes(axes: Axes, scores: NDArray[np.floating[Any]], labels: NDArray[Any]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    names, index = _classes(labels)
    styles = [_style(c) for c in range(len(names))]
    glyphs = np.array([len(scores) <= _MAX_GLYPHS and _is_glyph(name) for name in names])
    for c in np.flatnonzero(glyphs):
        place, name = scores[index == c], names[c]
        # A marker is as wide as its size says: two letters take more of it to be as tall as one.
        size = float(np.clip(40_000 / len(scores), 26, 60)) * (3.0 if len(name) > 1 else 1.0)
        axes.scatter(
            place[:, 0], place[:, 1], s=size, marker=rf"$\mathbf{{{name}}}$", c=styles[c][0],
            linewidths=0, alpha=0.9,
        )  # fmt: skip
    # One call in random order: no class covers the others because it is drawn last.
    order = np.random.default_rng(0).permutation(len(scores))
    order = order[~glyphs[index[order]]]
    for marker in dict.fromkeys(marker for _, marker in styles):
        mine = order[np.array([styles[c][1] == marker for c in index[order]], dtype=bool)]
        if len(mine):
            colors = np.array([styles[c][0] for c in index[mine]])
            _dots(axes, scores[mine], colors, count=len(scores), marker=marker)
    for c in np.flatnonzero(~glyphs):
        if len(names[c]) <= _MAX_CENTRE_LETTERS:
            x, y = np.median(scores[index == c], axis=0)
            axes.text(
                x, y, names[c], color=styles[c][0], fontsize=17, fontweight="bold", ha="center",
                va="center", path_effects=[withStroke(linewidth=4, foreground="white")], zorder=5,
                parse_math=False,
            )  # fmt: skip
    handles = [
        Line2D([], [], linestyle="", marker=marker, markersize=7, color=color, label="class")
        for color, marker in styles
    ]
    legend = axes.legend(
        handles=handles, title="class", loc="upper left", bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0, frameon=False, handletextpad=0.2, alignment="left",
    )  # fmt: skip
    # Set afterwards: a legend leaves out names that begin with "_" and reads "$" as mathematics.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def _draw_quantity(axes: Axes, scores: NDArray[np.floating[Any]], labels: NDArray[Any]) -> None:
    values = labels.astype(np.float64)
    known = np.isfinite(values)
    if not known.all():
        # Without a place on the colour scale, and kept from deciding its ends.
        _dots(axes, scores[~known], _UNKNOWN, count=len(scores))
    drawn = _dots(axes, scores[known], values[known], count=len(scores))
    axes.figure.colorbar(drawn, ax=axes, label="label", fraction=0.04, pad=0.02)


def _dots(
    axes: Axes, scores: NDArray[np.floating[Any]], color: Any, *, count: int, marker: str = "o"
) -> Any:
    size = float(np.clip(60_000 / count, 2.0, 30))
    alpha = float(np.clip(2_500 / count, 0.4, 0.8))
    return axes.scatter(
        scores[:, 0], scores[:, 1], s=size, c=color, alpha=alpha, linewidths=0, rasterized=True,
        marker=marker,
    )  # fmt: skip


def _classes(labels: NDArray[Any]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the names of the classes, in the order people count, and the class of each sample."""
    values, index = np.unique(labels, return_inverse=True)
    names = [_name(value) for value in values]
    order = sorted(range(len(names)), key=lambda c: _natural(names[c]))
    if values.dtype.kind not in "US":
        order = list(range(len(names)))
    return [names[c] for c in order], np.argsort(order)[index.reshape(-1)]


def _name(value: Any) -> str:
    if isinstance(value, (np.integer, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"


def _natural(name: str) -> tuple[list[Any], str]:
    """Sort key: numbers within names by value, 2 before 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)], name


def _style(number: int) -> tuple[str, str]:
    """Colour and marker of a class: ten hues as discs, then their light tints as triangles."""
    turn, hue = divmod(number, len(_COLORS))
    if turn == 0:
        return _COLORS[hue], "o"
    dark = [int(_COLORS[hue][i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(c + (255 - c) * _TINT):02x}" for c in dark), "^"


def _is_glyph(name: str) -> bool:
    return len(name) <= 2 and name.isalnum() and name.isascii()


def _frame(
    axes: Axes,
    eigenvalues: NDArray[np.floating[Any]],
    components: tuple[int, int],
    matrix: str,
) -> None:
    labels = [
        f"{_ordinal(c)} component   (eigenvalue of {matrix}/N: {value:.3g})"
        for c, value in zip(components, eigenvalues, strict=True)
    ]
    axes.set_xlabel(labels[0], color=ink.INK)
    axes.set_ylabel(labels[1], color=ink.INK)
    # One unit is as long on both axes: distances on paper are distances in feature space.
    axes.set_aspect("equal", adjustable="datalim")
    axes.axhline(0, color=ink.FAINT, linewidth=0.8, zorder=0)
    axes.axvline(0, color=ink.FAINT, linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=ink.SOFT, labelsize=9)
    axes.margins(0.03)
    # The power of ten stands left of the axis, above its numbers: right of it is the subtitle.
    axes.yaxis.get_offset_text().set(x=-0.01, horizontalalignment="right")


def _ordinal(number: int) -> str:
    teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
