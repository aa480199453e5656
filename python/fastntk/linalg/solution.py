# SPDX-License-Identifier: Apache-2.0
"""Solutions of linear systems with certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host


# Arrays have no single truth value: solutions are compared by identity.
@dataclass(frozen=True, eq=False)
class Solution:
    """The solution A of (K + ridge I) A = B with certificates.

    Attributes
    ----------
    value : ndarray of shape (N,) or (N, C)
        A, float64, shaped like B and of its library.
    residuals : ndarray of shape (C,)
        ``||B_c - (K + ridge I) A_c|| / ||B_c||`` of each column, from a float64 product with the
        operator; 0 for a zero column. One number where B is a vector.
    converged : bool
        Whether every residual met the tolerance.
    method : str
        "cholesky" or "cg".
    passes : int
        Products of the operator with a block of vectors; columns of K that a preconditioner reads
        are not counted.
    """

    value: Any
    residuals: NDArray[np.float64]
    converged: bool
    method: str
    passes: int


def column_norms(A: Any) -> NDArray[np.float64]:
    """Return the Euclidean norms of the columns in the host's memory, without overflow."""
    xp = array_namespace(A)
    largest = xp.abs(A).max(axis=0)
    divisor = xp.where(largest > 0, largest, 1.0)
    norms: NDArray[np.float64] = to_host(largest * xp.sqrt(((A / divisor) ** 2).sum(axis=0)))
    return norms
