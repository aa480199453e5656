# SPDX-License-Identifier: Apache-2.0
"""What a network is trained on: points, targets, and the direction in which outputs should move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, to_host
from fastntk.costs import Cost, LeastSquares, direction_norm
from fastntk.networks.arguments import require_finite
from fastntk.networks.kernels import scaled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.networks.network import FiniteNetwork

Direction = Callable[[Any, float], Any]


@dataclass(frozen=True)
class Lesson:
    """Where outputs should move.

    Attributes
    ----------
    direction : ndarray of the outputs' shape
        d, with d theta / dt = (1/N) J^T d.
    cost : float, list of float or None
        One per network where several are asked for together; None without targets.
    norm : float or list of float
        ``||d||``, see `fastntk.costs.direction_norm`.
    """

    direction: Any
    cost: Any
    norm: Any

    def of(self, index: int) -> Lesson:
        """Return one network's part of what is of several together."""
        cost = None if self.cost is None else self.cost[index]
        return Lesson(self.direction[index], cost, self.norm[index])

    def require_finite(self) -> None:
        """Raise NotFinite unless the cost and the direction are."""
        numbers = np.ravel([self.norm, self.norm if self.cost is None else self.cost])
        if not np.isfinite(numbers).all():
            raise NotFinite


class NotFinite(ArithmeticError):
    """A network's outputs, cost or direction are not finite."""


class Problem:
    """Points and what is to be learnt of them.

    Parameters
    ----------
    network : FiniteNetwork
        What is trained.
    X : array_like of shape (N, n_0)
        Points.
    y : array_like or None
        Targets, as the cost takes them.
    cost : Cost or None
        Least squares by default.
    direction : callable (f, t) or None
        Takes the place of the cost's direction.
    scale : float
        Multiplies X.

    Attributes
    ----------
    a_0 : ndarray of shape (N, n_0)
        Scaled points, of the network's type and on its device.
    together : bool
        Whether all networks of a batch are taught at once: a direction given from elsewhere sees
        all their outputs.
    """

    def __init__(
        self,
        network: FiniteNetwork,
        X: ArrayLike,
        y: ArrayLike | None,
        cost: Cost | None,
        direction: Direction | None,
        scale: float,
    ) -> None:
        _validate.callback(direction, "direction")
        for method in ("value", "direction"):
            if cost is not None and not callable(getattr(cost, method, None)):
                raise TypeError(
                    f"cost must have the methods value and direction, got {cost!r}; "
                    "see fastntk.costs"
                )
        if y is None and direction is None and (cost is None or hasattr(cost, "targets")):
            raise ValueError("y must be given where there is neither a direction nor a UserCost")
        self.network, self.engine = network, network.engine
        points = network.points(X, "X")
        self.a_0 = scaled(points, scale, network.dtype, self.engine)
        self._direction, self._own_targets = direction, False
        self._cost: Cost | None = LeastSquares() if cost is None and y is not None else cost
        self._y = None if y is None else self._targets(y)
        self.together = direction is not None and network.networks is not None

    def teach(self, f: Any, t: float, index: int = 0, rows: Any = None) -> Lesson:
        """Return cost and direction at outputs.

        Parameters
        ----------
        f : ndarray of shape (N, C); (m, N, C) where networks are taught together
            Outputs at the points, or at ``rows`` of them.
        t : float
            Time.
        index : int
            Which network's they are, where they are taught one by one.
        rows : ndarray of int, optional
            Which points.

        Raises
        ------
        NotFinite
            Cost or direction are not.
        """
        if self._direction is not None:
            d = self._checked(self._direction(f, t), f, "direction(f, t)")
        else:
            assert self._cost is not None
            d = self._cost.direction(f, self._targets_of(index, rows))
            d = self._checked(d, f, "cost.direction(f, y)")
        cost: Any = None
        if self._cost is not None:
            each = enumerate(f) if self.together else [(index, f)]
            cost = [float(self._cost.value(one, self._targets_of(i, rows))) for i, one in each]
            cost = cost if self.together else cost[0]
        lesson = Lesson(d, cost, np.asarray(to_host(direction_norm(d))).tolist())
        lesson.require_finite()
        return lesson

    def summary(self, lessons: list[Lesson]) -> tuple[Any, Any]:
        """Return cost and norm of d: numbers of a single network, lists of a batch."""
        costs, norms = [one.cost for one in lessons], [one.norm for one in lessons]
        if self.network.networks is None:
            return costs[0], norms[0]
        return None if costs[0] is None else costs, norms

    def _targets(self, y: Any) -> Any:
        """Return targets as an array of the engine, in the form that the cost reads."""
        xp, points, C = self.engine.xp, len(self.a_0), self.network.widths[-1]
        batch = () if self.network.networks is None else (self.network.networks,)
        make = getattr(self._cost, "targets", None)
        if make is not None:
            # Only the shape, type and place of the outputs matter here.
            blank = xp.broadcast_to(xp.zeros((), self.network.dtype), (*batch, points, C))
            y = make(_backend.as_array(y), blank)
        else:
            y = self.engine.asarray(_backend.as_array(y))
        # (N, ...) for all networks, or (m, N, ...).
        self._own_targets = bool(batch) and y.ndim > 2 and y.shape[:2] == (*batch, points)
        if not self._own_targets and y.shape[:1] != (points,):
            raise ValueError(f"y must have X's {points} rows, got shape {y.shape}")
        require_finite(y, "y")
        return y

    def _targets_of(self, index: int, rows: Any) -> Any:
        """Return a network's targets at some points."""
        y: Any = self._y
        y = y[index] if self._own_targets else y
        return y if y is None or rows is None else y[rows]

    def _checked(self, d: Any, f: Any, name: str) -> Any:
        xp = self.engine.xp
        if array_namespace(d) is not xp:
            d = to_host(_backend.as_array(d))
        d = xp.asarray(d, dtype=f.dtype)
        if d.shape != f.shape:
            raise ValueError(f"{name} must have the outputs' shape {f.shape}, got {d.shape}")
        return d
