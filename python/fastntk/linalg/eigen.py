# SPDX-License-Identifier: Apache-2.0
"""Largest eigenpairs of a symmetric operator, each with a residual certificate.

"dense" forms the matrix in float64 and reduces it with LAPACK. "krylov" is thick-restart block
Lanczos with full reorthogonalisation [1]_, [2]_: it keeps an orthonormal basis Q and the products
K Q, both in float64, so that Ritz pairs and their residuals ||K v - lambda v|| come from products
that were made, not from estimates, at no further pass over K. Tall arrays belong to the operator's
library (`array_namespace`); small problems are solved on the host.

References
----------
.. [1] K. Wu, H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM
   J. Matrix Anal. Appl. 22 (2000), 602-616.
.. [2] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
   singular value decomposition", NIPS 2015.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fastntk._memory import budget_bytes, require
from fastntk.linalg.operator import GramOperator, SymmetricOperator

if TYPE_CHECKING:
    from fastntk._progress import Progress

# Up to here LAPACK takes about a second.
_DENSE_ROWS = 1500
# LAPACK's divide and conquer counts its workspace, 2 n^2, in 32-bit integers.
_DIVIDE_AND_CONQUER_ROWS = 30_000
# Float32 products err by up to about 1e-7 of the largest eigenvalue: they certify nothing smaller.
_FLOAT32_TOL = 5e-7
_LARGEST_BLOCK = 256
# Room for ten blocks besides the pairs: most problems end before a restart.
_BLOCKS_KEPT = 10
# Tall arrays are updated in place by blocks of rows: the temporaries stay in cache, and fresh
# memory, which costs more than the arithmetic, is touched only where the basis grows.
_ROWS = 1024


class ConvergenceWarning(UserWarning):
    """An eigensolver stopped at its limit of passes; the residuals say how far it came."""


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenpairs of a symmetric matrix with certificates.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Eigenvalues, descending, float64.
    vectors : ndarray of shape (N, k)
        Orthonormal columns, float64; the largest entry of each in absolute value is positive.
    residuals : ndarray of shape (k,)
        ``||K v - lambda v||``; an eigenvalue of K lies within this distance of ``lambda``.
    method : str
        "dense" or "krylov".
    passes : int
        Products of the operator with a block of vectors.
    converged : bool
        Whether every residual met the tolerance.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    residuals: NDArray[np.float64]
    method: str
    passes: int
    converged: bool


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
        basis = _Basis(operator, _capacity(n, k, block, budget), np.random.default_rng(seed))
        pairs = _krylov(
            operator, k, tol, basis, block=block, max_passes=max_passes, progress=progress
        )
    if not pairs.converged:
        worst = float(pairs.residuals.max()) / _scale(pairs.values)
        warnings.warn(
            f"eigenpairs stopped after {pairs.passes} passes with a residual of {worst:.1e} * "
            f"lambda_1, tol={tol:g}; raise max_passes, block or tol, or use a float64 operator",
            ConvergenceWarning,
            stacklevel=2,
        )
    return pairs


def array_namespace(array: Any) -> Any:
    """Return the library of an array, or of an operator's arrays (its attribute ``xp``)."""
    library = type(array).__module__.partition(".")[0]
    return sys.modules[library] if library == "cupy" else getattr(array, "xp", np)


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
    scale = _scale(values)
    difference = _product(op, vectors, 1, progress) - vectors * values
    relative = np.linalg.norm(difference / scale, axis=0)
    # LAPACK's own rounding grows with n, whatever the tolerance.
    reached = max(tol, n * float(np.finfo(np.float64).eps), op.rounding / scale)
    converged = bool(relative.max() <= reached)
    return Eigenpairs(values, _signed(vectors), relative * scale, "dense", 1, converged)


def _krylov(
    op: SymmetricOperator,
    k: int,
    tol: float,
    basis: _Basis,
    *,
    block: int,
    max_passes: int,
    progress: Progress | None,
) -> Eigenpairs:
    n = op.shape[0]
    single = op.dtype == np.float32 and tol >= _FLOAT32_TOL
    V = basis.complement(basis.random(block))
    for done in range(1, max_passes + 1):
        product = _product(op, V.astype(np.float32) if single else V, done, progress)
        remainder = basis.append(V, product)
        values, Y = basis.ritz()
        scale = _scale(values)
        relative = basis.residuals(values[:k] / scale, Y[:, :k], scale)
        converged = len(relative) == k and relative.max() <= max(tol, op.rounding / scale)
        if converged or done == max_passes or basis.size == n:
            break
        if basis.size + block > basis.capacity < n:
            basis.restart(values, Y, k + (basis.capacity - k - block) // 2)
        remainder /= scale
        V = basis.complement(remainder[:, : n - basis.size])
    vectors = _signed(basis.Q[:, : basis.size] @ Y[:, :k])
    return Eigenpairs(values[:k].copy(), vectors, relative * scale, "krylov", done, bool(converged))


def _capacity(n: int, k: int, block: int, budget: int) -> int:
    """Columns of basis that the budget allows, up to those that are useful."""
    # Beside the basis: the block, its product, and the copies made in rounding, centring and QR.
    spare, column = 48 * n * block + 8 * n * k, 16 * n
    least = min(n, k + 2 * block)
    require(spare + column * least, budget, f"a Krylov basis of {least} columns for {n} rows")
    return min(n, k + _BLOCKS_KEPT * block, (budget - spare) // column)


class _Basis:
    """Orthonormal columns Q, the products W = K Q, and the small matrix H = Q^T K Q."""

    def __init__(self, op: SymmetricOperator, capacity: int, rng: np.random.Generator) -> None:
        self.n, self.capacity, self.size, self.rng = op.shape[0], capacity, 0, rng
        self.xp = array_namespace(op)
        # Columns are contiguous; memory not yet used is not touched.
        self.Q = self.xp.empty((self.n, capacity), order="F")
        self.W = self.xp.empty((self.n, capacity), order="F")
        self.H = np.zeros((capacity, capacity))

    def random(self, columns: int) -> Any:
        return self.xp.asarray(self.rng.standard_normal((self.n, columns)))

    def append(self, V: Any, product: Any) -> Any:
        """Add columns and their products; leave of the products what is outside the basis."""
        old, new = self.size, self.size + V.shape[1]
        for rows in self._row_blocks():
            self.Q[rows, old:new], self.W[rows, old:new] = V[rows], product[rows]
        self.size = new
        coefficients = self.Q[:, :new].T @ product
        self.H[:new, old:new] = _host(coefficients)
        self.H[old:new, :new] = self.H[:new, old:new].T
        corner = self.H[old:new, old:new]
        corner[:] = (corner + corner.T) / 2
        return self._remove(product, coefficients)

    def ritz(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eigenvalues of H, descending, and its eigenvectors."""
        values, Y = np.linalg.eigh(self.H[: self.size, : self.size])
        return values[::-1], Y[:, ::-1]

    def residuals(
        self, values: NDArray[np.float64], Y: NDArray[np.float64], scale: float
    ) -> NDArray[np.float64]:
        """Norms of W y / scale - value Q y, each from the stored products."""
        xp, m = self.xp, self.size
        left, right = xp.asarray(Y / scale), xp.asarray(Y * values)
        squares = xp.zeros(len(values))
        for rows in self._row_blocks():
            difference = self.W[rows, :m] @ left - self.Q[rows, :m] @ right
            squares += (difference * difference).sum(axis=0)
        norms: NDArray[np.float64] = np.sqrt(_host(squares))
        return norms

    def restart(self, values: NDArray[np.float64], Y: NDArray[np.float64], kept: int) -> None:
        """Keep the first Ritz vectors and their products only."""
        m, y = self.size, self.xp.asarray(Y[:, :kept])
        for rows in self._row_blocks():
            self.Q[rows, :kept] = self.Q[rows, :m] @ y
            self.W[rows, :kept] = self.W[rows, :m] @ y
        self.H[:] = 0
        self.H[range(kept), range(kept)] = values[:kept]
        self.size = kept

    def complement(self, C: Any) -> Any:
        """Make C orthonormal and orthogonal to the basis; random where it spans less. In place.

        The columns of C had a size of about 1 before anything was removed from them: what is below
        the rounding of that is nothing, and a random direction serves the next product better.
        """
        Q = self.Q[:, : self.size]
        lengths = self._orthonormalise(C)
        while True:
            lost = np.flatnonzero(lengths <= 1e-14)
            if len(lost):
                C[:, lost] = self.random(len(lost)) / self.n**0.5
            lengths = self._orthonormalise(self._remove(C, Q.T @ C))
            # Columns that kept their length lost no digits to the projection (Kahan and Parlett).
            if lengths.min() > 0.7:
                return C

    def _remove(self, C: Any, coefficients: Any) -> Any:
        for rows in self._row_blocks():
            C[rows] -= self.Q[rows, : self.size] @ coefficients
        return C

    def _orthonormalise(self, C: Any) -> NDArray[np.float64]:
        """Replace C by an orthonormal basis; return what of each column was not in those before."""
        xp = self.xp
        try:
            L = _host(xp.linalg.cholesky(C.T @ C))
            lengths: NDArray[np.float64] = np.diag(L)
            # Cholesky is ten times faster than Householder and loses the square of the condition,
            # which the next sweep restores.
            if lengths.min() > 1e-5 * lengths.max():
                inverse = xp.asarray(np.linalg.inv(L).T)
                for rows in self._row_blocks():
                    C[rows] = C[rows] @ inverse
                return lengths
        except np.linalg.LinAlgError:
            pass
        C[:], R = xp.linalg.qr(C)
        return np.abs(np.diag(_host(R)))

    def _row_blocks(self) -> list[slice]:
        return [slice(i, i + _ROWS) for i in range(0, self.n, _ROWS)]


def _scale(values: NDArray[np.float64]) -> float:
    """Largest absolute eigenvalue, 1 for the zero matrix."""
    return float(np.abs(values).max()) or 1.0


def _product(op: SymmetricOperator, V: Any, number: int, progress: Progress | None) -> Any:
    if progress is None:
        product = op.matmat(V)
    else:
        stage = f"eigenpairs, pass {number}"
        product = op.matmat(V, lambda _, done, total: progress(stage, done, total))
    if not array_namespace(product).isfinite(product).all():
        raise FloatingPointError("a product of the operator is not finite")
    return product


def _signed(vectors: Any) -> Any:
    """Columns with their largest entry positive."""
    xp = array_namespace(vectors)
    largest = xp.abs(vectors).argmax(axis=0)
    vectors *= xp.where(vectors[largest, range(vectors.shape[1])] < 0, -1.0, 1.0)
    return vectors


def _host(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else array
