# SPDX-License-Identifier: Apache-2.0
"""What a kernel descent is of: the kernel, what guides it, and the numbers that both share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside
from fastntk._memory import Budget, parse_bytes
from fastntk._stops import TrainingInterrupted
from fastntk.dynamics.descent_record import DescentRecord
from fastntk.dynamics.guide import Guide, Slope, slope
from fastntk.dynamics.kernel_gradients import as_operator
from fastntk.dynamics.problem import Problem
from fastntk.linalg.eigen import eigenpairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.costs import Cost
    from fastntk.dynamics.guide import Direction
    from fastntk.linalg.operator import SymmetricOperator


class DescentProblem:
    """The kernel, the outputs it starts from and what guides them.

    Parameters are those of `fastntk.KernelDescent`.

    Attributes
    ----------
    op : SymmetricOperator
        The kernel.
    guide : Guide
        Cost and direction.
    points : int
        N.
    shape : (int, int)
        N and C.
    """

    def __init__(
        self,
        op: SymmetricOperator | ArrayLike,
        y: ArrayLike | None,
        f0: Any,
        cost: Cost | None,
        direction: Direction | None,
        outputs: int | None,
        memory: int | str | None,
    ) -> None:
        self.op = as_operator(op)
        try:
            self._problem = Problem(self.op, _blank(self.op, y, f0, outputs), f0)
            self.points = self._problem.points
            self.shape = (self.points, self._problem.outputs)
            self.guide = Guide(self.op, self.shape, y, cost, direction)
        except ValueError as error:
            if outputs is not None or y is None or not _may_be_classes(y):
                raise
            raise ValueError(f"{error}; classes of C > 1 outputs need outputs=C") from None
        self._room = (
            self.op.room if memory is None else Budget(parse_bytes(memory), 0, self.op.place)
        )
        self._largest: float | None = None

    def opened(self, record: DescentRecord | None) -> DescentRecord:
        """Return the record to go on with, a new one for None."""
        if record is None:
            with self.op.here():
                return DescentRecord(self._problem)
        if not isinstance(record, DescentRecord):
            raise TypeError(f"record must be a DescentRecord, got {record!r}")
        if record._problem is not self._problem:
            raise ValueError("record must be of this KernelDescent, got that of another one")
        return record

    def require(self, needed: int, records: int) -> None:
        """Refuse what does not fit: bytes, and outputs with coefficients of some records."""
        kept = 16 * records * self.shape[0] * self.shape[1]
        self._room.require(needed + kept, "a descent and its {} records", records)

    def evaluated(self, record: DescentRecord) -> tuple[Slope, float | None]:
        """Return slope and cost of the present outputs."""
        now = slope(self.op, self.guide, record._f, record.reached)
        return now, self.guide.cost(record._f)

    def started(self, record: DescentRecord) -> tuple[Slope, float | None]:
        """Return slope and cost where a call starts, and require that they are finite."""
        now, cost = self.evaluated(record)
        for what, number in (("cost", cost), ("||d||_K^2 of the direction d", now.norm_squared)):
            if number is not None and not math.isfinite(number):
                raise ValueError(
                    f"the {what} must be finite at the start, t = {record.reached:g}, got {number}"
                )
        return now, cost

    def stable_rate(self, smoothness: float | None) -> float:
        """Return 2 N / (lambda_1 s); None stands for the smoothness 1 of least squares."""
        if self._largest is None:
            pairs = eigenpairs(self.op, 1, tol=1e-3, memory=self._room.left)
            self._largest = float(pairs.values[0])
        bound = self._largest * (1.0 if smoothness is None else smoothness)
        return 2 * self.points / bound if bound > 0 else math.inf


def history(record: DescentRecord) -> str:
    """Return, for messages, how the cost went."""
    costs = record.cost
    if costs is None:
        return ""
    best = int(np.argmin(costs))
    return (
        f"; the cost was {costs[0]:.3g} at first, {costs[best]:.3g} at best "
        f"(t = {record.times[best]:g}), {costs[-1]:.3g} at last"
    )


def interrupted(record: DescentRecord, method: str) -> TrainingInterrupted:
    """Return what Ctrl-C raises."""
    return TrainingInterrupted(
        f"the descent was interrupted at t = {record.reached:g}, after a whole step; "
        f"{method}(..., record=run) goes on from there, with the run of this exception",
        record,
    )


def _may_be_classes(y: ArrayLike) -> bool:
    array = _backend.as_array(y)
    return array.ndim == 1 and array.dtype.kind in "ui"


def _blank(op: SymmetricOperator, y: Any, f0: Any, outputs: int | None) -> Any:
    """Return zeros of the outputs' shape and library, from what says them."""
    C = None if outputs is None else _validate.integer(outputs, "outputs", at_least=1)
    known = [_backend.as_array(one) for one in (f0, y) if one is not None and not callable(one)]
    if not known:
        per_point = getattr(getattr(op, "maker", None), "rows_per_point", 1)
        C = per_point if C is None else C
        return (np if op.host else op.xp).zeros((op.shape[0] // per_point, C))
    like = known[0]
    if like.ndim == 0:
        raise ValueError(f"y must have N rows, got {known[0]!r}")
    xp = array_namespace(like)
    with beside(like):
        if C is not None:
            return xp.zeros((len(like), C))
        return xp.zeros(like.shape[:2] if like.ndim > 1 else like.shape)
