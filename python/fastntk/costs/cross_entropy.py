# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of a softmax or of a logistic function."""

from __future__ import annotations

from typing import Any

from fastntk._arrays import array_namespace
from fastntk._validate import real_array
from fastntk.costs.targets import as_outputs, like_outputs, one_hot

# A row of probabilities sums to 1 up to the rounding of float32 times a thousand classes.
_SUM_TOLERANCE = 1e-4


class CrossEntropy:
    """Cross-entropy of a softmax; of a logistic function where there is one output.

    ``c(f, y) = -sum_k y_k log softmax(f)_k`` with the direction ``y - softmax(f)``. With one output
    ``c(f, y) = log(1 + exp(f)) - y f``, y the probability of the positive class, with the direction
    ``y - 1 / (1 + exp(-f))``. Neither overflows where differences of outputs do not.

    Labels of several outputs are integers from 0 to C - 1, of shape (N,), or rows of probabilities
    (one-hot or soft) of f's shape. Labels of one output are 0 or 1, or probabilities between them;
    or -1 and 1, which is meant where any label is negative. Their shape is (N,), (N, 1) or f's.

    Attributes
    ----------
    smoothness : float
        The most that the direction changes where outputs change by 1: 1/2, the bound on the
        eigenvalues of diag(p) - p p^T (1/4 with one output).

    Examples
    --------
    >>> import numpy as np
    >>> CrossEntropy().direction(np.zeros((2, 2)), [0, 1]).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    >>> CrossEntropy().direction(np.zeros((2, 1)), [-1, 1]).tolist()
    [[-0.5], [0.5]]
    """

    smoothness = 0.5

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost, summed in float64.

        Parameters
        ----------
        f : ndarray of shape (N, C) or (m, N, C)
            Outputs before the softmax, float32 or float64.
        y : array_like
            Labels, see the class.

        Returns
        -------
        float64 scalar or ndarray of shape (m,)
            One cost per network.

        Raises
        ------
        TypeError
            Labels that are not real numbers, or classes that are not integers.
        ValueError
            Another shape, a class that is not there, or rows that are not probabilities.
        """
        y = self.targets(y, f)
        xp = array_namespace(f)
        if f.shape[-1] == 1:
            terms = xp.logaddexp(xp.zeros((), f.dtype), f) - y * f
        else:
            shifted = f - f.max(axis=-1, keepdims=True)
            log_sum = xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
            terms = y * (log_sum - shifted)
        return terms.sum(axis=(-2, -1), dtype="float64") / f.shape[-2]

    def direction(self, f: Any, y: Any) -> Any:
        """Return ``y - softmax(f)``; parameters and errors as `value`."""
        y = self.targets(y, f)
        xp = array_namespace(f)
        if f.shape[-1] == 1:
            # The same function as 1 / (1 + exp(-f)), without its overflow.
            return y - (xp.tanh(f / 2) + 1) / 2
        weights = xp.exp(f - f.max(axis=-1, keepdims=True))
        return y - weights / weights.sum(axis=-1, keepdims=True)

    def targets(self, y: Any, f: Any) -> Any:
        """Return probabilities in f's library and dtype, of shape (N, C) or f's own."""
        labels = real_array(y, "y")
        if f.shape[-1] > 1 and labels.shape == (f.shape[-2],):
            return one_hot(labels, f)
        labels = like_outputs(as_outputs(labels, f), f)
        return _logistic(labels) if f.shape[-1] == 1 else _probabilities(labels)


def _logistic(labels: Any) -> Any:
    """Return probabilities of the positive class from 0 and 1, what is between, or -1 and 1."""
    if not (labels < 0).any():
        if (labels <= 1).all():
            return labels
    elif ((labels == -1) | (labels == 1)).all():
        return (labels + 1) / 2
    raise ValueError(
        "y must hold labels 0 and 1, -1 and 1, or probabilities, "
        f"got values from {float(labels.min())} to {float(labels.max())}"
    )


def _probabilities(y: Any) -> Any:
    sums = y.sum(axis=-1)
    if (y < 0).any() or not (abs(sums - 1) <= _SUM_TOLERANCE).all():
        raise ValueError(
            "y must hold rows of probabilities, not negative and of sum 1, got sums from "
            f"{float(sums.min())} to {float(sums.max())} and a least entry {float(y.min())}"
        )
    return y
