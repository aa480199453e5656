# SPDX-License-Identifier: Apache-2.0
"""Kernel gradients: where a function moves that a kernel lets follow a training direction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastntk import _backend
from fastntk.dynamics.new_points import NewPoints
from fastntk.dynamics.problem import Problem
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk._progress import Progress


def kernel_gradient(
    K: SymmetricOperator | ArrayLike,
    d: ArrayLike,
    Z: ArrayLike | None = None,
    *,
    cross: ArrayLike | None = None,
    progress: Progress | None = None,
) -> Any:
    """Return the kernel gradient of a training direction, (1/N) K(Z, X) d.

    The kernel gradient of section 3 of [1]_.

    Parameters
    ----------
    K : SymmetricOperator or array_like of shape (N, N)
        The kernel of the N training points. A matrix-valued kernel has N C rows, row i C + k being
        output k at point i.
    d : array_like of shape (N,) or (N, C)
        The direction at the training points, minus the gradient of the cost: see `fastntk.costs`.
    Z : array_like of shape (M, d), optional
        Points, scaled like X, for an operator from data; the training points by default.
    cross : array_like of shape (M, N), or (M C, N C), optional
        K(Z, X), instead of Z.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    ndarray of shape (M, C), or (M,) for a d of shape (N,)
        float64: the derivative of the outputs at Z by time, in kernel gradient descent. In the
        library of Z or cross, else of d.

    Raises
    ------
    TypeError
        Arrays that are not real numbers, or on another device than the operator.
    ValueError
        Shapes that do not fit, entries that are not finite, new points for an operator that knows
        none.
    MemoryError
        The result does not fit the operator's budget.

    Notes
    -----
    One product with K, or with K(Z, X) by blocks of rows.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> kernel_gradient(np.array([[2.0, 1.0], [1.0, 2.0]]), [1.0, -1.0]).tolist()
    [0.5, -0.5]
    >>> kernel_gradient(np.eye(2), [1.0, -1.0], cross=[[3.0, 1.0]]).tolist()
    [1.0]
    """
    problem = _problem(K, d)
    op = problem.op
    with op.here():
        if Z is None and cross is None:
            product, xp = op.matmat(problem.residual, progress), problem.namespace
        else:
            new = NewPoints(op, Z, cross)
            product, xp = new.times(problem.residual, op.room, progress), new.xp
        gradient = problem.shaped(product[None] / problem.points, xp)[0]
    return gradient if Z is None else _backend.like(gradient, Z)


def kernel_norm(K: SymmetricOperator | ArrayLike, d: ArrayLike) -> float:
    """Return the norm of a training direction by a kernel, ``||d||_K``.

    Parameters
    ----------
    K, d
        As for `kernel_gradient`, whose errors are raised.

    Returns
    -------
    float
        ``||d||_K^2 = (1/N^2) sum_ij d_i^T K_ij d_j``: how fast the cost decreases in kernel
        gradient descent, where d is minus its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> kernel_norm(np.array([[2.0, 1.0], [1.0, 2.0]]), [2.0, -2.0])
    1.4142135623730951
    """
    problem = _problem(K, d)
    op = problem.op
    with op.here():
        # Divided, so that no square leaves the range of numbers.
        largest = float(abs(problem.residual).max())
        columns = problem.residual / (largest or 1.0)
        square = float((columns * op.matmat(columns)).sum())
    # Rounding leaves a little less than 0 for a direction in the null space.
    return largest * (math.sqrt(max(square, 0.0)) / problem.points)


def _problem(K: SymmetricOperator | ArrayLike, d: ArrayLike) -> Problem:
    return Problem(as_operator(K), d, name="d")


def as_operator(K: SymmetricOperator | ArrayLike) -> SymmetricOperator:
    """Return a kernel's operator: as given, or of a symmetric matrix."""
    return K if isinstance(K, SymmetricOperator) else GramOperator.from_matrix(K)
