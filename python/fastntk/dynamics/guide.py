# SPDX-License-Identifier: Apache-2.0
"""What tells a descent where outputs should move: a cost, or a direction from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk._arrays import array_namespace, to_host
from fastntk.costs import LeastSquares

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.costs import Cost
    from fastntk.linalg.operator import SymmetricOperator

# (outputs, time) -> direction.
Direction = Callable[[Any, float], Any]


class Guide:
    """A cost with its targets, a direction from elsewhere, or both.

    Parameters
    ----------
    op : SymmetricOperator
        Whose arrays outputs are.
    shape : (int, int)
        N and C.
    y : array_like or None
        Targets as the cost takes them.
    cost : Cost or None
        Least squares by default where there is a y.
    direction : callable (f, t) or None
        Takes the place of the cost's direction.

    Attributes
    ----------
    smoothness : float or None
        Bound on the change of a point's direction where its outputs change by 1; None if unknown.
    of_cost : bool
        Whether the direction is the cost's own.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        shape: tuple[int, int],
        y: ArrayLike | None,
        cost: Cost | None,
        direction: Direction | None,
    ) -> None:
        _validate.callback(direction, "direction")
        if isinstance(cost, type):
            raise TypeError(f"cost must be an object, as {cost.__name__}(), got the class itself")
        for method in ("value", "direction"):
            if cost is not None and not callable(getattr(cost, method, None)):
                raise TypeError(
                    f"cost must have the methods value and direction, got {cost!r}; "
                    "see fastntk.costs"
                )
        if y is None and direction is None and (cost is None or hasattr(cost, "targets")):
            raise ValueError("y must be given where there is neither a direction nor a UserCost")
        self._op, self._shape, self._direction = op, shape, direction
        self._cost: Cost | None = LeastSquares() if cost is None and y is not None else cost
        self._y = None if y is None else self._targets(y)
        self.of_cost = direction is None
        known = getattr(self._cost, "smoothness", None)
        self.smoothness = float(known) if known is not None and self.of_cost else None

    def direction(self, f: Any, t: float) -> Any:
        """Return d at outputs f (N, C) at time t, float64 (N, C)."""
        if self._direction is not None:
            return self._checked(self._direction(f.copy(), t), "direction(f, t)")
        return self._own(f)

    def cost_direction(self, f: Any, d: Any) -> Any:
        """Return the cost's own direction: d where that is it, None where there is no cost."""
        if self.of_cost:
            return d
        return None if self._cost is None or self._y is None else self._own(f)

    def cost(self, f: Any) -> float | None:
        """Return the cost of outputs; None where there is none."""
        if self._cost is None or (self._y is None and not self.of_cost):
            return None
        value = _validate.real_array(self._cost.value(f.copy(), self._y), "cost.value(f, y)")
        if value.size != 1:
            raise ValueError(f"cost.value(f, y) must be one number, got shape {value.shape}")
        return float(value.reshape(()))

    def _own(self, f: Any) -> Any:
        assert self._cost is not None
        return self._checked(self._cost.direction(f.copy(), self._y), "cost.direction(f, y)")

    def _targets(self, y: ArrayLike) -> Any:
        """Return targets as an array of the operator's, in the form that the cost reads."""
        xp, array = self._op.xp, _validate.real_array(y, "y")
        with self._op.here():
            make = getattr(self._cost, "targets", None)
            if make is not None:
                # Only the shape, type and place of the outputs matter here.
                array = make(array, xp.broadcast_to(xp.zeros(()), self._shape))
            else:
                array = xp.asarray(to_host(array) if array_namespace(array) is not xp else array)
            if array.shape[:1] != self._shape[:1]:
                raise ValueError(f"y must have {self._shape[0]} rows, got shape {array.shape}")
            if array.dtype.kind == "f" and not bool(xp.isfinite(array).all()):
                raise ValueError("y must be finite, got NaN or infinity")
            return array

    def _checked(self, d: Any, name: str) -> Any:
        """Return a copy of a direction, whose owner may overwrite it in the next call."""
        xp, d = self._op.xp, _validate.real_array(d, name)
        if d.shape != self._shape:
            raise ValueError(f"{name} must have the outputs' shape {self._shape}, got {d.shape}")
        return xp.array(d if array_namespace(d) is xp else to_host(d), dtype="float64")


@dataclass(frozen=True)
class Slope:
    """How things change along a descent, at one time.

    Attributes
    ----------
    direction : ndarray of shape (N, C)
        d; the coefficients of f = f_0 + K alpha grow by d / N.
    outputs : ndarray of shape (N, C)
        By how much f grows, K d / N.
    norm_squared : float
        ``||d||_K^2``; NaN for a direction that is not finite, as `descent` and `outputs` are.
    descent : float
        By how much the cost decreases: the same for the cost's own direction; 0 without a cost.
    """

    direction: Any
    outputs: Any
    norm_squared: float
    descent: float


def slope(op: SymmetricOperator, guide: Guide, f: Any, t: float) -> Slope:
    """Return how outputs f (N, C) move at time t: one product with the kernel."""
    points = len(f)
    d = guide.direction(f, t)
    if not bool(op.xp.isfinite(d).all()):
        return Slope(d, d * math.nan, math.nan, math.nan)
    moved = (op.matmat(d.reshape(op.shape[0], -1)) / points).reshape(f.shape)
    norm_squared = float((d * moved).sum()) / points
    own = guide.cost_direction(f, d)
    if own is d:
        descent = norm_squared
    else:
        descent = 0.0 if own is None else float((own * moved).sum()) / points
    return Slope(d, moved, norm_squared, descent)
