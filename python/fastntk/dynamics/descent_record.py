# SPDX-License-Identifier: Apache-2.0
"""The course of a kernel gradient descent: what is kept of it, and where it has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk._arrays import array_namespace, in_library
from fastntk.dynamics.predictions import NewOutputs

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.dynamics.guide import Slope
    from fastntk.dynamics.problem import Problem


class DescentRecord:
    """The course of a descent, made by `KernelDescent.flow` and `KernelDescent.steps`.

    Attributes
    ----------
    reached : float
        Time of the present outputs, from which the descent goes on.
    """

    def __init__(self, problem: Problem) -> None:
        xp, shape = problem.op.xp, (problem.points, problem.outputs)
        self._problem, self.reached = problem, 0.0
        self._alpha = xp.zeros(shape)
        start = problem.start
        self._f = xp.zeros(shape) if start is None else start.reshape(shape).copy()
        self._descent = 0.0
        self._times: list[float] = []
        self._costs: list[float | None] = []
        self._norms: list[float] = []
        self._descents: list[float] = []
        self._record_times: list[float] = []
        self._outputs: list[Any] = []
        self._coefficients: list[Any] = []

    @property
    def times(self) -> NDArray[np.float64]:
        """Times (S,), in the paper's units: every step and the end, or those asked of a flow."""
        return np.array(self._times)

    @property
    def cost(self) -> NDArray[np.float64] | None:
        """Cost at each of the times, (S,); None where there is none."""
        known = bool(self._costs) and all(cost is not None for cost in self._costs)
        return np.array(self._costs) if known else None

    @property
    def norm_squared(self) -> NDArray[np.float64]:
        """``||d||_K^2`` at each of the times, (S,); see `fastntk.kernel_norm`."""
        return np.array(self._norms)

    @property
    def descent(self) -> NDArray[np.float64]:
        """Integral over time, from 0, of how fast the cost decreases, (S,).

        That is ``||d||_K^2`` for the cost's own direction, and ``<d_C, d>_K`` for a direction d
        from elsewhere beside a cost with the direction d_C. In steps by the rectangle rule, along
        a flow by its integrator.
        """
        return np.array(self._descents)

    @property
    def imbalance(self) -> float | None:
        """Largest difference, over the times, between the drop of the cost and `descent`.

        Along a flow they are equal, as ``dC/dt = -||d||_K^2`` [1]_: what is left is the error of
        the integration, or a cost whose ``direction`` is not that of its ``value``. In steps it is
        of second order in the learning rate. None without a cost.

        References
        ----------
        .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and
           generalization in neural networks", NeurIPS 2018, section 3.
        """
        cost = self.cost
        if cost is None:
            return None
        return float(np.abs((cost[0] - cost) - self.descent).max())

    @property
    def record_times(self) -> NDArray[np.float64]:
        """Times (R,) of outputs and coefficients."""
        return np.array(self._record_times)

    @property
    def coefficients(self) -> Any:
        """Coefficients alpha of f_t = f_0 + K(., X) alpha_t, (R, N, C).

        Without the last axis where outputs are vectors.
        """
        return self._shaped(self._coefficients)

    def outputs(
        self,
        Z: ArrayLike | None = None,
        f0_Z: ArrayLike | None = None,
        *,
        cross: ArrayLike | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Return the outputs at the recorded times, on the training points or new ones.

        Parameters
        ----------
        Z : array_like of shape (M, d), optional
            New points, scaled like X; the operator must be one of data.
        f0_Z : array_like of shape (M,) or (M, C), optional
            Outputs there at time 0; needed where f0 was an array.
        cross : array_like of shape (M, N), or (M C, N C), optional
            K(Z, X), instead of Z.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (R, M, C), or (R, M) where outputs are vectors
            float64. At new points all times come from one product with K(Z, X).

        Raises
        ------
        ValueError
            New points for an operator that knows none, shapes that do not fit.
        MemoryError
            The result does not fit the operator's budget.
        """
        problem = self._problem
        if Z is None and cross is None:
            if f0_Z is not None:
                raise ValueError("f0_Z must come with Z or cross")
            return self._shaped(self._outputs)
        op = problem.op
        with op.here():
            c = op.xp.asarray(_stacked(self._coefficients))
        rows = op.shape[0]
        return NewOutputs(problem, Z, f0_Z, cross).of(
            c.reshape(len(c), rows, -1), op.room, progress
        )

    def __repr__(self) -> str:
        return f"<DescentRecord up to t = {self.reached:g}, {len(self._record_times)} recorded>"

    def _shaped(self, arrays: list[Any]) -> Any:
        """Return arrays (N, C) of all recorded times as one, as the user gave targets."""
        problem = self._problem
        with problem.op.here():
            return problem.shaped(_stacked(arrays), problem.namespace)

    def _reach(self, t: float, f: Any, alpha: Any, descent: float) -> None:
        """Note where the descent has come to."""
        self.reached, self._f, self._alpha, self._descent = t, f, alpha, descent

    def _note(self, cost: float | None, slope: Slope) -> None:
        """Keep the numbers of the present outputs, once."""
        if self._times and self._times[-1] == self.reached:
            return
        self._times.append(self.reached)
        self._costs.append(cost)
        self._norms.append(slope.norm_squared)
        self._descents.append(self._descent)

    def _keep(self) -> None:
        """Keep the present outputs and coefficients, once."""
        if self._record_times and self._record_times[-1] == self.reached:
            return
        library = self._problem.namespace
        outputs = in_library(self._f, library).copy()
        coefficients = in_library(self._alpha, library).copy()
        self._record_times.append(self.reached)
        self._outputs.append(outputs)
        self._coefficients.append(coefficients)


def _stacked(arrays: list[Any]) -> Any:
    return array_namespace(arrays[0]).stack(arrays)
