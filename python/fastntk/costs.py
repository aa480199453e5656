# SPDX-License-Identifier: Apache-2.0
"""Costs in function space: what a model is trained on, apart from what the model is.

A cost of outputs ``f`` is a mean over N points, ``C(f) = (1/N) sum_i c(f(x_i), y_i)``. Its training
direction is minus the gradient with respect to the input distribution's inner product
``<f, g> = (1/N) sum_i f(x_i) . g(x_i)`` [1]_, so ``d_i = -dc/df(x_i)``, without the factor 1/N; the
parameters then move by ``d theta / dt = (1/N) J^T d`` and the outputs by ``(1/N) Theta d``.

Any object with the methods of `Cost` is one.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization in
   neural networks", NeurIPS 2018, sections 3 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from fastntk._arrays import array_namespace, beside, to_host
from fastntk._validate import real_array

__all__ = ["Cost", "CrossEntropy", "LeastSquares", "UserCost", "direction_norm"]

# A row of probabilities sums to 1 up to the rounding of float32 times a thousand classes.
_SUM_TOLERANCE = 1e-4


class Cost(Protocol):
    """What training asks of a cost; arrays are NumPy's or CuPy's, as the network's.

    A cost may also have ``targets(y, f)``, which turns the user's ``y`` into what the two methods
    read, once, before training; the costs of this module have it.
    """

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost of outputs (N, C), a number; of outputs (m, N, C), an array (m,)."""

    def direction(self, f: Any, y: Any) -> Any:
        """Return minus the function-space gradient, of the shape of ``f``."""


class LeastSquares:
    """Least squares, ``C(f) = 1/(2N) sum_i |f(x_i) - y_i|^2``, with the direction ``y - f``.

    Examples
    --------
    >>> import numpy as np
    >>> cost = LeastSquares()
    >>> float(cost.value(np.array([[1.0], [2.0]]), [[1.0], [0.0]]))
    1.0
    >>> cost.direction(np.array([[1.0], [2.0]]), [[1.0], [0.0]]).tolist()
    [[0.0], [-2.0]]
    """

    def value(self, f: Any, y: Any) -> Any:
        """Return the cost, summed in float64.

        Parameters
        ----------
        f : ndarray of shape (N, C) or (m, N, C)
            Outputs, float32 or float64.
        y : array_like of shape (N, C) or (m, N, C); for one output also (N,)
            Targets.

        Returns
        -------
        float64 scalar or ndarray of shape (m,)
            One cost per network.

        Raises
        ------
        TypeError, ValueError
            Targets that are not real numbers, or of another shape.
        """
        residual = self.targets(y, f) - f
        return (residual * residual).sum(axis=(-2, -1), dtype="float64") / (2 * f.shape[-2])

    def direction(self, f: Any, y: Any) -> Any:
        """Return ``y - f``; parameters and errors as `value`."""
        return self.targets(y, f) - f

    def targets(self, y: Any, f: Any) -> Any:
        """Return targets as an array of f's library and dtype, (N, C) or f's own shape."""
        return _like(_as_outputs(_array(y), f), f)


class CrossEntropy:
    """Cross-entropy of a softmax; of a logistic function where there is one output.

    ``c(f, y) = -sum_k y_k log softmax(f)_k`` with the direction ``y - softmax(f)``. With one output
    ``c(f, y) = log(1 + exp(f)) - y f``, y the probability of the positive class, with the direction
    ``y - 1 / (1 + exp(-f))``. Neither overflows, whatever the outputs.

    Labels of several outputs are integers from 0 to C - 1, of shape (N,), or rows of probabilities
    (one-hot or soft) of f's shape. Labels of one output are 0 or 1, or probabilities between them;
    or -1 and 1, which is meant where any label is negative. Their shape is (N,), (N, 1) or f's.

    Examples
    --------
    >>> import numpy as np
    >>> CrossEntropy().direction(np.zeros((2, 2)), [0, 1]).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    >>> CrossEntropy().direction(np.zeros((2, 1)), [-1, 1]).tolist()
    [[-0.5], [0.5]]
    """

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
        labels = _array(y)
        if f.shape[-1] > 1 and labels.shape == (f.shape[-2],):
            return _one_hot(labels, f)
        labels = _like(_as_outputs(labels, f), f)
        return _logistic(labels) if f.shape[-1] == 1 else _probabilities(labels)


class UserCost:
    """A cost from two functions.

    Parameters
    ----------
    value : callable (f, y) -> number or array (m,)
        The cost: a mean over points, of outputs (N, C) or (m, N, C).
    gradient : callable (f, y) -> array of f's shape
        ``dc/df(x_i)`` of each point's own term: N times the derivative of ``value``, as its mean
        divides by N. The direction is minus it.

    Raises
    ------
    TypeError
        An argument that is not callable.

    Notes
    -----
    ``y`` reaches the functions as an array, in mini-batches its rows of the points; None stays
    None. A network of a batch is asked for alone, with f (N, C).
    """

    def __init__(
        self, value: Callable[[Any, Any], Any], gradient: Callable[[Any, Any], Any]
    ) -> None:
        for name, function in (("value", value), ("gradient", gradient)):
            if not callable(function):
                raise TypeError(f"{name} must be callable, got {function!r}")
        self._value, self._gradient = value, gradient

    def value(self, f: Any, y: Any) -> Any:
        """Return the user's value."""
        return self._value(f, y)

    def direction(self, f: Any, y: Any) -> Any:
        """Return minus the user's gradient."""
        return -self._gradient(f, y)


def direction_norm(d: Any) -> Any:
    """Return ``||d||`` in the norm of the input distribution, ``sqrt((1/N) sum_i |d_i|^2)``.

    Parameters
    ----------
    d : ndarray of shape (N, C) or (m, N, C)
        A training direction.

    Returns
    -------
    float64 scalar or ndarray of shape (m,)
        Its integral over the time of training is what Theorem 2 of Jacot et al. (2018) bounds.
    """
    xp = array_namespace(d)
    wide = d.astype("float64")
    return xp.sqrt((wide * wide).sum(axis=(-2, -1)) / d.shape[-2])


def _array(y: Any) -> Any:
    return real_array(y, "y")


def _as_outputs(y: Any, f: Any) -> Any:
    """Return targets of shape (N, C) or f's; (N,) is a column."""
    if y.shape == (f.shape[-2],) and f.shape[-1] == 1:
        return y[:, None]
    if y.shape not in {f.shape, f.shape[-2:]}:
        several = f" or {f.shape}" if f.ndim == 3 else ""
        raise ValueError(f"y must have the outputs' shape {f.shape[-2:]}{several}, got {y.shape}")
    return y


def _like(y: Any, f: Any) -> Any:
    """Return targets in f's library and dtype, where f is."""
    xp = array_namespace(f)
    if array_namespace(y) is not xp:
        y = to_host(y)
    with beside(f):
        return xp.asarray(y, dtype=f.dtype)


def _one_hot(labels: Any, f: Any) -> Any:
    classes = f.shape[-1]
    if labels.dtype.kind not in "ui":
        raise TypeError(f"y of shape (N,) must hold integer classes, got dtype {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"y must hold classes from 0 to {classes - 1}, got {low if low < 0 else high}"
        )
    labels = to_host(labels) if array_namespace(f) is not array_namespace(labels) else labels
    xp = array_namespace(f)
    with beside(f):
        classes_row = xp.arange(classes)
        return (xp.asarray(labels)[:, None] == classes_row).astype(f.dtype)


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
