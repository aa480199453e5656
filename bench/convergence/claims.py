# SPDX-License-Identifier: Apache-2.0
"""Slopes with their standard errors, a test of normality, and the lines of a table of claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Two-sided: a claim that holds is called missed once in 370 times.
_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Claim:
    """One line of the table."""

    name: str
    expected: str
    found: str
    holds: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", bool(self.holds))  # NumPy's is not one for JSON


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3g} +- {self.error:.1g}"


def slope(samples: Mapping[int, NDArray[np.float64]]) -> Estimate:
    """Fit log(value) = a + slope log(width) to all values of all widths by least squares."""
    x = np.log(np.concatenate([np.full(len(values), n) for n, values in samples.items()]))
    y = np.log(np.concatenate(list(samples.values())))
    x = x - x.mean()
    spread = float(x @ x)
    value = float(x @ y) / spread
    residuals = y - y.mean() - value * x
    return Estimate(value, math.sqrt(float(residuals @ residuals) / (len(x) - 2) / spread))


def slope_of_means(means: Mapping[int, Estimate]) -> Estimate:
    """Fit log|mean| = a + slope log(width), each mean weighed by its standard error."""
    x = np.log(list(means))
    y = np.log([abs(e.value) for e in means.values()])
    weights = np.array([(e.value / e.error) ** 2 for e in means.values()])
    x = x - np.average(x, weights=weights)
    spread = float(weights @ x**2)
    return Estimate(float((weights * x) @ y) / spread, 1 / math.sqrt(spread))


def mean(values: NDArray[np.float64]) -> Estimate:
    """Return the mean and its standard error."""
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values)))


def kolmogorov_smirnov(values: NDArray[np.float64]) -> float:
    """Return sqrt(n) sup |F_n - Phi| of independent values; above 1.36 once in 20 if Gaussian."""
    count = len(values)
    cdf = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in np.sort(values)])
    steps = np.arange(count + 1) / count
    return float(math.sqrt(count) * max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1])))


def slope_text(found: Estimate) -> str:
    """Return a slope as the table gives it."""
    return f"slope {found.value:+.3f} +- {found.error:.3f}"


def slope_claim(name: str, expected: float, tolerance: float, found: Estimate) -> Claim:
    """Return the claim that a power of the width is `expected`."""
    return Claim(
        name, f"slope {expected:+g} +- {tolerance:.2g}", slope_text(found),
        abs(found.value - expected) <= tolerance,
    )  # fmt: skip


def zero_claim(name: str, deviations: Mapping[int, Estimate]) -> Claim:
    """Return the claim that every one of some estimates is zero within its standard error."""
    ratios = {n: e.value / e.error for n, e in deviations.items()}
    worst = max(ratios, key=lambda n: abs(ratios[n]))
    # The largest of several: Bonferroni's correction, for tails that fall as exp(-x^2 / 2).
    bound = math.sqrt(_STANDARD_ERRORS**2 + 2 * math.log(len(ratios)))
    return Claim(
        name, f"0 within {bound:.1f} s.e.",
        f"{deviations[worst]} ({ratios[worst]:+.1f} s.e., the largest, at n = {worst})",
        abs(ratios[worst]) <= bound,
    )  # fmt: skip


def table(claims: list[Claim]) -> str:
    """Return the claims as a Markdown table, aligned for the eye too."""
    lines = [["claim", "expected", "found", ""]]
    lines += [[c.name, c.expected, c.found, "" if c.holds else "MISSED"] for c in claims]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    lines.insert(1, ["-" * width for width in widths])
    rows = ([c.ljust(w) for c, w in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
