# SPDX-License-Identifier: Apache-2.0
"""Labels as columns to regress on, and how well outputs fit them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastntk.datasets import Split

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Targets:
    """What a regression learns: one column per class, or the values themselves.

    Attributes
    ----------
    y_train, y_test : ndarray of shape (N,), (M,)
        The labels: class numbers, or float64 values.
    classes : ndarray of shape (C,) or None
        The label of each class number; None for values.
    offset : ndarray of shape (C,)
        What is subtracted from the columns and added to the outputs: 1/C for each class, as in
        `fastntk.KernelClassifier`; the mean of the training values.
    """

    y_train: NDArray[Any]
    y_test: NDArray[Any]
    classes: NDArray[Any] | None
    offset: Array

    def columns(self, y: NDArray[Any]) -> Array:
        """Return labels as centred columns (n, C): one-hot rows of classes, or values."""
        if self.classes is None:
            return np.asarray(y[:, None] - self.offset, dtype=np.float64)
        return np.asarray((y[:, None] == np.arange(len(self.classes))) - self.offset, np.float64)

    def predicted(self, outputs: Array) -> NDArray[Any]:
        """Return class numbers, or values, from centred outputs (..., n, C)."""
        scores = outputs + self.offset
        return scores[..., 0] if self.classes is None else scores.argmax(axis=-1)

    def labels(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that class numbers stand for; values as they are."""
        return y if self.classes is None else np.asarray(self.classes[y])

    def quality(self, outputs: Array, y: NDArray[Any]) -> dict[str, Any]:
        """Return accuracy and errors of centred outputs (n, C), or R^2 and RMSE of values."""
        found = self.predicted(outputs)
        if self.classes is not None:
            errors = int((found != y).sum())
            return {"accuracy": 1 - errors / len(y), "errors": errors}
        squares = float(((found - y) ** 2).mean())
        spread = float(y.var())
        return {
            "r_squared": 1 - squares / spread if spread > 0 else None,
            "rmse": float(np.sqrt(squares)),
        }

    def cost(self, outputs: Array, y: NDArray[Any]) -> Array:
        """Return ``1 / (2 n) sum |f - y|^2`` of centred outputs (..., n, C)."""
        difference = outputs - self.columns(y)
        return np.asarray((difference**2).sum(axis=(-2, -1)) / (2 * len(y)), dtype=np.float64)


def targets_of(split: Split, kind: str = "auto") -> Targets:
    """Return the targets of labelled data.

    Parameters
    ----------
    split : Split
        Data with labels.
    kind : {"auto", "classes", "values"}
        What the labels are; "auto" takes floating-point ones for values.

    Raises
    ------
    ValueError
        Values that are not finite numbers, or a single class.
    """
    train, test = (np.asarray(part.y) for part in split)
    if kind == "auto":
        kind = "values" if train.dtype.kind == "f" else "classes"
    if kind == "values":
        values = [_values(y, part.name) for y, part in zip((train, test), split, strict=True)]
        return Targets(values[0], values[1], None, values[0].mean(keepdims=True))
    classes, numbers = np.unique(np.concatenate([train, test]), return_inverse=True)
    y_train, y_test = numbers[: len(train)], numbers[len(train) :]
    if len(np.unique(y_train)) < 2:
        raise ValueError(
            f"{split.train.name} has one class only, {train[0]}: classification needs two"
        )
    return Targets(y_train, y_test, classes, np.full(len(classes), 1 / len(classes)))


def _values(y: NDArray[Any], name: str) -> Array:
    if y.dtype.kind not in "buif":
        raise ValueError(f"{name}: labels as values must be numbers, got dtype {y.dtype}")
    values = y.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{name}: labels must be finite, got {values[row]} in row {row}")
    return values
