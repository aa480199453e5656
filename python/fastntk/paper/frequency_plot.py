# SPDX-License-Identifier: Apache-2.0
"""Eigenvalue over frequency, what is learnt by then, and when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastntk.paper.experiment import Outcome

_BLUES = ("#9ec5ea", ink.BLUE, "#0b2c54")
# Below it, the Gaussian kernel's eigenvalues are of no interest and soon rounding.
_LEAST = 1e-8


def draw(outcome: Outcome) -> Figure:
    """Draw three panels."""
    figure = ink.figure((13.0, 4.9))
    spectrum, learnt, stopping = figure.subplots(1, 3)
    _spectrum(spectrum, outcome)
    _learnt(learnt, outcome)
    _stopping(stopping, outcome)
    for axes in (spectrum, learnt, stopping):
        ink.plain(axes)
    settings = outcome.settings
    ink.titles(
        figure,
        outcome.title,
        f"inputs uniform on the unit circle; ReLU networks, bias std {settings['bias_std']:g}; "
        f"Gaussian kernel of length scale {settings['length_scale']:g}",
    )
    return figure


def _names(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """Return label and colour of each kernel."""
    names = {}
    for layers, color in zip(outcome.settings["hidden_layers"], _BLUES, strict=True):
        plural = "" if layers == 1 else "s"
        names[f"ntk_{layers}"] = (f"NTK, {layers} hidden layer{plural}", color)
    return names | {"rbf": ("RBF", ink.ORANGE)}


def _spectrum(axes: Axes, outcome: Outcome) -> None:
    k = outcome.arrays["frequencies"]
    for name, (label, color) in _names(outcome).items():
        values = outcome.arrays[f"eigenvalues_{name}"]
        shown = (k >= 1) & (values > _LEAST)
        axes.plot(k[shown], values[shown], color=color, linewidth=1.4, marker="o", markersize=2.2)
        axes.axhline(values[0], 0, 0.03, color=color, linewidth=2.5)  # frequency 0
        axes.plot([], [], color=color, linewidth=1.8, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("frequency k   (marks at the left: k = 0)", color=ink.INK)
    axes.set_ylabel(r"eigenvalue $\lambda_k$, the decay rate", color=ink.INK)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    ink.heading(axes, "eigenvalues of the integral operator")


def _learnt(axes: Axes, outcome: Outcome) -> None:
    import matplotlib

    k, settings = outcome.arrays["frequencies"], outcome.settings
    times = settings["learnt_at"]
    colors = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.85, len(times)))
    for t, color in zip(times, colors, strict=True):
        for name, style in ((settings["main"], "-"), ("rbf", ":")):
            share = -np.expm1(-t * outcome.arrays[f"eigenvalues_{name}"])
            axes.plot(k[1:], share[1:], color=color, linestyle=style, linewidth=1.5)
        axes.plot([], [], color=color, label=f"t = $10^{{{round(np.log10(t))}}}$")
    axes.plot([], [], color=ink.SOFT, linestyle=":", label="RBF")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("frequency k", color=ink.INK)
    axes.set_ylabel(r"share learnt, $1 - \exp(-t \lambda_k)$", color=ink.INK)
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    layers = settings["main"].removeprefix("ntk_")
    ink.heading(axes, f"learnt by time t ({layers} hidden layers)")


def _stopping(axes: Axes, outcome: Outcome) -> None:
    times, settings = outcome.arrays["times"][1:], outcome.settings
    axes.plot(
        times, outcome.arrays["error_once"][1:], color=_BLUES[0], linewidth=1.2,
        label="NTK, one draw of the noise",
    )  # fmt: skip
    for name, color, label in (
        (settings["main"], ink.BLUE, "NTK, expected"),
        ("rbf", ink.ORANGE, "RBF, expected"),
    ):
        error = outcome.arrays[f"error_{name}"][1:]
        axes.plot(times, error, color=color, linewidth=1.7, label=label)
        best = int(error.argmin())
        axes.plot(times[best], error[best], "o", color=color, markersize=6)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time t", color=ink.INK)
    axes.set_ylabel(r"mean-square distance of $f_t$ from $f^*$", color=ink.INK)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    ink.heading(
        axes, f"x₁x₂ at {settings['points']} points, noise {settings['noise']:g}: stop early"
    )
