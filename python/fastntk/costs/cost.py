# SPDX-License-Identifier: Apache-2.0
"""What training asks of a cost, and the norm of a training direction."""

from __future__ import annotations

from typing import Any, Protocol

from fastntk._arrays import array_namespace


class Cost(Protocol):
    """What training asks of a cost; arrays are NumPy's or CuPy's, as the network's.

    A cost may also have ``targets(y, f)``, which turns the user's ``y`` into what the two methods
    read, once, before training, and a number ``smoothness``: a bound on how much the direction of a
    point changes where its outputs change by 1, from which learning rates follow. The costs of
    `fastntk.costs` have both, but for `UserCost`.
    """

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost of outputs (N, C), a number; of outputs (m, N, C), an array (m,)."""

    def direction(self, f: Any, y: Any) -> Any:
        """Return minus the function-space gradient, of the shape of ``f``."""


def direction_norm(d: Any) -> Any:
    """Return ``||d||`` in the norm of the input distribution, ``sqrt((1/N) sum_i |d_i|^2)``.

    Parameters
    ----------
    d : ndarray of shape (N, C) or (m, N, C)
        A training direction.

    Returns
    -------
    float64 scalar or ndarray of shape (m,)
        Its integral over the time of training is what Theorem 2 of Jacot et al. (2018) bounds.
    """
    xp = array_namespace(d)
    wide = d.astype("float64")
    return xp.sqrt((wide * wide).sum(axis=(-2, -1)) / d.shape[-2])
