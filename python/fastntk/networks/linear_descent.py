# SPDX-License-Identifier: Apache-2.0
"""Steps of a linearised network, f_lin = f_0 + J (theta - theta_0), by products with J alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastntk._progress import Meter
from fastntk.networks.descent import first_trained, mean_kernel, outputs_by_blocks
from fastntk.networks.network_jacobian import NetworkJacobian
from fastntk.networks.passes import backward, forward

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastntk.networks.problem import Lesson, Problem


class LinearDescent:
    """The linearised networks of a problem; see `fastntk.networks.descent.Steps`.

    Parameters
    ----------
    problem : Problem
        What they learn; its network has the parameters theta_0 and is not changed.
    displacement : ndarray of shape (P,) or (m, P)
        theta - theta_0, changed in place.
    memory : int, str or None
        Budget of each product.
    block : int, optional
        Points at a time where only outputs are wanted; all by default.
    """

    def __init__(
        self,
        problem: Problem,
        displacement: Any,
        memory: int | str | None,
        block: int | None = None,
    ) -> None:
        self._problem, self._memory, self._block = problem, memory, block
        network = problem.network
        single = network.networks is None
        self._networks = [network] if single else [network[i] for i in range(len(network))]
        self._displacement = displacement
        self._moves = [displacement] if single else list(displacement)
        self._f_0 = [self._initial(index, problem.a_0) for index in range(len(self._networks))]
        # At all points; they are the same at every step.
        self._jacobians: list[NetworkJacobian] | None = None
        self.trace = 0.0

    def step(self, t: float, rate: float, rows: Any = None) -> tuple[Any, Any]:
        """Move by ``(rate / N) J^T d`` of some points; return cost and norm of d before it."""
        if not self.trace:
            a_0 = self._problem.a_0 if rows is None else self._problem.a_0[rows]
            self.trace = max(self._mean_kernel(i, a_0) for i in range(len(self._networks)))
        lessons = []
        for index, jacobian, lesson in self._lessons(t, rows):
            self._moves[index] += self._slope(jacobian, lesson.direction, rate)
            lessons.append(lesson)
        return self._problem.summary(lessons)

    def evaluate(self, t: float) -> tuple[Any, Any]:
        """Return cost and norm of d at all points."""
        return self._problem.summary([lesson for _, _, lesson in self._lessons(t, None)])

    def state(self) -> list[Any]:
        """Return the displacement."""
        return [self._displacement]

    def slopes(self, t: float, out: list[Any]) -> tuple[Any, Any]:
        """Write d theta / dt into an array like the displacement; return cost and norm of d."""
        lessons = []
        for index, jacobian, lesson in self._lessons(t, None):
            slope = out[0] if out[0].ndim == 1 else out[0][index]
            slope[...] = self._slope(jacobian, lesson.direction, 1.0)
            lessons.append(lesson)
        return self._problem.summary(lessons)

    def outputs(self, index: int, a_0: Any = None) -> Any:
        """Return outputs of network ``index`` at scaled points; by default those of training."""
        a_0 = self._problem.a_0 if a_0 is None else a_0
        return self._initial(index, a_0) + self._change(index, self._jacobian(index, a_0))

    def activations(self, index: int, a_0: Any) -> list[Any]:
        """Raise ValueError: the hidden layers are those of theta_0."""
        raise ValueError(
            "record.activations must be False for a linearised network, which has none"
        )

    def fold(self) -> None:
        """Do nothing: the displacement is complete."""

    def _lessons(self, t: float, rows: Any) -> Iterator[tuple[int, NetworkJacobian, Lesson]]:
        problem, count = self._problem, range(len(self._networks))
        if rows is not None:
            a_0 = problem.a_0[rows]
            jacobians = [self._jacobian(index, a_0) for index in count]
        else:
            if self._jacobians is None:
                self._jacobians = [self._jacobian(index, problem.a_0) for index in count]
            jacobians = self._jacobians
        if not problem.together:
            for index in count:
                f = self._present(index, jacobians[index], rows)
                yield index, jacobians[index], problem.teach(f, t, index, rows)
            return
        f = [self._present(index, jacobians[index], rows) for index in count]
        lesson = problem.teach(problem.engine.xp.stack(f), t)
        for index in count:
            yield index, jacobians[index], lesson.of(index)

    def _present(self, index: int, jacobian: NetworkJacobian, rows: Any) -> Any:
        """Return outputs at some of the training points."""
        f_0 = self._f_0[index] if rows is None else self._f_0[index][rows]
        return f_0 + self._change(index, jacobian)

    def _change(self, index: int, jacobian: NetworkJacobian) -> Any:
        """Return J (theta - theta_0), (N, C)."""
        change = jacobian.pushforward(self._moves[index][None], Meter(None, "", 0))
        return change.reshape(jacobian.samples, jacobian.outputs)

    def _slope(self, jacobian: NetworkJacobian, d: Any, rate: float) -> Any:
        """Return ``(rate / N) J^T d``, times the multipliers of the learning rate."""
        weights = (d * (rate / jacobian.samples)).reshape(1, -1)
        slope = jacobian.pullback(weights, Meter(None, "", 0))
        jacobian.scale_by_rates(slope)
        return slope[0]

    def _jacobian(self, index: int, a_0: Any) -> NetworkJacobian:
        return NetworkJacobian(self._networks[index], a_0, memory=self._memory)

    def _initial(self, index: int, a_0: Any) -> Any:
        layers, engine = self._networks[index].layers(), self._problem.engine
        return outputs_by_blocks(layers, a_0, engine, self._block)

    def _mean_kernel(self, index: int, a_0: Any) -> float:
        """Return the mean kernel at points, along the mean of the outputs."""
        engine, layers = self._problem.engine, self._networks[index].layers()
        state = forward(layers, a_0, engine)
        seeds = engine.xp.ones(state.outputs.shape, state.outputs.dtype)
        lowest = min(first_trained(layers), len(layers) - 1)
        return mean_kernel(layers, state, backward(layers, state, engine, seeds, lowest))
