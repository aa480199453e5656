# SPDX-License-Identifier: Apache-2.0
"""Figure 3c: how networks of three widths converge along the second component."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastntk.paper import courses, line_plots, straight_line
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk._progress import Progress
    from fastntk.paper.courses import Array, Course, Courses
    from fastntk.paper.parts import Parts

NAME, TITLE = "fig3c", "Along the 2nd component, wide networks follow the exact exponential"
# Between one network's ||g_t|| at two learning rates, relative to 0.5: gradient descent differs
# from gradient flow by about half the rate times lambda_2 of it, 2%, at most.
_TWO_RATES = 0.02


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Train the networks, or take figure 3b's, and return how they converge.

    The arrays are those of `fastntk.paper.fig3b.run`, ``exact_times`` (E,) and ``exact`` (E,).
    """
    found = straight_line.trained(
        quick=quick, seed=seed, parts=parts, progress=progress, device=device
    )
    t = np.linspace(0, found.plan.end, 401)
    return Outcome(
        NAME,
        TITLE,
        {**found.arrays(), "exact_times": t, "exact": found.exact(t)},
        found.data.verdicts(_claims(found)),
        found.settings(quick, seed),
        checks=[_two_rates(found), *straight_line.checks(found)],
        notes=straight_line.notes(found, quick),
    )


def _claims(found: Courses) -> list[Claim]:
    widths, limit = found.plan.widths, 1 / found.rate_of_decay
    speeds = {n: _speeds(found.of_width(n), limit) for n in widths}
    off = {
        n: max(float(np.abs(np.abs(c.g) - found.exact(c.times)).max()) for c in found.of_width(n))
        for n in widths
    }
    grown = {n: _grown(found.of_width(n)) for n in widths}
    explained = {n: _grown(found.of_width(n), to_left=True) for n in widths}
    largest = {n: max(c.largest.max() for c in found.of_width(n)) for n in widths}

    def by_width(values: dict[int, Array], form: str = "{:.2f}") -> str:
        return "; ".join(
            f"n = {n:,}: " + " and ".join(form.format(v) for v in np.atleast_1d(values[n]))
            for n in widths
        )

    def falls(values: dict[int, Array]) -> bool:
        order = [np.mean(values[n]) for n in widths]
        return all(wide < narrow for narrow, wide in pairwise(order))

    return [
        Claim(
            "||g_t|| at infinite width",
            "0.5 exp(-lambda_2 t)",
            f"lambda_2 = {found.rate_of_decay:.5f}: down to 1/e at t = {limit:.0f}",
            None,
        ),
        Claim(
            "||g_t|| of networks, off that at most",
            "converges to the limit as width grows",
            "; ".join(f"{off[n]:.4f} at n = {n:,}" for n in widths),
            falls({n: np.array(off[n]) for n in widths}),
        ),
        Claim(
            "speed relative to infinite width, to 1/e",
            "narrower networks converge faster",
            by_width(speeds),
            falls(speeds),
        ),
        Claim(
            "explained by the inflation of the NTK",
            "may be",
            "mean growth of Theta along f^(2) on the way to 1/e: "
            + by_width(explained)
            + "; at the end: "
            + by_width(grown)
            + "; share of the speed which that growth alone would give: "
            + by_width({n: speeds[n] / explained[n] for n in widths}),
            explained[widths[0]].min() > 1 and falls(explained) and falls(speeds),
        ),
        Claim(
            "largest learning rate, 2 / lambda_1 of the trained network",
            "larger for wide networks, whose NTK is more stable",
            "; ".join(f"{2 / largest[n]:.1f} at n = {n:,}" for n in widths)
            + f"; {2 / found.values[0]:.1f} in the limit",
            falls({n: np.array(largest[n]) for n in widths}),
        ),
    ]


def _speeds(several: list[Course], limit: float) -> Array:
    return np.array([limit / course.time_to_left for course in several])


def _grown(several: list[Course], *, to_left: bool = False) -> Array:
    """Return the inflation at the end, or its mean until a share 1/e is left."""
    return np.array(
        [c.mean_inflation(c.time_to_left) if to_left else c.inflation[-1] for c in several]
    )


def _two_rates(found: Courses) -> Check:
    """Compare one network's ``||g_t||`` at two learning rates."""
    one, two = (next(c for c in found.each if c.trial == trial) for trial in found.plan.twice)
    other = np.interp(one.times, two.times, np.abs(two.g))
    return Check(
        f"||g_t|| at rates {one.trial.rate:g} and {two.trial.rate:g}, n = {one.trial.width:,}, "
        "is one curve of t, relative to 0.5",
        float(np.abs(np.abs(one.g) - other).max()) / courses.DISTANCE,
        _TWO_RATES,
    )


def draw(outcome: Outcome) -> Figure:
    """Draw ``||g_t||`` of every trial against time, and the exact exponential."""
    return line_plots.courses(
        outcome,
        "g",
        r"$\Vert g_t \Vert$, distance along the 2nd component",
        subtitle=_SUBTITLE,
        exact="exact",
    )


_SUBTITLE = "part of fₜ - f* along the 2nd component, against t = steps times learning rate"

EXPERIMENT = Experiment(NAME, TITLE, run, draw, straight_line.memory)
