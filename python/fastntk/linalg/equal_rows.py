# SPDX-License-Identifier: Apache-2.0
"""Which rows of a singular matrix are multiples of each other: those that no solution satisfies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import to_host

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.linalg.operator import SymmetricOperator

# Rows looked at.
_ROWS = 64
# Pairs named.
_NAMED = 3
# Part of the largest entry by which those of equal rows may differ: what the kernels of float data
# err by.
_EQUAL = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-11}
# Part of a right-hand side's norm by which entries must differ to be called different.
_DIFFERENT = 1e-6


def contradicting_rows(op: SymmetricOperator, B: Any, stuck: Any) -> list[tuple[int, int, float]]:
    """Return pairs of rows (i, j, a), row j of K being a times row i, but not so row j of B.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    B : ndarray of shape (N, C)
        Right-hand sides of norm 1 or 0.
    stuck : ndarray of shape (N,)
        The size of what a solver could not lessen of them in each row. What no solution attains
        lies in the null space: of two equal rows, the residuals are large and opposite. Only the 64
        rows with the largest are looked at.
    """
    rows = np.sort(np.argsort(-to_host(stuck), kind="stable")[:_ROWS])
    columns: NDArray[np.float64] = to_host(op.columns(rows)).astype(np.float64)
    right = to_host(B[op.xp.asarray(rows)])
    largest = np.abs(columns).max(axis=0)
    enough = _EQUAL[op.dtype]
    found = []
    for second in range(1, len(rows)):
        for first in range(second):
            if not (largest[first] > 0 and largest[second] > 0):
                continue
            # At the largest entry of a row, a multiple has its own largest entry.
            place = int(np.abs(columns[:, first]).argmax())
            multiple = float(columns[place, second] / columns[place, first])
            gap = np.abs(columns[:, second] - multiple * columns[:, first]).max()
            gap_right = np.abs(right[second] - multiple * right[first]).max()
            if gap <= enough * largest[second] and gap_right > _DIFFERENT:
                found.append((int(rows[first]), int(rows[second]), multiple))
    return found


def singular_below(op: SymmetricOperator) -> float:
    """Return the ridge below which a matrix with equal rows is singular to rounding."""
    n, largest = op.shape[0], float(np.abs(to_host(op.diagonal())).max())
    eps, entry = float(np.finfo(np.float64).eps), float(np.finfo(op.dtype).eps)
    # The rounding of the entries; and that of the largest eigenvalue, at most N times an entry,
    # with two digits left for the solution.
    share: float = 10 * max(n**0.5 * entry, 100 * n * eps)
    return share * largest


def contradiction(op: SymmetricOperator, ridge: float, pairs: list[tuple[int, int, float]]) -> str:
    """Return what is wrong, for people, and what to do."""
    named = "; ".join(
        f"rows {i} and {j} are equal" if abs(a - 1) <= 1e-6 else f"row {j} is {a:.6g} times row {i}"
        for i, j, a in pairs[:_NAMED]
    )
    more = f"; and {len(pairs) - _NAMED} pairs more" if len(pairs) > _NAMED else ""
    what = "K" if ridge == 0 else f"K + {ridge:g} I"
    return (
        f"{what} is singular to rounding: {named}{more}, but their right-hand sides are not: no "
        f"solution has them; remove or average them, or give a ridge above {singular_below(op):.1e}"
    )
