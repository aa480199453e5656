# SPDX-License-Identifier: Apache-2.0
"""All times of a flow from one eigendecomposition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import to_host
from fastntk.linalg.dense import dense_bytes, dense_eigh
from fastntk.linalg.null_space import null_value, require_semidefinite
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.dynamics.evolution import Evolution
    from fastntk.dynamics.problem import Problem

# Where rounding of the eigenpairs, however ill-conditioned K, leaves no more of a residual.
_ACCURACY = 1e-7


class DenseFlow:
    """c_t = V phi_t(lambda) V^T r with all eigenpairs of K, in float64.

    Attributes
    ----------
    values : ndarray of shape (rows,)
        Eigenvalues, descending, in the host's memory.
    vectors : ndarray of shape (rows, rows)
        Orthonormal columns, where the operator is.
    null : float
        Eigenvalues up to here are 0 to rounding.
    passes : int
        Products of the operator: none.
    """

    method, passes = "dense", 0

    def __init__(
        self, problem: Problem, evolution: Evolution, room: Budget, progress: Progress | None
    ) -> None:
        op = problem.op
        n = op.shape[0]
        room.require(dense_bytes(n), f"the dense eigenproblem of a {n} x {n} matrix")
        self._xp, self._evolution = op.xp, evolution
        values, vectors = dense_eigh(op, "gradient flow, eigenpairs", progress)
        self.values = to_host(values)[::-1].copy()
        self.vectors = vectors[:, ::-1]
        self.null = null_value(op, self.values)
        require_semidefinite(op, self.values)
        self._parts = self.vectors.T @ problem.residual
        # The largest share, of all columns, of the residual in the null space.
        whole = column_norms(problem.residual)
        null = column_norms(self.stays()[0])
        self._unmoved = float((null / np.where(whole > 0, whole, np.inf)).max())

    @property
    def nbytes(self) -> int:
        """Bytes of the eigenvectors."""
        return int(self.vectors.nbytes)

    @property
    def largest(self) -> float:
        """The largest eigenvalue of K."""
        return float(self.values[0])

    @property
    def spectrum(self) -> tuple[NDArray[np.float64], float]:
        """All eigenvalues, descending, and up to where they are 0 to rounding."""
        return self.values, self.null

    def stays(self) -> tuple[Any, float]:
        """Return what is never learnt of the residual, and the relative error of that."""
        null = (self.values <= self.null).astype(np.float64)
        return self._combined([null])[0], _ACCURACY

    def coefficients(self, times: list[float]) -> Any:
        """Return c_t for each time, (T, rows, columns)."""
        return self._combined([self._evolution.phi(self.values, t, self.null) for t in times])

    def moves(self, times: list[float]) -> Any:
        """Return K c_t for each time, (T, rows, columns)."""
        decays = (self._evolution.decay(self.values, t, self.null) for t in times)
        return self._combined([1 - decay for decay in decays])

    def error(self, times: list[float]) -> NDArray[np.float64]:
        """Return a bound of what the rounding of the eigenpairs does to each time.

        They are those of a matrix that differs from K by ``N eps lambda_1`` at most, and flows
        differ by as much, times t / N, or divided by the least eigenvalue that decays. Of the null
        space, what its rounding may have moved is added.
        """
        if self.values[0] <= 0:
            return np.zeros(len(times))
        moving = self.values[self.values > self.null]
        slowest = self._evolution.points / float(moving[-1]) if len(moving) else 0.0
        eps = len(self.values) * float(np.finfo(np.float64).eps)
        rate = eps * float(self.values[0]) / self._evolution.points
        found = [min(eps + rate * min(t, slowest), 1.0) for t in times]
        moved = [0.0 if math.isinf(t) else self._unmoved * self._slow(t) for t in times]
        return np.array([a + b for a, b in zip(found, moved, strict=True)])

    def _slow(self, t: float) -> float:
        return min(t * self.null / self._evolution.points, 1.0)

    def reach(self, times: list[float]) -> None:
        """Nothing: every time is known."""

    def transposed_map(self, t: float, cross: Any) -> Any:
        """Return phi_t(K) K(X, Z), (rows, M), for ``cross`` = K(Z, X)."""
        return self._times(self._evolution.phi(self.values, t, self.null), cross.T)

    def remaining(self, t: float) -> Any:
        """Return the matrix that a residual at the training points is multiplied by until t."""
        decay = self._xp.asarray(self._evolution.decay(self.values, t, self.null))
        return (self.vectors * decay) @ self.vectors.T

    def components(self, count: int) -> tuple[NDArray[np.float64], Any]:
        """Return the first eigenvalues, and the residual's parts along them, (k, rows, columns)."""
        each = self.vectors[:, :count].T[:, :, None] * self._parts[:count, None, :]
        return self.values[:count], each

    def _times(self, weights: NDArray[np.float64], V: Any) -> Any:
        return self.vectors @ (self._xp.asarray(weights)[:, None] * (self.vectors.T @ V))

    def _combined(self, weights: list[NDArray[np.float64]]) -> Any:
        each = [self.vectors @ (self._xp.asarray(w)[:, None] * self._parts) for w in weights]
        return self._xp.stack(each)
