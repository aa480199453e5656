# SPDX-License-Identifier: Apache-2.0
"""The log marginal likelihood of data as a function of the network and the ridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend
from fastntk._memory import Budget
from fastntk.linalg.cholesky import CholeskyFactor, cholesky_bytes
from fastntk.linalg.gram_operator import GramOperator
from fastntk.models.likelihood import derivative, log_likelihood, ridge_derivative

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# N x N matrices that a gradient holds at once: the kernel, two derivatives, and the factor, its
# inverse or the inverse of the whole.
_MATRICES = 6


@dataclass(frozen=True)
class MarginalLikelihood:
    """log p(y) of a Gaussian process with a network's kernel.

    Attributes
    ----------
    points : ndarray of shape (N, d)
        Training points.
    targets : ndarray of shape (N, C)
        float64, of the library of the points.
    kernel : {"ntk", "nngp"}
        Which kernel.
    scale : float
        Multiplies the points.
    dtype : {"float32", "float64"} or None
        Of kernel values.
    memory, threads, device
        As in `GramOperator`.
    """

    points: Any
    targets: Any
    kernel: str
    scale: float
    dtype: DTypeLike | None
    memory: int | str | None
    threads: int | None
    device: str

    def value(self, net: Any, ridge: float) -> float:
        """Return log p(y)."""
        op = GramOperator(
            net,
            self.points,
            self.kernel,
            "lazy",
            scale=self.scale,
            outputs="trace",
            dtype=self.dtype,
            memory=self.memory,
            threads=self.threads,
            device=self.device,
            copy_X=False,
        )
        needed = cholesky_bytes(op, self.targets.shape[1])
        op.room.require(needed, f"the log marginal likelihood of {op.shape[0]} points")
        with op.here():
            y = op.xp.asarray(self.targets)
            factor = CholeskyFactor(op, ridge, None)
            return log_likelihood(y, factor.solve(y), factor.log_determinant())

    def value_and_gradient(self, net: Any, ridge: float) -> tuple[float, NDArray[np.float64]]:
        """Return log p(y) and its derivatives by the logarithms of `hyperparameters.NAMES`."""
        engine = _backend.engine(self.device, points=self.points)
        n = len(self.points)
        room = Budget(engine.budget_bytes(self.memory), 0, engine.name)
        room.require(
            8 * _MATRICES * n * n, f"the gradient of the log marginal likelihood of {n} points"
        )
        with engine.here():
            y = engine.asarray(self.targets)
            K, by_weight_std, by_bias_std = net.gradients(
                engine.asarray(self.points),
                kernel=self.kernel,
                scale=self.scale,
                dtype=self.dtype,
                device=engine.name,
                threads=self.threads,
            )
            factor = CholeskyFactor(GramOperator.from_matrix(K), ridge, None)
            del K
            alpha = factor.solve(y)
            value = log_likelihood(y, alpha, factor.log_determinant())
            G = factor.inverse()
            gradient = [
                net.weight_std * derivative(G, alpha, by_weight_std),
                net.bias_std * derivative(G, alpha, by_bias_std),
                ridge * ridge_derivative(G, alpha),
            ]
            return value, np.array(gradient)
