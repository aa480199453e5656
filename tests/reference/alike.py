# SPDX-License-Identifier: Apache-2.0
"""Data sets whose rows share one recursion, and their kernels on a block of rows in np.longdouble.

300 rows each, so that a whole matrix has enough entries for a table in place of the layers: those
without bias have rows of all norms, those with one have rows of integers, whose norms are equal to
the bit. The first rows are the hard ones: duplicates, near-duplicates, multiples, opposites.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from reference import extended
from reference.data import PIXELS, images
from reference.errors import denominators
from reference.extended import LD
from reference.network import Network

ROWS = 300
BLOCK = 40, 120  # the first rows are compared with a few more
_COLUMNS = 40
_OWN = 10  # rows whose diagonal is computed at a time


class Truth(NamedTuple):
    """Kernels of the BLOCK, and what their errors are relative to."""

    nngp: np.ndarray
    ntk: np.ndarray
    layers: np.ndarray
    nngp_scale: np.ndarray
    ntk_scale: np.ndarray


def _norms_of_all_sizes(rng: np.random.Generator, signed: bool) -> np.ndarray:
    X = rng.standard_normal((ROWS, _COLUMNS)) * 10 ** rng.uniform(-2, 2, (ROWS, 1))
    if not signed:
        X = np.abs(X) * (rng.random(X.shape) < 0.6)
    sign = -1 if signed else 1
    for k in range(1, 8):  # 1e-1 to 1e-7 away, and as far from a right angle or the opposite row
        noise = 1 + 10.0**-k * rng.standard_normal(_COLUMNS)
        X[2 * k], X[2 * k + 1] = X[40 + k] * noise, sign * 3 * X[40 + k] * noise
        X[30 + k] = 0
        X[30 + k, [0, k]] = 10.0 ** -(k - 1), 1
    X[16], X[17], X[18], X[19] = X[40], sign * X[40], X[41] * 1e-3, 0
    X[20:24] = np.eye(_COLUMNS)[:4]
    return X


def _equal_norms(rng: np.random.Generator, signed: bool) -> np.ndarray:
    values = rng.integers(0, 100, _COLUMNS)
    values[:6] = 99, 100, 7, 9, 60, 80
    X = np.stack([rng.permutation(values) for _ in range(ROWS)])
    if signed:
        X *= rng.choice([-1, 1], X.shape)
    sign = -1 if signed else 1
    X[50] = values
    for k, swap in enumerate(((0, 1), (2, 3), (4, 5), (0, 2))):
        close = X[50].copy()
        close[list(swap)] = close[list(swap[::-1])]
        X[2 * k], X[2 * k + 1] = close, sign * close
    X[8], X[9] = X[51], sign * X[51]
    return X


def _pixels(rng: np.random.Generator, signed: bool) -> np.ndarray:
    X = images(rng, ROWS, _COLUMNS).astype(int)
    for k in range(8):
        X[k] = X[40 + k]
        X[k, : k + 1] ^= 1
    X[8], X[9], X[10], X[11] = X[40], X[41] // 2, 255, 0
    X[12:16] = 255 * np.eye(_COLUMNS, dtype=int)[:4]
    return X


_BUILDERS = {
    "pixels": (_pixels, False, 0.0, PIXELS),
    "any-norm": (_norms_of_all_sizes, False, 0.0, 1.0),
    "any-norm-signed": (_norms_of_all_sizes, True, 0.0, 1.0),
    "equal": (_equal_norms, False, 0.1, 0.02),
    "equal-signed": (_equal_norms, True, 0.1, 0.02),
}
# Name, and the type that the rows are given to the engine in.
INPUTS = (
    ("pixels", "uint8"),
    ("equal", "uint8"),
    *((name, kind) for name in list(_BUILDERS)[1:] for kind in ("float32", "float64")),
)


def bias_std(name: str) -> float:
    """Return the bias with which all rows of the set still share one recursion."""
    return _BUILDERS[name][2]


@cache
def rows(name: str, kind: str) -> tuple[np.ndarray, float]:
    """Return the rows of a set, read-only, and the scale to call the kernel with."""
    build, signed, _, scale = _BUILDERS[name]
    X = build(np.random.default_rng(list(name.encode())), signed).astype(kind)
    X.flags.writeable = False
    return X, scale


@cache
def truth(name: str, kind: str, net: Network) -> Truth:
    """Return the kernels of the set's first rows."""
    X, scale = rows(name, kind)
    X, Y = X[: BLOCK[0]], X[: BLOCK[1]]
    nngp, ntk, layers = extended.gram(net, X, Y, scale=scale)
    own = [extended.gram(net, Y[at : at + _OWN], scale=scale) for at in range(0, len(Y), _OWN)]
    scales = []
    for kernel, reference in (("nngp", nngp), ("ntk", ntk)):
        diagonal = np.concatenate([np.diagonal(getattr(part, kernel)) for part in own]).astype(LD)
        own_x, own_y = diagonal[: len(X)], diagonal
        scales.append(denominators(net, X, Y, reference=reference, own_x=own_x, own_y=own_y))
    return Truth(nngp, ntk, layers, *scales)
