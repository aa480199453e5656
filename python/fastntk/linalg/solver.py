# SPDX-License-Identifier: Apache-2.0
"""Solutions of (K + ridge I) A = B with residual certificates.

"cholesky" is `fastntk.linalg.cholesky`, "cg" is `fastntk.linalg.conjugate_gradients`; blocks of
right-hand sides are `fastntk.linalg.blocks`, a more precise operator is
`fastntk.linalg.refinement`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace
from fastntk._memory import Budget, parse_bytes
from fastntk.linalg.blocks import solve_blocks
from fastntk.linalg.cholesky import CholeskySystem, cholesky_bytes
from fastntk.linalg.conjugate_gradients import GradientSystem, block_width, gradients_bytes
from fastntk.linalg.convergence import ConvergenceWarning
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import require_finite
from fastntk.linalg.placed import float_columns
from fastntk.linalg.refinement import System, checked_refinement
from fastntk.linalg.solution import Solution, SolveInterrupted, column_norms

if TYPE_CHECKING:
    from fastntk._progress import Progress

METHODS = ("auto", "cholesky", "cg")
# Up to here N^3 / 3 operations take a second or less.
_CHOLESKY_ROWS = 4000
# Some 50 passes of 2 N^2 operations per column against N^3 / 3.
_ROWS_PER_COLUMN = 300
# Smaller numbers have fewer digits.
_SMALLEST = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)


def select_solver(op: SymmetricOperator, columns: int, budget: int | None = None) -> str:
    """Return the method that "auto" runs for a number of right-hand sides.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        Only shape and dtype are read.
    columns : int
        Number of right-hand sides.
    budget : int, optional
        Bytes that the method may take; unlimited by default.

    Returns
    -------
    str
        "cholesky" up to 4000 rows, or 300 rows per right-hand side, where it fits; else "cg".
    """
    if budget is not None and cholesky_bytes(op, columns) > budget:
        return "cg"
    most = max(_CHOLESKY_ROWS, _ROWS_PER_COLUMN * columns)
    return "cholesky" if op.shape[0] <= most else "cg"


def solve(
    op: SymmetricOperator | NDArray[Any],
    B: ArrayLike,
    ridge: float = 0.0,
    *,
    method: str = "auto",
    tol: float = 1e-6,
    start: ArrayLike | None = None,
    refine: SymmetricOperator | None = None,
    refinements: int = 2,
    rank: int | None = None,
    max_passes: int = 500,
    seed: int | np.random.Generator = 0,
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> Solution:
    """Solve (K + ridge I) A = B for a positive definite K + ridge I.

    Parameters
    ----------
    op : SymmetricOperator or ndarray of shape (N, N)
        K: a `GramOperator`, a `CenteredOperator`, or a symmetric matrix.
    B : array_like of shape (N,) or (N, C)
        Right-hand sides, finite.
    ridge : float
        Added to the diagonal, not negative.
    method : {"auto", "cholesky", "cg"}
        `select_solver` says what "auto" runs.
    tol : float
        ``||B_c - (K + ridge I) A_c|| <= tol ||B_c||`` is asked for in every column. "cg" stops
        there.
    start : array_like, optional
        Shaped like B: a solution to begin with, for instance that of an interrupted call, or for
        another ridge. "cg" only; "cholesky" has no use for it.
    refine : SymmetricOperator, optional
        The same matrix more precisely, for instance in float64 where ``op`` is in float32, and
        stored otherwise, for instance lazily: residuals are then those of this operator.
    refinements : int
        Most refinements, at least 1; each takes a product of ``refine``, and a solution with ``op``
        to two or three digits. They end at ``tol``.
    rank : int, optional
        Columns of K that the preconditioner of "cg" is made of, in ``[0, N]``; by default N / 16,
        at least 64 and at most 3000, and what fits.
    max_passes : int
        Most products of "cg", at least 2, for each block of right-hand sides and each refinement.
    seed : int or numpy.random.Generator
        Draws these columns, and what fills up blocks; same seed, same result.
    memory : int or str, optional
        Budget in bytes, or for instance "2 GB", for what the method allocates; by default what the
        operator leaves of its own.
    progress : callable, optional
        Called with (stage, done, total); the stage "solve" of "cg" counts thousandths of digits.

    Returns
    -------
    Solution
        ``value`` shaped like B, ``residuals``, ``converged``, ``method``, ``passes``, and the
        residuals before and after each refinement.

    Raises
    ------
    TypeError
        An array that is not real, or another argument of the wrong type, or at another place.
    ValueError
        B of another length, empty or not finite; ``start`` or ``refine`` of another shape, or of
        another matrix as its diagonal tells; another argument out of range; a matrix that is not
        square, finite and symmetric.
    numpy.linalg.LinAlgError
        "cholesky" finds K + ridge I singular to rounding, or not positive definite; "cg" stagnates,
        and finds rows of K that are equal, or multiples, where those of B are not. The message
        names the rows. It is a ValueError.
    SolveInterrupted
        Ctrl-C during "cg": it is a KeyboardInterrupt, and has the ``solution`` so far.
    MemoryError
        The method does not fit the budget: said before it allocates.
    FloatingPointError
        A product of the operator, or the solution, is not finite, or too small to have digits.

    Warns
    -----
    ConvergenceWarning
        A residual is above ``tol``; the result has ``converged=False``, and the message says what
        to try.

    Notes
    -----
    "cholesky" costs ``N^3 / 3 + 4 N^2 C`` operations and two products of the operator, and holds
    ``8 N^2`` bytes, for a float32 operator ``12 N^2`` at first. One step of iterative refinement
    follows [1]_.

    "cg" costs ``2 N^2 C`` operations of the operator per pass and ``O(N C (rank + C))`` others,
    after ``O(N rank^2)`` for the preconditioner, and holds ``8 N (rank + 12 C)`` bytes. More than
    256 right-hand sides, or than fit, are solved block by block, with one preconditioner. A pass of
    a float32 operator is in float32 as long as that wins digits; true residuals, computed in
    float64, keep its rounding out of the solution. K may be singular if B is in its range.

    References
    ----------
    .. [1] N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., SIAM 2002.
    .. [2] D. P. O'Leary, "The block conjugate gradient algorithm and related methods", Linear
       Algebra Appl. 29 (1980), 293-322.
    .. [3] S. Zhao, T. Xu, H. Huang, E. Chow, Y. Xi, "An adaptive factorized Nystrom preconditioner
       for regularized kernel matrices", SIAM J. Sci. Comput. 46 (2024), A2351-A2376.

    Examples
    --------
    >>> import numpy as np
    >>> solution = solve(np.diag([1.0, 3.0]), [2.0, 8.0], ridge=1.0)
    >>> solution.value.round(12).tolist()
    [1.0, 2.0]
    """
    operator = op if isinstance(op, SymmetricOperator) else GramOperator.from_matrix(op)
    n = operator.shape[0]
    ridge = _validate.non_negative(ridge, "ridge")
    tol = _validate.fraction(tol, "tol")
    rng = _validate.generator(seed)
    _validate.choice(method, "method", METHODS)
    max_passes = _validate.integer(max_passes, "max_passes", at_least=2)
    if rank is not None:
        rank = _validate.integer(rank, "rank", at_least=0)
        if rank > n:
            raise ValueError(f"rank must be in [0, {n}] for a {n} x {n} matrix, got {rank}")
    _validate.callback(progress)
    refinement = checked_refinement(operator, refine, refinements)

    with operator.here(), _backend.strict_linalg(operator.xp):
        right = _columns(operator, B, "B")
        columns = right if right.ndim == 2 else right[:, None]
        norms = column_norms(columns)
        scales = array_namespace(operator).asarray(np.where(norms > 0, norms, 1.0))
        first = _start(operator, start, right, norms)
        room = operator.room if memory is None else Budget(parse_bytes(memory), 0, operator.place)
        count = columns.shape[1]
        if method == "auto":
            method = select_solver(operator, count, room.left)

        def finished(solution: Solution) -> Solution:
            with np.errstate(over="ignore"):
                A = solution.value * scales
            require_finite(A, "a solution")
            known = column_norms(solution.value) > 0
            if (known & (column_norms(A) < _SMALLEST)).any():
                raise FloatingPointError("a solution is too small for float64: scale B or K")
            A = A if right.ndim == 2 else A[:, 0]
            return replace(solution, value=operator._returned(A, B))

        system: System
        if method == "cholesky":
            width = count
            system = CholeskySystem(operator, ridge, columns=count, room=room, progress=progress)
        else:
            refined = refinement is not None
            width = block_width(n, count, room, refined=refined)
            held = gradients_bytes(n, count, width, refined=refined)
            room.require(held, "conjugate gradients with {} columns of {} rows", count, n)
            system = GradientSystem(
                operator,
                ridge,
                rng,
                held=held,
                rank=rank,
                max_passes=max_passes,
                room=room,
                progress=progress,
            )
        try:
            solution, advice = solve_blocks(
                system, columns / scales, first, width, ridge, tol, refinement, progress
            )
        except SolveInterrupted as error:
            raise SolveInterrupted(str(error), finished(error.solution)) from None
        solution = finished(solution)
    if not solution.converged:
        warnings.warn(
            f"solve stopped after {solution.passes} passes with a residual of "
            f"{solution.residuals.max():.1e} * ||B||, tol={tol:g}; {advice}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return solution


def _columns(op: SymmetricOperator, B: Any, name: str) -> Any:
    """Return an argument as float64 of the operator's library, (N,) or (N, C), checked."""
    n, xp = op.shape[0], array_namespace(op)
    B = float_columns(B, name)
    op._check_place(B, name)
    if B.ndim not in (1, 2) or B.shape[0] != n or B.size == 0:
        raise ValueError(f"{name} must have shape ({n},) or ({n}, columns), got shape {B.shape}")
    columns = xp.asarray(B, dtype=np.float64)
    if not bool(xp.isfinite(columns).all()):
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return columns


def _start(op: SymmetricOperator, start: Any, B: Any, norms: NDArray[np.float64]) -> Any:
    """Return what to begin with, for right-hand sides of norm 1 or 0, (N, C), or None."""
    if start is None:
        return None
    first = _columns(op, start, "start")
    if first.shape != B.shape:
        raise ValueError(f"start must have B's shape {B.shape}, got shape {first.shape}")
    with np.errstate(divide="ignore"):
        shares = array_namespace(op).asarray(np.where(norms > 0, 1 / norms, 0.0))
    return first.reshape(len(B), -1) * shares
