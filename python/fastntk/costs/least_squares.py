# SPDX-License-Identifier: Apache-2.0
"""Least squares."""

from __future__ import annotations

from typing import Any

from fastntk._validate import real_array
from fastntk.costs.targets import as_outputs, like_outputs


class LeastSquares:
    """Least squares, ``C(f) = 1/(2N) sum_i |f(x_i) - y_i|^2``, with the direction ``y - f``.

    Attributes
    ----------
    smoothness : float
        The most that the direction changes where outputs change by 1: 1.

    Examples
    --------
    >>> import numpy as np
    >>> cost = LeastSquares()
    >>> float(cost.value(np.array([[1.0], [2.0]]), [[1.0], [0.0]]))
    1.0
    >>> cost.direction(np.array([[1.0], [2.0]]), [[1.0], [0.0]]).tolist()
    [[0.0], [-2.0]]
    """

    smoothness = 1.0

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost, summed in float64.

        Parameters
        ----------
        f : ndarray of shape (N, C) or (m, N, C)
            Outputs, float32 or float64.
        y : array_like of shape (N, C) or (m, N, C); for one output also (N,)
            Targets.

        Returns
        -------
        float64 scalar or ndarray of shape (m,)
            One cost per network.

        Raises
        ------
        TypeError, ValueError
            Targets that are not real numbers, or of another shape.
        """
        residual = self.targets(y, f) - f
        return (residual * residual).sum(axis=(-2, -1), dtype="float64") / (2 * f.shape[-2])

    def direction(self, f: Any, y: Any) -> Any:
        """Return ``y - f``; parameters and errors as `value`."""
        return self.targets(y, f) - f

    def targets(self, y: Any, f: Any) -> Any:
        """Return targets as an array of f's library and dtype, (N, C) or f's own shape."""
        return like_outputs(as_outputs(real_array(y, "y"), f), f)
