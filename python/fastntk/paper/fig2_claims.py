# SPDX-License-Identifier: Apache-2.0
"""What the paper says of figure 2, against the trained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import fastntk as fn
from fastntk.paper.experiment import Claim
from fastntk.paper.likeness import Likeness, Range, likeness, of_draws

if TYPE_CHECKING:
    from fastntk.paper.circle import Array

# What is called close: so far beyond what as many draws of the limit show in 99 cases of 100. That
# is a quarter of a deviation in the mean, and in the deviation itself, with which 70 % instead of
# 80 % of a Gaussian's values are between its 10th and 90th percentile.
_MARGIN = 0.25
_SHARE_MARGIN = 0.1
# Standard errors between two spreads that are told apart.
_APART = 2.0
# From the 0.5th to the 99.5th percentile, in standard deviations.
_NORMAL_99 = 5.15


class _Group(NamedTuple):
    """Networks of one width, and what as many draws of the limit show."""

    width: int
    networks: int
    found: Likeness
    expected: Range


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
    paper = [_group(n, f[:drawn], law) for n, f in functions.items()]
    every = [_group(n, f, law) for n, f in functions.items()]
    narrow, wide = every
    off = np.sqrt(np.mean((empirical - law.percentiles((10, 50, 90))) ** 2))
    off /= np.sqrt(law.variance.mean())
    errors = [(g.expected.high.spread - g.expected.low.spread) / _NORMAL_99 for g in every]
    apart = (narrow.found.spread - wide.found.spread) / np.hypot(*errors)
    return [
        Claim(
            "mean of the networks near convergence",
            "close to that of the limit",
            "in units of the limit's deviation it is off by "
            + _line(paper, "distance")
            + f"; {drawn} draws of the limit: up to {paper[0].expected.high.distance:.2f}",
            all(map(_near, paper)),
        ),
        Claim(
            "their variance",
            "close to that of the limit",
            "deviation over the limit's: "
            + _line(paper, "spread")
            + f"; {drawn} draws of the limit: {_between(paper[0], 'spread')}",
            all(map(_alike, paper)),
        ),
        Claim(
            "distributions of the two widths",
            "very similar",
            "values between the limit's 10th and 90th percentile, 80 % in the limit: "
            + _line(paper, "inside", ".0%")
            + f"; {drawn} draws of it: {_between(paper[0], 'inside', '.0%')}",
            all(map(_inside, paper)),
        ),
        Claim(
            f"n = {narrow.width}",
            "the NTK gives a good indication of the distribution",
            f"the mean of {narrow.networks} networks is {narrow.found.distance:.2f} deviations off "
            f"(as many draws of the limit: up to {narrow.expected.high.distance:.2f}), their "
            f"deviation {narrow.found.spread:.2f} times the limit's ({_between(narrow, 'spread')})",
            _near(narrow) and _alike(narrow),
        ),
        Claim(
            "lower variance of the wider networks",
            "(not in the paper; slides about it say so)",
            f"{narrow.found.spread:.2f} times the limit's deviation for {narrow.networks} networks "
            f"of n = {narrow.width:,}, {wide.found.spread:.2f} for {wide.networks} of n = "
            f"{wide.width:,}: {apart:.1f} standard errors apart",
            None if abs(apart) < _APART else apart > 0,
        ),
        Claim(
            "the limit's law",
            f"approximated with the kernels of one network of n = {very_wide:,}",
            f"its percentiles are {off:.3f} of the limit's deviation from the exact ones; the mean "
            f"of {drawn} draws is off by {paper[0].expected.median.distance:.2f}",
            off < paper[0].expected.median.distance,
        ),
    ]


def _group(width: int, functions: Array, law: fn.Gaussian) -> _Group:
    return _Group(width, len(functions), likeness(functions, law), of_draws(law, len(functions)))


def _line(groups: list[_Group], which: str, form: str = ".2f") -> str:
    return ", ".join(f"{getattr(g.found, which):{form}} at n = {g.width:,}" for g in groups)


def _between(group: _Group, which: str, form: str = ".2f") -> str:
    low, high = (getattr(end, which) for end in (group.expected.low, group.expected.high))
    return f"{low:{form}} to {high:{form}}"


def _near(group: _Group) -> bool:
    return bool(group.found.distance <= group.expected.high.distance + _MARGIN)


def _alike(group: _Group) -> bool:
    low, _, high = (end.spread for end in group.expected)
    return bool(low / (1 + _MARGIN) <= group.found.spread <= high * (1 + _MARGIN))


def _inside(group: _Group) -> bool:
    low, _, high = (end.inside for end in group.expected)
    return bool(low - _SHARE_MARGIN <= group.found.inside <= high + _SHARE_MARGIN)
