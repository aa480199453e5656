# SPDX-License-Identifier: Apache-2.0
r"""Gradient descent of a state's finite networks, from snapshot to snapshot.

Networks are in the NTK parametrisation and start as N(0, 1). With the kernel "ntk" all layers are
trained, with "nngp" the last one only, whose tangent kernel is the empirical NNGP. A step of rate
:math:`\eta` adds :math:`\frac{\eta}{N} J^T d` to the parameters with :math:`d = y - f - r c`, where
c is the sum of :math:`\frac{\eta}{N} d` of the steps before. Where the tangent kernel K stays,
outputs are :math:`f_0 + K c`, which tends to ridge regression, and r is weight decay towards the
initial parameters.

Rates are a small part of the time that has passed, so that descent stays near its flow while the
fast components are learnt, and at most half of 1 over the largest eigenvalue of K / N, the limit's
and that of every network at the last snapshot: kernels of narrow networks grow as they learn.
Descent is stable below four times as much.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk.demo.inputs import features
from fastntk.demo.regression import evaluation_grid, spectrum
from fastntk.demo.state import REALS, DemoState
from fastntk.networks.network import FiniteNetwork
from fastntk.networks.record import Record, Run

if TYPE_CHECKING:
    from fastntk._progress import Progress

Array = NDArray[np.float64]

# What is trained live, at most: 120 MB in float32.
MOST_PARAMETERS = 30_000_000
# Snapshots for each decade of time: the nearest one is within 10%. The first is at this part of the
# time constant of the first component.
_PER_DECADE, _FIRST = 12, 0.05
# Steps between two snapshots, at least; at most the rate is this over the largest eigenvalue.
_LEAST_STEPS, _RATE = 2, 0.5
# A root mean square of y - f that nobody sees: there is nothing more to learn.
_LEARNT = 1e-3
# Seconds of the thread's computing, and steps, that a training takes at most.
_SECONDS, _STEPS = 20.0, 20_000


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Outputs at a time.

    Attributes
    ----------
    t : float
        In the paper's units.
    outputs : ndarray of shape (count, M)
        Of each network at `evaluation_grid` of the state.
    end : str
        "" while training goes on; else why this is the last one: "nothing" to learn, "learnt", or
        "limit".
    """

    t: float
    outputs: Array
    end: str


def parameters(state: DemoState) -> int:
    """Return how many parameters the networks of a state have together."""
    widths = _widths(state)
    each = sum((a + 1) * b for a, b in pairwise(widths))
    return each * state.count


def trained(state: DemoState, progress: Progress) -> Iterator[Snapshot]:
    """Yield snapshots of a state's networks, from t = 0 on; only that one without points.

    Parameters
    ----------
    state : DemoState
        Its time and its band are not read.
    progress : callable
        Called with (stage, done, total) some ten times a second; what it raises ends the training.

    Raises
    ------
    DivergenceError
        Outputs are not finite.
    ValueError
        Outputs of the networks are not finite at the start.
    MemoryError
        There is not enough memory.
    """
    networks = FiniteNetwork(
        state.net,
        _widths(state),
        seed=state.seed,
        networks=state.count,
        trainable="all" if state.kernel == "ntk" else "last",
        device="cpu",
    )
    X = features([x for x, _ in state.points], state.inputs)
    y = np.array([y for _, y in state.points])
    grid = features(evaluation_grid(state), state.inputs)
    direction = _Direction(y, state.ridge)
    limit = float(spectrum(state).eigenvalues[0]) if len(X) else 0.0
    started = time.thread_time()
    steps, run = 0, Run()

    def snapshot(end: str) -> Snapshot:
        return Snapshot(run.reached, networks(grid)[:, :, 0].astype(np.float64), end)

    fastest = _fastest(limit, networks, X, state.ridge) if len(X) else 0.0
    if fastest == 0:
        yield snapshot("nothing")
        return
    yield snapshot("")
    for t, later in pairwise(_times(_FIRST / fastest)):
        span = t - run.reached
        count = _steps(span, fastest)
        networks.train(
            X,
            y,
            span / count,
            count,
            direction=direction,
            record=Record(at=(), outputs=False),
            run=run,
            threads=1,
            progress=progress,
        )
        steps += count
        fastest = _fastest(limit, networks, X, state.ridge)
        more = _steps(later - t, fastest)
        seconds = (time.thread_time() - started) * (1 + more / steps)
        end = ""
        if float(run.direction_norm[-1].max()) < _LEARNT:
            end = "learnt"
        elif steps + more > _STEPS or seconds > _SECONDS or later > REALS["t"].high:
            end = "limit"
        yield snapshot(end)
        if end:
            return


class _Direction:
    """d = y - f - ridge c of a batch of networks; c is the integral of d / N over time."""

    def __init__(self, y: Array, ridge: float) -> None:
        self._y, self._ridge = y[None, :, None], ridge
        self._c: Any = 0.0
        self._last: Any = 0.0
        self._t = 0.0

    def __call__(self, f: Any, t: float) -> Any:
        # Descent evaluates the end of a training once more than it steps: times tell them apart.
        self._c = self._c + (t - self._t) / self._y.size * self._last
        self._t, self._last = t, self._y - f - self._ridge * self._c
        return self._last


def _widths(state: DemoState) -> tuple[int, ...]:
    inputs = features([0.0], state.inputs).shape[1]
    return (inputs, *[state.width] * state.hidden_layers, 1)


def _fastest(limit: float, networks: FiniteNetwork, X: Array, ridge: float) -> float:
    """Return the fastest decay of a component, in the limit or a network; 0 if none is learnt."""
    own = np.linalg.eigvalsh(networks.ntk(X, threads=1).astype(np.float64))
    largest = max(limit, float(own.max()) / len(X))
    return largest + ridge / len(X) if largest > 0 else 0.0


def _steps(span: float, fastest: float) -> int:
    """Return the steps that descent takes for some time."""
    return max(_LEAST_STEPS, math.ceil(span * fastest / _RATE))


def _times(first: float) -> Iterator[float]:
    """Yield times of snapshots after the start, for ever."""
    number = 0
    while True:
        yield first * 10 ** (number / _PER_DECADE)
        number += 1
