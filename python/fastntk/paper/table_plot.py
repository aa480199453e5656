# SPDX-License-Identifier: Apache-2.0
"""The eigenvalues of section 6.3 beside those of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk.paper.experiment import Outcome

_ORDINALS = ("1st", "2nd", "3rd")


def eigenvalues(outcome: Outcome) -> Figure:
    """Draw a panel for each eigenvalue: every batch a dot, the paper's value a line."""
    figure = ink.figure((9.6, 4.4))
    settings, arrays = outcome.settings, outcome.arrays
    depths = settings["depths"]
    rng = np.random.default_rng(0)
    for i, axes in enumerate(figure.subplots(1, len(_ORDINALS))):
        axes.axhline(arrays["paper"][i], color=ink.ORANGE, linewidth=1.6, label="paper", zorder=1)
        for place, depth in enumerate(depths):
            values = arrays[f"limit_{depth}"][:, i]
            # Apart from each other, not from their column.
            x = place + rng.uniform(-0.16, 0.16, len(values))
            axes.scatter(
                x, values, s=16, color=ink.BLUE, alpha=0.6, linewidths=0, zorder=2,
                label="limit, a batch each" if place == 0 else None,
            )  # fmt: skip
            axes.scatter(
                [place], values[:1], s=44, marker="_", linewidths=2.2, color=ink.INK, zorder=3,
                label="limit, batch of the seed" if place == 0 else None,
            )  # fmt: skip
        axes.scatter(
            [len(depths)], arrays["empirical"][i : i + 1], s=44, marker="D", color=ink.GREEN,
            zorder=3, label=f"network, n = {settings['width']:,}",
        )  # fmt: skip
        axes.set_xlim(-0.6, len(depths) + 0.6)
        axes.set_xticks(
            range(len(depths) + 1),
            [f"{depth} hidden\nlayers" for depth in depths]
            + [f"{settings['hidden_layers']}, n =\n{settings['width']:,}"],
        )
        axes.margins(y=0.12)
        ink.plain(axes)
        ink.heading(axes, f"{_ORDINALS[i]} eigenvalue of K/N")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    ink.titles(
        figure, outcome.title, f"{settings['data']}, β = {settings['bias_std']:g}, uncentred; "
        f"{settings['batches']} random batches of {settings['points']}",
    )  # fmt: skip
    return figure
