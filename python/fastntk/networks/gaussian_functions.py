# SPDX-License-Identifier: Apache-2.0
"""Gaussian random functions with a given covariance at some points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _validate
from fastntk._memory import Budget, budget_bytes
from fastntk.linalg.operator import require_symmetric


def gaussian_functions(
    K: ArrayLike,
    P: int,
    outputs: int,
    rng: np.random.Generator,
    memory: int | str | None,
) -> NDArray[np.float64]:
    """Return P functions at N points, (P, N, C); see `RandomFunctions.from_kernel`."""
    kernel = np.asarray(_validate.real_array(K, "K"), np.float64)
    P, C = _validate.integer(P, "P", at_least=1), _outputs_of(kernel, outputs)
    N, joint = kernel.shape[0], kernel.ndim == 4
    size = N * C if joint else N
    # The numbers drawn, and the functions made of them; K, its eigenvectors and its root.
    Budget(budget_bytes(memory)).require(
        16 * P * N * C + 32 * size * size, f"{P} functions at {N} points with {C} output(s)"
    )
    root = _root(kernel.reshape(size, size))
    drawn: NDArray[Any] = rng.standard_normal((P, N * C) if joint else (P, C, N)) @ root.T
    return drawn.reshape(P, N, C) if joint else drawn.transpose(0, 2, 1)


def _outputs_of(K: NDArray[np.float64], outputs: int) -> int:
    """Return C, having required that K is square and symmetric in its pairs of axes."""
    C = _validate.integer(outputs, "outputs", at_least=1)
    half = K.ndim // 2
    if K.ndim not in (2, 4) or K.shape[:half] != K.shape[half:] or K.size == 0:
        raise ValueError(f"K must have shape (N, N) or (N, C, N, C), got shape {K.shape}")
    if K.ndim == 4 and C not in (1, K.shape[1]):
        raise ValueError(f"outputs must be K's {K.shape[1]}, got {C}")
    return C if K.ndim == 2 else K.shape[1]


def _root(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R with R R^T = K, of a matrix that may be singular."""
    largest = require_symmetric(K)
    values, vectors = np.linalg.eigh(K)
    # What eigh, and the roundings of K's entries, leave of an eigenvalue 0.
    slack = 64 * len(K) * float(np.finfo(np.float64).eps) * largest
    if values[0] < -slack:
        raise ValueError(
            f"K must be positive semi-definite, got an eigenvalue of {values[0]:.3g} where the "
            f"largest entry is {largest:.3g}"
        )
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
