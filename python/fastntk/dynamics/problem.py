# SPDX-License-Identifier: Apache-2.0
"""What a flow starts from: targets, initial outputs, and how both belong to the rows of K."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import array_namespace, beside, in_library, kind_of
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Problem:
    """Targets and initial outputs at N points, as columns for an operator.

    A kernel with one row per point has a column for each of C outputs. One with N C rows, i C + k
    for output k at point i, has a single column.

    Parameters
    ----------
    op : SymmetricOperator
        K, with N or N C rows.
    y : array_like of shape (N,) or (N, C)
        Targets.
    f0 : array_like like y, callable or None
        Outputs at time 0, or a function of points, times the operator's ``scale``, that gives them;
        None for 0.
    name : str
        What messages call y.

    Attributes
    ----------
    points, outputs : int
        N and C.
    joint : bool
        Whether K has N C rows, C > 1.
    residual : ndarray of shape (rows of K, columns)
        y - f0, float64, where the operator is.
    start : ndarray or None
        f0 in the same shape; None for 0.
    """

    def __init__(
        self, op: SymmetricOperator, y: ArrayLike, f0: Any = None, name: str = "y"
    ) -> None:
        self.op, self.f0 = op, f0
        targets = self._values(y, name)
        if targets.ndim not in (1, 2) or targets.size == 0:
            raise ValueError(f"{name} must have shape (N,) or (N, C), got shape {targets.shape}")
        self.vector = targets.ndim == 1
        self.points, self.outputs = len(targets), 1 if self.vector else targets.shape[1]
        rows = op.shape[0]
        self.joint = rows != self.points
        self._require_outputs_of_kernel(targets.shape, name)
        if self.joint and rows != self.points * self.outputs:
            raise ValueError(
                f"{name} must have {rows} rows, or as many numbers, for a {rows} x {rows} kernel, "
                f"got shape {targets.shape}"
            )
        self.namespace = array_namespace(targets)
        with op.here():
            self.residual = self._columns(targets)
            self.start: Any = None
            if f0 is not None:
                given = f0(self._scaled(self._training_points())) if callable(f0) else f0
                first = self._values(given, "f0")
                if first.shape != targets.shape:
                    raise ValueError(
                        f"f0 must have y's shape {targets.shape} at the training points, "
                        f"got shape {first.shape}"
                    )
                self.start = self._columns(first)
                self.residual = self.residual - self.start

    def shaped(self, columns: Any, xp: Any) -> Any:
        """Return (T, rows, columns) as (T, M, C), without the last axis for a y of shape (N,)."""
        if self.vector:
            shape: tuple[int, ...] = (len(columns), -1)
        else:
            shape = (len(columns), -1, self.outputs)
        return in_library(columns.reshape(shape), xp)

    def start_at(self, Z: Any, f0_Z: Any, rows: int) -> Any:
        """Return f0 at new points, (rows, columns) where the operator is; None for 0.

        Parameters
        ----------
        Z : array_like or None
            The points, which a callable f0 gets.
        f0_Z : array_like or None
            What the caller says it is there.
        rows : int
            Of the kernel between the new points and the training points.
        """
        if f0_Z is None and callable(self.f0):
            if Z is None:
                raise ValueError("f0_Z must be given with cross: f0 is a function of points")
            values = self._values(self.f0(self._scaled(Z)), "f0_Z")
        elif f0_Z is None:
            if self.f0 is not None:
                raise ValueError("f0_Z must be given: f0 was given at the training points only")
            return None
        elif self.f0 is None:
            raise ValueError("f0_Z needs f0, the outputs at the training points")
        else:
            values = self._values(f0_Z, "f0_Z")
        count = rows // self.outputs if self.joint else rows
        shape = (count,) if self.vector else (count, self.outputs)
        if values.shape != shape:
            raise ValueError(f"f0_Z must have shape {shape}, got {values.shape}")
        with self.op.here():
            return self._columns(values, rows)

    def targets_at(self, y_Z: ArrayLike) -> Any:
        """Return targets at new points as (M, C) where the operator is."""
        values = self._values(y_Z, "y_Z")
        fits = values.ndim == (1 if self.vector else 2) and values.size
        if not fits or (not self.vector and values.shape[1] != self.outputs):
            wanted = "(M,)" if self.vector else f"(M, {self.outputs})"
            raise ValueError(f"y_Z must have shape {wanted}, got {values.shape}")
        with self.op.here():
            return self.op.xp.asarray(values).reshape(len(values), -1)

    def _require_outputs_of_kernel(self, shape: tuple[int, ...], name: str) -> None:
        """Refuse targets that do not say which rows of a matrix-valued kernel share a point."""
        rows, C = self.op.shape[0], getattr(getattr(self.op, "maker", None), "rows_per_point", 1)
        if C > 1 and shape != (rows // C, C):
            raise ValueError(
                f"{name} must have shape ({rows // C}, {C}) for a kernel with {C} rows per point, "
                f"got shape {shape}"
            )

    def _scaled(self, points: Any) -> Any:
        """Return points as the kernel sees them."""
        scale = getattr(self.op, "scale", None)
        return points if scale in (None, 1) else _validate.real_array(points, "Z") * scale

    def _training_points(self) -> Any:
        X = getattr(self.op, "X", None)
        if X is None:
            raise ValueError(
                "f0 must be an array: an operator from a matrix or a file has no points for it"
            )
        return X

    def _columns(self, values: Any, rows: int | None = None) -> Any:
        """Return values as columns for so many rows of a kernel, those of K by default."""
        array = self.op.xp.asarray(values)
        return array.reshape(self.op.shape[0] if rows is None else rows, -1)

    def _values(self, array: Any, name: str) -> Any:
        """Return an argument as finite float64 of NumPy, or of CuPy on the operator's device."""
        found = _validate.real_array(array, name)
        self.op._check_place(found, name)
        with beside(found):
            found = found.astype(np.float64)
            finite = array_namespace(found).isfinite(found)
            if found.size and not bool(finite.all()):
                index = np.unravel_index(int((~finite).argmax()), found.shape)
                raise ValueError(
                    f"{name} must be finite, got {float(found[index])} at "
                    f"{[int(i) for i in index]} of {kind_of(found)}"
                )
        return found
