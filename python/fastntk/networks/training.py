# SPDX-License-Identifier: Apache-2.0
"""Training of finite networks: the loops of gradient descent and of gradient flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._memory import Budget
from fastntk._progress import Meter, Progress
from fastntk._stops import DivergenceError, TrainingInterrupted, deferred_interrupt
from fastntk.networks.descent import Descent, Steps
from fastntk.networks.flow import COPIES, DormandPrince, StepError, resolution
from fastntk.networks.linear_descent import LinearDescent
from fastntk.networks.low_rank import low_rank_rows
from fastntk.networks.problem import Direction, NotFinite, Problem
from fastntk.networks.record import Record, Run
from fastntk.networks.recorder import Recorder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.costs import Cost
    from fastntk.networks.network import FiniteNetwork

UPDATES = ("auto", "dense", "low-rank")
# Points whose outputs are computed at a time, where they fit: more make products no faster.
_BLOCK_POINTS = 4096
# Of a step's error in gradient flow. The derivative jumps at the kinks of ReLU, where the step has
# to shrink with the tolerance itself: 16, 66, 528 steps to t = 10 for 1e-3, 1e-4, 1e-5 (two hidden
# layers of 256, 5 points), as against 5, 7, 10 for erf.
_TOLERANCE, _SMOOTH_TOLERANCE = 1e-4, 1e-6


def train(
    network: FiniteNetwork,
    X: ArrayLike,
    y: ArrayLike | None,
    learning_rate: float,
    steps: int,
    *,
    cost: Cost | None,
    scale: float,
    batch_size: int | None,
    seed: int | np.random.Generator,
    direction: Direction | None,
    flow: bool,
    tolerance: float | None,
    record: Record | None,
    run: Run | None,
    updates: str,
    memory: int | str | None,
    threads: int | None,
    progress: Progress | None,
    linear: Any = None,
) -> Run:
    """Train a network or a batch, or its linearisation; see `FiniteNetwork.train`.

    ``linear`` has the displacement (m, P) or (P,) of a linearisation, which is trained instead.
    """
    rate = _validate.positive(learning_rate, "learning_rate")
    steps = _validate.integer(steps, "steps", at_least=0)
    scale = _validate.positive(scale, "scale")
    _validate.choice(updates, "updates", UPDATES)
    if flow and updates == "low-rank":
        raise ValueError(
            "updates must be 'auto' or 'dense' with flow=True, which rewrites weights, got "
            f"{updates!r}"
        )
    tolerance = None if tolerance is None else _validate.positive(tolerance, "tolerance")
    rng = _validate.generator(seed)
    count = _validate.thread_count(threads)
    _check_kind(record, Record, "record")
    _check_kind(run, Run, "run")
    network.require_finite()
    run = Run() if run is None else run
    _require_as_many(run, network.networks)
    with (
        network.engine.here(),
        np.errstate(over="ignore", invalid="ignore"),
        deferred_interrupt() as pressed,
    ):
        given_points = network.points(X, "X")
        _require_points(network, given_points, scale, memory)
        problem = Problem(network, given_points, y, cost, direction, scale)
        points = len(problem.a_0)
        size = points if batch_size is None else _batch_size(batch_size, points, direction, flow)
        no_factors = flow or linear is not None
        rows = _factor_rows(network, size, steps, "dense" if no_factors else updates)
        rows, block = _within_budget(problem, size, rows, flow, memory)
        recorder = Recorder(
            run,
            Record() if record is None else record,
            network,
            given_points,
            scale,
            rate * steps,
            {"memory": memory, "threads": threads},
        )
        single = (network.networks or 1) == 1
        descent: Steps = (
            Descent(problem, rows, count, block, single and size == points and not flow)
            if linear is None
            else LinearDescent(problem, linear, memory, block)
        )
        tolerance = _resolved(tolerance, network, descent) if flow else 0.0
        run._reopen()
        meter = Meter(progress, "training", steps)
        before = len(run.times)
        try:
            if flow:
                _follow(descent, run, recorder, rate, steps, tolerance, meter, pressed)
            else:
                batches = _batches(points, size, rng, network.engine)
                _descend(descent, run, recorder, rate, steps, batches, meter, pressed)
        except (NotFinite, StepError) as error:
            step = len(run.times) - before
            raise _diverged(step, run, rate, descent.trace, error) from error
        finally:
            descent.fold()
    if pressed():
        raise TrainingInterrupted(
            f"training was interrupted at t = {run.reached:g}, after a whole step; "
            "train(..., run=run) goes on from there, with the run of this exception",
            run,
        )
    return run


def _descend(
    descent: Steps,
    run: Run,
    recorder: Recorder,
    rate: float,
    steps: int,
    batches: Iterator[Any],
    meter: Meter,
    pressed: Callable[[], bool],
) -> None:
    """Make the steps of gradient descent."""
    start = run.reached
    for step in range(steps):
        recorder.snapshot(run.reached, descent)
        cost, norm = descent.step(run.reached, rate, next(batches))
        run._add(cost, norm)
        run._advance(start + rate * (step + 1), rate * np.asarray(norm))
        meter.add(1)
        if pressed():
            break
    run._add(*descent.evaluate(run.reached))
    recorder.snapshot(run.reached, descent)


def _follow(
    descent: Steps,
    run: Run,
    recorder: Recorder,
    rate: float,
    steps: int,
    tolerance: float,
    meter: Meter,
    pressed: Callable[[], bool],
) -> None:
    """Integrate gradient flow, and stop at the times that are recorded."""
    start, end = run.reached, run.reached + rate * steps
    last = descent.evaluate(start)

    def derivative(t: float, out: list[Any]) -> None:
        nonlocal last
        last = descent.slopes(t, out)

    solver = DormandPrince(derivative, descent.state(), start, tolerance)
    run._add(*last)
    recorder.snapshot(start, descent)
    told = 0
    while solver.t < end and not pressed():
        for t in solver.steps(min(end, recorder.next), pressed):
            # The last derivative of a step is that of its end.
            mean = (run.direction_norm[-1] + np.asarray(last[1])) / 2
            run._advance(t, (t - run.reached) * mean)
            run._add(*last)
            done = int(steps * (t - start) / (end - start))
            meter.add(done - told)
            told = done
            if pressed():
                break
        recorder.snapshot(solver.t, descent)


def _resolved(tolerance: float | None, network: FiniteNetwork, descent: Steps) -> float:
    """Return the tolerance of a flow, the default for None; refuse what is below rounding."""
    least = resolution(descent.state())
    if tolerance is None:
        smooth = all(one.smooth for one in network.net.activations)
        smooth = smooth and network.dtype == np.float64
        return max(_SMOOTH_TOLERANCE if smooth else _TOLERANCE, least)
    if tolerance < least:
        raise ValueError(
            f"tolerance must be at least {least:.2g}, {network.dtype}'s rounding of the trained "
            f"parameters (eps times their norm), got {tolerance:g}"
        )
    return tolerance


def _batches(points: int, size: int, rng: np.random.Generator, engine: Any) -> Iterator[Any]:
    """Yield the points of each step: None for all of them, else epochs in random order."""
    while size == points:
        yield None
    while True:
        order = rng.permutation(points)
        for first in range(0, points, size):
            yield engine.asarray(order[first : first + size])


def _batch_size(batch_size: int, points: int, direction: Any, flow: bool) -> int:
    size = _validate.integer(batch_size, "batch_size", at_least=1)
    if size > points:
        raise ValueError(f"batch_size must be at most X's {points} points, got {size}")
    if size < points and (flow or direction is not None):
        raise ValueError(
            f"batch_size must be None with {'flow=True' if flow else 'a direction'}, "
            f"which is of all points, got {size}"
        )
    return size


def _factor_rows(network: FiniteNetwork, points: int, steps: int, updates: str) -> list[int]:
    """Return for each map how many rows of factors are kept; 0 where it is rewritten."""
    if updates == "dense":
        return [0] * len(network.scales)
    shapes = [W.shape[-2:] for W, _ in network.parameters]
    least = points if updates == "low-rank" else 0
    kept = [max(low_rank_rows(shape, points), least) for shape in shapes]
    return [min(rows, steps * points) for rows in kept]


def _require_points(
    network: FiniteNetwork, points: Any, scale: float, memory: int | str | None
) -> None:
    """Refuse a copy of the points that does not fit."""
    if memory is not None and (scale != 1 or points.dtype != network.dtype):
        room = Budget(network.engine.budget_bytes(memory), 0, network.engine.name)
        room.require(points.size * network.dtype.itemsize, "the scaled points")


def _within_budget(
    problem: Problem, points: int, rows: list[int], flow: bool, memory: int | str | None
) -> tuple[list[int], int]:
    """Return the rows of factors, none where they do not fit; refuse what must fit.

    Also returned: of how many points outputs are computed at a time.
    """
    network = problem.network
    together = (network.networks or 1) if problem.together else 1
    # Activations, preactivations and signals; the last two of a layer are scaled copies at times.
    needed = points * (4 * together + 2) * sum(network.widths)
    # All points, scaled, with their targets, outputs and directions.
    needed += len(problem.a_0) * (network.widths[0] + 4 * together * network.widths[-1])
    if flow:
        needed += (COPIES + 1) * int(network.flat.size)
    needed *= network.dtype.itemsize
    factors = network.dtype.itemsize * sum(
        count * sum(W.shape[-2:]) * (network.networks or 1)
        for count, (W, _) in zip(rows, network.parameters, strict=True)
    )
    engine = network.engine
    room = (
        engine.room(needed + factors)
        if memory is None
        else Budget(engine.budget_bytes(memory), 0, engine.name)
    )
    room.require(
        needed,
        "gradient flow, which keeps {} copies of the parameters," if flow else "a training step",
        *([COPIES] if flow else []),
    )
    if needed + factors > room.left:
        rows, factors = [0] * len(rows), 0
    # Two layers of activations, and what factors add to one.
    fitting = (room.left - needed - factors) // (3 * max(network.widths) * network.dtype.itemsize)
    return rows, max(points, min(fitting, _BLOCK_POINTS))


def _check_kind(value: object, kind: type, name: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}")


def _require_as_many(run: Run, networks: int | None) -> None:
    """Require that a run that goes on is of as many networks."""
    norms = run.direction_norm
    of = None if norms.ndim == 1 else norms.shape[1]
    if len(norms) and of != networks:
        raise ValueError(f"run must be of networks={networks}, as what is trained, got {of}")


def _diverged(
    step: int, run: Run, rate: float, trace: float, error: NotFinite | StepError
) -> DivergenceError:
    """Return the error with the cost's history and a learning rate that is safe."""
    history = ""
    if run.cost is not None and len(run.cost):
        costs = run.cost if run.cost.ndim == 1 else run.cost.max(axis=1)
        best = int(np.nanargmin(costs))
        history = (
            f"; the cost was {costs[0]:.3g} at first, {costs[best]:.3g} at best "
            f"(t = {run.times[best]:g}), {costs[-1]:.3g} at last"
        )
    if isinstance(error, StepError):
        return DivergenceError(
            f"training diverged: {error}, step {step}{history}. The parameters are those of that "
            "time",
            step,
            run,
            None,
        )
    safe = 2 / trace if trace else None
    advice = (
        f"; learning_rate was {rate:g}, least squares are stable below {safe:.3g}, 2 over the "
        "NTK's trace over N at the first step"
        if safe is not None
        else ""
    )
    return DivergenceError(
        f"training diverged: outputs, cost or direction are not finite at t = {run.reached:g}, "
        f"step {step}{history}{advice}. The parameters are those of that step, of no use: "
        "train a new network",
        step,
        run,
        safe,
    )
