# SPDX-License-Identifier: Apache-2.0
r"""Networks sent along the second principal component of 512 digits: figures 3b and 3c.

A network starts at f_0 and learns f* = f_0 + 0.5 f^(2). At infinite width it goes straight,
f_t - f* = -0.5 e^{-lambda_2 t} f^(2); here f_t - f* = g_t f^(2) + h_t with h_t orthogonal to f^(2),
both in L^2(p_in), whose norm is the root mean square over the batch. f^(2) is that of the limiting
kernel.

Kernels of narrow networks grow as they learn, and so the largest stable learning rate,
2 / lambda_1, falls: from 44 to 11 for 100 units, 21 for 500 and 28 for 1,000. Rates are below that,
and time is steps times the rate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from fastntk.paper import digits
from fastntk.paper.experiment import Check

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset
    from fastntk.paper.parts import Parts

Array = NDArray[np.float64]

#: How far away f* is, and in which component (counted from 0).
DISTANCE, COMPONENT = 0.5, 1
#: Which share of the way is left when the speed of networks is compared.
LEFT = np.exp(-1.0)
#: Of differences of float32 outputs near 1, each a sum of up to 10,000 terms, of which errors grow
#: as the root; measured for a linearised network, whose training is solved in float64: 1e-8.
ROUNDING = 1e-5
# When kernels are computed, and at the end: multiples of all rates.
_KERNEL_TIMES = (0.0, 160.0, 320.0, 640.0, 1280.0, 2560.0)


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
        below = np.flatnonzero(np.abs(self.g) <= DISTANCE * LEFT)
        if not len(below):
            return float("inf")
        i = below[0]
        logs = np.log(np.abs(self.g[i - 1 : i + 1]))
        return float(np.interp(-np.log(DISTANCE * LEFT), -logs, self.times[i - 1 : i + 1]))

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


def plan(quick: bool) -> Plan:
    """Return the paper's widths, two independent trials each, and one again at another rate."""
    if quick:
        widths, end, again = {100: 5.0, 500: 16.0}, 1600.0, 8.0
    else:
        widths, end, again = {100: 5.0, 1000: 20.0, 10_000: 32.0}, 4000.0, 20.0
    trials = [Trial(n, number, rate) for n, rate in widths.items() for number in (0, 1)]
    return Plan((*trials, Trial(max(widths), 0, again)), end)


def courses(
    *, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str
) -> Courses:
    """Train all networks, or take those that are among the parts."""
    source = digits.load(quick, progress)
    data = source.batch(seed)
    limit = digits.components(
        digits.limiting_kernel(data, digits.limiting_network(), device), COMPONENT + 2
    )
    direction = limit.functions[:, COMPONENT]
    what = plan(quick)
    common = {
        "data": source.data.name,
        "seed": seed,
        "points": digits.POINTS,
        "hidden_layers": digits.HIDDEN_LAYERS,
        "bias_std": digits.BIAS_STD,
        "distance": DISTANCE,
        "component": COMPONENT,
        "end": what.end,
        "kernel_times": list(_KERNEL_TIMES),
    }
    each = []
    for trial in what.trials:

        def compute(trial: Trial = trial) -> dict[str, Any]:
            w = digits.finite_network(data, trial.width, seed, trial.number, device)
            return _trained(w, data, direction, trial.rate, what.end, _of_trial(trial, progress))

        part = parts.of(f"line-{trial.name}", {**common, **asdict(trial)}, compute)
        each.append(_course(trial, part, direction, limit.values[COMPONENT]))
    return Courses(what, each, limit.values, source)


def parts_seen(residuals: Array, direction: Array) -> tuple[Array, Array]:
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


def at_start(found: Courses) -> list[Check]:
    """Check what is known of every trial: it starts 0.5 from f* along f^(2), and nowhere else."""
    off = max(max(abs(c.g[0] + DISTANCE), c.h[0]) for c in found.each)
    return [Check("networks start on the straight line", float(off), ROUNDING)]


def note(found: Courses) -> str:
    """Say which rates and times were taken, which the paper leaves open."""
    rates = ", ".join(f"{t.rate:g} (n = {t.width:,})" for t in found.plan.trials if t.number == 0)
    return (
        "f^(2) is that of the exact limiting kernel; the paper's is that of one network of "
        f"n = 10,000. Learning rates and final time are open in the paper: rates {rates}, to t = "
        f"{found.plan.end:g}; 1/lambda_2 is {1 / found.rate_of_decay:.0f}."
    )


def memory(quick: bool) -> int:
    """Return the bytes of the widest network's training: parameters, and what a step allocates."""
    width = plan(quick).widths[-1]
    units = digits.HIDDEN_LAYERS * width
    return digits.parameter_bytes(width) + 4 * 8 * digits.POINTS * units


def _trained(
    w: fn.FiniteNetwork,
    data: Dataset,
    direction: Array,
    rate: float,
    end: float,
    progress: Progress | None,
) -> dict[str, Any]:
    """Train a network; return f_t - f_0 at every step, and its kernels along the direction."""
    f_0 = np.asarray(w(data.X, data.scale), dtype=np.float64)[:, 0]
    target = f_0 + DISTANCE * direction
    stops = [t for t in _KERNEL_TIMES if t < end] + [end]
    run, quotients, largest = fn.Run(), [], []
    for t in stops:
        steps = round((t - run.reached) / rate)
        if steps:
            at = run.reached + rate * np.arange(steps + 1)
            w.train(
                data.X, target, rate, steps, scale=data.scale, run=run, record=fn.Record(at=at),
                progress=_from(progress, round(run.reached / rate), round(end / rate)),
            )  # fmt: skip
        kernel = digits.empirical_kernel(data, w)
        quotients.append(direction @ kernel @ direction / len(direction))
        largest.append(fn.eigenpairs(kernel, 1).values[0])
    moved = np.asarray(run.outputs, dtype=np.float64)[:, :, 0] - f_0
    return {
        "times": run.record_times,
        "moved": moved.astype(np.float32),
        "kernel_times": np.array(stops),
        "quotients": np.array(quotients),
        "largest": np.array(largest),
    }


def _course(trial: Trial, part: dict[str, NDArray[Any]], direction: Array, value: float) -> Course:
    residuals = part["moved"].astype(np.float64) - DISTANCE * direction
    g, h = parts_seen(residuals, direction)
    return Course(
        trial, part["times"], g, h, part["kernel_times"], part["quotients"] / value, part["largest"]
    )


def _of_trial(trial: Trial, progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    stage = f"n = {trial.width:,}, network {trial.number + 1}, rate {trial.rate:g}"
    return lambda _, done, total: progress(stage, done, total)


def _from(progress: Progress | None, before: int, whole: int) -> Progress | None:
    """Count the steps of a training that goes on."""
    if progress is None:
        return None
    return lambda stage, done, _: progress(stage, before + done, whole)
