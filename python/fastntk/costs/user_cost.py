# SPDX-License-Identifier: Apache-2.0
"""A cost from two functions of the user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class UserCost:
    """A cost from two functions.

    Parameters
    ----------
    value : callable (f, y) -> number or array (m,)
        The cost: a mean over points, of outputs (N, C) or (m, N, C).
    gradient : callable (f, y) -> array of f's shape
        ``dc/df(x_i)`` of each point's own term: N times the derivative of ``value``, as its mean
        divides by N. The direction is minus it.

    Raises
    ------
    TypeError
        An argument that is not callable.

    Notes
    -----
    ``y`` reaches the functions as an array, in mini-batches its rows of the points; None stays
    None. A network of a batch is asked for alone, with f (N, C).
    """

    def __init__(
        self, value: Callable[[Any, Any], Any], gradient: Callable[[Any, Any], Any]
    ) -> None:
        for name, function in (("value", value), ("gradient", gradient)):
            if not callable(function):
                raise TypeError(f"{name} must be callable, got {function!r}")
        self._value, self._gradient = value, gradient

    def value(self, f: Any, y: Any) -> Any:
        """Return the user's value."""
        return self._value(f, y)

    def direction(self, f: Any, y: Any) -> Any:
        """Return minus the user's gradient."""
        return -self._gradient(f, y)
