# SPDX-License-Identifier: Apache-2.0
"""What is to be learnt at the training points: numbers, or labels and their codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from fastntk._arrays import array_namespace, beside, in_library, to_host
from fastntk.models.estimator import device_array


def regression_targets(y: ArrayLike | None, points: NDArray[Any], estimator: object) -> Any:
    """Return targets as finite float64, (N,) or (N, C), of the library of the points.

    Raises
    ------
    ValueError
        No targets, another number than of points, more than two axes; no numbers, or not finite.
    """
    _require_targets(y, estimator)
    found = check_array(
        to_host(device_array(y)),
        dtype="numeric",
        ensure_2d=False,
        input_name="y",
        estimator=estimator,
    )
    check_consistent_length(found, points)
    return _beside(found.astype(np.float64), points)


def class_codes(
    y: ArrayLike | None, points: NDArray[Any], estimator: object
) -> tuple[NDArray[Any], Any]:
    """Return the classes among labels, and the code of each label.

    Codes are of the library of the points: (N, C) with ``1 - 1/C`` in the column of the class and
    ``-1/C`` elsewhere; for two classes (N,), -1/2 and 1/2.

    Raises
    ------
    ValueError
        No labels, another number than of points, not one for each; numbers that are no classes, as
        0.5 or NaN; a single class.
    """
    _require_targets(y, estimator)
    labels = column_or_1d(to_host(device_array(y)), warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    check_consistent_length(labels, points)
    classes, indices = np.unique(labels, return_inverse=True)
    count = len(classes)
    if count < 2:
        raise ValueError(f"y must have at least two classes, got one class, {classes[0]!r}")
    codes = np.eye(count)[indices] - 1 / count
    return classes, _beside(codes[:, 1].copy() if count == 2 else codes, points)


def require_consistent(points: NDArray[Any], targets: Any) -> None:
    """Require that equal points have equal targets, as they must where there is no ridge.

    Raises
    ------
    ValueError
        They differ: the message says at which rows.
    """
    first: dict[bytes, int] = {}
    values = to_host(targets)
    for row, point in enumerate(to_host(points)):
        other = first.setdefault(point.tobytes(), row)
        if other != row and (values[row] != values[other]).any():
            raise ValueError(
                f"ridge must be positive where equal points have different targets, as rows "
                f"{other} and {row} of X: no function takes both values"
            )


def _beside(array: NDArray[np.float64], points: NDArray[Any]) -> Any:
    """Return an array where the points are."""
    with beside(points):
        return in_library(array, array_namespace(points))


def _require_targets(y: object, estimator: object) -> None:
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None"
        )
