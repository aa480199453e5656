# SPDX-License-Identifier: Apache-2.0
"""What the paper says of figure 2, against the trained networks.

All networks decide, not only the ten of each width that the figure has; ten decide what is called
close. The scatter of ten hides an offset of one of their standard errors: two standard errors, the
usual sign of a difference, are then seen in one figure of six, and in one of twenty without any
offset. So networks are close to the limit in their mean, their deviation, or the share of their
values between two percentiles if they differ by less than one standard error of ten draws of it;
and those of two widths very similar if they differ by less than one standard error of the
difference between ten and ten. An estimate that is within its own standard error of such a margin
decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import fastntk as fn
from fastntk.paper.experiment import Claim
from fastntk.paper.likeness import Difference, Estimate, difference, errors_of_draws, limit, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastntk.paper.circle import Array

# Standard errors between two deviations that are told apart: by chance once in 370 seeds.
_APART = 3.0


class _Width(NamedTuple):
    """Networks of one width, and how far they are from the limit."""

    width: int
    networks: int
    off: Difference


def claims(
    functions: dict[int, Array], drawn: int, law: fn.Gaussian, empirical: Array, very_wide: int
) -> list[Claim]:
    """Return the claims.

    Parameters
    ----------
    functions : dict of int to ndarray of shape (networks, M)
        By width, ascending: the trained networks.
    drawn : int
        How many of them the paper has.
    law : Gaussian
        The limit at the same points.
    empirical : ndarray of shape (3, M)
        Percentiles from the kernels of one network.
    very_wide : int
        Its width.
    """
    rng = np.random.default_rng(0)
    margins = errors_of_draws(law, drawn, rng)
    exact = limit(len(law.mean))
    found = {n: shown(f, law, rng) for n, f in functions.items()}
    widths = [_Width(n, len(functions[n]), difference(one, exact)) for n, one in found.items()]
    narrow, wide = widths
    between = difference(*found.values())
    twice = np.sqrt(2) * np.array(margins)
    shift = np.sqrt(np.mean((empirical - law.percentiles((10, 50, 90))) ** 2))
    shift /= np.sqrt(law.variance.mean())
    # Equal functions have no error.
    apart = between.spread.value / max(between.spread.error, np.finfo(float).tiny)
    return [
        Claim(
            "mean of the trained networks",
            "close to that of the limit",
            "off by "
            + _each(widths, "mean")
            + f" of the limit's deviation, beyond chance; close: up to {margins[0]:.2f}, a "
            f"standard error of {drawn} draws",
            _all(one.off.mean.within(margins[0]) for one in widths),
        ),
        Claim(
            "their variance",
            "close to that of the limit",
            "their deviation less the limit's, over that: "
            + _each(widths, "spread")
            + f"; close: ±{margins[1]:.2f}, a standard error of {drawn} draws",
            _all(one.off.spread.within(margins[1]) for one in widths),
        ),
        Claim(
            "distributions of the two widths",
            "very similar",
            f"n = {narrow.width:,} less n = {wide.width:,}: means {_written(between.mean)} apart, "
            f"deviation {_written(between.spread)}, share of values between the limit's 10th and "
            f"90th percentile {_written(between.inside)}; very similar: up to {twice[0]:.2f}, "
            f"±{twice[1]:.2f}, ±{twice[2]:.2f}, a standard error between {drawn} and {drawn}",
            _alike(between, twice),
        ),
        Claim(
            f"n = {narrow.width}",
            "the NTK gives a good indication of the distribution",
            f"{narrow.networks} networks less the limit: mean off by {_written(narrow.off.mean)}, "
            f"deviation {_written(narrow.off.spread)}, share between the percentiles "
            f"{_written(narrow.off.inside)}; close: up to {margins[0]:.2f}, ±{margins[1]:.2f}, "
            f"±{margins[2]:.2f}",
            _alike(narrow.off, margins),
        ),
        Claim(
            "lower variance of the wider networks",
            "(not in the paper; slides about it say so)",
            f"{1 + narrow.off.spread.value:.2f} times the limit's deviation for {narrow.networks} "
            f"networks of n = {narrow.width:,}, {1 + wide.off.spread.value:.2f} for "
            f"{wide.networks} of n = {wide.width:,}: {_written(between.spread)} apart, which is "
            f"{apart:.1f} standard errors; {_APART:g} decide",
            None if abs(apart) < _APART else apart > 0,
        ),
        Claim(
            "the limit's law",
            f"approximated with the kernels of one network of n = {very_wide:,}",
            f"its percentiles are {shift:.3f} of the limit's deviation from the exact ones; the "
            f"mean of {drawn} draws is off by {margins[0]:.2f}",
            shift < margins[0],
        ),
    ]


def _each(widths: list[_Width], which: str) -> str:
    return " and ".join(
        f"{_written(getattr(one.off, which))} at n = {one.width:,} ({one.networks} networks)"
        for one in widths
    )


def _written(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ± {estimate.error:.2f}"


def _alike(off: Difference, margins: Iterable[float]) -> bool | None:
    return _all(part.within(margin) for part, margin in zip(off, margins, strict=True))


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    """Return False if any is, else None if any is."""
    every = list(verdicts)
    return False if False in every else None if None in every else True
