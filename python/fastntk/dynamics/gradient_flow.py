# SPDX-License-Identifier: Apache-2.0
"""Training of least squares in function space, for any list of times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._memory import Budget, parse_bytes
from fastntk._warnings import warn
from fastntk.dynamics.components import FlowComponents, flow_components, time_constants
from fastntk.dynamics.dense_flow import DenseFlow
from fastntk.dynamics.early_stopping import EarlyStopping, early_stopping
from fastntk.dynamics.evolution import Evolution, checked_times
from fastntk.dynamics.flow_method import flow_engine
from fastntk.dynamics.gaussian import Gaussian
from fastntk.dynamics.new_points import NewPoints
from fastntk.dynamics.null_space import unlearnt
from fastntk.dynamics.predictions import NewOutputs
from fastntk.dynamics.problem import Problem
from fastntk.dynamics.trained_gaussian import trained_gaussian
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk._progress import Progress


class GradientFlow:
    """Exact training dynamics of an infinitely wide network on least squares.

    Parameters
    ----------
    op : SymmetricOperator or ndarray of shape (N, N)
        The kernel of the N training points: a `GramOperator` of data, which also knows the kernel
        with new points; any other operator, or a symmetric matrix. A matrix-valued kernel has
        N C rows, row i C + k being output k at point i.
    y : array_like of shape (N,) or (N, C)
        Targets, real numbers. For a matrix-valued kernel (N, C): of a bare matrix a flat y would
        mean N C points.
    f0 : array_like like y, or callable, optional
        Outputs at time 0 on the training points, or a function of points that gives them, as a
        `FiniteNetwork` is: it is called with points times the operator's ``scale``. 0 by default.
    method : {"auto", "dense", "krylov"}
        "dense" takes one eigendecomposition for all times: 40 N^2 bytes and O(N^3) operations.
        "krylov" takes products of the operator, as many as the times that are asked for need; what
        it has learnt it keeps for the next call. "auto" is "dense" up to 3,000 rows where it fits,
        else "krylov".
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
    learning_rate, method
        As given; what "auto" chose.

    Raises
    ------
    TypeError
        Arrays that are not real numbers, or on another device than the operator.
    ValueError
        Shapes that do not fit, entries that are not finite, or another argument out of range; a
        learning rate of 2 N / lambda_1 or more, with which gradient descent diverges; a kernel that
        is not positive semidefinite ("krylov" says so at the first outputs).
    MemoryError
        The method does not fit the budget: said before it allocates.

    Notes
    -----
    The cost of [1]_ is ``C(f) = 1/(2N) sum_i |f(x_i) - y_i|^2``; in its units of time, learning
    rate times steps, ``f_t(Z) = f_0(Z) + K(Z, X) c_t`` with ``c_t = phi_t(K) (y - f_0(X))`` and
    ``phi_t(lambda) = (1 - exp(-t lambda / N)) / lambda``, or in steps
    ``(1 - (1 - learning_rate lambda / N)^k) / lambda``. Eigenvalues that are 0 to rounding (``N eps
    lambda_1``) are the null space, which stays as it is.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 5.
    .. [2] J. Lee et al., "Wide neural networks of any depth evolve as linear models", NeurIPS 2019.

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
        _validate.callback(progress)
        rate = None if learning_rate is None else _validate.positive(learning_rate, "learning_rate")
        self.operator, self.learning_rate = operator, rate
        self._room = (
            operator.room if memory is None else Budget(parse_bytes(memory), 0, operator.place)
        )
        self._progress, self._warned = progress, False
        self._problem = Problem(operator, y, f0)
        self.points = self._problem.points
        self._evolution = Evolution(self.points, rate)
        self._engine = flow_engine(
            self._problem,
            self._evolution,
            method,
            tol=tol,
            max_passes=max_passes,
            seed=seed,
            room=self._room,
            progress=progress,
        )
        self.method = self._engine.method
        if rate is not None and rate >= self.max_learning_rate:
            raise ValueError(
                f"learning_rate must be below 2 N / lambda_1 = {self.max_learning_rate:.6g}, "
                f"beyond which gradient descent diverges, got {rate:g}"
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
            A time that is negative or NaN, new points for an operator without data, other shapes.
        MemoryError
            The outputs do not fit the budget.

        Warns
        -----
        ConvergenceWarning
            "krylov" did not meet ``tol`` in ``max_passes``; the next call goes on.
        UserWarning
            At infinite time, once: a part of y - f_0 is not learnt; with rows that are equal.
        """
        times, single = checked_times(t)
        problem = self._problem
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            if Z is None and cross is None:
                if f0_Z is not None:
                    raise ValueError("f0_Z must come with Z or cross")
                self._require_room(times)
                moves, start = self._engine.moves(times), problem.start
                f_t = problem.shaped(moves if start is None else moves + start, problem.namespace)
            else:
                new = NewOutputs(problem, Z, f0_Z, cross)
                f_t = new.of(self._coefficients(times), self._room, self._progress)
        self._say_what_stays(times)
        return f_t[0] if single else f_t

    def coefficients(self, t: ArrayLike) -> Any:
        """Return c_t of f_t(Z) = f_0(Z) + K(Z, X) c_t, (T, N, C); axes drop as for `outputs`."""
        times, single = checked_times(t)
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            c = self._problem.shaped(self._coefficients(times), self._problem.namespace)
        self._say_what_stays(times)
        return c[0] if single else c

    def error(
        self, t: ArrayLike, Z: ArrayLike | None = None, *, cross: ArrayLike | None = None
    ) -> Any:
        """Return how far f_t may be off, (T,), or a number for a single time.

        It is relative: the root mean square over the points of f_t less what is returned, over that
        of y - f_0, the largest of all outputs. At the training points it is a bound, which for
        "dense" is what the rounding of the eigenpairs may do. At new points it is an estimate: from
        the difference to a smaller Krylov space, at a product with K(Z, X). It is that of what has
        been returned: only `outputs` and the like make the space grow, or the first call of all.

        The operator is taken as it is: how its entries are rounded is not in it. What the rounding
        of products adds is estimated from the products, to a factor of about 2. Arguments are those
        of `outputs`.
        """
        times, single = checked_times(t)
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            if (Z is None and cross is None) or isinstance(self._engine, DenseFlow):
                found = self._engine.error(times)
            else:
                found = self._engine.error_at(NewPoints(self.operator, Z, cross), times)
        return float(found[0]) if single else found

    def cost(self, t: ArrayLike) -> Any:
        """Return the training cost C(f_t), (T,), or a number for a single time."""
        times, single = checked_times(t)
        residual = self._problem.residual
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            self._engine.reach(times)  # all of them at once
            self._require_room(times[:1])
            moves = (self._engine.moves([time])[0] for time in times)
            squares = [float(((residual - move) ** 2).sum()) for move in moves]
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
    def time_constants(self) -> NDArray[np.float64]:
        """N / lambda_i, ascending: when each component has decayed to 1/e; inf in the null space.

        For "krylov" those of the Ritz values by now: the first are N / lambda_i, the last not yet.
        """
        return time_constants(*self._engine.spectrum, self.points)

    @property
    def null_space_part(self) -> Any:
        """Delta_0, the part of f_0 - y in the null space of K, (N, C): f_inf = y + Delta_0.

        The paper's text has the sign of the other parts reversed: f_inf is f_0 less their sum.
        """
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            self._engine.reach([math.inf])
            left, _ = self._engine.stays()
            return self._problem.shaped(-left[None], self._problem.namespace)[0]

    def components(self, k: int) -> FlowComponents:
        """Return f_0 - y along the first k eigenvectors of K, and how fast each part decays.

        Parameters
        ----------
        k : int
            How many, at most the rows of K. "krylov" has them of the eigenvectors along which y -
            f_0 has a part, with residuals within tol, and grows its space for them.

        Returns
        -------
        FlowComponents
            ``eigenvalues`` of K / N, ``time_constants``, ``parts``, ``decay(t)``.
        """
        k, rows = _validate.integer(k, "k", at_least=1), self.operator.shape[0]
        if k > rows:
            raise ValueError(f"k must be in [1, {rows}] for a {rows} x {rows} matrix, got {k}")
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            self._room.require(24 * k * self._problem.residual.size, f"{k} components")
            values, parts = self._engine.components(k)
            shaped = self._problem.shaped(-parts, self._problem.namespace)
        return flow_components(values, shaped, self._engine.spectrum[1], self._evolution)

    def early_stopping(
        self,
        Z: ArrayLike | None,
        y_Z: ArrayLike,
        f0_Z: ArrayLike | None = None,
        *,
        cross: ArrayLike | None = None,
        metric: str = "cost",
        times: ArrayLike | None = None,
    ) -> EarlyStopping:
        """Return when the cost, or the error rate, is least on held-out points.

        Parameters
        ----------
        Z : array_like of shape (M, d), or None with ``cross``
            Held-out points.
        y_Z : array_like of shape (M,) or (M, C)
            Their targets, like y.
        f0_Z, cross
            As of `outputs`.
        metric : {"cost", "error"}
            The cost ``1/(2M) sum |f_t - y|^2``, or the share of points whose largest output is not
            the target's (with one output: whose sign is not).
        times : array_like of shape (T,), optional
            To look at first; by default 0, infinity and 41 times over eight decades from a tenth of
            the fastest time constant. The cost is then looked at between the neighbours of the best
            of them, down to a thousandth of their distance.
        """
        return early_stopping(self, Z, y_Z, f0_Z, cross, metric, times)

    def gaussian(
        self,
        t: float,
        Z: ArrayLike | None = None,
        f0_Z: ArrayLike | None = None,
        *,
        prior: Any = None,
        cross: ArrayLike | None = None,
        covariance: bool = True,
    ) -> Gaussian:
        """Return the law of f_t over initialisations: f_0 is a Gaussian process of mean f0.

        Parameters
        ----------
        t : float
            One time, ``inf`` for the limit.
        Z : array_like of shape (M, d), optional
            New points; the training points by default ("dense" only).
        f0_Z, cross
            As of `outputs`.
        prior : FullyConnected, GramOperator or tuple of ndarray, optional
            The kernel Sigma of f_0: a network's NNGP, by default that of the operator's (a user's
            kernel has none); an operator of it on the same data; or the matrices Sigma(X, X),
            Sigma(Z, X), Sigma(Z, Z).
        covariance : bool
            Whether the covariance is wanted, or the variances only.

        Returns
        -------
        Gaussian
            Mean (M,) or (M, C); one covariance (M, M) for every output.

        Notes
        -----
        The covariance is ``S_ZZ - A S_XZ - S_ZX A^T + A S_XX A^T`` with ``A = K(Z, X) phi_t(K)``,
        eqs. (14) to (16) of the second reference of `GradientFlow`. "krylov" makes a space for
        every 32 points of Z.
        """
        return trained_gaussian(self, t, Z, f0_Z, prior, cross, covariance)

    def __repr__(self) -> str:
        steps = "" if self.learning_rate is None else f", learning_rate={self.learning_rate:g}"
        return f"<GradientFlow of {self.points} points, {self.method}{steps}>"

    def _coefficients(self, times: list[float]) -> Any:
        self._require_room(times)
        return self._engine.coefficients(times)

    def _require_room(self, times: list[float]) -> None:
        # The result, what it is a sum of, and copies in another order.
        needed = 32 * len(times) * self._problem.residual.size
        self._room.require(needed, f"the outputs of {len(times)} times")

    def _say_what_stays(self, times: list[float]) -> None:
        """Warn once where a noticeable part of y - f_0 is never learnt."""
        if self._warned or not any(map(math.isinf, times)):
            return
        self._warned = True
        with self.operator.here(), _backend.strict_linalg(self.operator.xp):
            said = unlearnt(self._problem, *self._engine.stays())
        if said:
            warn(said, UserWarning)
