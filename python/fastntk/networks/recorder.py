# SPDX-License-Identifier: Apache-2.0
"""Records outputs, activations and kernels of a training at the chosen times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk._arrays import array_namespace, in_library
from fastntk.networks.arguments import output_blocks
from fastntk.networks.kernels import scaled
from fastntk.networks.record import Record, Run

if TYPE_CHECKING:
    from fastntk.networks.descent import Steps
    from fastntk.networks.network import FiniteNetwork

# Times are equal up to the rounding of a sum of learning rates.
_ROUNDING = 1e-9


class Recorder:
    """Fills a run's records as a training goes on.

    Parameters
    ----------
    run : Run
        Empty, or of a training that ended at the present parameters.
    record : Record
        What is kept.
    network : FiniteNetwork
        What is trained.
    X : ndarray of shape (N, n_0)
        The training points.
    scale : float
        Multiplies all points.
    duration : float
        Of the training.
    options : dict
        ``memory`` and ``threads`` of kernels.
    """

    def __init__(
        self,
        run: Run,
        record: Record,
        network: FiniteNetwork,
        X: Any,
        scale: float,
        duration: float,
        options: dict[str, Any],
    ) -> None:
        self._run, self._record, self._network = run, record, network
        self._scale, self._options = scale, options
        self._outputs = self._points(record.outputs, X, "record.outputs")
        # Those of the training points cost nothing: the step needs them anyway.
        self._own_outputs = record.outputs is True
        self._activations = self._points(record.activations, X, "record.activations")
        self._ntk = None if record.ntk is None else self._pair(record.ntk)
        output_blocks(record.ntk_outputs, network.widths[-1], "record.ntk_outputs")
        self._require_same_kinds()
        self._require_same_shapes()
        start, end = run.reached, run.reached + duration
        times = [start, end] if record.at is None else _times(record.at, start, end)
        known = run.record_times
        if len(known) and times and abs(times[0] - known[-1]) <= _ROUNDING * max(1.0, known[-1]):
            times.pop(0)
        self._waiting = times

    @property
    def next(self) -> float:
        """The next time that is recorded; infinite after the last."""
        return self._waiting[0] if self._waiting else math.inf

    def snapshot(self, t: float, descent: Steps) -> None:
        """Record the networks if it is time."""
        if t < self.next - _ROUNDING * max(1.0, abs(t)):
            return
        while self.next <= t + _ROUNDING * max(1.0, abs(t)):
            self._waiting.pop(0)
        # Everything is computed before anything is kept: an error leaves the records whole.
        found: dict[str, Any] = {"times": t}
        count = range(self._network.networks or 1)
        if self._outputs is not None:
            a_0 = None if self._own_outputs else self._scaled(self._outputs)
            f = [descent.outputs(index, a_0) for index in count]
            found["outputs"] = self._returned(f, self._outputs)
        if self._activations is not None:
            a_0 = self._scaled(self._activations)
            layers = zip(*(descent.activations(i, a_0) for i in count), strict=True)
            found["activations"] = [self._returned(list(a), self._activations) for a in layers]
        if self._ntk is not None:
            descent.fold()
            found["ntk"] = self._network.ntk(
                *self._ntk, scale=self._scale, outputs=self._record.ntk_outputs, **self._options
            )
        for name, value in found.items():
            self._run._recorded.setdefault(name, []).append(value)

    def _require_same_kinds(self) -> None:
        """Require that a run that goes on keeps what it has kept: its records are of all times."""
        kept = set(self._run._recorded) - {"times"}
        wanted = {
            name
            for name, points in (
                ("outputs", self._outputs),
                ("activations", self._activations),
                ("ntk", self._ntk),
            )
            if points is not None
        }
        if len(self._run.record_times) and kept != wanted:
            raise ValueError(
                f"record must keep what run has kept, {sorted(kept)}, got {sorted(wanted)}; "
                "a new run takes another record"
            )

    def _require_same_shapes(self) -> None:
        """Require that a run that goes on has what can be stacked on what it has kept."""
        for name, shapes in self._shapes().items():
            values = self._run._recorded.get(name)
            if not values:
                continue
            before = values[-1] if isinstance(values[-1], list) else [values[-1]]
            kept = [array.shape for array in before]
            if kept != shapes:
                raise ValueError(
                    f"record.{name} must be of the points that run has kept: arrays of shape "
                    f"{_listed(kept)}, got {_listed(shapes)}; a new run takes another record"
                )

    def _shapes(self) -> dict[str, list[tuple[int, ...]]]:
        """Return the shapes of the arrays of one time, by what is recorded."""
        widths, networks = self._network.widths, self._network.networks
        batch = () if networks is None else (networks,)
        shapes = {}
        if self._outputs is not None:
            shapes["outputs"] = [(*batch, len(self._outputs), widths[-1])]
        if self._activations is not None:
            shapes["activations"] = [(*batch, len(self._activations), n) for n in widths[1:-1]]
        if self._ntk is not None:
            each = widths[-1] if self._record.ntk_outputs == "full" else 1
            shapes["ntk"] = [(*batch, each * len(self._ntk[0]), each * len(self._ntk[-1]))]
        return shapes

    def _points(self, points: Any, X: Any, name: str) -> Any:
        """Return checked points; None for False."""
        if isinstance(points, bool):
            return X if points else None
        return self._network.points(points, name)

    def _pair(self, points: Any) -> tuple[Any, ...]:
        several = points if isinstance(points, tuple) else (points,)
        return tuple(self._network.points(one, "record.ntk") for one in several)

    def _scaled(self, points: Any) -> Any:
        return scaled(points, self._scale, self._network.dtype, self._network.engine)

    def _returned(self, values: list[Any], points: Any) -> Any:
        """Return one array of all networks, in the library of the points."""
        single = self._network.networks is None
        array = values[0] if single else self._network.engine.xp.stack(values)
        return in_library(array, array_namespace(points))


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)


def _times(at: Any, start: float, end: float) -> list[float]:
    """Return the times to record, ascending."""
    times = _validate.real_array(at, "record.at")
    slack = _ROUNDING * max(1.0, abs(end))
    if times.ndim != 1 or not ((times >= start - slack) & (times <= end + slack)).all():
        raise ValueError(
            f"record.at must have times between {start:g} and {end:g} "
            f"(learning_rate * steps after the start), got {at!r}"
        )
    return sorted(set(times.astype("float64").tolist()))
