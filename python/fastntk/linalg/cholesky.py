# SPDX-License-Identifier: Apache-2.0
"""Dense solves: a blocked Cholesky factorisation in float64, and one step of refinement [1]_.

Everything of order N^2 and above is a product of matrices of the operator's library
(`array_namespace`). Diagonal blocks are factored and inverted on the host, where a failure is
certain to be noticed and says its row. An inverted block alone would lose the digits of its
condition; a correction by its own residual gives them back, at O(N^2 b) of N^3 / 3 operations.

References
----------
.. [1] N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., SIAM 2002, chapters
   10 and 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import array_namespace, to_host
from fastntk.linalg.pairs import block_product, require_finite
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

_BLOCK = 256
_EPS = float(np.finfo(np.float64).eps)

ADVICE = "raise ridge or tol, or use a float64 operator"


def cholesky_bytes(op: SymmetricOperator, columns: int) -> int:
    """Return the bytes that `CholeskySystem` takes for that many right-hand sides."""
    n = op.shape[0]
    # The factor; where entries are not float64, the matrix as it is before it is converted. CuPy
    # copies what it multiplies where that is part of a matrix: at most n / 2 rows and columns.
    converted = 0 if op.dtype == np.float64 else op.dtype.itemsize
    entry = 8 + (converted if array_namespace(op) is np else max(converted, 2))
    # Inverted blocks, and a panel with its copies; solutions, residuals and their corrections.
    return n * (entry * n + 8 * 6 * _BLOCK + 8 * 8 * columns)


class CholeskySystem:
    """(K + ridge I) A = B by a factorisation, as a `fastntk.linalg.refinement.System`.

    Parameters
    ----------
    columns : int
        The most right-hand sides of a block.
    """

    method, resumes = "cholesky", False

    def __init__(
        self,
        op: SymmetricOperator,
        ridge: float,
        *,
        columns: int,
        room: Budget,
        progress: Progress | None,
    ) -> None:
        room.require(
            cholesky_bytes(op, columns), "the Cholesky factor of a {0} x {0} matrix", op.shape[0]
        )
        self.op, self.ridge, self.progress, self.passes = op, ridge, progress, 0
        self.factor = CholeskyFactor(op, ridge, progress)

    def solve(
        self, B: Any, tol: float, start: Any, stage: str
    ) -> tuple[Any, NDArray[np.float64], str]:
        """Return A, its residuals, and what to try where they are above ``tol``, or ""."""
        A = self.factor.solve(B)
        require_finite(A, "a solution")
        R, first = self._residual(A, B)
        refined = A + self.factor.solve(R)
        _, second = self._residual(refined, B)
        # Refinement helps up to conditions of 1 / eps; beyond, the first solution may be better.
        xp = array_namespace(self.op)
        A = xp.where(xp.asarray(second <= first), refined, A)
        residuals = np.where(second <= first, second, first)
        return A, residuals, "" if (residuals <= tol).all() else ADVICE

    def correct(self, R: Any, tol: float, stage: str) -> Any:
        """Return A for a residual."""
        return self.factor.solve(R)

    def partial(self) -> None:
        """Return None: what a factorisation has before its end solves nothing."""

    def _residual(self, A: Any, B: Any) -> tuple[Any, NDArray[np.float64]]:
        self.passes += 1
        product = block_product(self.op, A, f"solve, product {self.passes}", self.progress)
        R = B - product - self.ridge * A
        return R, column_norms(R)


class CholeskyFactor:
    """K + ridge I = L L^T, with L in the lower triangle of a matrix and its inverted blocks.

    Arrays are of the operator's library. The operator itself is not kept: a factor can be pickled.

    Raises
    ------
    numpy.linalg.LinAlgError
        A pivot is not above rounding: the message names the rows.
    FloatingPointError
        An entry is not finite.
    """

    def __init__(self, op: SymmetricOperator, ridge: float, progress: Progress | None) -> None:
        self.ridge, self.n = ridge, op.shape[0]
        self.entry_eps = float(np.finfo(op.dtype).eps)
        self.inverses: list[Any] = []
        self.L = op.to_dense(array_namespace(op).empty(op.shape))
        diagonal = self.L.reshape(-1)[:: self.n + 1]
        diagonal += ridge
        self.diagonal: NDArray[np.float64] = np.abs(to_host(diagonal))
        for start in range(0, self.n, _BLOCK):
            self._factor_panel(start)
            if progress is not None:
                progress("Cholesky", min(start + _BLOCK, self.n), self.n)

    def parts(self) -> dict[str, Any]:
        """Return what files have of it: rows of blocks up to the diagonal, and their inverses."""
        bounds = (self._bounds(i) for i in range(len(self.inverses)))
        return {
            "rows": [self.L[start:stop, :stop] for start, stop in bounds],
            "inverses": self.inverses,
            "diagonal": self.diagonal,
            "ridge": self.ridge,
            "entry_eps": self.entry_eps,
        }

    @classmethod
    def from_parts(cls, parts: dict[str, Any], engine: Engine) -> CholeskyFactor:
        """Return the factor of such parts, where an engine reads them."""
        new = cls.__new__(cls)
        new.ridge, new.entry_eps = parts["ridge"], parts["entry_eps"]
        new.diagonal, new.n = parts["diagonal"], len(parts["diagonal"])
        new.inverses = [engine.asarray(one) for one in parts["inverses"]]
        new.L = engine.xp.zeros((new.n, new.n))
        for i, rows in enumerate(parts["rows"]):
            start, stop = new._bounds(i)
            new.L[start:stop, :stop] = engine.asarray(rows)
        return new

    @property
    def xp(self) -> Any:
        """NumPy or CuPy."""
        return array_namespace(self.L)

    def _factor_panel(self, start: int) -> None:
        """Factor the columns from ``start`` on, all columns before them being done."""
        L, stop = self.L, min(start + _BLOCK, self.n)
        if start:
            L[start:, start:stop] -= L[start:, :start] @ L[start:stop, :start].T
        block = to_host(L[start:stop, start:stop])
        if not np.isfinite(block).all():
            raise FloatingPointError("an entry of the operator is not finite in float64")
        block = block / 2 + block.T / 2
        floor = self.n * _EPS * self.diagonal[start:stop]
        try:
            corner = np.linalg.cholesky(block)
            sound = bool((np.diag(corner) ** 2 > floor).all())
        except np.linalg.LinAlgError:
            sound = False
        if not sound:
            self._refuse(start, block, floor)
        inverse = self.xp.asarray(np.linalg.inv(corner))
        corner = self.xp.asarray(corner)
        L[start:stop, start:stop] = corner
        if stop < self.n:
            panel = L[stop:, start:stop]
            rows = panel @ inverse.T
            rows += (panel - rows @ corner.T) @ inverse.T
            L[stop:, start:stop] = rows
        self.inverses.append(inverse)

    def solve(self, R: Any) -> Any:
        """Return (L L^T)^-1 R."""
        return self._backward(self._forward(R), len(self.inverses))

    def log_determinant(self) -> float:
        """Return log det (K + ridge I)."""
        diagonal = to_host(self.L.reshape(-1)[:: self.n + 1])
        return 2 * float(np.log(diagonal).sum())

    def inverse(self) -> Any:
        """Return (K + ridge I)^-1, (N, N), symmetric to the bit.

        It takes N^3 operations and, while it runs, 16 N^2 bytes: the zeros of L^-1 are skipped.
        """
        xp, bounds = self.xp, [self._bounds(i) for i in range(len(self.inverses))]
        Y = xp.zeros((self.n, self.n))  # L^-1
        for (start, stop), inverse in zip(bounds, self.inverses, strict=True):
            rest = -self.L[start:stop, :start] @ Y[:start, :stop]
            rest[:, start:] += xp.eye(stop - start)
            Y[start:stop, :stop] = self._corrected(inverse, self.L[start:stop, start:stop], rest)
        G = xp.empty((self.n, self.n))
        for start, stop in bounds:
            rows = Y[start:, start:stop].T @ Y[start:, :stop]
            corner = rows[:, start:]
            rows[:, start:] = corner / 2 + corner.T / 2
            G[start:stop, :stop] = rows
            G[:start, start:stop] = rows[:, :start].T
        return G

    def _forward(self, R: Any) -> Any:
        Y = self.xp.empty(R.shape)
        for i, inverse in enumerate(self.inverses):
            start, stop = self._bounds(i)
            rest = R[start:stop] - self.L[start:stop, :start] @ Y[:start]
            Y[start:stop] = self._corrected(inverse, self.L[start:stop, start:stop], rest)
        return Y

    def _backward(self, Y: Any, blocks: int) -> Any:
        """Return L^-T Y of the first blocks."""
        X, end = self.xp.empty(Y.shape), len(Y)
        for i in reversed(range(blocks)):
            start, stop = self._bounds(i)
            rest = Y[start:stop] - self.L[stop:end, start:stop].T @ X[stop:]
            X[start:stop] = self._corrected(
                self.inverses[i].T, self.L[start:stop, start:stop].T, rest
            )
        return X

    def _bounds(self, i: int) -> tuple[int, int]:
        return i * _BLOCK, min((i + 1) * _BLOCK, self.n)

    def _corrected(self, inverse: Any, triangle: Any, rest: Any) -> Any:
        """Return triangle^-1 rest.

        The other triangle of the block is zero: NumPy's and cuSOLVER's factors have it so.
        """
        X = inverse @ rest
        X += inverse @ (rest - triangle @ X)
        return X

    def _refuse(self, start: int, block: NDArray[np.float64], floor: NDArray[np.float64]) -> None:
        """Say at which row the factorisation fails, and of which row it is nearly a multiple."""
        corner, size = np.zeros_like(block), 0
        while True:
            row = corner[size, :size]
            pivot = block[size, size] - row @ row
            # LAPACK rounds otherwise: where it failed, the last row is the latest that can.
            if not pivot > floor[size] or size == len(block) - 1:
                break
            corner[size:, size] = block[size:, size] - corner[size:, :size] @ row
            corner[size:, size] /= pivot**0.5
            size += 1
        where = start + size
        # The combination of earlier rows that row `where` is: L^T w = (its row of L).
        inner = np.linalg.solve(corner[:size, :size].T, row)
        before = self.L[start : start + size, :start].T @ self.xp.asarray(inner)
        outer = self._backward((self.L[where, :start] - before)[:, None], len(self.inverses))
        weights = np.concatenate([to_host(outer)[:, 0], inner])
        raise np.linalg.LinAlgError(self._explanation(where, float(pivot), weights))

    def _explanation(self, row: int, pivot: float, weights: NDArray[np.float64]) -> str:
        size, entry = float(self.diagonal.max()), self.entry_eps
        what = "K" if self.ridge == 0 else f"K + {self.ridge:g} I"
        negative = pivot < -self.n * entry * size
        text = f"{what} is {'not positive definite' if negative else 'singular to rounding'}"
        if len(weights):
            nearest = int(np.abs(weights).argmax())
            text += (
                f": row {row} is nearly a combination of those before it, most of all "
                f"{weights[nearest]:.3g} times row {nearest}"
            )
        else:
            text += f": entry [{row}, {row}] is {pivot:.3g}"
        enough = 10 * max(self.n**0.5 * entry, self.n * _EPS) * size
        return f"{text}; remove it, or give a ridge above {self.ridge + enough:.1e}"
