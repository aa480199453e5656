# SPDX-License-Identifier: Apache-2.0
"""Largest eigenpairs of a symmetric operator, each with a residual certificate.

"dense" forms the matrix in float64 and reduces it with LAPACK; "krylov" is `fastntk.linalg.krylov`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fastntk._memory import budget_bytes, require
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.krylov import block_krylov
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import Eigenpairs, block_product, spectral_scale, with_signs

if TYPE_CHECKING:
    from fastntk._progress import Progress

# Up to here LAPACK takes about a second.
_DENSE_ROWS = 1500
# LAPACK's divide and conquer counts its workspace, 2 n^2, in 32-bit integers.
_DIVIDE_AND_CONQUER_ROWS = 30_000
_LARGEST_BLOCK = 256


class ConvergenceWarning(UserWarning):
    """An eigensolver stopped at its limit of passes; the residuals say how far it came."""


def select_method(op: SymmetricOperator, k: int) -> str:
    """Return the method that "auto" runs for k pairs of an operator.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only the shape is read.
    k : int
        Number of pairs.

    Returns
    -------
    str
        "dense" up to 1500 rows or for more than a tenth of all pairs, else "krylov".
    """
    n = op.shape[0]
    return "dense" if n <= _DENSE_ROWS or 10 * k > n else "krylov"


def eigenpairs(
    op: SymmetricOperator | NDArray[Any],
    k: int,
    *,
    method: str = "auto",
    tol: float = 1e-6,
    seed: int | np.random.Generator = 0,
    block: int | None = None,
    max_passes: int = 100,
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> Eigenpairs:
    """Largest eigenpairs of a symmetric operator.

    Parameters
    ----------
    op : SymmetricOperator or ndarray of shape (N, N)
        A `GramOperator`, a `CenteredOperator`, or a symmetric matrix.
    k : int
        Number of pairs, ``1 <= k <= N``.
    method : {"auto", "dense", "krylov"}
        `select_method` says what "auto" runs. "dense" takes 8 N^2 bytes.
    tol : float
        Stop at ``||K v - lambda v|| <= tol * lambda_1`` for every pair (``tol * max |lambda|``
        where K has negative eigenvalues), or at the rounding of the operator. Below 5e-7 all
        products are in float64.
    seed : int or numpy.random.Generator
        Start vectors of "krylov"; same seed, same result.
    block : int, optional
        Columns per product of "krylov"; by default k + 14 rounded up to a multiple of 16, at
        most 256.
    max_passes : int
        Most products of "krylov".
    memory : int or str, optional
        Budget in bytes, or for instance "2 GB", for what the method allocates; by default what the
        operator leaves of its own.
    progress : callable, optional
        Called with (stage, done, total) within each product.

    Returns
    -------
    Eigenpairs
        ``values`` descending, ``vectors``, ``residuals``, ``method``, ``passes``, ``converged``.

    Raises
    ------
    TypeError
        An array that is not real.
    ValueError
        ``k`` outside ``[1, N]``, another argument out of range, or a matrix that is not square,
        finite and symmetric.
    MemoryError
        The method does not fit the budget: said before it allocates.
    FloatingPointError
        A product of the operator is not finite.

    Warns
    -----
    ConvergenceWarning
        ``max_passes`` were not enough; the result has ``converged=False``.

    Notes
    -----
    "krylov" costs ``2 N^2 b`` operations of the operator and ``O(N m b)`` others per pass, for
    block b and m columns of basis, and holds ``16 N m`` bytes, ``m <= k + 10 b``. An eigenvalue of
    a multiplicity above the block may be returned fewer times than it occurs.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = eigenpairs(np.diag([1.0, 3.0, 2.0]), k=2)
    >>> pairs.values.round(12).tolist()
    [3.0, 2.0]
    """
    operator = op if isinstance(op, SymmetricOperator) else GramOperator.from_matrix(op)
    n = operator.shape[0]
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise TypeError(f"k must be an int, got {type(k).__name__}")
    if not 1 <= k <= n:
        raise ValueError(f"k must be in [1, {n}] for a {n} x {n} matrix, got {k}")
    if not 0 < tol < 1:
        raise ValueError(f"tol must be in (0, 1), got {tol}")
    if block is not None and block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    if max_passes < 1:
        raise ValueError(f"max_passes must be at least 1, got {max_passes}")
    if method not in ("auto", "dense", "krylov"):
        raise ValueError(f"method must be 'auto', 'dense' or 'krylov', got {method!r}")

    budget = operator.budget - operator.nbytes if memory is None else budget_bytes(memory)
    if method == "auto":
        method = select_method(operator, k)
    if method == "dense":
        pairs = _dense(operator, k, tol, budget, progress)
    else:
        block = min(block or min(-(-(k + 14) // 16) * 16, _LARGEST_BLOCK), n)
        if max_passes * block < k:
            raise ValueError(
                f"max_passes={max_passes} products of block={block} columns cannot give k={k} pairs"
            )
        pairs = block_krylov(
            operator,
            k,
            tol,
            np.random.default_rng(seed),
            block=block,
            max_passes=max_passes,
            budget=budget,
            progress=progress,
        )
    if not pairs.converged:
        worst = float(pairs.residuals.max()) / spectral_scale(pairs.values)
        warnings.warn(
            f"eigenpairs stopped after {pairs.passes} passes with a residual of {worst:.1e} * "
            f"lambda_1, tol={tol:g}; raise max_passes, block or tol, or use a float64 operator",
            ConvergenceWarning,
            stacklevel=2,
        )
    return pairs


def _dense(
    op: SymmetricOperator, k: int, tol: float, budget: int, progress: Progress | None
) -> Eigenpairs:
    n = op.shape[0]
    every = k > n // 2 and n <= _DIVIDE_AND_CONQUER_ROWS
    # K, the vectors with their product and temporaries, and evd's workspace or K before conversion.
    needed = 8 * n * (n + 4 * k) + (16 if every else 4) * n * n
    require(needed, budget, f"the dense eigenproblem of a {n} x {n} matrix")
    # The transpose is the same matrix in the order that LAPACK overwrites without a copy.
    K = op.to_dense(np.empty(op.shape)).T
    values, vectors = scipy.linalg.eigh(
        K,
        driver="evd" if every else "evr",
        subset_by_index=None if every else (n - k, n - 1),
        overwrite_a=True,
        check_finite=False,
    )
    values, vectors = values[-k:][::-1].copy(), vectors[:, -k:][:, ::-1].copy()
    del K
    scale = spectral_scale(values)
    difference = block_product(op, vectors, 1, progress) - vectors * values
    relative = np.linalg.norm(difference / scale, axis=0)
    # LAPACK's own rounding grows with n, whatever the tolerance.
    reached = max(tol, n * float(np.finfo(np.float64).eps), op.rounding / scale)
    converged = bool(relative.max() <= reached)
    return Eigenpairs(values, with_signs(vectors), relative * scale, "dense", 1, converged)
