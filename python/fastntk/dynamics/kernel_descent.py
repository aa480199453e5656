# SPDX-License-Identifier: Apache-2.0
"""Kernel gradient descent on any cost: along the flow itself, or in steps of a learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastntk.dynamics.descent_flow import follow
from fastntk.dynamics.descent_problem import DescentProblem
from fastntk.dynamics.descent_steps import descend

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk._progress import Progress
    from fastntk.costs import Cost
    from fastntk.dynamics.descent_record import DescentRecord
    from fastntk.dynamics.guide import Direction
    from fastntk.linalg.operator import SymmetricOperator


class KernelDescent:
    r"""Kernel gradient descent, on any cost.

    As in section 3 of [1]_, outputs follow the training direction d of the cost, smoothed by the
    kernel:

    .. math:: \frac{d f_t}{dt} = \frac{1}{N} K(\cdot, X)\, d_t, \qquad
        f_t = f_0 + K(\cdot, X)\, \alpha_t, \qquad \frac{d \alpha_t}{dt} = \frac{d_t}{N},

    so the cost decreases by :math:`dC/dt = -\|d\|_K^2`. For least squares `GradientFlow` has the
    closed form.

    Parameters
    ----------
    op : SymmetricOperator or array_like of shape (N, N)
        The kernel of the N training points: a `GramOperator` of data, which also knows the kernel
        with new points; any other operator, or a symmetric matrix. A matrix-valued kernel has
        N C rows, row i C + k being output k at point i.
    y : array_like, optional
        Targets as the cost takes them: see `fastntk.costs`. None where only a direction is given.
    f0 : array_like of shape (N,) or (N, C), or callable, optional
        Outputs at time 0, or a function of points that gives them; 0 by default.
    cost : Cost, optional
        See `fastntk.costs`; least squares by default.
    direction : callable (f, t) -> d, optional
        The training direction, from elsewhere: an array (N, C) like f, e.g. of another player's
        cost. What is then recorded of the cost has no part in the descent. It is called once for
        each product: along a flow at times between steps, those of rejected steps included.
    outputs : int, optional
        C, where neither y nor f0 has a column for each output, as classes (N,) do not.
    memory : int or str, optional
        Budget in bytes, or for instance "2 GB", for the states that are kept and recorded; by
        default what the operator leaves of its own.

    Attributes
    ----------
    operator : SymmetricOperator
        The kernel.
    points : int
        N.

    Raises
    ------
    TypeError
        Arrays that are not real numbers, or on another device than the operator; a cost that is
        none. Later, what functions return is not real numbers.
    ValueError
        Shapes that do not fit, targets that the cost refuses, entries that are not finite.

    Notes
    -----
    Outputs that costs and directions see are copies, float64, (N, C), and where the operator is;
    arrays that they return are copied. Outputs and alpha are followed together: a step keeps
    f_0 + K alpha equal to f up to rounding, so that outputs at new points are those of the same
    descent.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import fastntk as fn
    >>> op = fn.GramOperator(fn.FullyConnected(2), np.eye(4))
    >>> descent = fn.KernelDescent(op, [0, 1, 1, 0], cost=fn.costs.CrossEntropy(), outputs=2)
    >>> record = descent.steps(200)
    >>> record.outputs()[-1].argmax(axis=1).tolist()
    [0, 1, 1, 0]
    >>> record.outputs(Z=np.ones((3, 4))).shape
    (2, 3, 2)
    """

    def __init__(
        self,
        op: SymmetricOperator | ArrayLike,
        y: ArrayLike | None = None,
        f0: Any = None,
        *,
        cost: Cost | None = None,
        direction: Direction | None = None,
        outputs: int | None = None,
        memory: int | str | None = None,
    ) -> None:
        self._problem = DescentProblem(op, y, f0, cost, direction, outputs, memory)
        self.operator, self.points = self._problem.op, self._problem.points

    @property
    def max_learning_rate(self) -> float:
        """``2 N / (lambda_1 s)``: in shorter steps a convex cost decreases in every one.

        s is the cost's ``smoothness``, 1 where it is unknown, as it is for a
        `fastntk.costs.UserCost`.
        """
        return self._problem.stable_rate(self._problem.guide.smoothness)

    def flow(
        self,
        times: ArrayLike,
        *,
        solver: str = "RK45",
        tolerance: float = 1e-6,
        record: DescentRecord | None = None,
        progress: Progress | None = None,
    ) -> DescentRecord:
        """Follow the descent itself, by an integrator of SciPy.

        Parameters
        ----------
        times : float or array_like of shape (T,)
            When to record, in the paper's units: ascending, from the time that is reached on; the
            last one ends the integration. The time where it starts is recorded too.
        solver : {"RK45", "DOP853", "LSODA"}
            Of ``scipy.integrate``. The first two are explicit: they make some 0.4 t lambda_1 s / N
            steps of 6 or 12 products with K at least, s the smoothness of the cost. LSODA does not
            where the descent is slow, but stores a square matrix of 2 N C rows: for small problems.
        tolerance : float
            Error of a step, in units of the outputs: at the training points and, where the
            kernel's diagonal is not above its largest there, at every other.
        record : DescentRecord, optional
            Of this descent, to go on with: it is extended.
        progress : callable, optional
            Called with (stage, done, total), in percent of the time.

        Returns
        -------
        DescentRecord
            Outputs, cost and ``||d||_K`` at the times.

        Raises
        ------
        ImportError
            SciPy is not installed (it comes with the extra ``app``).
        ValueError
            Times that do not ascend or are before what is reached, another argument out of range, a
            cost or a direction that is not finite at the start.
        DivergenceError
            No step is small enough for the tolerance or for finite outputs: the descent ends in
            finite time, as one from elsewhere may.
        TrainingInterrupted
            A KeyboardInterrupt: Ctrl-C, once the integrator's step is done. Its ``run`` is the
            record, which `flow` or `steps` go on with; a second Ctrl-C stops at once.
        MemoryError
            The integrator's copies of the state, or what is recorded, do not fit.

        Warns
        -----
        ConvergenceWarning
            `DescentRecord.imbalance` is more than the tolerance explains.
        """
        return follow(self._problem, times, solver, tolerance, record, progress)

    def steps(
        self,
        steps: int,
        learning_rate: float | None = None,
        *,
        every: int | None = None,
        record: DescentRecord | None = None,
        progress: Progress | None = None,
    ) -> DescentRecord:
        """Descend in steps, ``f += learning_rate / N K d``.

        Parameters
        ----------
        steps : int
            How many.
        learning_rate : float, optional
            In the paper's units of time; half of `max_learning_rate` by default, where the cost
            says how smooth it is.
        every : int, optional
            Steps between two records of outputs; by default only the start and the end are kept.
        record : DescentRecord, optional
            Of this descent, to go on with: it is extended.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        DescentRecord
            Cost and ``||d||_K`` at every step, outputs at some.

        Raises
        ------
        ValueError
            No learning rate, where the cost has no ``smoothness``; an argument out of range; a cost
            or a direction that is not finite at the start.
        DivergenceError
            Outputs, cost or direction are not finite, or the cost is a million times that of the
            start: the message has a learning rate that is safe, 2 N over the largest eigenvalue and
            the smoothness of the cost, or what the first step shows of it.
        TrainingInterrupted
            As in `flow`, once the step is done.
        MemoryError
            What is recorded does not fit.

        Warns
        -----
        ConvergenceWarning
            The cost is higher in the end than at the start of this call.

        Notes
        -----
        One product with K in each step, and one for the cost of the last.
        """
        return descend(self._problem, steps, learning_rate, every, record, progress)

    def __repr__(self) -> str:
        return f"<KernelDescent of {self.points} points, {self._problem.shape[1]} outputs>"
