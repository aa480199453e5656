# SPDX-License-Identifier: Apache-2.0
"""Chebyshev series on [-1, 1] along the first axis of an array."""

from functools import lru_cache

import numpy as np

from fastntk.duals.callables import Array


def nodes(n: int) -> Array:
    """Zeros of the polynomial of degree n, descending; [0] for n = 1."""
    return np.asarray(np.cos(np.pi * (np.arange(n) + 0.5) / n))


@lru_cache(maxsize=32)
def _transform(n: int) -> Array:
    matrix = 2 / n * np.cos(np.pi * np.outer(np.arange(n), np.arange(n) + 0.5) / n)
    matrix[0] /= 2
    return np.asarray(matrix)


def interpolate(values: Array) -> Array:
    """Coefficients of the interpolants of values at the nodes, (n, ...) -> (n, ...)."""
    return np.asarray(np.tensordot(_transform(values.shape[0]), values, axes=1))


@lru_cache(maxsize=8)
def _powers(n: int) -> list[list[int]]:
    """Integer coefficients of the first n polynomials, lowest power first."""
    rows = [[1], [0, 1]]
    for _ in range(2, n):
        raised = [0, *(2 * one for one in rows[-1])]
        for i, one in enumerate(rows[-2]):
            raised[i] -= one
        rows.append(raised)
    return rows[:n]


def to_powers(series: Array) -> Array:
    """Coefficients by powers, lowest first, of one Chebyshev series."""
    total = np.zeros(series.size, dtype=np.longdouble)
    for one, row in zip(series, _powers(series.size), strict=True):
        total[: len(row)] += np.longdouble(one) * np.array(row, dtype=np.longdouble)
    return total.astype(np.float64)
