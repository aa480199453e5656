# SPDX-License-Identifier: Apache-2.0
"""Training of least squares in function space, for any list of times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._memory import Budget, parse_bytes
from fastntk.dynamics.dense_flow import DenseFlow
from fastntk.dynamics.evolution import Evolution, checked_times
from fastntk.dynamics.krylov_flow import KrylovFlow
from fastntk.dynamics.new_points import NewPoints
from fastntk.dynamics.problem import Problem
from fastntk.linalg.dense import dense_bytes
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk._progress import Progress

METHODS = ("auto", "dense", "krylov")
# Up to here LAPACK takes seconds, and all times are exact.
_DENSE_ROWS = 3000


def select_flow_method(op: SymmetricOperator, budget: int | None = None) -> str:
    """Return the method that "auto" runs for an operator.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only the shape is read.
    budget : int, optional
        Bytes that the method may take; unlimited by default.

    Returns
    -------
    str
        "dense" up to 3000 rows where it fits, else "krylov".
    """
    n = op.shape[0]
    fits = budget is None or dense_bytes(n) <= budget
    return "dense" if n <= _DENSE_ROWS and fits else "krylov"


class GradientFlow:
    """Exact training dynamics of an infinitely wide network on least squares [1]_.

    Parameters
    ----------
    op : SymmetricOperator or ndarray of shape (N, N)
        The kernel of the N training points: a `GramOperator` of data, which also knows the kernel
        with new points; any other operator, or a symmetric matrix. A matrix-valued kernel has
        N C rows, row i C + k being output k at point i.
    y : array_like of shape (N,) or (N, C)
        Targets, real numbers.
    f0 : array_like like y, or callable, optional
        Outputs at time 0 on the training points, or a function of points that gives them, as a
        `FiniteNetwork` is; 0 by default.
    method : {"auto", "dense", "krylov"}
        "dense" takes one eigendecomposition for all times: 40 N^2 bytes and O(N^3) operations.
        "krylov" takes products of the operator, as many as the times that are asked for need; what
        it has learnt it keeps for the next call. "auto" is `select_flow_method`.
    learning_rate : float, optional
        For gradient descent in steps of this size; continuous time by default. Time t is then the
        state after the floor(t / learning_rate) steps that are done by t.
    tol : float
        Of "krylov": the bound of `error` that every time is to meet.
    max_passes : int
        Of "krylov": most products of one call.
    seed : int or numpy.random.Generator
        Of "krylov": directions that take the place of dependent ones; same seed, same result.
    memory : int or str, optional
        Budget in bytes, or for instance "2 GB"; by default what the operator leaves of its own.
    progress : callable, optional
        Called with (stage, done, total).

    Attributes
    ----------
    operator : SymmetricOperator
        The kernel.
    points : int
        N.
    method : str
        What "auto" chose.

    Raises
    ------
    TypeError
        Arrays that are not real numbers, or on another device than the operator.
    ValueError
        Shapes that do not fit, entries that are not finite, or another argument out of range; a
        learning rate of 2 N / lambda_1 or more, with which gradient descent diverges.
    MemoryError
        The method does not fit the budget: said before it allocates.

    Notes
    -----
    The cost is ``C(f) = 1/(2N) sum_i |f(x_i) - y_i|^2``; in the paper's units of time, learning
    rate times steps,

        f_t(Z) = f_0(Z) + K(Z, X) c_t,   c_t = phi_t(K) (y - f_0(X)),
        phi_t(lambda) = (1 - exp(-t lambda / N)) / lambda,

    and in steps (1 - (1 - learning_rate lambda / N)^k) / lambda. Eigenvalues that are 0 to rounding
    (``N eps lambda_1``) are the null space, which at infinite time stays as it is.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 5.
    .. [2] J. Lee et al., "Wide neural networks of any depth evolve as linear models under gradient
       descent", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import fastntk as fn
    >>> X, y = np.eye(3), np.array([1.0, -1.0, 0.5])
    >>> flow = fn.GradientFlow(fn.GramOperator(fn.FullyConnected(2), X), y)
    >>> flow.outputs(float("inf")).round(6).tolist()
    [1.0, -1.0, 0.5]
    >>> flow.outputs([0, 1, 10], Z=np.ones((2, 3))).shape
    (3, 2)
    """

    def __init__(
        self,
        op: SymmetricOperator | NDArray[Any],
        y: ArrayLike,
        f0: Any = None,
        *,
        method: str = "auto",
        learning_rate: float | None = None,
        tol: float = 1e-4,
        max_passes: int = 500,
        seed: int | np.random.Generator = 0,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> None:
        operator = op if isinstance(op, SymmetricOperator) else GramOperator.from_matrix(op)
        _validate.choice(method, "method", METHODS)
        _validate.callback(progress)
        if learning_rate is not None:
            learning_rate = _validate.positive(learning_rate, "learning_rate")
        tol, rng = _validate.fraction(tol, "tol"), _validate.generator(seed)
        max_passes = _validate.integer(max_passes, "max_passes", at_least=1)
        self.operator, self.learning_rate = operator, learning_rate
        self._room = (
            operator.room if memory is None else Budget(parse_bytes(memory), 0, operator.place)
        )
        self._progress = progress
        self._problem = Problem(operator, y, f0)
        self.points = self._problem.points
        self._evolution = Evolution(self.points, learning_rate)
        if method == "auto":
            method = select_flow_method(operator, self._room.left)
        self.method = method
        self._engine: DenseFlow | KrylovFlow
        with self._here(), _backend.strict_linalg(operator.xp):
            if method == "dense":
                self._engine = DenseFlow(self._problem, self._evolution, self._room, progress)
            else:
                self._engine = KrylovFlow(
                    self._problem,
                    self._evolution,
                    tol=tol,
                    max_passes=max_passes,
                    rng=rng,
                    room=self._room,
                    progress=progress,
                )
        if learning_rate is not None and learning_rate >= self.max_learning_rate:
            raise ValueError(
                f"learning_rate must be below 2 N / lambda_1 = {self.max_learning_rate:.6g}, "
                f"beyond which gradient descent diverges, got {learning_rate:g}"
            )

    def outputs(
        self,
        t: ArrayLike,
        Z: ArrayLike | None = None,
        f0_Z: ArrayLike | None = None,
        *,
        cross: ArrayLike | None = None,
    ) -> Any:
        """Return f_t at the training points, or at new ones.

        Parameters
        ----------
        t : float or array_like of shape (T,)
            Times, not negative; ``inf`` for the limit.
        Z : array_like of shape (M, d), optional
            New points, scaled like X; the operator must be one of data.
        f0_Z : array_like of shape (M,) or (M, C), optional
            Outputs there at time 0; needed where f0 was an array.
        cross : array_like of shape (M, N), or (M C, N C), optional
            K(Z, X), instead of Z.

        Returns
        -------
        ndarray of shape (T, M, C)
            float64; without the first axis for a single time, without the last for y of shape
            (N,). Of the library of Z, else of y.

        Raises
        ------
        ValueError
            A time that is negative or NaN, new points for an operator that knows none, shapes that
            do not fit.
        """
        times, single = checked_times(t)
        with self._here():
            if Z is None and cross is None:
                start, xp = self._problem.start, self._problem.library
                if f0_Z is not None:
                    raise ValueError("f0_Z must come with Z or cross")
                moves = self._engine.moves(times)
            else:
                new = NewPoints(self.operator, Z, cross)
                c, xp = self._engine.coefficients(times), new.xp
                # One product for all times and outputs.
                flat = c.transpose(1, 0, 2).reshape(c.shape[1], -1)
                product = new.times(flat, self._room, self._progress)
                start = self._problem.start_at(Z, f0_Z, len(product))
                moves = product.reshape(len(product), len(times), -1).transpose(1, 0, 2)
            f_t = self._problem.shaped(moves if start is None else moves + start, xp)
        found = f_t[0] if single else f_t
        return found if Z is None else _backend.like(found, Z)

    def coefficients(self, t: ArrayLike) -> Any:
        """Return c_t of f_t(Z) = f_0(Z) + K(Z, X) c_t, (T, N, C); axes drop as for `outputs`."""
        times, single = checked_times(t)
        with self._here():
            c = self._problem.shaped(self._engine.coefficients(times), self._problem.library)
        return c[0] if single else c

    def error(
        self, t: ArrayLike, Z: ArrayLike | None = None, *, cross: ArrayLike | None = None
    ) -> Any:
        """Return how far f_t may be off, (T,), or a number for a single time.

        It is relative: the root mean square over the points of f_t less what is returned, over that
        of y - f_0, the largest of all outputs. At the training points it is a bound, which for
        "dense" is the rounding of the eigenpairs. At new points it is an estimate: from the
        difference to a smaller Krylov space, at a product with K(Z, X).

        Parameters
        ----------
        t, Z, cross
            As in `outputs`.
        """
        times, single = checked_times(t)
        with self._here(), _backend.strict_linalg(self.operator.xp):
            if (Z is None and cross is None) or isinstance(self._engine, DenseFlow):
                found = self._engine.error(times)
            else:
                found = self._engine.error_at(NewPoints(self.operator, Z, cross), times)
        return float(found[0]) if single else found

    def cost(self, t: ArrayLike) -> Any:
        """Return the training cost C(f_t), (T,), or a number for a single time."""
        times, single = checked_times(t)
        residual = self._problem.residual
        with self._here():
            squares = [float(((residual - move) ** 2).sum()) for move in self._engine.moves(times)]
        costs = np.array(squares) / (2 * self.points)
        return float(costs[0]) if single else costs

    @property
    def max_learning_rate(self) -> float:
        """2 N / lambda_1: gradient descent diverges at this learning rate and above."""
        largest = self._engine.largest
        return 2 * self.points / largest if largest > 0 else float("inf")

    @property
    def passes(self) -> int:
        """Products of the operator that "krylov" has made."""
        return self._engine.passes

    @property
    def null_space_part(self) -> Any:
        """Delta_0, the part of f_0 - y in the null space of K, (N, C): f_inf = y + Delta_0.

        The paper's text has the sign of the other parts reversed: f_inf is f_0 less their sum.
        """
        with self._here():
            left = self._engine.moves([float("inf")])[0] - self._problem.residual
            return self._problem.shaped(left[None], self._problem.library)[0]

    def __repr__(self) -> str:
        steps = "" if self.learning_rate is None else f", learning_rate={self.learning_rate:g}"
        return f"<GradientFlow of {self.points} points, {self.method}{steps}>"

    def _here(self) -> Any:
        return self.operator.here()
