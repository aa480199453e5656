# SPDX-License-Identifier: Apache-2.0
"""Steps of gradient descent and derivatives of gradient flow, in place.

With signals S_l (N, n_{l+1}) of the direction d as seeds, ``J^T d`` by W_l is ``w_l S_l^T a_l`` and
by b_l ``c_l`` times the sum of S_l's rows: a step adds (rate r_l w_l / N) S_l^T a_l to W_l.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from fastntk.networks.low_rank import DenseUpdates, LowRankUpdates
from fastntk.networks.passes import Forward, backward, forward, outputs
from fastntk.networks.problem import Lesson, Problem

if TYPE_CHECKING:
    from fastntk.networks.layer import Layer


class Steps(Protocol):
    """What the loops of training ask of a network, or of its linearisation.

    Attributes
    ----------
    trace : float
        Of Theta over N, per output, at the first step; 0 before it. See `mean_kernel`.
    """

    trace: float

    def step(self, t: float, rate: float, rows: Any = None) -> tuple[Any, Any]:
        """Move by ``(rate / N) J^T d`` of some points; return cost and norm of d before it."""

    def evaluate(self, t: float) -> tuple[Any, Any]:
        """Return cost and norm of d at all points."""

    def state(self) -> list[Any]:
        """Return the arrays that are trained."""

    def slopes(self, t: float, out: list[Any]) -> tuple[Any, Any]:
        """Write d theta / dt into arrays like those of `state`, and return cost and norm of d."""

    def outputs(self, index: int, a_0: Any = None) -> Any:
        """Return outputs of network ``index`` at scaled points; by default those of training."""

    def activations(self, index: int, a_0: Any) -> list[Any]:
        """Return its hidden layers' activations at scaled points."""

    def fold(self) -> None:
        """Complete the arrays of the network."""


class Descent:
    """The networks of a problem, one step after the other.

    Parameters
    ----------
    problem : Problem
        What they learn.
    rows : sequence of int
        For each map, how many rows of factors its updates keep; 0 to rewrite its weights.
    threads : int
        Of activations; 0 for the engine's choice.
    block : int, optional
        Points at a time where only outputs are wanted; all by default.
    keep_pass : bool
        Whether outputs at the training points keep their forward pass for the next step, which has
        to be of one network at all points.

    Attributes
    ----------
    trace : float
        The largest of the networks', see `Steps`.
    """

    def __init__(
        self,
        problem: Problem,
        rows: list[int],
        threads: int = 0,
        block: int | None = None,
        keep_pass: bool = False,
    ) -> None:
        self._problem, self._threads, self._block = problem, threads, block
        self._keep_pass = keep_pass
        # Of the present parameters, where their outputs were asked for.
        self._known: Forward | None = None
        self._engine = problem.engine
        network = problem.network
        self.networks: list[list[Layer]] = [
            [
                replace(
                    layer, weight=_updates(layer.weight, count) if layer.trained else layer.weight
                )
                for layer, count in zip(network.layers(index), rows, strict=True)
            ]
            for index in range(network.networks or 1)
        ]
        self._lowest = first_trained(self.networks[0])
        self.trace = 0.0

    def step(self, t: float, rate: float, rows: Any = None) -> tuple[Any, Any]:
        """Move the parameters by ``(rate / N) J^T d``; return cost and norm of d before it.

        Parameters
        ----------
        t : float
            Time, for directions that depend on it.
        rate : float
            The learning rate, in the paper's units.
        rows : ndarray of int, optional
            Which points; all by default.

        Raises
        ------
        NotFinite
            Nothing is added to the network whose outputs are not finite, or to those after it.
        """
        lessons = []
        traces = []
        first = not self.trace
        for index, state, lesson in self._lessons(t, rows):
            signals = self._signals(index, state, lesson.direction)
            if first:
                traces.append(mean_kernel(self.networks[index], state, signals))
            self._add(self.networks[index], state, signals, rate)
            lessons.append(lesson)
        if first:
            self.trace = max(traces)
        return self._problem.summary(lessons)

    def evaluate(self, t: float) -> tuple[Any, Any]:
        """Return cost and norm of d at all points."""
        problem, count = self._problem, range(len(self.networks))
        if problem.together:
            f = self._engine.xp.stack([self.outputs(index, problem.a_0) for index in count])
            lesson = problem.teach(f, t)
            return problem.summary([lesson.of(index) for index in count])
        return problem.summary(
            [problem.teach(self.outputs(index, problem.a_0), t, index) for index in count]
        )

    def state(self) -> list[Any]:
        """Return the arrays that are trained, W and b of one map after the other."""
        pairs = zip(self.networks[0], self._problem.network.parameters, strict=True)
        return [array for layer, pair in pairs if layer.trained for array in pair]

    def slopes(self, t: float, out: list[Any]) -> tuple[Any, Any]:
        """Write d theta / dt into arrays like those of `state`, and return cost and norm of d."""
        lessons = []
        single = self._problem.network.networks is None
        for index, state, lesson in self._lessons(t, None):
            signals = self._signals(index, state, lesson.direction)
            arrays = iter(out if single else [array[index] for array in out])
            for layer, S, a in zip(self.networks[index], signals, state.activations, strict=True):
                if layer.trained:
                    share = layer.weight_rate * layer.weight_factor / len(a)
                    self._engine.xp.matmul((S * share).T, a, out=next(arrays))
                    share = layer.bias_rate * layer.bias_factor / len(a)
                    next(arrays)[...] = share * self._row_sum(S)
            lessons.append(lesson)
        return self._problem.summary(lessons)

    def activations(self, index: int, a_0: Any) -> list[Any]:
        """Return the hidden layers' activations of a network at scaled points."""
        hidden = self._forward(index, a_0).activations[1:]
        factors = [one.scales[1] for one in self._problem.network.net.activations]
        # The maps behind have what scales an activation.
        return [a if s == 1 else a * a.dtype.type(s) for a, s in zip(hidden, factors, strict=True)]

    def outputs(self, index: int, a_0: Any = None) -> Any:
        """Return a network's outputs at scaled points, by blocks of them; see `Steps`."""
        if a_0 is None:
            a_0 = self._problem.a_0
            if self._keep_pass:
                self._known = self._forward(index, a_0)
                return self._known.outputs.copy()
        return outputs_by_blocks(
            self.networks[index], a_0, self._engine, self._block, self._threads
        )

    def fold(self) -> None:
        """Complete the weight matrices."""
        for layers in self.networks:
            for layer in layers[self._lowest :]:
                if isinstance(layer.weight, DenseUpdates):
                    layer.weight.fold()

    def _lessons(self, t: float, rows: Any) -> Iterator[tuple[int, Forward, Lesson]]:
        """Yield forward pass and lesson of each network, of all at once if they are together."""
        problem = self._problem
        a_0 = problem.a_0 if rows is None else problem.a_0[rows]
        if not problem.together:
            for index in range(len(self.networks)):
                state = self._pass(index, a_0)
                yield index, state, problem.teach(state.outputs, t, index, rows)
            return
        states = [self._pass(index, a_0) for index in range(len(self.networks))]
        f = self._engine.xp.stack([state.outputs for state in states])
        lesson = problem.teach(f, t)
        for index, state in enumerate(states):
            yield index, state, lesson.of(index)

    def _pass(self, index: int, a_0: Any) -> Forward:
        """Return the forward pass at the present parameters, which are about to change."""
        known, self._known = self._known, None
        return self._forward(index, a_0) if known is None else known

    def _forward(self, index: int, a_0: Any) -> Forward:
        return forward(self.networks[index], a_0, self._engine, self._threads)

    def _signals(self, index: int, state: Forward, d: Any) -> list[Any]:
        layers = self.networks[index]
        lowest = min(self._lowest, len(layers) - 1)
        return backward(layers, state, self._engine, d, lowest, self._threads)

    def _add(self, layers: list[Layer], state: Forward, signals: list[Any], rate: float) -> None:
        for layer, S, a in zip(layers, signals, state.activations, strict=True):
            share = rate * layer.weight_rate * layer.weight_factor / len(a)
            if share:
                layer.weight.add(S * share, a)  # type: ignore[attr-defined]
            share = rate * layer.bias_rate * layer.bias_factor / len(a)
            if share:
                bias = layer.bias
                bias += share * self._row_sum(S)

    def _row_sum(self, S: Any) -> Any:
        """Sum of rows; by a product, which adds in several accumulators."""
        return self._engine.xp.ones(len(S), S.dtype) @ S


def outputs_by_blocks(
    layers: list[Layer], a_0: Any, engine: Any, block: int | None, threads: int = 0
) -> Any:
    """Return outputs at scaled points, of at most ``block`` points at a time; None: of all."""
    step = block or len(a_0)
    parts = [
        outputs(layers, a_0[first : first + step], engine, threads)
        for first in range(0, len(a_0), step)
    ]
    return parts[0] if len(parts) == 1 else engine.xp.concatenate(parts)


def mean_kernel(layers: list[Layer], state: Forward, signals: list[Any]) -> float:
    """Return the mean over points of ``d_i^T Theta(x_i, x_i) d_i / |d_i|^2``; 0 where d is 0.

    Of one output it is the trace of Theta over N, and so at least the largest eigenvalue of
    Theta / N; of several the mean over outputs of such traces, as the width grows.

    Parameters
    ----------
    layers : list of Layer
        The network.
    state : Forward
        At N points.
    signals : list of ndarray
        Of the direction d as seeds, (N, n_{l+1}).
    """
    seeds = _row_squares(signals[-1])
    total = 0 * seeds
    for layer, S, a in zip(layers, signals, state.activations, strict=True):
        if layer.trained:
            alpha, beta = layer.kernel_factors
            total += _row_squares(S) * (alpha * _row_squares(a) + beta)
    moved = seeds > 0
    return float((total[moved] / seeds[moved]).mean()) if bool(moved.any()) else 0.0


def first_trained(layers: list[Layer]) -> int:
    """Return the first map that is trained; the number of maps where none is."""
    return next((i for i, layer in enumerate(layers) if layer.trained), len(layers))


def _updates(weight: Any, rows: int) -> DenseUpdates:
    return LowRankUpdates(weight, rows) if rows else DenseUpdates(weight)


def _row_squares(A: Any) -> Any:
    wide = A.astype("float64", copy=False)
    return (wide * wide).sum(axis=1)
