# SPDX-License-Identifier: Apache-2.0
"""The cost of least squares over planes through a network, in parameters and in functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from fastntk.paper import circle

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.float64]

#: Of the training's course: its projections are taken every so many steps.
EVERY = 2


class Plane:
    """A plane of parameters theta + a u + b v, and the plane of functions that it touches.

    Parameters
    ----------
    network : FiniteNetwork
        Of parameters theta and one output; it is copied.
    u, v : ndarray of shape (P,)
        Directions, of its type and on its device.
    X : ndarray of shape (N, n_0)
        Points.
    y : ndarray of shape (N,)
        Targets.

    Attributes
    ----------
    outputs : ndarray of shape (N,)
        f at theta.
    tangents : (ndarray, ndarray)
        J u and J v, (N,) each.
    """

    def __init__(self, network: fn.FiniteNetwork, u: Any, v: Any, X: Array, y: Array) -> None:
        self._network, self._theta, self._u, self._v = network.copy(), network.flat, u, v
        self._X, self._y = X, y
        self.outputs = self._at(0.0, 0.0)
        lin = network.linearised()
        tangents = []
        for direction in (u, v):
            lin.displacement[...] = direction
            tangents.append(np.asarray(lin(X))[:, 0] - self.outputs)
        self.tangents: tuple[Array, Array] = tangents[0], tangents[1]

    @property
    def hessian(self) -> Array:
        """Second derivatives (2, 2) of the cost of functions: those of a convex quadratic."""
        J = np.stack(self.tangents)
        return np.asarray(J @ J.T / len(self._y))

    def in_parameters(
        self, a: Array, b: Array, progress: Callable[[int, int], object] | None = None
    ) -> Array:
        """Return the cost (A, B) at theta + a u + b v."""
        cost = np.empty((len(a), len(b)))
        for i, one in enumerate(a):
            cost[i] = [self._cost(self._at(one, two)) for two in b]
            if progress is not None:
                progress(i + 1, len(a))
        return cost

    def in_functions(self, a: Array, b: Array) -> Array:
        """Return the cost (A, B) at f + a J u + b J v."""
        one, two = self.tangents
        f = self.outputs + a[:, None, None] * one + b[None, :, None] * two
        return np.asarray(self._cost(f))

    def derivative_by_differences(self, step: float) -> Array:
        """Return the derivative of the outputs along u, (N,), by central differences."""
        return (self._at(step, 0.0) - self._at(-step, 0.0)) / (2 * step)

    def _at(self, a: float, b: float) -> Array:
        w = self._network
        with w.engine.here():
            w.flat = self._theta + a * self._u + b * self._v
        return np.asarray(w(self._X), dtype=np.float64)[:, 0]

    def _cost(self, f: Array) -> Any:
        return ((f - self._y) ** 2).mean(axis=-1) / 2


def random_directions(network: fn.FiniteNetwork, seed: int) -> tuple[Any, Any]:
    """Return two random directions (P,), each array of which is as long as the network's own.

    They are drawn by NumPy: the same on every device.
    """
    rng = np.random.default_rng(seed)
    directions = []
    for _ in range(2):
        drawn = network.copy()
        drawn.flat = rng.standard_normal(drawn.n_parameters)
        with network.engine.here():
            norm = network.engine.xp.linalg.norm
            for own, like in zip(drawn.parameters, network.parameters, strict=True):
                for array, of in zip(own, like, strict=True):
                    array[...] *= norm(of) / norm(array)
        directions.append(drawn.flat)
    return directions[0], directions[1]


def of_training(
    network: fn.FiniteNetwork, X: Array, y: Array, steps: int, middle: int
) -> tuple[Any, Any, Array]:
    """Train a network in place; return the plane through its start, a middle and its end.

    Parameters
    ----------
    network : FiniteNetwork
        At its start.
    X, y : ndarray
        Of the task.
    steps : int
        Of the training, with the rate of section 6.1.
    middle : int
        After how many steps the point is taken.

    Returns
    -------
    along, across : ndarray of shape (P,)
        Orthogonal, as long as the way from start to end, which is ``along``.
    path : ndarray of shape (S, 2)
        Coordinates of the training from the end, projected to the plane: (-1, 0) first, 0 last.
    """
    start, again = network.flat.copy(), network.copy()
    _descend(network, X, y, middle)
    with network.engine.here():
        across = network.flat - start
    _descend(network, X, y, steps - middle)
    with network.engine.here():
        norm = network.engine.xp.linalg.norm
        along = network.flat - start
        across -= (across @ along) / (along @ along) * along
        across *= norm(along) / norm(across)
        path = []
        for done in range(0, steps + 1, EVERY):
            moved = again.flat - network.flat
            path.append([float(moved @ way / (way @ way)) for way in (along, across)])
            if done < steps:
                _descend(again, X, y, EVERY)
    return along, across, np.array(path)


def least_curvature(cost: Array, a: Array, b: Array) -> Array:
    """Return the smaller eigenvalue of the second differences of a surface (A, B).

    Of inner points, (A - 2, B - 2), with derivatives by the coordinates a and b.
    """
    da, db = a[1] - a[0], b[1] - b[0]
    middle = cost[1:-1, 1:-1]
    aa = (cost[2:, 1:-1] - 2 * middle + cost[:-2, 1:-1]) / da**2
    bb = (cost[1:-1, 2:] - 2 * middle + cost[1:-1, :-2]) / db**2
    ab = (cost[2:, 2:] - cost[2:, :-2] - cost[:-2, 2:] + cost[:-2, :-2]) / (4 * da * db)
    return np.asarray((aa + bb) / 2 - np.sqrt(((aa - bb) / 2) ** 2 + ab**2))


def _descend(network: fn.FiniteNetwork, X: Array, y: Array, steps: int) -> None:
    network.train(X, y, circle.LEARNING_RATE, steps, record=fn.Record(outputs=False))
