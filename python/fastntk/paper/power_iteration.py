# SPDX-License-Identifier: Apache-2.0
"""Power iteration with deflation, the paper's method of finding principal components.

`fastntk.eigenpairs` finds the same in far fewer products; this is here to repeat the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastntk._progress import Progress

Array = NDArray[np.float64]


class Operator(Protocol):
    """A symmetric positive semidefinite matrix (N, N), of which only products are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, N)."""

    def __matmul__(self, v: Any, /) -> Any:
        """Return the product with a vector (N,)."""


@dataclass(frozen=True)
class PowerPairs:
    """Eigenpairs found by power iteration.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Descending.
    vectors : ndarray of shape (N, k)
        Orthonormal columns.
    residuals : ndarray of shape (k,)
        ``|A v - lambda v|``, of the deflated operator.
    products : list of int
        How many each pair took.
    """

    values: Array
    vectors: Array
    residuals: Array
    products: list[int]


def power_iteration(
    operator: Operator,
    k: int,
    *,
    tol: float = 1e-6,
    most: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> PowerPairs:
    """Find the largest eigenpairs one after the other, each in the complement of those before.

    Parameters
    ----------
    operator : Operator
        Such as `fastntk.GramOperator`, a network's `JacobianOperator`, or a matrix.
    k : int
        Number of pairs, at most N.
    tol : float
        A pair is found when ``|A v - lambda v| <= tol * lambda``. Its value then errs by the square
        of that over the gap to the next one.
    most : int
        Products per pair at most: what is then found is returned, with its residual.
    seed : int
        Of the start vectors.
    progress : callable, optional
        Told (stage, done, total) after each product; total is that of the pairs found, and one.

    Raises
    ------
    ValueError
        ``k`` outside [1, N].

    Examples
    --------
    >>> import numpy as np
    >>> found = power_iteration(np.diag([1.0, 4.0, 2.0]), 2)
    >>> found.values.round(9).tolist()
    [4.0, 2.0]
    """
    n = operator.shape[0]
    if not 1 <= k <= n:
        raise ValueError(f"k must be in [1, {n}], got {k}")
    rng = np.random.default_rng(seed)
    V = np.zeros((n, k))
    values, residuals, products = np.zeros(k), np.zeros(k), []
    for i in range(k):
        found = V[:, :i]
        v = _deflated(rng.standard_normal(n), found)
        v /= np.linalg.norm(v)
        for count in range(1, most + 1):
            u = _deflated(np.asarray(operator @ v, dtype=np.float64), found)
            values[i] = u @ v
            residuals[i] = np.linalg.norm(u - values[i] * v)
            if progress is not None:
                progress("power iteration", i, k)
            length = np.linalg.norm(u)
            if length == 0 or residuals[i] <= tol * values[i] or count == most:
                break
            v = u / length
        V[:, i] = v
        products.append(count)
    return PowerPairs(values, V, residuals, products)


def _deflated(v: Array, found: Array) -> Array:
    """Return what of a vector is orthogonal to the vectors found; twice, against rounding."""
    for _ in range(2):
        v = v - found @ (found.T @ v)
    return v
