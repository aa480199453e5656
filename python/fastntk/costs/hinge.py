# SPDX-License-Identifier: Apache-2.0
"""The hinge cost with its corner rounded, for margins between classes."""

from __future__ import annotations

from typing import Any

from fastntk import _validate
from fastntk._arrays import array_namespace
from fastntk.costs.targets import as_outputs, like_outputs, one_hot


class SmoothHinge:
    """Hinge cost of each output's sign, with the corner replaced by a parabola.

    As in [1]_, of the missing margin ``z = 1 - y f`` with y = -1 or 1 and the width ``h`` of the
    parabola, each output costs ``c = 0`` where z <= 0, ``z^2 / (2 h)`` in between, and
    ``z - h / 2`` where z >= h; a point costs the sum over its outputs. The direction is ``y`` times
    z / h cut to [0, 1]. With h to 0 this is the hinge max(0, z); once z < h everywhere it is the
    squared hinge over 2 h.

    Labels of several outputs are integers from 0 to C - 1, of shape (N,): each output tells its
    class (1) from all others (-1); or rows of -1 and 1 of f's shape. Labels of one output are -1
    and 1, or 0 and 1, of shape (N,), (N, 1) or f's.

    Parameters
    ----------
    width : float
        h, in units of the margin.

    Attributes
    ----------
    smoothness : float
        The most that the direction changes where outputs change by 1: 1 / h.

    Raises
    ------
    ValueError
        ``width`` is not positive.

    References
    ----------
    .. [1] J. D. M. Rennie, N. Srebro, "Loss functions for preference levels: regression with
       discrete ordered labels", IJCAI workshop on preference handling 2005 (with h = 1).

    Examples
    --------
    >>> import numpy as np
    >>> cost = SmoothHinge()
    >>> f = np.array([[2.0], [0.5], [-1.0]])
    >>> float(cost.value(f, [1, 1, 1])) == (0 + 0.125 + 1.5) / 3
    True
    >>> cost.direction(f, [1, 1, 1]).tolist()
    [[0.0], [0.5], [1.0]]
    """

    def __init__(self, width: float = 1.0) -> None:
        self.width = _validate.positive(width, "width")
        self.smoothness = 1 / self.width

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost, summed in float64.

        Parameters
        ----------
        f : ndarray of shape (N, C) or (m, N, C)
            Outputs, float32 or float64.
        y : array_like
            Labels, see the class.

        Returns
        -------
        float64 scalar or ndarray of shape (m,)
            One cost per network.

        Raises
        ------
        TypeError
            Labels that are not real numbers, or classes that are not integers.
        ValueError
            Another shape, a class that is not there, or other numbers than -1 and 1.
        """
        y = self.targets(y, f)
        missing = 1 - y * f
        share = self._share(missing)
        terms = share * (missing - share * (self.width / 2))
        return terms.sum(axis=(-2, -1), dtype="float64") / f.shape[-2]

    def direction(self, f: Any, y: Any) -> Any:
        """Return minus the gradient; parameters and errors as `value`."""
        y = self.targets(y, f)
        return y * self._share(1 - y * f)

    def targets(self, y: Any, f: Any) -> Any:
        """Return -1 and 1 in f's library and dtype, of shape (N, C) or f's own."""
        labels = _validate.real_array(y, "y")
        if f.shape[-1] > 1 and labels.shape == (f.shape[-2],):
            return 2 * one_hot(labels, f) - 1
        signs = like_outputs(as_outputs(labels, f), f)
        if f.shape[-1] == 1 and ((signs == 0) | (signs == 1)).all():
            return 2 * signs - 1
        if not (abs(signs) == 1).all():
            zeros = ", or 0 and 1" if f.shape[-1] == 1 else ""
            raise ValueError(
                f"y must hold labels -1 and 1{zeros}, got values from {float(signs.min())} to "
                f"{float(signs.max())}"
            )
        return signs

    def _share(self, missing: Any) -> Any:
        """Return the missing margin as a share of the width, cut to [0, 1]."""
        xp = array_namespace(missing)
        return xp.minimum(xp.maximum(missing / self.width, 0), 1)
