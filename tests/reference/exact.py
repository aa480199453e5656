# SPDX-License-Identifier: Apache-2.0
"""Reference kernels of the named data sets, computed once per network and shared by all tests."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reference import data, extended, multiprecision
from reference.errors import denominators
from reference.extended import LD
from reference.network import Network


class Reference(NamedTuple):
    """True kernels of some pairs of rows, each with what its error is relative to.

    rows, columns : index arrays; kernels are those of X[rows], X[columns], elementwise.
    """

    rows: np.ndarray
    columns: np.ndarray
    nngp: np.ndarray
    ntk: np.ndarray
    layers: np.ndarray
    nngp_scale: np.ndarray
    ntk_scale: np.ndarray


def to_longdouble(value: object) -> np.longdouble:
    """Round an mpmath number to np.longdouble, through two doubles (about 106 bits)."""
    high = float(value)  # type: ignore[arg-type]
    if high == 0 or not np.isfinite(high):
        return LD(high)
    return LD(high) + LD(float(value - high))  # type: ignore[operator]


@lru_cache(maxsize=1024)
def complete(name: str, net: Network) -> Reference:
    """np.longdouble kernels of all pairs of the case, as (n, n) arrays."""
    X, scale, _ = data.case(name)
    rows, columns = np.indices((len(X), len(X)))
    nngp, ntk, layers = extended.gram(net, X, scale=scale)
    own = [np.diagonal(K) for K in (nngp, ntk)]
    return Reference(
        rows,
        columns,
        nngp,
        ntk,
        layers,
        denominators(net, X, X, reference=nngp, own_x=own[0], own_y=own[0]),
        denominators(net, X, X, reference=ntk, own_x=own[1], own_y=own[1]),
    )


@lru_cache(maxsize=1024)
def sampled(name: str, net: Network) -> Reference:
    """Mpmath kernels of the case's chosen pairs; the scales need no such precision."""
    X, scale, pairs = data.case(name)
    rows, columns = (np.array(side) for side in zip(*pairs, strict=True))
    values = multiprecision.entries(net, X, X, pairs, scale)
    layers = np.array([[to_longdouble(part) for part in value.layers] for value in values]).T
    scales = complete(name, net)
    return Reference(
        rows,
        columns,
        np.array([to_longdouble(value.nngp) for value in values]),
        np.array([to_longdouble(value.ntk) for value in values]),
        layers,
        scales.nngp_scale[rows, columns],
        scales.ntk_scale[rows, columns],
    )
