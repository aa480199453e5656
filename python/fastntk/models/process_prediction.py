# SPDX-License-Identifier: Apache-2.0
"""Variances and covariances of a Gaussian process at new points, as functions of a fitted state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk.dynamics.trained_law import trained_covariance
from fastntk.linalg.cross import cross_gram
from fastntk.linalg.gram_operator import GramOperator
from fastntk.models.estimator import KernelAsFitted

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk.gram.kernel_maker import KernelMaker
    from fastntk.linalg.operator import SymmetricOperator

# Arrays of N x M float64 numbers that are held at once: the kernels, weights, and temporaries.
_ARRAYS = 8
# New points whose variances are computed together, at most: enough for products to be fast.
_MOST_POINTS = 1024


def posterior_covariance(W: Any, K_XZ: Any, K_ZZ: Any) -> Any:
    """Return the covariance of a Gaussian process given noisy values, ``K_ZZ - K_ZX W``.

    Parameters
    ----------
    W, K_XZ : ndarray of shape (N, M)
        ``(K + ridge I)^-1 K_XZ``, and the prior covariance between the N points and M others.
    K_ZZ : ndarray of shape (M, M) or (M,)
        The prior covariance of these, or its diagonal only.

    Returns
    -------
    ndarray of shape (M, M) or (M,)
        The covariance, symmetric to the bit, or its diagonal; like ``K_ZZ``.
    """
    if K_ZZ.ndim == 1:
        return K_ZZ - (W * K_XZ).sum(axis=0)
    half = (K_ZZ - K_XZ.T @ W) / 2
    return half + half.T


@dataclass(frozen=True)
class ProcessPrediction:
    """Predictions of second moments.

    Attributes
    ----------
    engine : Engine
        Where they are computed.
    X : ndarray of shape (N, d)
        The training points, where the engine reads them.
    maker : KernelMaker
        The kernel that decides the weights.
    weights : callable
        Returns ``phi(K) R`` for R of shape (N, b).
    prior_maker, prior : KernelMaker and SymmetricOperator, or None
        For trained networks the kernel at initialisation, and its matrix of the training points;
        else the prior is ``maker`` itself.
    dtype : dtype
        Of kernel values.
    room : Budget
        For everything.
    column_bytes : int
        What ``weights`` takes for each column of R.
    threads : int or None
        As for `FullyConnected.ntk`.
    """

    engine: Engine
    X: Any
    maker: KernelMaker
    weights: Callable[[Any], Any]
    prior_maker: KernelMaker | None
    prior: SymmetricOperator | None
    dtype: np.dtype[Any]
    room: Budget
    column_bytes: int
    threads: int | None

    def variance(self, Z: Any) -> tuple[Any, float]:
        """Return the variances at points, (M,), not negative, and the largest of the prior.

        They are computed by blocks of points.
        """
        count, each = len(Z), 8 * _ARRAYS * len(self.X) + self.column_bytes
        block = min(count, _MOST_POINTS, max(1, self.room.left // each))
        self.room.require(block * each, f"the variances of {block} new points")
        found, largest = self.engine.xp.empty(count), 0.0
        for start in range(0, count, block):
            part = Z[start : start + block]
            before = self._own(part).diagonal()
            largest = max(largest, float(before.max()))
            found[start : start + block] = self._moments(part, before)
        return self.engine.xp.maximum(found, 0.0), largest

    def covariance(self, Z: Any) -> tuple[Any, float]:
        """Return the covariance of points, (M, M), and the largest variance of the prior."""
        count = len(Z)
        needed = count * (8 * _ARRAYS * len(self.X) + self.column_bytes + 8 * 4 * count)
        self.room.require(
            needed, f"the covariance of {count} new points (variances come by blocks)"
        )
        before = self._own(Z).to_dense(self.engine.xp.empty((count, count)))
        largest = float(before.reshape(-1)[:: count + 1].max())
        return self._moments(Z, before), largest

    def _moments(self, Z: Any, K_ZZ: Any) -> Any:
        K_XZ = self._cross(self.maker, Z)
        W = self.weights(K_XZ)
        K_ZZ = K_ZZ.astype(np.float64, copy=False)
        if self.prior_maker is None or self.prior is None:
            return posterior_covariance(W, K_XZ, K_ZZ)
        S_XZ = self._cross(self.prior_maker, Z)
        return trained_covariance(W, S_XZ, self.prior.matmat(W), K_ZZ)

    def _cross(self, maker: KernelMaker, Z: Any) -> Any:
        """Return the kernel between the training points and others, (N, M), float64."""
        K = cross_gram(maker, Z, self.X, dtype=self.dtype, room=self.room, threads=self.threads)
        return self.engine.xp.ascontiguousarray(K.T, dtype=np.float64)

    def _own(self, Z: Any) -> GramOperator:
        """Return the prior covariance of points as an operator that holds nothing."""
        return GramOperator(
            KernelAsFitted(self.prior_maker or self.maker),
            Z,
            storage="lazy",
            dtype=self.dtype,
            memory=self.room.total,
            threads=self.threads,
            device=self.engine.name,
            copy_X=False,
        )
