# SPDX-License-Identifier: Apache-2.0
"""The limiting ReLU NTK as one would write it in NumPy: the arc-cosine recursion on whole matrices.

With c = S / sqrt(q q') and theta = arccos(c), one layer is

    S+ = weight_std^2 sqrt(q q') (sin theta + (pi - theta) c) / (2 pi) + bias_std^2
    T+ = weight_std^2 T (pi - theta) / (2 pi) + S+

Both functions below compute it so.  ``limiting_ntk`` is what comes first to mind, one temporary per
operation.  ``limiting_ntk_blocked`` keeps a few rows at a time in cache, writes in place and uses
all cores.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_BUFFER_BYTES = 1 << 18  # each of a block's four buffers: together they stay in a 2 MB L2 cache
_PRODUCT_ROWS = 1_000  # rows of K formed at a time by the products that do not store K


@dataclass(frozen=True)
class Parameters:
    """The network, and the factor on the data."""

    hidden_layers: int
    weight_std: float
    bias_std: float
    scale: float
    dtype: DTypeLike


def limiting_ntk(X: NDArray[Any], Y: NDArray[Any] | None, net: Parameters) -> NDArray[Any]:
    """Return the whole (n, m) kernel, one temporary per operation."""
    A = X.astype(net.dtype) * net.scale
    B = A if Y is None else Y.astype(net.dtype) * net.scale
    w2, b2 = net.weight_std**2, net.bias_std**2
    n0 = A.shape[1]
    q = w2 * (A**2).sum(axis=1) / n0 + b2
    p = w2 * (B**2).sum(axis=1) / n0 + b2
    S = w2 * (A @ B.T) / n0 + b2
    T: NDArray[Any] = S
    for _ in range(net.hidden_layers):
        norm = np.sqrt(q[:, None] * p[None, :])
        c = np.clip(S / norm, -1, 1)
        theta = np.arccos(c)
        S = w2 * norm * (np.sqrt(1 - c**2) + (math.pi - theta) * c) / (2 * math.pi) + b2
        T = w2 * T * (math.pi - theta) / (2 * math.pi) + S
        q = w2 * q / 2 + b2
        p = w2 * p / 2 + b2
    return T


def limiting_ntk_blocked(
    X: NDArray[Any], Y: NDArray[Any] | None, net: Parameters, threads: int | None = None
) -> NDArray[Any]:
    """Return the whole (n, m) kernel, by blocks of rows in cache on every core."""
    A = X.astype(net.dtype) * net.scale
    B = A if Y is None else Y.astype(net.dtype) * net.scale
    T: NDArray[Any] = (A * (net.weight_std**2 / A.shape[1])) @ B.T
    row_norms = list(_root_norms(A, net))
    column_norms = list(_root_norms(B, net))
    step = max(1, _BUFFER_BYTES // (T.shape[1] * T.itemsize))
    workers = threads or _available_cores()

    def work(first: int) -> None:
        buffers = np.empty((4, step, T.shape[1]), T.dtype)
        for start in range(first * step, T.shape[0], workers * step):
            block = T[start : start + step]
            _recursion_in_place(
                block,
                [r[start : start + step, None] for r in row_norms],
                column_norms,
                net,
                buffers[:, : len(block)],
            )

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    return T


def matmat(X: NDArray[Any], V: NDArray[Any], net: Parameters, *, blocked: bool) -> NDArray[Any]:
    """Return K @ V without storing K: some rows of K are formed, used and dropped."""
    kernel = limiting_ntk_blocked if blocked else limiting_ntk
    out = np.empty_like(V)
    for start in range(0, len(X), _PRODUCT_ROWS):
        rows = slice(start, start + _PRODUCT_ROWS)
        out[rows] = kernel(X[rows], X, net) @ V
    return out


def _root_norms(A: NDArray[Any], net: Parameters) -> Iterator[NDArray[Any]]:
    """Yield sqrt(Sigma(x, x)) of every row before each hidden layer."""
    q = net.weight_std**2 * (A**2).sum(axis=1) / A.shape[1] + net.bias_std**2
    for _ in range(net.hidden_layers):
        yield np.sqrt(q)
        q = net.weight_std**2 * q / 2 + net.bias_std**2


def _recursion_in_place(
    T: NDArray[Any],
    row_norms: list[NDArray[Any]],
    column_norms: list[NDArray[Any]],
    net: Parameters,
    buffers: NDArray[Any],
) -> None:
    """Turn a block of inner products into the NTK.  Same formulas as `limiting_ntk`, in place."""
    S, norm, c, u = buffers
    w2, b2 = net.weight_std**2, net.bias_std**2
    T += b2
    S[:] = T
    for r, p in zip(row_norms, column_norms, strict=True):
        np.multiply(r, p, out=norm)
        np.divide(S, norm, out=c)
        np.clip(c, -1, 1, out=c)
        np.arccos(c, out=u)
        np.subtract(math.pi, u, out=u)
        T *= u
        T *= w2 / (2 * math.pi)
        u *= c
        c *= c
        np.subtract(1, c, out=c)
        np.sqrt(c, out=c)
        np.add(u, c, out=S)
        S *= norm
        S *= w2 / (2 * math.pi)
        S += b2
        T += S


def _available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
