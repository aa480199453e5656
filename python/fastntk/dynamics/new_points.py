# SPDX-License-Identifier: Apache-2.0
"""The kernel between new points and the training points, times vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk._arrays import array_namespace
from fastntk._memory import Budget
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.placed import float_columns

if TYPE_CHECKING:
    from fastntk._progress import Progress


class NewPoints:
    """K(Z, X) from an operator on data, or as a matrix.

    Parameters
    ----------
    op : SymmetricOperator
        Of the training points X.
    Z : array_like of shape (M, d) or None
        New points, for an operator that knows its data.
    cross : array_like of shape (M, N) or (M C, N C), or None
        K(Z, X) itself, instead of Z.

    Attributes
    ----------
    Z : ndarray or None
        As given, checked.
    rows : int
        Rows of K(Z, X).
    xp : module
        The library of results: that of Z, or of cross.
    """

    def __init__(self, op: SymmetricOperator, Z: Any, cross: Any = None) -> None:
        if (Z is None) == (cross is None):
            raise ValueError("give Z, new points, or cross, their kernel with X; one of them")
        self._op, self.Z = op, Z
        if cross is None:
            if not isinstance(op, GramOperator) or op.maker is None or op.X is None:
                raise ValueError(
                    "Z needs an operator from data; an operator from a matrix or a file, or one "
                    "without points, needs cross=K(Z, X) instead"
                )
            self._cross: Any = None
            self.Z = _validate.samples(Z, "Z", room=op.room)
            _validate.same_columns(self.Z, op.X, "Z")
            self.rows = len(self.Z) * op.maker.rows_per_point
            self.xp = array_namespace(self.Z)
            return
        self._cross = float_columns(cross, "cross")
        op._check_place(self._cross, "cross")
        n = op.shape[0]
        if self._cross.ndim != 2 or self._cross.shape[1] != n or len(self._cross) == 0:
            raise ValueError(f"cross must have shape (M, {n}), got {self._cross.shape}")
        if not bool(array_namespace(self._cross).isfinite(self._cross).all()):
            raise ValueError("cross must be finite, got NaN or infinity")
        self.rows, self.xp = len(self._cross), array_namespace(self._cross)

    def times(self, V: Any, room: Budget, progress: Progress | None = None) -> Any:
        """Return K(Z, X) @ V, (rows, k) float64, for V where the operator is; it stays there."""
        op = self._op
        with op.here():
            if self._cross is not None:
                room.require(8 * self.rows * V.shape[1], f"the outputs at {self.rows} rows")
                return op.xp.asarray(self._cross) @ V
            assert isinstance(op, GramOperator)
            return op.xp.asarray(op.cross_matmat(self.Z, V, progress))

    def matrix(self, room: Budget) -> Any:
        """Return K(Z, X) in float64, where the operator is."""
        op = self._op
        needed = 12 * self.rows * op.shape[0]
        room.require(needed, f"the kernel of {self.rows} rows for new points")
        with op.here():
            if self._cross is not None:
                return op.xp.asarray(self._cross).astype("float64")
            assert isinstance(op, GramOperator)
            return op.xp.asarray(op.cross(self.Z)).astype("float64")
