# SPDX-License-Identifier: Apache-2.0
"""Eigenpairs with certificates, and what every method of finding them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator


# Arrays have no single truth value: pairs are compared by identity.
@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Eigenpairs of a symmetric matrix with certificates.

    Arrays are CuPy's where the operator is of data on a GPU.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Eigenvalues, descending, float64.
    vectors : ndarray of shape (N, k)
        Orthonormal columns, float64; the largest entry of each in absolute value is positive.
    residuals : ndarray of shape (k,)
        ``||K v - lambda v||``; an eigenvalue of K lies within this distance of ``lambda``.
    method : str
        "dense" or "krylov".
    passes : int
        Products of the operator with a block of vectors.
    converged : bool
        Whether every residual met the tolerance.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    residuals: NDArray[np.float64]
    method: str
    passes: int
    converged: bool


def spectral_scale(values: NDArray[np.float64]) -> float:
    """Return the largest absolute eigenvalue, 1 for the zero matrix."""
    return float(np.abs(values).max()) or 1.0


def block_product(op: SymmetricOperator, V: Any, stage: str, progress: Progress | None) -> Any:
    """Return a product that progress calls ``stage``; FloatingPointError if it is not finite."""
    if progress is None:
        product = op.matmat(V)
    else:
        product = op.matmat(V, lambda _, done, total: progress(stage, done, total))
    require_finite(product, "a product")
    return product


def require_finite(array: Any, what: str) -> None:
    """Raise FloatingPointError where an entry is not finite: the operator is too large."""
    if not array_namespace(array).isfinite(array).all():
        raise FloatingPointError(f"{what} of the operator is not finite in {array.dtype}")


def with_signs(vectors: Any) -> Any:
    """Give each column the sign that makes its largest entry positive, in place."""
    xp = array_namespace(vectors)
    largest = xp.abs(vectors).argmax(axis=0)
    vectors *= xp.where(vectors[largest, xp.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return vectors
