# SPDX-License-Identifier: Apache-2.0
r"""Gradient flow of least squares for a linearised network, by the eigenpairs of its kernel.

With :math:`\Theta v_i = \lambda_i v_i` on the N points and r = y - f at time 0,

.. math:: c_t = \sum_i \varphi_t(\lambda_i)\, v_i v_i^T r, \qquad
    \varphi_t(\lambda) = (1 - e^{-t \lambda / N}) / \lambda,

moves outputs by :math:`\Theta(\cdot, X) c_t` and parameters by :math:`R J^T c_t`, R having the
multipliers of their learning rates; :math:`\varphi_t(0) = t / N`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, to_host
from fastntk._memory import Budget
from fastntk.networks.network_jacobian import NetworkJacobian

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.networks.linearised import LinearisedNetwork


class ClosedForm:
    """The flow of a linearised network on least squares; `LinearisedNetwork.closed_form` makes it.

    Attributes
    ----------
    eigenvalues : ndarray of shape (N C,) or (m, N C)
        Of the empirical NTK, descending; float64. Those at most N C roundings of the largest are
        taken as 0 at infinite time, where their directions stay as they are.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 5.
    .. [2] J. Lee et al., "Wide neural networks of any depth evolve as linear models under gradient
       descent", NeurIPS 2019, equations 8 to 11 (in units of N times their time).
    """

    def __init__(
        self,
        linearised: LinearisedNetwork,
        X: Any,
        residual: Any,
        scale: float,
        memory: int | str | None,
    ) -> None:
        network = linearised.network
        engine = network.engine
        size = residual.shape[-2] * residual.shape[-1]
        # The kernel, its float64 copy, and the eigenvectors of each network.
        needed = 8 * size**2 * (2 + (network.networks or 1))
        room = (
            engine.room(needed)
            if memory is None
            else Budget(engine.budget_bytes(memory), 0, engine.name)
        )
        room.require(needed, "the NTK of {} rows and its eigenvectors", size)
        self._linearised, self._X, self._scale, self._memory = linearised, X, scale, memory
        # Later changes of the displacement are not this flow's.
        self._start = linearised.displacement.copy()
        self._points = residual.shape[-2]
        xp = self._xp = array_namespace(residual)
        values, self._vectors, self._parts = [], [], []
        residuals = residual.reshape(-1, size).astype("float64")
        for (one, _), r in zip(linearised._each(), residuals, strict=True):
            K = one.ntk(X, scale=scale, memory=memory).astype("float64")
            ascending, vectors = xp.linalg.eigh(K)
            values.append(xp.maximum(ascending[::-1], 0))
            self._vectors.append(vectors[:, ::-1])
            self._parts.append(self._vectors[-1].T @ r)
        self._values = values
        self._rounding = size * float(np.finfo(network.dtype).eps)
        self.eigenvalues = values[0] if network.networks is None else xp.stack(values)

    def outputs(self, t: ArrayLike, Z: ArrayLike | None = None) -> Any:
        """Return outputs at times.

        Parameters
        ----------
        t : float or array_like of shape (T,)
            Times in the paper's units, not negative; ``inf`` for the limit.
        Z : array_like of shape (M, n_0), optional
            Points, scaled like the training points; those themselves by default.

        Returns
        -------
        ndarray of shape (T, M, C) or (T, m, M, C); without the first axis for a single time
            Of the network's dtype.
        """
        times, single = _times(t)
        network = self._linearised.network
        data = self._X if Z is None else network.points(Z, "Z")
        with network.engine.here():
            f_t = self._outputs(times, data, None if Z is None else self._X)
        return _backend.like(f_t[0] if single else f_t, data if Z is None else Z)

    def displacement(self, t: float) -> Any:
        """Return theta_t - theta_0, (P,) or (m, P): assign it to the linearised network's own.

        Parameters
        ----------
        t : float
            Time, not negative; ``inf`` for the limit.
        """
        (time,), _ = _times(float(t))
        lin = self._linearised
        engine, moves = lin.network.engine, []
        for index, (one, _) in enumerate(lin._each()):
            jacobian = NetworkJacobian(one, self._X, scale=self._scale, memory=self._memory)
            with engine.here():
                c = self._coefficients(index, time).astype(one.dtype)
                move = engine.asarray(jacobian.rmatmat(c[:, None])[:, 0].copy())
                jacobian.scale_by_rates(move[None])
            moves.append(move)
        with engine.here():
            return self._start + (moves[0] if lin.networks is None else engine.xp.stack(moves))

    def _outputs(self, times: list[float], data: Any, X: Any) -> Any:
        """Return outputs at times; X is None where the points are the training points."""
        lin, xp, results = self._linearised, self._xp, []
        for index, (one, _) in enumerate(lin._each()):
            c = xp.stack([self._coefficients(index, s) for s in times], axis=1)
            K = one.ntk(data, X, scale=self._scale, memory=self._memory)
            jacobian = NetworkJacobian(one, data, scale=self._scale, memory=self._memory)
            start = self._start if lin.networks is None else self._start[index]
            f = one(data, self._scale) + (jacobian @ lin._in(start, xp)).reshape(len(data), -1)
            moves = (K.astype("float64") @ c).T.reshape(len(times), *f.shape)
            results.append((f + moves).astype(one.dtype))
        return results[0] if lin.networks is None else xp.stack(results, axis=1)

    def _coefficients(self, index: int, t: float) -> Any:
        """Return c_t, (N C,)."""
        xp, values, N = self._xp, self._values[index], self._points
        positive = values > (self._rounding * values[0] if math.isinf(t) else 0)
        safe = xp.where(positive, values, 1.0)
        limit = 0.0 if math.isinf(t) else t / N
        phi = xp.where(positive, -xp.expm1(-t / N * safe) / safe, limit)
        return self._vectors[index] @ (phi * self._parts[index])


def _times(t: ArrayLike) -> tuple[list[float], bool]:
    """Return times as a list, and whether it was a single one."""
    times = _validate.real_array(t, "t").astype("float64")
    if times.ndim > 1 or times.size == 0 or not (times >= 0).all():
        raise ValueError(f"t must be a time or a sequence of times, not negative, got {t!r}")
    return to_host(times).reshape(-1).tolist(), times.ndim == 0
