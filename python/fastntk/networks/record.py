# SPDX-License-Identifier: Apache-2.0
"""What is kept of a training run: its cost throughout, outputs and kernels at chosen times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk._arrays import array_namespace


@dataclass(frozen=True)
class Record:
    """What a run keeps, and when.

    Parameters
    ----------
    at : sequence of float, optional
        Times, in the paper's units (learning rate times steps); by default the start and the end.
        Gradient descent is recorded at the first step that is not before each, gradient flow
        exactly there.
    outputs : bool or array_like of shape (n, n_0)
        Whether outputs are kept, of the training points (True) or of others.
    ntk : array_like of shape (n, n_0) or pair of such, optional
        Points whose empirical NTK is kept; a pair (X, Y) for the block between two sets.
    ntk_outputs : {"full", "trace"} or (int, int)
        Which blocks of it, see `FiniteNetwork.ntk`.
    activations : bool or array_like of shape (n, n_0)
        Whether the hidden layers' activations are kept, of the training points (True) or of others.

    Notes
    -----
    Points are scaled by the ``scale`` of the training, and are best of the library of its ``X``.
    Each recorded time costs a forward pass for outputs and one for activations, and a kernel.
    Outputs at the training points (True) of a single network, trained on all of them at each step
    of gradient descent, cost nothing: the step's own pass gives them.
    """

    at: Sequence[float] | NDArray[Any] | None = None
    outputs: bool | ArrayLike = True
    ntk: Any = None
    ntk_outputs: str | tuple[int, int] = "full"
    activations: bool | ArrayLike = False


@dataclass(eq=False)
class Run:
    """The course of a training.

    Leading axes of what is recorded: the times, then the networks where a batch was trained (m).
    Numbers per step are NumPy arrays, float64; what is recorded is of the library of the points.

    Examples
    --------
    >>> import numpy as np
    >>> import fastntk as fn
    >>> w = fn.FiniteNetwork(fn.FullyConnected(1), (2, 64, 1), seed=0)
    >>> X, y = np.eye(2), np.array([0.5, -0.5])
    >>> run = w.train(X, y, learning_rate=1.0, steps=20)
    >>> float(run.times[-1]), run.outputs.shape
    (20.0, (2, 2, 1))
    """

    _times: list[float] = field(default_factory=list, repr=False)
    _costs: list[Any] = field(default_factory=list, repr=False)
    _norms: list[Any] = field(default_factory=list, repr=False)
    _integrals: list[Any] = field(default_factory=list, repr=False)
    _recorded: dict[str, list[Any]] = field(default_factory=dict, repr=False)
    _integral: Any = field(default=0.0, repr=False)
    _reached: float = field(default=0.0, repr=False)

    @property
    def reached(self) -> float:
        """Time of the network's parameters, from which a training with this run goes on."""
        return self._reached

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of every step and of the end, (S + 1,), in the paper's units."""
        return np.array(self._times)

    @property
    def cost(self) -> NDArray[np.float64] | None:
        """Cost at each of the times, (S + 1,) or (S + 1, m); None where some had no ``y``.

        In mini-batches it is the cost of the step's own points, before the step; the last entry of
        a training is that of all its points.
        """
        known = bool(self._costs) and all(cost is not None for cost in self._costs)
        return np.array(self._costs) if known else None

    @property
    def direction_norm(self) -> NDArray[np.float64]:
        """``||d_t||``, see `fastntk.costs.direction_norm`, at each of the times."""
        return np.array(self._norms)

    @property
    def direction_integral(self) -> NDArray[np.float64]:
        """Integral of ``||d_t||`` over time, from the start to each of the times.

        By the rectangle rule for gradient descent, whose direction is constant in a step, and by
        the trapezoid rule for gradient flow. Theorem 2 of Jacot et al. (2018) asks that it stay
        bounded.
        """
        return np.array(self._integrals)

    @property
    def record_times(self) -> NDArray[np.float64]:
        """Times (R,) of what was recorded."""
        return np.array(self._recorded.get("times", []))

    @property
    def outputs(self) -> Any:
        """Outputs, (R, N, C) or (R, m, N, C); None if they were not asked for."""
        return self._stacked("outputs")

    @property
    def ntk(self) -> Any:
        """Empirical NTKs, (R, ...) or (R, m, ...); None if they were not asked for."""
        return self._stacked("ntk")

    @property
    def activations(self) -> list[Any] | None:
        """Activations of each hidden layer, (R, N, n_l) or (R, m, N, n_l), or None."""
        layers = self._recorded.get("activations")
        if layers is None:
            return None
        return [_stack(list(times)) for times in zip(*layers, strict=True)]

    def _stacked(self, name: str) -> Any:
        values = self._recorded.get(name)
        return None if values is None else _stack(values)

    def _reopen(self) -> None:
        """Drop the entry of the present parameters, which the next training writes again."""
        if self._times and self._times[-1] == self._reached:
            for values in (self._times, self._costs, self._norms, self._integrals):
                del values[-1:]

    def _add(self, cost: Any, norm: Any) -> None:
        """Note cost and norm of d of the present parameters."""
        self._times.append(self._reached)
        self._costs.append(cost)
        self._norms.append(norm)
        self._integrals.append(self._integral + 0 * np.asarray(norm))

    def _advance(self, t: float, share: Any) -> None:
        """Note that the parameters are those of a later time, and what the integral has grown."""
        self._reached = t
        self._integral = self._integral + np.asarray(share)


def _stack(values: list[Any]) -> Any:
    return array_namespace(values[0]).stack(values)
