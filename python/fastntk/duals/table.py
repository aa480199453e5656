# SPDX-License-Identifier: Apache-2.0
"""A tabulated dual: what the engine reads, and the same evaluation in NumPy.

Layout of the array (``csrc/common/activations/tabulated.h`` reads it), all numbers doubles:
  0 rank   1 row terms   2 middle of log q   3 1 / half its width
  4 kind (0 polynomials of the angle, 1 of the variable with width B, 2 Hermite terms)
  5 width B   6 scale and 7 offset of sigma   8 powers (1) or Chebyshev series (0)   9 f(0)^2
  10 and 11 a, b: E[f(u)^2] = (a + b q) P(l)
  12 numbers in front of the single-precision copy   13 numbers in front of what pairs read
then rank psi_r for a row of variance 0; row terms of P, the row's slope and each psi_r as
Chebyshev series in l; of polynomials, psi_0 - 1 in place of psi_0.  Then Hermite terms have their
orders; polynomials for each r the number of its partners, for each pair its number of terms, and
for each pair its terms from the highest down, gap and slope in turn.  Behind all that lie the same
numbers in single precision.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastntk.duals.callables import Array
from fastntk.duals.coefficients import HermiteOrders, PairPolynomials

HEADER = 14

Numbers = npt.NDArray[np.floating]


@dataclass(frozen=True)
class RowSeries:
    """Chebyshev series in l, the logarithm of the variance scaled to [-1, 1]."""

    middle: float
    half_width: float
    weight: tuple[float, float]  # a and b of E[f(u)^2] = (a + b q) P(l)
    moment: Array  # (terms,): P
    slope: Array  # (terms,)
    psi: Array  # (terms, k)
    psi_at_zero: Array  # (k,)

    def at(self, q: npt.ArrayLike) -> tuple[Array, Array, Array]:
        """Second moment, slope and psi (..., k) at variances."""
        q = np.asarray(q, dtype=np.float64)
        scaled = (np.log(q) - self.middle) / (self.half_width or 1.0)
        value = np.polynomial.chebyshev.chebval
        moment = (self.weight[0] + self.weight[1] * q) * value(scaled, self.moment)
        return moment, value(scaled, self.slope), np.moveaxis(value(scaled, self.psi), 0, -1)


@dataclass(frozen=True, eq=False)
class DualTable:
    """The dual of a function on a range of variances and angles.

    Attributes
    ----------
    rows : RowSeries
    pairs : PairPolynomials or HermiteOrders
    width : float or None
        Of the layers at c = +-1; None where polynomials are in the angle itself.
    ends : tuple of float
        The variable of the polynomials where c = 1, and at the other end.
    square_at_zero : float
        f(0)^2.
    q_range : tuple of float
        Variances of both rows.
    y_max : float
        Largest theta / pi.
    error : float
        Largest error seen of the normalised dual and of its slope, relative to the diagonals.
    """

    rows: RowSeries
    pairs: PairPolynomials | HermiteOrders
    width: float | None
    ends: tuple[float, float]
    square_at_zero: float
    q_range: tuple[float, float]
    y_max: float
    error: float

    @property
    def rank(self) -> int:
        """Numbers that a row of data has for the pair step."""
        return self.pairs.rank

    @property
    def array(self) -> Array:
        """What the engine reads: doubles, and behind them their single-precision copy."""
        first, last = self.ends
        scale = 2 / (first - last)
        rows, rank = self.rows, self.rank
        hermite = isinstance(self.pairs, HermiteOrders)
        psi = rows.psi[:, :rank].copy()
        psi[0] -= self._subtracted
        body = [
            rows.psi_at_zero[:rank] - self._subtracted,
            rows.moment,
            rows.slope,
            psi.T.ravel(),
            *_pair_numbers(self.pairs),
        ]
        count = HEADER + sum(part.size for part in body)
        header = [
            rank,
            rows.moment.size,
            rows.middle,
            1 / rows.half_width if rows.half_width else 0.0,
            2.0 if hermite else float(self.width is not None),
            self.width or 0.0,
            scale,
            -(first + last) / 2 * scale,
            float(getattr(self.pairs, "powers", False)),
            self.square_at_zero,
            *rows.weight,
            count,
            HEADER + rank + (2 + rank) * rows.moment.size,
        ]
        doubles = np.concatenate([header, *body])
        singles = np.zeros(2 * ((count + 1) // 2), dtype=np.float32)
        singles[:count] = doubles
        return np.concatenate([doubles, singles.view(np.float64)])

    @property
    def _subtracted(self) -> Array:
        """What row scalars are less than psi: 1 of the first of polynomials, which is near it."""
        first = np.zeros(self.rank)
        first[0] = not isinstance(self.pairs, HermiteOrders)
        return first

    def dual(
        self, q: npt.ArrayLike, p: npt.ArrayLike, x: npt.ArrayLike,
        dtype: npt.DTypeLike = np.float64,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Deficit and slope of pairs, as the engine computes them in a precision.

        Parameters
        ----------
        q, p, x : array_like
            Variances, and deficits (1 - c) / 2 of the angle.
        dtype : dtype
            numpy.float32 or numpy.float64.

        Returns
        -------
        tuple of ndarray
            (1 - E[f(u) f(v)] / sqrt(A A')) / 2 and E[f'(u) f'(v)] sqrt(q p / (A A')), float64.
        """
        q, p, x = np.broadcast_arrays(q, p, x)
        a, b = (
            (self.rows.at(one)[2][..., : self.rank] - self._subtracted).astype(dtype)
            for one in (q, p)
        )
        x = x.astype(dtype)
        apart = np.sum((a - b) ** 2, axis=-1)
        if isinstance(self.pairs, HermiteOrders):
            gap, slope = _hermite_sums(self.pairs.orders, a, b, 1 - 2 * x)
        else:
            gap, slope = self._polynomial_sums(self.pairs, a, b, self._sigma(x))
        deficit = np.maximum(x * gap + apart / np.dtype(dtype).type(4), 0)
        return deficit.astype(np.float64), slope.astype(np.float64)

    def _sigma(self, x: Numbers) -> Numbers:
        real = x.dtype.type
        first, last = self.ends
        if self.width is None:
            s = np.where(x > 0.5, 1 - self._angle(1 - x), self._angle(x))
        else:
            b = real(self.width)
            root = np.sqrt(b * b + (1 - b * b) * 4 * x * (1 - x))
            s = (1 - 2 * x) * (1 + b) / (1 + root)
        scale = 2 / (first - last)
        return (s * real(scale) + real(-(first + last) / 2 * scale)).astype(x.dtype)

    @staticmethod
    def _angle(x: Numbers) -> Numbers:
        return 2 * np.arcsin(np.sqrt(np.clip(x, 0, 1))) / x.dtype.type(np.pi)

    @staticmethod
    def _polynomial_sums(
        pairs: PairPolynomials, a: Numbers, b: Numbers, sigma: Numbers
    ) -> tuple[Numbers, Numbers]:
        value = (
            np.polynomial.polynomial.polyval if pairs.powers else np.polynomial.chebyshev.chebval
        )
        gap, slope = np.zeros_like(sigma), np.zeros_like(sigma)
        first = gap, slope
        series = iter(pairs.series)
        for r, partners in enumerate(pairs.partners):
            left, right = a[..., r], b[..., r]
            product = left * right
            if r == 0:
                product = product + (left + right)  # less 1
                left, right = 1 + left, 1 + right
            for s in range(r, r + partners):
                if s > r:
                    product = left * b[..., s] + a[..., s] * right
                one = next(series).astype(sigma.dtype)
                own = value(sigma, one[0]), value(sigma, one[1])
                if s == 0:
                    first = own
                gap = gap + product * own[0]
                slope = slope + product * own[1]
        return first[0] + gap, first[1] + slope


def _hermite_sums(orders: list[int], a: Numbers, b: Numbers, c: Numbers) -> tuple[Numbers, Numbers]:
    """Sum S_k (1 - c^k) / (1 - c) and k S_k c^(k - 1), S_k = a_k b_k, from the highest k."""
    gap, slope, total = np.zeros_like(c), np.zeros_like(c), np.zeros_like(c)
    for i in range(len(orders) - 1, -1, -1):
        order, step = orders[i], orders[i] - (orders[i - 1] if i else 0)
        product = a[..., i] * b[..., i]
        if order == 0:
            break
        if i + 1 < len(orders):
            slope = slope * c ** (orders[i + 1] - order)
        slope = slope + order * product
        total = total + product
        gap = gap * c**step + total * (1 + c if step == 2 else 1)
    first = orders[0] or (orders[1] if len(orders) > 1 else 1)
    return gap, slope * c ** (first - 1)


def _pair_numbers(pairs: PairPolynomials | HermiteOrders) -> list[Array]:
    if isinstance(pairs, HermiteOrders):
        return [np.array(pairs.orders, dtype=np.float64)]
    return [
        np.array(pairs.partners, dtype=np.float64),
        np.array([one.shape[1] for one in pairs.series], dtype=np.float64),
        *(one.T[::-1].ravel() for one in pairs.series),
    ]
