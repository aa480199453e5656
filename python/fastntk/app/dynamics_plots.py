# SPDX-License-Identifier: Apache-2.0
"""Training over time: the spectrum with its decay rates, and cost and error of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _ink as ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastntk.app.dynamics_run import Curve, Stop

Array = NDArray[np.float64]

_STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": ink.BLUE, "marker": "o"},
    "held-out": {"color": ink.GREEN, "marker": "s", "linestyle": "--"},
    "test": {"color": ink.ORANGE, "marker": "^"},
}
# Infinity is drawn this factor beyond the last finite time, and 0 as much before the first.
_BEYOND = 10.0
# Most powers of ten written below an axis.
_DECADES = 9


def dynamics(
    times: Array,
    curves: dict[str, Curve],
    stop: Stop | None,
    rates: Array,
    *,
    title: str,
    subtitle: str,
) -> Figure:
    """Draw spectrum, cost and classification error.

    Parameters
    ----------
    times : ndarray of shape (T,)
        Ascending; may end with infinity and begin with 0.
    curves : dict of str to Curve
        "train", "held-out", "test".
    stop : Stop or None
        Where the held-out cost is least.
    rates : ndarray of shape (k,)
        Largest eigenvalues of K/N, descending; zeros are left out.
    title, subtitle : str
        Written above, as they are.
    """
    classes = all(curve.error is not None for curve in curves.values())
    figure = ink.figure((11.6, 7.2 if classes else 5.2))
    grid = figure.add_gridspec(2 if classes else 1, 2, width_ratios=(4, 5))
    _spectrum(figure.add_subplot(grid[:, 0]), rates, stop)
    places, limit = _places(times)
    # On a logarithmic axis 0 and infinity are at its ends.
    stopped = None if stop is None else min(max(stop.time, places[0]), places[-1])
    cost = figure.add_subplot(grid[0, 1])
    panels = [(cost, "cost  1/(2N) Σ |f - y|²", {n: c.cost for n, c in curves.items()})]
    if classes:
        error = figure.add_subplot(grid[1, 1], sharex=cost)
        shares = {n: 100 * c.error for n, c in curves.items() if c.error is not None}
        panels.append((error, "classification error, %", shares))
        cost.tick_params(labelbottom=False)
    for axes, label, lines in panels:
        for name, values in lines.items():
            axes.plot(places, values, label=name, markersize=4.5, linewidth=1.6, **_STYLES[name])
        axes.set_ylabel(label, color=ink.INK)
        axes.set_ylim(bottom=0)
        if limit is not None:
            axes.axvline(limit, color=ink.FAINT, linewidth=0.8, zorder=0)
        if stopped is not None:
            axes.axvline(stopped, color=ink.GREEN, linewidth=1, linestyle=":")
        ink.plain(axes)
    cost.set_xscale("log")
    _time_axis(panels[-1][0], times, places, limit)
    cost.legend(frameon=False, loc="best", fontsize=9.5)
    if stop is not None:
        cost.annotate(
            f"early stopping, t = {stop.time:.3g}", (stopped, 1.0), (0, 3),
            xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
            fontsize=9, color=ink.GREEN,
        )  # fmt: skip
    ink.titles(figure, title, subtitle)
    return figure


def _places(times: Array) -> tuple[Array, float | None]:
    """Return where times stand on a logarithmic axis, and infinity if it is one of them."""
    inner = times[(times > 0) & np.isfinite(times)]
    first, last = (inner[0], inner[-1]) if len(inner) else (1.0, 1.0)
    limit = float(last * _BEYOND) if np.isinf(times[-1]) else None
    places = np.where(times == 0, first / _BEYOND, np.minimum(times, last * _BEYOND))
    return np.asarray(places, dtype=np.float64), limit


def _time_axis(axes: Axes, times: Array, places: Array, limit: float | None) -> None:
    """Write decades between the finite times, and 0 and infinity where these stand."""
    inner = places[(times > 0) & np.isfinite(times)]
    first, last = np.log10(inner[[0, -1]]) if len(inner) else (1, 0)
    powers = range(int(np.ceil(first)), int(np.floor(last)) + 1)
    powers = powers[:: max(1, -(-len(powers) // _DECADES))]
    ticks = {10.0**power: f"$10^{{{power}}}$" for power in powers}
    if times[0] == 0:
        ticks[float(places[0])] = "0"
    if limit is not None:
        ticks[limit] = "∞"
    axes.set_xlim(places[0] / 2, places[-1] * 2)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_xlabel("time t  (learning rate x steps)", color=ink.INK)


def _spectrum(axes: Axes, rates: Array, stop: Stop | None) -> None:
    known = rates[rates > 0]
    count = np.arange(1, len(known) + 1)
    axes.plot(count, known, color=ink.BLUE, marker="o", markersize=3, linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("component i", color=ink.INK)
    axes.set_ylabel("decay rate  λᵢ / N,  eigenvalue of K/N", color=ink.INK)
    other = axes.secondary_yaxis("right", functions=(_inverse, _inverse))
    other.set_ylabel("time constant  N / λᵢ", color=ink.INK)
    other.tick_params(colors=ink.SOFT, labelsize=9)
    other.spines["right"].set_color("#999999")
    ink.heading(axes, "component i decays as exp(-t λᵢ / N)")
    ink.plain(axes)
    if stop is not None and 0 < stop.time < np.inf:
        learnt = int((known > 1 / stop.time).sum())
        more = " or more" if learnt == len(rates) else ""
        axes.axhline(1 / stop.time, color=ink.GREEN, linewidth=1, linestyle=":")
        axes.annotate(
            f"early stopping: {learnt:,}{more} faster", (0.02, 1 / stop.time), (0, 3),
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=9,
            color=ink.GREEN,
        )  # fmt: skip


def _inverse(values: Any) -> Any:
    with np.errstate(divide="ignore"):
        return 1 / np.asarray(values, dtype=np.float64)
