# SPDX-License-Identifier: Apache-2.0
"""What the pair step sums: Hermite terms, or polynomials of the angle for pairs of basis functions.

Both are no longer than the weight of their terms asks.
"""

from dataclasses import dataclass

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.callables import Array

# Rounding errors grow with the sum of the sizes of the terms: powers are taken where it is at most
# this many times that of the Chebyshev series, which cost twice as many operations.
_MOST_GROWTH = 4.0


@dataclass(frozen=True)
class PairPolynomials:
    """Of gap_rs and slope_rs, r <= s.

    Attributes
    ----------
    partners : list of int
        For each r the number of s = r, r + 1, ... that have a polynomial; its length is the rank.
    series : list of (2, terms) ndarray
        For each of these pairs gap and slope, lowest term first; one term at least.
    powers : bool
        Whether terms are powers, not Chebyshev polynomials.
    """

    partners: list[int]
    series: list[Array]
    powers: bool

    @property
    def rank(self) -> int:
        """Row scalars that it takes."""
        return len(self.partners)

    @property
    def cost(self) -> int:
        """Vector operations of a pair step, about."""
        terms = sum(int(one.shape[1]) for one in self.series)
        return 2 * terms + 5 * len(self.series) + 2 * self.rank


@dataclass(frozen=True)
class HermiteOrders:
    """Orders k of Mehler's sum, ascending, each above 0 at most two above the one before or 0."""

    orders: list[int]

    @property
    def rank(self) -> int:
        """Row scalars that it takes."""
        return len(self.orders)

    @property
    def cost(self) -> int:
        """Vector operations of a pair step, about."""
        return 8 * self.rank


def hermite_orders(coefficients: Array, steepest: float, budget: float) -> HermiteOrders:
    """Drop the smallest terms of Mehler's sum.

    Parameters
    ----------
    coefficients : (m, terms) ndarray
        Normalised coefficients of F at each node.
    steepest : float
        What slopes are measured by.
    budget : float
        Largest sum of the sizes of the terms dropped.

    Returns
    -------
    HermiteOrders
    """
    order = np.arange(coefficients.shape[1])
    size = np.abs(coefficients).max(axis=0) ** 2 * np.maximum(1, order / steepest)
    rising = np.argsort(size)
    dropped = np.zeros(order.size, dtype=bool)
    dropped[rising[np.cumsum(size[rising]) <= budget]] = True
    orders: list[int] = []
    for k in order[~dropped].tolist():
        while k - (orders[-1] if orders else 0) > 2:
            orders.append((orders[-1] if orders else 0) + 2)
        orders.append(k)
    return HermiteOrders(orders)


def truncated(
    gap: Array, slope: Array, sizes: Array, steepest: float, budget: float
) -> PairPolynomials:
    """Drop the smallest terms of Chebyshev series as long as what is dropped stays below a budget.

    Parameters
    ----------
    gap, slope : (terms, k, k) ndarray
        Chebyshev coefficients for each pair of basis functions.
    sizes : (k,) ndarray
        Largest value of each psi_r.
    steepest : float
        What slopes are measured by.
    budget : float
        Largest sum of the sizes of the terms dropped.

    Returns
    -------
    PairPolynomials
        As Chebyshev series.
    """
    count, k, _ = gap.shape
    weight = np.maximum(np.abs(gap), np.abs(slope)) / steepest * np.outer(sizes, sizes)
    weight *= 2 - np.eye(k)
    r_of, s_of = np.triu_indices(k)
    weight = weight[:, r_of, s_of]
    # A term goes when all above it do: in the order of the largest of them.
    largest = np.maximum.accumulate(weight[::-1])[::-1]
    above = np.broadcast_to(-np.arange(count)[:, None], weight.shape)
    order = np.lexsort((above.ravel(), largest.ravel()))
    goes = order[np.cumsum(weight.ravel()[order]) <= budget]
    kept = count - np.bincount(goes % r_of.size, minlength=r_of.size)
    terms = np.zeros((k, k), dtype=np.intp)
    terms[r_of, s_of] = kept
    partners = []
    for r in range(k):
        present = [s for s in range(r, k) if terms[r, s]]
        partners.append(present[-1] - r + 1 if present else 0)
    rank = max((r + n for r, n in enumerate(partners) if n), default=1)
    partners = partners[:rank]
    series = [
        np.stack([kind[: max(1, terms[r, s]), r, s] for kind in (gap, slope)])
        for r in range(rank)
        for s in range(r, r + partners[r])
    ]
    return PairPolynomials(partners, series, powers=False)


def in_powers(polynomials: PairPolynomials, sizes: Array) -> PairPolynomials:
    """Convert to powers of sigma unless that would cost digits."""
    if max(one.shape[1] for one in polynomials.series) > chebyshev.MOST_POWERS:
        return polynomials
    pairs = [(r, s) for r, n in enumerate(polynomials.partners) for s in range(r, r + n)]
    series = [chebyshev.to_powers(one) for one in polynomials.series]

    def size(which: list[Array]) -> float:
        return sum(
            float(np.abs(one).sum(axis=1).max() * sizes[r] * sizes[s])
            for one, (r, s) in zip(which, pairs, strict=True)
        )

    if size(series) > _MOST_GROWTH * size(polynomials.series):
        return polynomials
    return PairPolynomials(polynomials.partners, series, powers=True)
