# SPDX-License-Identifier: Apache-2.0
"""Seeded data sets full of the pairs that lose digits: each is built once and read-only."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

PIXELS = 1 / 255


class Case(NamedTuple):
    """Rows, the factor to call the kernel with, and the pairs to look at in mpmath."""

    X: np.ndarray
    scale: float
    pairs: tuple[tuple[int, int], ...]


def images(rng: np.random.Generator, n: int, d: int, top: int = 255) -> np.ndarray:
    """Sparse uint8 rows, a third of the pixels nonzero, values up to `top`."""
    values = rng.integers(1, top + 1, size=(n, d))
    return np.where(rng.random((n, d)) < 0.35, values, 0).astype(np.uint8)


def _nudged(row: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Copy a uint8 row with some pixels changed by 1."""
    out = row.copy()
    out[pixels] = np.where(row[pixels] > 127, row[pixels] - 1, row[pixels] + 1)
    return out


class _Rows:
    """Collects rows and the pairs worth an mpmath entry."""

    def __init__(self, base: np.ndarray) -> None:
        self.rows = list(base)
        self.pairs: list[tuple[int, int]] = []

    def add(self, row: np.ndarray, of: int) -> None:
        self.pairs.append((of, len(self.rows)))
        self.rows.append(row)

    def case(self, rng: np.random.Generator, scale: float, dtype: str) -> Case:
        X = np.stack(self.rows).astype(dtype)
        X.flags.writeable = False
        sample = [tuple(int(v) for v in rng.integers(0, len(X), 2)) for _ in range(6)]
        return Case(X, scale, tuple(self.pairs + sample + [(3, 3)]))


def _uint8(rng: np.random.Generator, dtype: str, signed: bool) -> Case:
    rows = _Rows(np.concatenate([images(rng, 12, 96), images(rng, 6, 96, top=2)]))
    for of, count in ((0, 1), (1, 2), (2, 96)):
        rows.add(_nudged(rows.rows[of], rng.choice(96, count, replace=False)), of)
    rows.add(rows.rows[3], 3)
    for of, factor in ((12, 2), (13, 3), (14, 127), (15, 126)):  # proportional: k x
        rows.add((rows.rows[of].astype(int) * factor).astype(np.uint8), of)
    dimmed = (rows.rows[4].astype(int) * 3 // 4).astype(np.uint8)  # proportional up to rounding
    rows.add(dimmed, 4)
    rows.add(_nudged(rows.rows[22], np.array([5])), 12)  # nearly proportional
    rows.add(np.zeros(96, np.uint8), 0)
    rows.add(np.full(96, 255, np.uint8), 1)
    rows.add(np.eye(96, dtype=np.uint8)[7], 2)
    rows.add(np.eye(96, dtype=np.uint8)[7] * 255, len(rows.rows) - 1)
    return rows.case(rng, PIXELS, dtype)


def _uint8_equal(rng: np.random.Generator, dtype: str, signed: bool) -> Case:
    """Permutations of one row, so all norms are equal as integers."""
    row = images(rng, 1, 96)[0]
    row[:4] = 100, 101, 7, 9
    rows = _Rows(np.stack([rng.permutation(row) for _ in range(14)] + [row]))
    for swap in ((0, 1), (2, 3)):
        close = row.copy()
        close[list(swap)] = close[list(swap[::-1])]
        rows.add(close, 14)
    rows.add(row, 14)
    return rows.case(rng, PIXELS, dtype)


def _float(rng: np.random.Generator, dtype: str, signed: bool) -> Case:
    base = rng.standard_normal((12, 65))
    rows = _Rows(base if signed else np.abs(base) * (rng.random((12, 65)) < 0.5))
    for k in range(1, 8):  # perturbations 1e-1 ... 1e-7, of all columns and of one
        noise = 10.0**-k * rng.standard_normal(65)
        rows.add(rows.rows[k] * (1 + noise), k)
        one = rows.rows[k].copy()
        one[k] += 10.0**-k
        rows.add(one, k)
    rows.add(rows.rows[0], 0)
    for factor in (0.5, 3.0, 1e-3):
        rows.add(rows.rows[8] * factor, 8)
    if signed:
        for factor in (-1.0, -2.0, -1 / 3):
            rows.add(rows.rows[9] * factor, 9)
        rows.add(-rows.rows[10] * (1 + 1e-5 * rng.standard_normal(65)), 10)
    rows.add(np.zeros(65), 0)
    rows.add(np.eye(65)[3], 1)
    return rows.case(rng, 1.0, dtype)


def _float_equal(rng: np.random.Generator, dtype: str, signed: bool) -> Case:
    """Rows on the unit sphere (up to rounding), and permutations of them (equal to the bit)."""

    def sphere(v: np.ndarray) -> np.ndarray:
        return v / np.linalg.norm(v)

    base = rng.standard_normal((9, 65))
    rows = _Rows(np.stack([sphere(v if signed else np.abs(v)) for v in base]))
    for k in range(1, 8):
        rows.add(sphere(rows.rows[k] * (1 + 10.0**-k * rng.standard_normal(65))), k)
    for _ in range(3):
        rows.add(rng.permutation(rows.rows[8]), 8)
    rows.add(rows.rows[0], 0)
    if signed:
        rows.add(-rows.rows[0], 0)
    return rows.case(rng, 1.0, dtype)


_BUILDERS: dict[str, tuple[Callable[[np.random.Generator, str, bool], Case], str, bool]] = {
    "uint8": (_uint8, "uint8", False),
    "uint8-equal": (_uint8_equal, "uint8", False),
    "float32": (_float, "float32", False),
    "float32-signed": (_float, "float32", True),
    "float32-equal": (_float_equal, "float32", False),
    "float32-equal-signed": (_float_equal, "float32", True),
    "float64": (_float, "float64", False),
    "float64-signed": (_float, "float64", True),
    "float64-equal": (_float_equal, "float64", False),
    "float64-equal-signed": (_float_equal, "float64", True),
}
NAMES = tuple(_BUILDERS)


@cache
def case(name: str) -> Case:
    """Build a data set; the same name always gives the same rows."""
    builder, dtype, signed = _BUILDERS[name]
    return builder(np.random.default_rng(list(name.encode())), dtype, signed)
