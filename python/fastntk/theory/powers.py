# SPDX-License-Identifier: Apache-2.0
r"""Which powers of the cosine a limiting kernel has on a sphere: the largest even and odd one.

With the Hermite coefficients a_n of f(sqrt(q) u), a layer maps the covariance S(c) of equal norms,
a power series in the cosine c without negative coefficients, to weight_std^2 sum_n a_n^2 (S/q)^n +
bias_std^2, another one [Daniely, Frostig, Singer 2016, "Toward Deeper Understanding of Neural
Networks", section 4]. Which powers occur follows from which n do. Nothing here depends on q: the
even part of f is a polynomial of degree m exactly where the largest even n is m.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

NONE = -math.inf
_LARGEST_DEGREE = 20  # of a polynomial that is recognised
_POINTS = 28
_SCALES = 2.0 ** np.arange(-12, 25)


class Powers(NamedTuple):
    """The largest even and the largest odd power: inf without a largest, -inf without any."""

    even: float
    odd: float

    def __or__(self, other: tuple[float, float]) -> Powers:
        """Return those of a sum."""
        return Powers(max(self.even, other[0]), max(self.odd, other[1]))

    def times(self, other: Powers) -> Powers:
        """Return those of a product."""
        return Powers(
            max(_sum(self.even, other.even), _sum(self.odd, other.odd)),
            max(_sum(self.even, other.odd), _sum(self.odd, other.even)),
        )

    def derivative(self) -> Powers:
        """Return those of the derivative."""
        even, odd = self.odd - 1, self.even - 1
        return Powers(even, odd if odd > 0 else NONE)

    def of(self, inner: Powers) -> Powers:
        """Return those of a series in another series."""
        found = Powers(0.0, NONE) if self.even == 0 else Powers(NONE, NONE)
        if self.even > 0:
            found = found | _power(inner, self.even, 0)
        if self.odd > 0:
            found = found | _power(inner, self.odd, 1)
        return found


def powers_of_kernels(
    functions: Sequence[Callable[[Any], Any]], bias_std: Sequence[float], residual: float = 0.0
) -> tuple[Powers, Powers]:
    """Return the powers of the NNGP and of the NTK in the cosine.

    Parameters
    ----------
    functions : sequence of callable
        The nonlinearities, elementwise.
    bias_std : sequence of float
        Of the linear maps, one more: which of them are 0 is what counts.
    residual : float
        Whether each hidden layer's preactivations are added to the next hidden layer's: not 0.
    """
    last = len(functions) - 1
    nngp = ntk = _with_bias(Powers(NONE, 1.0), bias_std[0])
    for layer, (f, bias) in enumerate(zip(functions, bias_std[1:], strict=True)):
        hermite, before = powers_of_function(f), (nngp, ntk)
        slopes = hermite.derivative().of(nngp)
        nngp = _with_bias(hermite.of(nngp), bias)
        ntk = slopes.times(ntk) | nngp
        if residual and layer < last:
            nngp, ntk = nngp | before[0], ntk | before[1]
    return nngp, ntk


def powers_of_function(f: Callable[[NDArray[np.float64]], Any]) -> Powers:
    """Return the degrees of the even and of the odd part of a function, inf if not polynomial.

    Found by differences on grids that reach from 0.003 to 2e8: polynomials of degrees up to 20 have
    differences that vanish on all of them, and no other function in use has.
    """
    grid = np.arange(_POINTS) - (_POINTS - 1) / 2  # never 0, where a jump may have any value
    even = odd = NONE
    for scale in _SCALES:
        with np.errstate(all="ignore"):
            values = np.asarray(f(scale * grid), dtype=np.float64)
        if not np.isfinite(values).all():  # beyond the range of float64
            continue
        size = float(np.abs(values).max())
        even = max(even, _degree((values + values[::-1]) / 2, size))
        odd = max(odd, _degree((values - values[::-1]) / 2, size))
    return Powers(even, odd)


def _degree(values: NDArray[np.float64], size: float) -> float:
    """Return the largest order at which differences are more than rounding."""
    found, noise = NONE, 16 * np.finfo(np.float64).eps * size
    for order in range(_LARGEST_DEGREE + 2):
        if float(np.abs(values).max()) > noise:
            found = order
        values, noise = np.diff(values), 2 * noise
    return math.inf if found > _LARGEST_DEGREE else found


def _power(inner: Powers, n: float, parity: int) -> Powers:
    """Return the powers of inner^n, or over all n of a parity where n is inf.

    Of the n factors j are odd powers: the sum is linear in j, and largest at an end of its range.
    """
    found = Powers(NONE, NONE)
    for odds, others, odds_parity in (
        (0.0, n, 0),
        (1.0, n - 1, 1),
        (n - 1, 1.0, 1 - parity),
        (n, 0.0, parity),
    ):
        value = _sum(_several(odds, inner.odd), _several(others, inner.even))
        found = found | ((NONE, value) if odds_parity else (value, NONE))
    return found


def _sum(one: float, other: float) -> float:
    return NONE if NONE in {one, other} else one + other


def _several(count: float, power: float) -> float:
    return 0.0 if count == 0 or power == 0 else count * power


def _with_bias(powers: Powers, bias_std: float) -> Powers:
    return powers | (0.0, NONE) if bias_std > 0 else powers
