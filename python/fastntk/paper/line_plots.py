# SPDX-License-Identifier: Apache-2.0
"""Curves of trained networks against time, a colour for each width: figures 3b and 3c."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk.paper.experiment import Outcome

# Of the widths, ascending; blue is the limit's, as in the paper.
_COLORS = ("#c8262b", ink.ORANGE, ink.GREEN)
# The second trial of a width, and the second rate of one network.
_STYLES = ("-", (0, (5, 2)))
_AGAIN = (0, (1, 1.6))


def courses(
    outcome: Outcome, what: str, label: str, *, subtitle: str, exact: str | None = None
) -> Figure:
    """Draw what was recorded of every trial.

    Parameters
    ----------
    outcome : Outcome
        Of figure 3b or 3c.
    what : {"g", "h"}
        Which arrays; their moduli are drawn.
    label : str
        Of the axis.
    subtitle : str
        Above everything, under the title.
    exact : str, optional
        The array of the limit.
    """
    figure = ink.figure((7.6, 5.4))
    axes = figure.add_subplot()
    trials = outcome.settings["trials"]
    widths = sorted({trial["width"] for trial in trials})
    again = len(trials) - 1
    for number, trial in enumerate(trials):
        name = "n{width}_network{number}_rate{rate:g}".format(**trial)
        t, values = outcome.arrays[f"{name}_times"], np.abs(outcome.arrays[f"{name}_{what}"])
        axes.plot(
            t, values, color=_COLORS[widths.index(trial["width"])],
            linestyle=_AGAIN if number == again else _STYLES[trial["number"]],
            linewidth=2.2 if number == again else 1.4,
            label=_words(trial), zorder=3 if number == again else 2,
        )  # fmt: skip
    if exact is not None:
        axes.plot(
            outcome.arrays[f"{exact}_times"], outcome.arrays[exact], color=ink.BLUE, linewidth=2.4,
            label="infinite width, exact", zorder=1.5,
        )  # fmt: skip
    axes.set_xlim(0, outcome.settings["end"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("t", color=ink.INK)
    axes.set_ylabel(label, color=ink.INK)
    axes.legend(frameon=False, fontsize=9, handlelength=3)
    ink.plain(axes)
    ink.titles(figure, outcome.title, f"{subtitle}; {outcome.settings['points']} digits")
    return figure


def _words(trial: dict[str, float]) -> str:
    return f"n = {trial['width']:,}, trial {trial['number'] + 1}, rate {trial['rate']:g}"
