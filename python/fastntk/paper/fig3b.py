# SPDX-License-Identifier: Apache-2.0
"""Figure 3b: how far networks of three widths deviate from the straight line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastntk.paper import courses, digits, line_plots, straight_line
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk._progress import Progress
    from fastntk.paper.courses import Courses
    from fastntk.paper.parts import Parts

NAME, TITLE = "fig3b", "The wider a network, the less it leaves the straight line"


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Train the networks and return how far they deviate.

    The arrays are ``values``, lambda_1 .. lambda_3 of the limit, and of each trial ``_times`` (S,),
    ``_g`` (S,), ``_h`` (S,), ``_kernel_times`` (T,), ``_inflation`` (T,) and ``_largest`` (T,), see
    `fastntk.paper.courses.Course`.
    """
    found = straight_line.trained(
        quick=quick, seed=seed, parts=parts, progress=progress, device=device
    )
    return Outcome(
        NAME,
        TITLE,
        found.arrays(),
        found.data.verdicts(_claims(found)),
        found.settings(quick, seed),
        checks=[_straight(found, seed, device), *straight_line.checks(found)],
        notes=straight_line.notes(found, quick),
    )


def _claims(found: Courses) -> list[Claim]:
    widths = found.plan.widths
    farthest = {n: np.array([c.h.max() for c in found.of_width(n)]) for n in widths}
    words = "; ".join(
        f"n = {n:,}: " + " and ".join(f"{value:.4f}" for value in farthest[n]) for n in widths
    )
    order = [farthest[n] for n in widths]
    return [
        Claim(
            "deviation ||h_t|| from the straight line, at most",
            "less the wider the network",
            words,
            all(wide.max() < narrow.min() for narrow, wide in pairwise(order)),
        ),
        Claim(
            "independent trials of one width",
            "two of each, drawn alike",
            "the two differ by at most "
            + "; ".join(f"{_between(found, n):.4f} at n = {n:,}" for n in widths),
            None,
        ),
    ]


def _between(found: Courses, width: int) -> float:
    one, two = found.of_width(width)
    return float(np.abs(one.h - two.h).max())


def _straight(found: Courses, seed: int, device: str) -> Check:
    """Compare a linearised network, whose kernel stands still, with the straight line.

    It goes along its own second component, in closed form: both parts are known exactly.
    """
    data = found.data.batch(seed)
    w = digits.finite_network(data, found.plan.widths[0], seed, 0, device)
    own = digits.components(digits.empirical_kernel(data, w), 3)
    direction = own.functions[:, courses.COMPONENT]
    f_0 = np.asarray(w(data.X, data.scale), dtype=np.float64)
    target = f_0 + courses.DISTANCE * direction[:, None]
    t = np.linspace(0, found.plan.end, 9)
    flow = w.linearised().closed_form(data.X, target, scale=data.scale)
    outputs = np.asarray(flow.outputs(t), dtype=np.float64) - target
    g, h = courses.split(outputs[:, :, 0], direction)
    exact = courses.DISTANCE * np.exp(-own.values[courses.COMPONENT] * t)
    return Check(
        f"a linearised network of n = {found.plan.widths[0]} goes straight",
        float(max(h.max(), np.abs(-g - exact).max())),
        straight_line.ROUNDING,
    )


def draw(outcome: Outcome) -> Figure:
    """Draw ``||h_t||`` of every trial against time."""
    return line_plots.courses(
        outcome, "h", r"$\Vert h_t \Vert$, deviation from the straight line", subtitle=_SUBTITLE
    )


_SUBTITLE = "part of fₜ - f* orthogonal to the 2nd component, against t = steps times learning rate"

EXPERIMENT = Experiment(NAME, TITLE, run, draw, straight_line.memory)
