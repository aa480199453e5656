# SPDX-License-Identifier: Apache-2.0
r"""Functions of an eigenvalue that training time stands for.

Gradient flow of least squares on N points decays a residual along an eigenvector of K by
:math:`e^{-t \lambda / N}`, and gradient descent at a learning rate :math:`\eta` by
:math:`(1 - \eta \lambda / N)^k` in k steps [1]_. Outputs move by :math:`K \varphi_t(K)` of the
residual, with :math:`\varphi_t(\lambda) = (1 - \mathrm{decay}) / \lambda`.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization in
   neural networks", NeurIPS 2018, section 5.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import to_host

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# A time that is this little short of a whole number of steps, relative to it and at most in steps,
# is that number: times are sums of rounded rates.
_STEP_ROUNDING, _SHORT = 1e-9, 1e-3

# What a step decays by, at least, as far as rounding tells.
_LEAST_DECAY = 1e-15


class Evolution:
    """How a residual decays along eigenvectors of K, in continuous time or in steps.

    Parameters
    ----------
    points : int
        N; with a matrix-valued kernel not the rows of K.
    learning_rate : float or None
        That of the steps; None for gradient flow.
    """

    def __init__(self, points: int, learning_rate: float | None) -> None:
        self.points, self.learning_rate = points, learning_rate

    def steps(self, t: float) -> float:
        """Return the steps that are done by time t: an integral number, or infinity."""
        assert self.learning_rate is not None
        steps = t / self.learning_rate
        return float(np.floor(steps + min(_STEP_ROUNDING * steps, _SHORT)))

    def decay(self, values: NDArray[np.float64], t: float, null: float) -> NDArray[np.float64]:
        """Return what is left of a residual at time t along eigenvectors: 1 - lambda phi_t(lambda).

        Parameters
        ----------
        values : ndarray
            Eigenvalues of K.
        t : float
            Time, ``inf`` included.
        null : float
            Values up to here are 0 to rounding: nothing decays along their vectors.
        """
        return np.where(values > null, 1 - self._done(np.maximum(values, null), t), 1.0)

    def phi(self, values: NDArray[np.float64], t: float, null: float) -> NDArray[np.float64]:
        """Return phi_t of eigenvalues; arguments are those of `decay`.

        In the null space, where it is t / N, it is taken as 0: the kernel of the training points
        and new ones being semidefinite, K(Z, X) has the same null space, and moves nothing along
        it.
        """
        positive = values > null
        safe = np.where(positive, values, 1.0)
        return np.where(positive, self._done(safe, t) / safe, 0.0)

    def slowest(self, values: NDArray[np.float64]) -> float:
        """Return the longest time in which a part along a positive eigenvalue decays to 1/e."""
        if self.learning_rate is None:
            return self.points / float(values.min())
        left = np.abs(1 - self.learning_rate / self.points * values)
        # Above half of the largest rate, the first components may be as slow as the last ones.
        remaining = min(float(left.max()), 1 - _LEAST_DECAY)
        return self.learning_rate / -math.log(remaining) if remaining > 0 else self.learning_rate

    def _done(self, values: NDArray[np.float64], t: float) -> NDArray[np.float64]:
        """Return 1 - decay for positive eigenvalues, to full relative precision."""
        if math.isinf(t):
            return np.ones_like(values)
        if self.learning_rate is None:
            return -np.expm1(-t / self.points * values)
        steps, x = self.steps(t), self.learning_rate / self.points * values
        if steps == 0:
            return np.zeros_like(values)
        with np.errstate(divide="ignore", over="ignore"):
            below = -np.expm1(steps * np.log1p(-np.minimum(x, 1.0)))
            sign = -1.0 if steps % 2 else 1.0
            beyond = 1 - sign * np.exp(steps * np.log(np.maximum(x - 1, 0.0)))
        return np.where(x <= 1, below, beyond)


def checked_times(t: ArrayLike) -> tuple[list[float], bool]:
    """Return times as a list, and whether it was a single one.

    Raises
    ------
    TypeError
        Not real numbers.
    ValueError
        A time that is negative or NaN, none at all, or an array of several dimensions.
    """
    times = to_host(_validate.real_array(t, "t")).astype(np.float64)
    if times.ndim > 1 or times.size == 0:
        raise ValueError(f"t must be a time or a sequence of times, got shape {times.shape}")
    bad = ~(times >= 0)
    if bad.any():
        raise ValueError(f"t must not be negative or NaN, got {times[bad].flat[0]:g}")
    flat: list[Any] = times.reshape(-1).tolist()
    return flat, times.ndim == 0
