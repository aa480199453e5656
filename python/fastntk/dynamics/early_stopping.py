# SPDX-License-Identifier: Apache-2.0
"""When to stop training: the time of the least cost, or error rate, on held-out points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import to_host
from fastntk.dynamics.evolution import checked_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.dynamics.gradient_flow import GradientFlow

_METRICS = ("cost", "error")
# Times asked for by default, in units of the fastest component's time constant: from where it has
# hardly begun to where eight more decades of them are done.
_FIRST, _LAST, _TIMES = 0.1, 1e7, 41
# Each look between the neighbours of the best time so far is at so many times, and divides the
# interval by half as many; four looks leave steps of 1e-3 of it.
_REFINED, _LOOKS = 9, 4
# Values that differ by so much of the largest are equal.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


# Arrays have no single truth value: results are compared by identity.
@dataclass(frozen=True, eq=False)
class EarlyStopping:
    """The best time on held-out points.

    Attributes
    ----------
    time : float
        The first time of the least value, to rounding.
    value : float
        The metric then.
    times : ndarray of shape (T,)
        All times that were looked at, ascending.
    values : ndarray of shape (T,)
        The metric at each.
    metric : {"cost", "error"}
        What was minimised.
    """

    time: float
    value: float
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    metric: str


def early_stopping(
    flow: GradientFlow, Z: Any, y_Z: Any, f0_Z: Any, cross: Any, metric: str, times: Any
) -> EarlyStopping:
    """Return the best time of a flow; arguments are those of `GradientFlow.early_stopping`."""
    _validate.choice(metric, "metric", _METRICS)
    if times is None:
        unit = flow.max_learning_rate / 2
        asked = [0.0, *(unit * np.geomspace(_FIRST, _LAST, _TIMES)).tolist(), math.inf]
    else:
        asked, _ = checked_times(times)
    targets = flow._problem.targets_at(y_Z)
    op = flow.operator

    def curve(some: list[float]) -> NDArray[np.float64]:
        f = flow.outputs(some, Z, f0_Z, cross=cross)
        if f.shape[1] != len(targets):
            raise ValueError(f"y_Z must have {f.shape[1]} rows, got {len(targets)}")
        with op.here():
            f = op.xp.asarray(f)
            return held_out(f.reshape(len(some), len(targets), -1), targets, metric)

    return earliest_best(curve, asked, metric)


def held_out(f: Any, y: Any, metric: str) -> NDArray[np.float64]:
    """Return the metric of outputs (T, M, C) for targets (M, C), (T,) in the host's memory.

    "cost" is 1/(2M) of the squared distance. "error" is the share of points whose largest output is
    not that of the target; with one output, whose sign is not.
    """
    if metric == "cost":
        values = ((f - y) ** 2).sum(axis=(1, 2)) / (2 * len(y))
    elif y.shape[1] == 1:
        values = ((f[:, :, 0] > 0) != (y[:, 0] > 0)).mean(axis=1)
    else:
        values = (f.argmax(axis=2) != y.argmax(axis=1)).mean(axis=1)
    found: NDArray[np.float64] = to_host(values).astype(np.float64)
    return found


def earliest_best(
    curve: Callable[[list[float]], NDArray[np.float64]], times: Sequence[float], metric: str
) -> EarlyStopping:
    """Return the least value of a curve over times, looked for between them too where it is smooth.

    Parameters
    ----------
    curve : callable
        Gives values for a list of times.
    times : sequence of float
        At first.
    metric : {"cost", "error"}
        An error rate has steps, between which nothing is looked for.
    """
    known = np.unique(np.asarray(times, dtype=np.float64))
    values = curve(known.tolist())
    for _ in range(_LOOKS if metric == "cost" else 0):
        best = int(values.argmin())
        low, high = known[max(best - 1, 0)], known[min(best + 1, len(known) - 1)]
        if not np.isfinite(high):
            high = 10 * (known[best] if np.isfinite(known[best]) else low)
        if not np.isfinite(high):
            break
        inner = np.linspace(low, high, _REFINED + 2)[1:-1]
        inner = np.setdiff1d(inner, known)
        if len(inner) == 0:
            break
        found = curve(inner.tolist())
        order = np.argsort(np.concatenate([known, inner]), kind="stable")
        known = np.concatenate([known, inner])[order]
        values = np.concatenate([values, found])[order]
    # Where all is learnt, rounding is not to choose.
    least = values.min() + _ROUNDING * values.max()
    best = int((values <= least).argmax())
    return EarlyStopping(float(known[best]), float(values[best]), known, values, metric)
