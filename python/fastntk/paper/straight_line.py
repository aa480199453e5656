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

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from fastntk.paper import circle, digits
from fastntk.paper.courses import COMPONENT, DISTANCE, Course, Courses, Plan, Trial, split
from fastntk.paper.experiment import Check

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset
    from fastntk.paper.parts import Parts

Array = NDArray[np.float64]

#: Of differences of float32 outputs near 1, each a sum of up to 10,000 terms, of which errors grow
#: as the root; measured for a linearised network, whose training is solved in float64: 1e-8.
ROUNDING = 1e-5
# When kernels are computed, and at the end: multiples of all rates.
_KERNEL_TIMES = (0.0, 160.0, 320.0, 640.0, 1280.0, 2560.0)


def plan(quick: bool) -> Plan:
    """Return the paper's widths, two independent trials each, and one again at another rate."""
    if quick:
        widths, end, again = {100: 5.0, 500: 16.0}, 1600.0, 8.0
    else:
        widths, end, again = {100: 5.0, 1000: 20.0, 10_000: 32.0}, 4000.0, 20.0
    trials = [Trial(n, number, rate) for n, rate in widths.items() for number in (0, 1)]
    return Plan((*trials, Trial(max(widths), 0, again)), end)


def trained(
    *, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str
) -> Courses:
    """Train all networks, or take those that are among the parts."""
    source = digits.load(quick, progress)
    data = source.batch(seed)
    limit = digits.components(
        digits.limiting_kernel(data, digits.limiting_network(), device), COMPONENT + 2
    )
    direction = limit.functions[:, COMPONENT]
    # lambda_1 of the small digits is 0.072 where MNIST's is 0.046.
    what = plan(quick) if source.of_paper else plan(quick).at_half_rates()
    common = {
        "data": source.data.name,
        "batch": digits.digest(data),
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


def checks(found: Courses) -> list[Check]:
    """Check that trials start 0.5 from f* along f^(2), and that no step was too large."""
    off = max(max(abs(c.g[0] + DISTANCE), c.h[0]) for c in found.each)
    return [
        Check("networks start on the straight line", float(off), ROUNDING),
        Check(
            "learning rate times lambda_1 of the network, stable up to 2",
            float(max(c.trial.rate * c.largest.max() for c in found.each)),
            2.0,
        ),
    ]


def notes(found: Courses, quick: bool) -> list[str]:
    """Say what is done otherwise than in the paper, or left open there."""
    rates = ", ".join(f"{t.rate:g} (n = {t.width:,})" for t in found.plan.trials if t.number == 0)
    return [
        *found.data.notes,
        *circle.narrower(quick, found.plan.widths, plan(quick=False).widths),
        digits.DEPTH_NOTE,
        "f^(2) is that of the exact limiting kernel; the paper's is that of one network of "
        "n = 10,000.",
        f"Learning rates and final time are open in the paper: rates {rates}, to t = "
        f"{found.plan.end:g}; 1/lambda_2 is {1 / found.rate_of_decay:.0f}.",
    ]


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
    g, h = split(residuals, direction)
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
