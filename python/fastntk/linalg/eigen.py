# SPDX-License-Identifier: Apache-2.0
"""Largest eigenpairs of a symmetric operator, each with a residual certificate.

"dense" is `fastntk.linalg.dense`, "krylov" is `fastntk.linalg.krylov`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _backend, _validate
from fastntk._arrays import in_library
from fastntk._memory import Budget, parse_bytes
from fastntk.linalg.convergence import ConvergenceWarning
from fastntk.linalg.dense import dense_bytes, dense_pairs
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.krylov import block_krylov
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import Eigenpairs, spectral_scale

if TYPE_CHECKING:
    from fastntk._progress import Progress

METHODS = ("auto", "dense", "krylov")
# Up to here LAPACK takes less than a second.
_DENSE_ROWS = 1500
# Up to here it takes a few seconds: as long as many pairs, with their restarts, by Krylov.
_MANY_PAIRS_ROWS = 4000
_LARGEST_BLOCK = 256


def select_method(op: SymmetricOperator, k: int, budget: int | None = None) -> str:
    """Return the method that "auto" runs for k pairs of an operator.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only the shape is read.
    k : int
        Number of pairs.
    budget : int, optional
        Bytes that the method may take; unlimited by default.

    Returns
    -------
    str
        "dense" up to 1500 rows, up to 4000 rows for more than a tenth of all pairs, and for more
        than a third of them; but "krylov" in all other cases and where dense does not fit.
    """
    n = op.shape[0]
    if budget is not None and dense_bytes(n) > budget:
        return "krylov"
    many = 10 * k > n and n <= _MANY_PAIRS_ROWS
    return "dense" if n <= _DENSE_ROWS or many or 3 * k > n else "krylov"


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
        A `GramOperator`, a `CenteredOperator`, or a symmetric matrix, also one of CuPy.
    k : int
        Number of pairs, ``1 <= k <= N``.
    method : {"auto", "dense", "krylov"}
        `select_method` says what "auto" runs. "dense" takes 40 N^2 bytes.
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
        Called with (stage, done, total) within each product, and ten times a second with
        ("eigenpairs, dense", 0, 1) as long as LAPACK runs.

    Returns
    -------
    Eigenpairs
        ``values`` descending, ``vectors``, ``residuals``, ``method``, ``passes``, ``converged``.

    Raises
    ------
    TypeError
        An array that is not real, or another argument of the wrong type.
    ValueError
        ``k`` outside ``[1, N]``, another argument out of range, or a matrix that is not square,
        finite and symmetric.
    MemoryError
        The method does not fit the budget: said before it allocates.
    FloatingPointError
        A product of the operator, or an eigenvalue, is not finite.

    Warns
    -----
    ConvergenceWarning
        ``max_passes`` were not enough; the result has ``converged=False``.

    Notes
    -----
    "krylov" costs ``2 N^2 b`` operations of the operator and ``O(N m b)`` others per pass, for
    block b and m columns of basis, and holds ``16 N m`` bytes, ``m <= k + 10 b``. An eigenvalue of
    a multiplicity above the block may be returned fewer times than it occurs.

    On a GPU everything but problems as small as the basis is computed there; the results are CuPy
    arrays if the operator's data are.

    "dense" costs ``O(N^3)`` operations, whatever k. Ctrl-C ends the call at once; LAPACK, which
    cannot be stopped, still finishes in a thread, with its memory, and the end of the process waits
    for it.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = eigenpairs(np.diag([1.0, 3.0, 2.0]), k=2)
    >>> pairs.values.round(12).tolist()
    [3.0, 2.0]
    """
    operator = op if isinstance(op, SymmetricOperator) else GramOperator.from_matrix(op)
    n = operator.shape[0]
    k = _validate.integer(k, "k")
    if not 1 <= k <= n:
        raise ValueError(f"k must be in [1, {n}] for a {n} x {n} matrix, got {k}")
    tol = _validate.fraction(tol, "tol")
    rng = _validate.generator(seed)
    if block is None:
        block = min(-(-(k + 14) // 16) * 16, _LARGEST_BLOCK)
    block = min(_validate.integer(block, "block", at_least=1), n)
    max_passes = _validate.integer(max_passes, "max_passes", at_least=1)
    _validate.choice(method, "method", METHODS)
    _validate.callback(progress)

    room = operator.room if memory is None else Budget(parse_bytes(memory), 0, operator.place)
    if method == "auto":
        method = select_method(operator, k, room.left)
    if method == "krylov" and max_passes * block < k:
        raise ValueError(
            f"max_passes={max_passes} products of block={block} columns cannot give k={k} pairs"
        )
    with operator.here(), _backend.strict_linalg(operator.xp):
        if method == "dense":
            pairs = dense_pairs(operator, k, tol, room, progress)
        else:
            pairs = block_krylov(
                operator,
                k,
                tol,
                rng,
                block=block,
                max_passes=max_passes,
                room=room,
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
    xp = np if operator.host else operator.xp
    arrays = (pairs.values, pairs.vectors, pairs.residuals)
    with operator.here():
        values, vectors, residuals = (in_library(array, xp) for array in arrays)
    return replace(pairs, values=values, vectors=vectors, residuals=residuals)
