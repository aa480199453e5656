# SPDX-License-Identifier: Apache-2.0
"""Which eigenvalues of a computed matrix are 0 to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk.linalg.pairs import spectral_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.linalg.operator import SymmetricOperator

# Independent roundings of N x N entries of size lambda_1 / N have a spectral norm of at most
# 2 / sqrt(N) times that of one entry; twice it, for entries of unequal sizes.
_ENTRIES = 4.0
# Negative eigenvalues that are still rounding: that of kernels which are sums of many, and whose
# errors are not independent, is larger. Empirical kernels in float32 err by 1e-5.
_NEGATIVE, _FLOAT32 = 10.0, 1e-5


def null_value(op: SymmetricOperator, values: NDArray[np.float64]) -> float:
    """Return the eigenvalue up to which others are 0 to rounding.

    ``N eps lambda_1`` is what the eigendecomposition itself errs by; the roundings of a float32
    operator's entries add ``4 eps32 lambda_1 / sqrt(N)``.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only shape, dtype and ``rounding`` are read.
    values : ndarray
        Its eigenvalues, or at least the largest.
    """
    n, largest = op.shape[0], spectral_scale(values)
    share = n * float(np.finfo(np.float64).eps)
    if op.dtype == np.float32:
        share += _ENTRIES * float(np.finfo(np.float32).eps) / n**0.5
    return share * largest + op.rounding


def require_semidefinite(op: SymmetricOperator, values: NDArray[np.float64]) -> None:
    """Refuse an operator with an eigenvalue that is negative beyond rounding.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only shape, dtype and ``rounding`` are read.
    values : ndarray
        Its eigenvalues, or approximations from within its spectrum, descending.
    """
    allowed = _NEGATIVE * null_value(op, values)
    if op.dtype == np.float32:
        allowed += _FLOAT32 * spectral_scale(values)
    if values[-1] < -allowed:
        raise ValueError(
            f"op must be positive semidefinite, got the eigenvalue {values[-1]:.3g} beside "
            f"{values[0]:.3g}"
        )
