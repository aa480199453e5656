# SPDX-License-Identifier: Apache-2.0
"""Trainings seen from their target: how far along one component, and how far beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastntk.paper import digits

Array = NDArray[np.float64]

#: How far away f* is, and in which component (counted from 0).
DISTANCE, COMPONENT = 0.5, 1
# Which share of the way is left when the speed of networks is compared.
_LEFT = np.exp(-1.0)


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes
    ----------
    width : int
        Units of a hidden layer.
    number : int
        Which network of the seed.
    rate : float
        Learning rate.
    """

    width: int
    number: int
    rate: float

    @property
    def name(self) -> str:
        """Fit for the name of a file and of arrays."""
        return f"n{self.width}_network{self.number}_rate{self.rate:g}"


@dataclass(frozen=True)
class Plan:
    """What is trained, and how long."""

    trials: tuple[Trial, ...]
    end: float

    @property
    def widths(self) -> list[int]:
        """Different widths, ascending."""
        return sorted({trial.width for trial in self.trials})

    @property
    def twice(self) -> tuple[Trial, Trial]:
        """The network that is trained at two rates."""
        first = next(trial for trial in self.trials if trial.width == self.widths[-1])
        return first, self.trials[-1]

    def at_half_rates(self) -> Plan:
        """Return the plan for data whose kernel is up to twice as large."""
        halves = tuple(replace(trial, rate=trial.rate / 2) for trial in self.trials)
        return Plan(halves, self.end)


@dataclass(frozen=True)
class Course:
    """One training, seen from f*.

    Attributes
    ----------
    trial : Trial
        Which.
    times : ndarray of shape (S,)
        Of every step, and the end.
    g : ndarray of shape (S,)
        The part of f_t - f* along f^(2), -0.5 at first; its modulus is ``||g_t||``.
    h : ndarray of shape (S,)
        ``||h_t||``.
    kernel_times : ndarray of shape (T,)
        When the network's kernel was computed.
    inflation : ndarray of shape (T,)
        ``<f^(2), Theta f^(2)> / N^2`` of it, relative to lambda_2.
    largest : ndarray of shape (T,)
        Its lambda_1.
    """

    trial: Trial
    times: Array
    g: Array
    h: Array
    kernel_times: Array
    inflation: Array
    largest: Array

    @property
    def time_to_left(self) -> float:
        """When ``||g_t||`` is down to 1/e of its first value; infinite if never."""
        below = np.flatnonzero(np.abs(self.g) <= DISTANCE * _LEFT)
        if not len(below):
            return float("inf")
        i = below[0]
        logs = np.log(np.abs(self.g[i - 1 : i + 1]))
        return float(np.interp(-np.log(DISTANCE * _LEFT), -logs, self.times[i - 1 : i + 1]))

    def mean_inflation(self, until: float) -> float:
        """Return the inflation's mean over time, it being linear between its times."""
        t = np.linspace(0, min(until, self.times[-1]), 1001)
        return float(np.interp(t, self.kernel_times, self.inflation).mean())


@dataclass(frozen=True)
class Courses:
    """All trainings, and what they are compared with.

    Attributes
    ----------
    plan : Plan
        What was trained.
    each : list of Course
        In the order of the plan.
    values : ndarray of shape (3,)
        Eigenvalues of the limiting K/N.
    data : Digits
        Where the batch is from.
    """

    plan: Plan
    each: list[Course]
    values: Array
    data: digits.Digits

    @property
    def rate_of_decay(self) -> float:
        """lambda_2 of the limit."""
        return float(self.values[COMPONENT])

    def of_width(self, width: int) -> list[Course]:
        """Return the two independent trials of a width."""
        return [c for c in self.each if c.trial.width == width and c.trial != self.plan.twice[1]]

    def exact(self, t: Array) -> Array:
        """Return ``||g_t||`` of infinite width."""
        return DISTANCE * np.exp(-self.rate_of_decay * np.asarray(t))

    def settings(self, quick: bool, seed: int) -> dict[str, Any]:
        """Return what JSON keeps of the setting."""
        return {
            "quick": quick,
            "seed": seed,
            "data": self.data.data.name,
            "points": digits.POINTS,
            "hidden_layers": digits.HIDDEN_LAYERS,
            "bias_std": digits.BIAS_STD,
            "f_star": "f_0 + 0.5 f2, f2 of the limiting kernel",
            "end": self.plan.end,
            "trials": [asdict(trial) for trial in self.plan.trials],
        }

    def arrays(self) -> dict[str, Any]:
        """Return everything, flat."""
        found: dict[str, Any] = {"values": self.values}
        for course in self.each:
            for what in ("times", "g", "h", "kernel_times", "inflation", "largest"):
                found[f"{course.trial.name}_{what}"] = getattr(course, what)
        return found


def split(residuals: Array, direction: Array) -> tuple[Array, Array]:
    """Split functions into their part along a direction and the norm of the rest.

    Parameters
    ----------
    residuals : ndarray of shape (S, N)
        f_t - f* at the batch.
    direction : ndarray of shape (N,)
        Of unit p_in norm.

    Returns
    -------
    g, h_norm : ndarray of shape (S,)
    """
    g = residuals @ direction / len(direction)
    rest = residuals - g[:, None] * direction
    return g, np.sqrt((rest**2).mean(axis=1))
