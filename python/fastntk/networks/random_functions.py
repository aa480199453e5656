# SPDX-License-Identifier: Apache-2.0
"""Linear models of random functions, whose tangent kernel approximates any kernel.

[1]_ Section 3.1: P functions f^(p) are drawn independently with E[f^(p)_k(x) f^(p)_k'(x')] =
K_kk'(x, x'), and F_theta = (1 / sqrt P) sum_p theta_p f^(p). Gradient descent on theta moves the
function along the kernel gradient of the tangent kernel (1/P) sum_p f^(p) f^(p)^T, which does not
depend on theta and tends to K.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization in
   Neural Networks", NeurIPS 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _validate
from fastntk._memory import Budget, budget_bytes
from fastntk._progress import Meter
from fastntk._stops import DivergenceError
from fastntk.costs import Cost, LeastSquares, direction_norm
from fastntk.networks.callbacks import CallbackJacobian
from fastntk.networks.gaussian_functions import gaussian_functions
from fastntk.networks.record import Run

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected

Sampler = Callable[[np.random.Generator, int, NDArray[Any]], ArrayLike]


@dataclass(frozen=True)
class ParameterDescent:
    """Gradient descent on the parameters of a linear model.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        The parameters at the end.
    times : ndarray of shape (R,)
        Learning rate times steps, at the recorded ones.
    outputs : ndarray of shape (R, N, C)
        The function then.
    cost : ndarray of shape (R,)
        Its cost.
    """

    theta: NDArray[np.float64]
    times: NDArray[np.float64]
    outputs: NDArray[np.float64]
    cost: NDArray[np.float64]


class RandomFunctions:
    """F_theta = (1 / sqrt P) sum_p theta_p f^(p) of given functions f^(p) on N points.

    `from_kernel` and `from_network` draw Gaussian functions, `from_sampler` any.

    Parameters
    ----------
    functions : array_like of shape (P, N, C)
        Values of the functions at the points, finite; kept in float64. The function p is the
        derivative of F by theta_p, times sqrt P.

    Attributes
    ----------
    functions : ndarray of shape (P, N, C)
        As given.

    Raises
    ------
    ValueError
        Another shape, empty, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> model = RandomFunctions.from_kernel(np.eye(2), 1000, seed=0)
    >>> model.tangent_kernel().round(1) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, functions: ArrayLike) -> None:
        values = _validate.real_array(functions, "functions")
        if values.ndim != 3 or values.size == 0:
            raise ValueError(
                f"functions must have shape (functions, points, outputs), got shape {values.shape}"
            )
        self.functions = np.ascontiguousarray(values, dtype=np.float64)
        if not np.isfinite(self.functions).all():
            raise ValueError("functions must be finite, got NaN or infinity")

    @classmethod
    def from_kernel(
        cls,
        K: ArrayLike,
        P: int,
        *,
        outputs: int = 1,
        seed: int | np.random.Generator = 0,
        memory: int | str | None = None,
    ) -> RandomFunctions:
        """Return P Gaussian functions whose covariance is a given kernel.

        Parameters
        ----------
        K : array_like of shape (N, N) or (N, C, N, C)
            Symmetric and positive semi-definite to rounding. Of shape (N, N) it is the kernel of
            each of ``outputs`` independent outputs; of four axes, K[i, k, j, l] is the covariance
            of output k at point i and output l at point j.
        P : int
            Number of functions.
        outputs : int
            C, for a kernel with two axes.
        seed : int or numpy.random.Generator
            Same seed, same functions.
        memory : int or str, optional
            Budget in bytes, or for instance "8 GB"; half of what is available by default.

        Raises
        ------
        ValueError
            K of another shape, not finite, not symmetric, or not positive semi-definite.
        MemoryError
            The functions do not fit the budget.

        Notes
        -----
        Cost: O(M^3 + P M^2) for M = N, or N C where K has four axes. K may be singular: its root
        comes from its eigenvectors.
        """
        rng = _validate.generator(seed)
        return cls(gaussian_functions(K, P, outputs, rng, memory))

    @classmethod
    def from_network(
        cls,
        net: FullyConnected,
        X: ArrayLike,
        P: int,
        *,
        kernel: str = "ntk",
        scale: float = 1.0,
        outputs: int = 1,
        seed: int | np.random.Generator = 0,
        memory: int | str | None = None,
    ) -> RandomFunctions:
        """Return P Gaussian functions whose covariance is a limiting kernel at points.

        Parameters
        ----------
        net : FullyConnected
            The architecture.
        X : array_like of shape (N, d)
            The points.
        P : int
            Number of functions.
        kernel : {"ntk", "nngp"}
            Which kernel; each of the outputs has it, and they are independent.
        scale : float
            Multiplies X.
        outputs, seed, memory
            As for `from_kernel`.
        """
        _validate.network(net)
        _validate.choice(kernel, "kernel", ("ntk", "nngp"))
        (K,) = net.kernels(X, get=(kernel,), scale=scale, dtype="float64")
        return cls.from_kernel(K, P, outputs=outputs, seed=seed, memory=memory)

    @classmethod
    def from_sampler(
        cls, sampler: Sampler, X: ArrayLike, P: int, *, seed: int | np.random.Generator = 0
    ) -> RandomFunctions:
        """Return P functions from a user's distribution.

        Parameters
        ----------
        sampler : callable
            ``sampler(rng, P, X)`` returns the values at X of P independent functions, of shape
            (P, N, C), drawn by the ``numpy.random.Generator`` ``rng``.
        X : array_like of shape (N, d)
            The points.
        P : int
            Number of functions.
        seed : int or numpy.random.Generator
            Of ``rng``.

        Raises
        ------
        TypeError
            The sampler is not callable.
        ValueError
            It returns another shape, or what is not finite.
        """
        if not callable(sampler):
            raise TypeError(f"sampler must be callable, got {sampler!r}")
        points, P = _validate.samples(X), _validate.integer(P, "P", at_least=1)
        drawn = _validate.real_array(
            sampler(_validate.generator(seed), P, points), "the result of sampler"
        )
        if drawn.ndim != 3 or drawn.shape[:2] != (P, len(points)):
            raise ValueError(
                f"sampler must return shape ({P}, {len(points)}, outputs), got {drawn.shape}"
            )
        return cls(drawn)

    @property
    def shape(self) -> tuple[int, int, int]:
        """P functions, N points, C outputs."""
        P, N, C = self.functions.shape
        return P, N, C

    def __call__(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return F_theta at the points, (N, C), for parameters (P,)."""
        return np.tensordot(self._parameters(theta), self.functions, 1) / math.sqrt(self.shape[0])

    def tangent_kernel(self, memory: int | str | None = None) -> NDArray[np.float64]:
        """Return (1/P) sum_p f^(p) f^(p)^T, (N C, N C), sample-major: row i C + k.

        Raises
        ------
        MemoryError
            It does not fit ``memory``, by default half of what is available.
        """
        P, N, C = self.shape
        Budget(budget_bytes(memory)).require(8 * (N * C) ** 2, "the tangent kernel")
        rows = self.functions.reshape(P, N * C)
        kernel: NDArray[np.float64] = rows.T @ rows
        kernel /= P
        return kernel

    def jacobian(self) -> CallbackJacobian:
        """Return the derivative of F by theta, (N C, P), for a `JacobianOperator`."""
        P, N, C = self.shape
        rows, root = self.functions.reshape(P, N * C), math.sqrt(P)
        return CallbackJacobian(
            lambda v: v @ rows / root, lambda u: rows @ u / root, (N * C, P), outputs=C, check=False
        )

    def train(
        self,
        y: ArrayLike,
        learning_rate: float = 1.0,
        steps: int = 200,
        *,
        cost: Cost | None = None,
        theta: ArrayLike | None = None,
        every: int = 1,
        progress: Progress | None = None,
    ) -> ParameterDescent:
        """Train the parameters by gradient descent.

        Each step moves theta by ``learning_rate (1/N) J^T d``, where d is the direction of the
        cost: the outputs move by ``learning_rate (1/N) Theta d`` with the tangent kernel Theta.

        Parameters
        ----------
        y : array_like of shape (N, C)
            Targets, as the cost takes them.
        learning_rate : float
            Time of a step in the units of the paper.
        steps : int
            Number of steps.
        cost : Cost, optional
            See `fastntk.costs`; least squares by default.
        theta : array_like of shape (P,), optional
            Parameters at the start, 0 by default.
        every : int
            Steps between two records; the start and the end are recorded too.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ParameterDescent
            ``theta``, ``times``, ``outputs``, ``cost``.

        Raises
        ------
        DivergenceError
            The function, its cost or the direction is not finite any more. The message has the step
            and a learning rate below which least squares are stable, ``2 N / lambda_1(Theta)``; the
            exception's ``run`` has times, costs and norms of the steps before.

        Notes
        -----
        Cost: 4 P N C operations per step.
        """
        learning_rate = _validate.positive(learning_rate, "learning_rate")
        steps = _validate.integer(steps, "steps", at_least=0)
        every = _validate.integer(every, "every", at_least=1)
        cost = LeastSquares() if cost is None else cost
        P, N, C = self.shape
        parameters = np.zeros(P) if theta is None else self._parameters(theta).copy()
        rows, root = self.functions.reshape(P, N * C), math.sqrt(P)
        kept: list[tuple[float, NDArray[Any], float]] = []
        run = Run()
        meter = Meter(progress, "training", steps)
        for step in range(steps + 1):
            with np.errstate(over="ignore", invalid="ignore"):
                f = (parameters @ rows / root).reshape(N, C)
                value = float(cost.value(f, y))
                direction = np.asarray(cost.direction(f, y), np.float64).reshape(N, C)
                norm = float(direction_norm(direction))
                if not (np.isfinite(f).all() and math.isfinite(value) and math.isfinite(norm)):
                    raise self._diverged(step, learning_rate, run)
                run._add(value, norm)
                if step % every == 0 or step == steps:
                    kept.append((learning_rate * step, f, value))
                if step < steps:
                    parameters += learning_rate / (N * root) * (rows @ direction.reshape(-1))
                    run._advance(learning_rate * (step + 1), learning_rate * norm)
                    meter.add(1)
        times, outputs, costs = (np.array(values) for values in zip(*kept, strict=True))
        return ParameterDescent(parameters, times, outputs, costs)

    def _parameters(self, theta: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(_validate.real_array(theta, "theta"), np.float64)
        if values.shape != self.shape[:1]:
            raise ValueError(f"theta must have shape {self.shape[:1]}, got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("theta must be finite, got NaN or infinity")
        return values

    def _diverged(self, step: int, learning_rate: float, run: Run) -> DivergenceError:
        P, N, C = self.shape
        largest = float(np.linalg.norm(self.functions.reshape(P, N * C), 2)) ** 2 / P
        stable = 2 * N / largest if largest else None
        advice = "" if stable is None else f": least squares are stable below {stable:.3g}"
        return DivergenceError(
            f"training diverged at step {step} with learning_rate={learning_rate:g}{advice}",
            step,
            run,
            stable,
        )

    def __repr__(self) -> str:
        P, N, C = self.shape
        return f"<{P} RandomFunctions at {N} points with {C} output(s)>"
