# SPDX-License-Identifier: Apache-2.0
"""How a finite network is trained and linearised: the public methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from fastntk._progress import Progress
    from fastntk.costs import Cost
    from fastntk.networks.linearised import LinearisedNetwork
    from fastntk.networks.network import FiniteNetwork
    from fastntk.networks.problem import Direction
    from fastntk.networks.record import Record, Run


class TrainingMethods:
    """Methods of `FiniteNetwork` that import what they need at their first use."""

    def train(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        learning_rate: float = 1.0,
        steps: int = 200,
        *,
        cost: Cost | None = None,
        scale: float = 1.0,
        batch_size: int | None = None,
        seed: int | np.random.Generator = 0,
        direction: Direction | None = None,
        flow: bool = False,
        tolerance: float | None = None,
        record: Record | None = None,
        run: Run | None = None,
        updates: str = "auto",
        memory: int | str | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Run:
        r"""Train the network in place, by gradient descent or along gradient flow.

        A step of gradient descent adds, for each trained array of parameters with its multiplier
        r (see ``rates``),

        .. math:: \theta \mathrel{+}= \frac{\eta r}{N} J^T d, \qquad t \mathrel{+}= \eta,

        with the direction d of the cost, ``y - f`` for least squares: :math:`\eta` is in the time
        units of [1]_, where :math:`f_t` moves by :math:`\frac{\eta}{N} \Theta d`.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            Points, as for `ntk`.
        y : array_like
            Targets as the cost takes them: for least squares (N, C), or (N,) for one output; with a
            leading axis of networks where each of a batch has its own. None where only a
            ``direction`` is given.
        learning_rate : float
            :math:`\eta`. Least squares are stable below 2 over the largest eigenvalue of the NTK
            over N.
        steps : int
            Training ends at ``t = learning_rate * steps``, gradient flow too.
        cost : Cost, optional
            See `fastntk.costs`; least squares by default.
        scale : float
            Multiplies X.
        batch_size : int, optional
            Points of a step; N becomes their number. Every call begins with an epoch in random
            order, whose last step takes the points that are left; all networks of a batch see the
            same order. By default every step takes all points.
        seed : int or numpy.random.Generator
            Of that order.
        direction : callable (f, t) -> d, optional
            The training direction, from elsewhere [1]_ (Theorem 2): an array of f's shape, (N, C)
            or (m, N, C), e.g. from another network that is trained at the same time. ``y``, if
            given, is then only what the recorded cost is of. It is called once in each step, once
            more at the end, for the last cost and norm, and at that t again where the run goes on;
            along gradient flow at t between steps too, those of rejected steps included.
        flow : bool
            Whether to follow :math:`d\theta/dt = \frac{r}{N} J^T d` itself, by the Runge-Kutta pair
            of Dormand and Prince with control of the step.
        tolerance : float, optional
            Of gradient flow: the error of each step, as the Euclidean norm over all parameters.
            Outputs err by that times the square root of the largest eigenvalue of the NTK over N,
            in the mean over points. By default 1e-4; 1e-6 in float64 without ReLU, whose kinks cost
            a number of steps that grows as one over the tolerance. It is at least the dtype's eps
            times the Euclidean norm of the trained parameters, about twice what a step rounds: in
            float32 1.2e-4 for a million of them.
        record : Record, optional
            What the run keeps beside its costs; by default the outputs at the start and the end.
        run : Run, optional
            The run of a training to go on with: its time and its records continue.
        updates : {"auto", "dense", "low-rank"}
            How gradient descent changes weights: by rewriting them, or by keeping the thin factors
            of many steps beside them, which is faster for few points and wide layers; "auto"
            decides for each map (``fastntk.networks.low_rank``). The parameters are the
            same up to rounding, and complete when `train` returns or raises. Gradient flow rewrites
            them, and refuses "low-rank".
        memory : int or str, optional
            Budget of everything that training allocates, in bytes or as "8 GB"; what is available
            by default. Factors that do not fit are not kept. Networks of a batch make each step one
            after the other, so it does not grow with them but for factors, gradient flow, and a
            direction that sees all of them.
        threads : int, optional
            Of activations and kernels; matrix products take BLAS's own number.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        Run
            Times, costs, the integral of the direction's norm, and what was recorded.

        Raises
        ------
        DivergenceError
            Outputs, cost or direction are not finite. The message says at which step, how the cost
            went, and a learning rate that is stable: 2 over the trace of the NTK over N at the
            first step, per output. The parameters are those which gave such outputs (in a batch,
            networks before it have made that step). In gradient flow: no step is small enough for
            finite outputs, or for the tolerance; the parameters are those of ``run.reached``.
        TrainingInterrupted
            A KeyboardInterrupt: Ctrl-C, once the step is done. Parameters and the exception's
            ``run`` are those of that step, and ``run=`` goes on from it. A second Ctrl-C stops at
            once, by a plain KeyboardInterrupt in the middle of the step.
        TypeError
            An argument of the wrong type.
        ValueError
            Shapes that do not fit, values out of range, or data, targets or parameters that are not
            finite.
        MemoryError
            The budget is too small: said before it is exceeded.

        Notes
        -----
        What a callable raises passes through; the parameters are then those of ``run.reached``.
        Mini-batches have no constant direction in a step but that of their points: costs and norms
        of the run are of those.

        A step costs a forward and a backward pass and the update, some ``6 N P`` operations, and
        reads every weight twice. Gradient flow takes six derivatives a step and keeps eight copies
        of the parameters that are trained.

        References
        ----------
        .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and
           generalization in neural networks", NeurIPS 2018, sections 4 and 5.

        Examples
        --------
        >>> import numpy as np
        >>> import fastntk as fn
        >>> w = fn.FiniteNetwork(fn.FullyConnected(hidden_layers=1), (2, 256, 1), seed=0)
        >>> X, y = np.eye(2), np.array([0.5, -0.5])
        >>> run = w.train(X, y, learning_rate=1.0, steps=50)
        >>> bool(run.cost[-1] < 1e-3 * run.cost[0])
        True
        """
        from fastntk.networks.training import train

        return train(
            cast("FiniteNetwork", self),
            X,
            y,
            learning_rate,
            steps,
            cost=cost,
            scale=scale,
            batch_size=batch_size,
            seed=seed,
            direction=direction,
            flow=flow,
            tolerance=tolerance,
            record=record,
            run=run,
            updates=updates,
            memory=memory,
            threads=threads,
            progress=progress,
        )

    def linearised(self) -> LinearisedNetwork:
        """Return the network's linearisation at a copy of its present parameters.

        Returns
        -------
        LinearisedNetwork
            ``f_lin(x) = f_0(x) + J(x) (theta - theta_0)``.
        """
        from fastntk.networks.linearised import LinearisedNetwork

        return LinearisedNetwork(cast("FiniteNetwork", self))
