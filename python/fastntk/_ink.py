# SPDX-License-Identifier: Apache-2.0
"""What figures share: colours, plain axes, titles at the left, the way into a file."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import fastntk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, FAINT = "#222222", "#555555", "#d8d8d8"
BLUE, ORANGE, GREEN = "#1f5fa8", "#e07b00", "#2a8f3c"

# Inches of a figure that title and subtitle take.
_TITLES = 0.72


def require_matplotlib() -> None:
    """Raise ImportError, before anything is computed, if a picture cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise ImportError('the picture needs matplotlib: pip install "fastntk[app]"')


def network_words(net: fastntk.FullyConnected) -> str:
    """Return what a subtitle says of the network."""
    weights = (
        f"weight std {_several(net.weight_stds)}"
        if net.init_std is None
        else f"init std {net.init_std:g}"
    )
    layers = f"{net.hidden_layers} hidden layer{'' if net.hidden_layers == 1 else 's'}"
    names = ", ".join(dict.fromkeys(map(str, net.activations))) or str(net.activation)
    return f"{layers}, {names}, {weights}, bias std {_several(net.bias_stds)}"


def _several(values: tuple[float, ...]) -> str:
    """Return numbers once where they are equal."""
    return ", ".join(f"{one:g}" for one in (values if len(set(values)) > 1 else values[:1]))


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a PNG file."""
    with warnings.catch_warnings():
        # A class name in a script that the font lacks shows boxes; nobody needs to be told twice.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # The layout of images, whose cells are square, is settled by a second drawing only.
        figure.draw_without_rendering()
        figure.savefig(path, dpi=200)


def figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure, made without pyplot: no display, no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def titles(figure: Figure, title: str, subtitle: str) -> None:
    """Write title and subtitle above everything, as they are: a "$" is a dollar."""
    height = figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - _TITLES / height))
    for text, below, size, weight, color in (
        (title, 0.22, 13, "bold", INK),
        (subtitle, 0.5, 9.5, "normal", SOFT),
    ):
        figure.text(
            0.012, 1 - below / height, text, ha="left", va="center", fontsize=size,
            fontweight=weight, color=color, parse_math=False,
        )  # fmt: skip


def heading(axes: Axes, text: str) -> None:
    """Write a heading above axes, at their left."""
    axes.set_title(text, loc="left", fontsize=11, color=INK, pad=8, parse_math=False)


def plain(axes: Axes) -> None:
    """Leave two thin spines and small ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=SOFT, labelsize=9)
