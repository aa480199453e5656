# SPDX-License-Identifier: Apache-2.0
"""Figure 2: the functions of trained networks over the angle, and the percentiles of the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk.paper.experiment import Outcome


def draw(outcome: Outcome) -> Figure:
    """Draw every network's function, and three percentiles by exact and by empirical kernels."""
    arrays, settings = outcome.arrays, outcome.settings
    figure = ink.figure((8.6, 5.6))
    axes = figure.add_subplot()
    gamma = _round(arrays["angles"])
    gamma[-1] = np.pi
    for width, color in zip(settings["networks"], ("#5fa85f", "#7f9fd8"), strict=True):
        f = arrays[f"f_{width}"][: settings["drawn"]]
        lines = axes.plot(gamma, _round(f).T, color=color, linewidth=0.8, alpha=0.8)
        lines[0].set_label(f"n = {width:,}, {len(f)} networks")
    axes.plot(
        arrays["training_angles"], arrays["training_targets"], "o", color=ink.INK, markersize=5,
        zorder=5, label="training points",
    )  # fmt: skip
    exact: dict[str, Any] = {"color": ink.INK, "linewidth": 1.6}
    one: dict[str, Any] = {"color": "#d62728", "linewidth": 1.3, "linestyle": (0, (4, 3))}
    for name, style, label in (
        ("exact", exact, "n = ∞, percentiles 10, 50, 90, exact"),
        ("empirical", one, f"by the kernels of one network of n = {settings['very_wide']:,}"),
    ):
        lines = axes.plot(gamma, _round(arrays[name]).T, **style)
        lines[0].set_label(label)
    axes.set_xlabel(r"$\gamma$", color=ink.INK)
    axes.set_ylabel(r"$f_\theta(\cos\gamma, \sin\gamma)$", color=ink.INK)
    axes.set_xlim(-np.pi, np.pi)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.28 * (high - low))  # room for the legend above the curves
    axes.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)
    ink.plain(axes)
    ink.titles(
        figure,
        outcome.title,
        f"{settings['hidden_layers']} hidden layers, bias std {settings['bias_std']:g}, "
        f"{settings['steps']:,} steps of rate {settings['learning_rate']:g} on "
        f"{len(settings['training_angles'])} points, f* = x₁x₂",
    )
    return figure


def _round(values: Any) -> Any:
    """Return values whose last axis is closed: the last angle is the first again."""
    return np.concatenate([values, values[..., :1]], axis=-1)
