# SPDX-License-Identifier: Apache-2.0
"""The kernel principal components of what a flow has to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk.dynamics.evolution import Evolution, checked_times

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


# Arrays have no single truth value: components are compared by identity.
@dataclass(frozen=True, eq=False)
class FlowComponents:
    """Delta_i, the parts of f_0 - y along eigenvectors of K, and how each decays.

    ``f_t = y + Delta_0 + sum_i decay_i(t) Delta_i`` over all of them, Delta_0 being the part in the
    null space, which stays.

    Attributes
    ----------
    eigenvalues : ndarray of shape (k,)
        lambda_i of K / N, descending, as the paper's: Delta_i decays by ``exp(-t lambda_i)``.
    time_constants : ndarray of shape (k,)
        1 / lambda_i; infinite in the null space.
    parts : ndarray of shape (k, N, C), or (k, N) for y of shape (N,)
        Delta_i at the training points.
    """

    eigenvalues: NDArray[np.float64]
    time_constants: NDArray[np.float64]
    parts: Any
    _evolution: Evolution
    _null: float

    def decay(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return what is left of each at times, (T, k), or (k,) for a single time."""
        times, single = checked_times(t)
        values = self.eigenvalues * self._evolution.points
        found = np.stack([self._evolution.decay(values, time, self._null) for time in times])
        return found[0] if single else found


def time_constants(values: NDArray[np.float64], null: float, points: int) -> NDArray[np.float64]:
    """Return N / lambda_i for eigenvalues of K: infinite for those that are 0 to rounding."""
    positive = values > null
    return np.where(positive, points / np.where(positive, values, 1.0), np.inf)


def flow_components(
    values: NDArray[np.float64], parts: Any, null: float, evolution: Evolution
) -> FlowComponents:
    """Return components from eigenvalues of K, descending, and their parts."""
    scaled = np.where(values > null, values / evolution.points, 0.0)
    constants = time_constants(values, null, evolution.points)
    return FlowComponents(scaled, constants, parts, evolution, null)
