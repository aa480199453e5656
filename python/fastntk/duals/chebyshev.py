# SPDX-License-Identifier: Apache-2.0
"""Chebyshev series on [-1, 1] along the first axis of an array."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


# Terms of a series that is converted to powers; their coefficients are integers below 2^64, exact
# in extended precision. Longer ones would cancel.
MOST_POWERS = 48


def nodes(n: int) -> Array:
    """Zeros of the polynomial of degree n, descending; [0] for n = 1."""
    return np.asarray(np.cos(np.pi * (np.arange(n) + 0.5) / n))


@lru_cache(maxsize=32)
def _transform(n: int) -> Array:
    turns = np.outer(np.arange(n), 2 * np.arange(n) + 1) % (4 * n)
    matrix = 2 / n * np.cos(np.pi * turns / (2 * n))
    matrix[0] /= 2
    return np.asarray(matrix)


def extrema(n: int) -> Array:
    """Extrema of the polynomial of degree n - 1, descending: every other one of 2 n - 1."""
    return np.asarray(np.cos(np.pi * np.arange(n) / (n - 1)))


@lru_cache(maxsize=8)
def _transform_of_extrema(n: int) -> Array:
    # Whole turns are left out: cosines of large angles have their rounding.
    turns = np.outer(np.arange(n), np.arange(n)) % (2 * (n - 1))
    matrix = 2 / (n - 1) * np.cos(np.pi * turns / (n - 1))
    for ends in (matrix, matrix.T):
        ends[0] /= 2
        ends[-1] /= 2
    return np.asarray(matrix)


def interpolate_extrema(values: Array) -> Array:
    """Coefficients of the interpolants of values at the extrema, (n, ...) -> (n, ...)."""
    return np.asarray(np.tensordot(_transform_of_extrema(values.shape[0]), values, axes=1))


def interpolate(values: Array) -> Array:
    """Coefficients of the interpolants of values at the nodes, (n, ...) -> (n, ...)."""
    return np.asarray(np.tensordot(_transform(values.shape[0]), values, axes=1))


@lru_cache(maxsize=1)
def _powers() -> npt.NDArray[np.longdouble]:
    """Coefficients of the first polynomials, a row each, lowest power first."""
    rows = np.zeros((MOST_POWERS, MOST_POWERS), dtype=np.longdouble)
    rows[0, 0] = rows[1, 1] = 1
    for n in range(2, MOST_POWERS):
        rows[n] = -rows[n - 2]
        rows[n, 1:] += 2 * rows[n - 1, :-1]
    return rows


def to_powers(series: Array) -> Array:
    """Coefficients by powers, lowest first, of Chebyshev series (..., n), n <= MOST_POWERS."""
    n = series.shape[-1]
    total = series.astype(np.longdouble) @ _powers()[:n, :n]
    return np.asarray(total, dtype=np.float64)
