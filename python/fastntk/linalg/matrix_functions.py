# SPDX-License-Identifier: Apache-2.0
r"""Functions of K times right-hand sides R, for many functions at once from one Krylov space.

With an orthonormal basis Q of the block Krylov space of K and R, and :math:`H = Q^T K Q`,

.. math:: f(K) R \approx Q f(H) Q^T R,

whatever the function [1]_. The space leaves :math:`E = K Q - Q H`, of which only the last block of
columns is not zero: the norm of :math:`E f(H) Q^T R` costs a small product, and error bounds of
matrix functions are made of such norms [2]_.

References
----------
.. [1] N. J. Higham, "Functions of matrices", SIAM 2008, section 13.2.
.. [2] Y. Saad, "Analysis of some Krylov subspace approximations to the matrix exponential
   operator", SIAM Journal on Numerical Analysis 29 (1992), 209-228.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import to_host
from fastntk.linalg.basis import Basis
from fastntk.linalg.null_space import null_value
from fastntk.linalg.pairs import block_product, require_finite, spectral_scale
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Bytes of a row and column of basis.
_COLUMN = 8
# Blocks whose products are in float64 in any case: those of right-hand sides that are alike for
# whole classes of points, and what comes of them. The roundings of equal numbers, and of long sums
# of one sign, do not cancel: on 8,000 digits that of the first block is 80 times that of others,
# the next one's four times.
_DOUBLE = 3
# Columns that a space is given room for: the eigenproblem of H takes seconds by then.
_MOST_COLUMNS = 3000


@dataclass(frozen=True, eq=False)
class RitzValues:
    """What a Krylov space knows of K: functions of K are functions of ``values``.

    K is divided by ``unit`` and every column of R by its norm, so that no square of what follows
    leaves the range of numbers.

    Attributes
    ----------
    values : ndarray of shape (m,)
        Eigenvalues of H / unit, descending.
    vectors : ndarray of shape (m, m)
        Its eigenvectors.
    parts : ndarray of shape (m, columns)
        Those of R along them.
    tails : ndarray of shape (b, m)
        E / unit in other coordinates: column i has the norm of the residual ``K v - value v`` of
        the i-th Ritz vector.
    null : float
        Values up to here are 0 to rounding.
    noise : float
        Size of the rounding of a product of K / unit with a unit vector.
    unit : float
        A power of two, the size of K's entries.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    parts: NDArray[np.float64]
    tails: NDArray[np.float64]
    null: float
    noise: float
    unit: float

    def tail(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the norms of E f(H) Q^T R / unit for each column of R over its norm, (T, columns).

        Parameters
        ----------
        weights : ndarray of shape (T, m)
            The values of T functions.
        """
        squares = np.zeros((len(weights), self.parts.shape[1]))
        for row in self.tails:
            squares += (weights @ (row[:, np.newaxis] * self.parts)) ** 2
        return np.sqrt(squares)

    def size(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the norms of f(H) Q^T R for each column of R over its norm, (T, columns)."""
        return np.sqrt((weights**2) @ (self.parts**2))


@dataclass(frozen=True, eq=False)
class _State:
    """A Krylov space between two products: it changes as a whole, or not at all."""

    following: Any  # the next block, (N, b)
    # For each pass, the columns of the basis after it, and E's last block.
    tails: tuple[tuple[int, NDArray[np.float64]], ...] = ()
    noise: float = 0.0
    scale: float = 0.0
    basis: tuple[int, int, float] = (0, 0, np.inf)


class KrylovSpace:
    """A block Krylov space that grows by one product of the operator at a time.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    R : ndarray of shape (N, columns)
        Right-hand sides, float64, where the operator is; not all of them 0.
    single : bool
        Whether products of a float32 operator may be formed in float32.
    rng : numpy.random.Generator
        Of the directions that take the place of dependent ones.
    room : Budget
        For the basis: 8 bytes for each of N rows and of the columns that fit, at most 3000.

    Attributes
    ----------
    single : bool
        Whether products are formed in float32.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        R: Any,
        *,
        single: bool,
        rng: np.random.Generator,
        room: Budget,
    ) -> None:
        n, columns = R.shape
        block = min(n, columns)
        # Beside the basis: the block, its product and what orthogonalisation copies.
        spare, least = 48 * n * columns, min(n, 4 * block)
        needed = spare + _COLUMN * n * least
        room.require(needed, f"a Krylov basis of {least} columns for {n} rows")
        most = (room.left - spare) // (_COLUMN * n)
        self._op, self.single = op, single and op.dtype == np.float32
        self._basis = Basis(op, min(n, max(_MOST_COLUMNS, least), most), rng, None)
        largest = float(np.abs(to_host(op.diagonal())).max())
        self._unit = 2.0 ** float(np.floor(np.log2(largest))) if largest > 0 else 1.0
        lengths = column_norms(R)
        used = np.flatnonzero(lengths > 0)
        units = R / op.xp.asarray(np.where(lengths > 0, lengths, 1.0))
        # As many columns as rows span everything.
        first = self._basis.complement(units[:, op.xp.asarray(used[:block])].copy())
        self._lengths, self._start = lengths, to_host(first.T @ units)
        self._state = _State(first)
        self._known: dict[int, RitzValues] = {}

    @property
    def passes(self) -> int:
        """Products made."""
        return len(self._state.tails)

    @property
    def size(self) -> int:
        """Columns of the basis."""
        return self._state.basis[0]

    @property
    def nbytes(self) -> int:
        """Bytes of the basis."""
        return _COLUMN * self._op.shape[0] * self.size

    @property
    def whole(self) -> bool:
        """Whether the space is all there is: K itself, in another basis."""
        return self.size == self._op.shape[0]

    @property
    def full(self) -> bool:
        """Whether the memory, or the space, has no room for another block."""
        return self.whole or self.size + self._state.following.shape[1] > self._basis.capacity

    def grow(self, stage: str, progress: Progress | None) -> None:
        """Add one block, at one product of the operator.

        What is interrupted, by Ctrl-C or by ``progress``, leaves the space as it was.
        """
        basis, state = self._basis, self._state
        # The basis may have more columns, of a call that was interrupted.
        basis.size, basis._recent, basis._before = state.basis
        old, recent = basis.size, basis._recent
        V = state.following
        single = self.single and self.passes >= _DOUBLE
        factor = V.astype(np.float32 if single else np.float64, copy=False)
        product = block_product(self._op, factor, stage, progress)
        product /= self._unit
        remainder = basis.append(V, product)
        scale = max(state.scale, spectral_scale(np.diag(basis.H)[: basis.size]))
        tail = _square_root(to_host(remainder.T @ remainder))
        whole = basis.size == self._op.shape[0]
        following = V[:, :0] if whole else basis.next_block(remainder, scale)
        noise, far = state.noise, basis.H[:recent, old : basis.size]
        if far.size:
            # Without rounding the product has no part there. That of the product and that of the
            # products before it are seen, by few of N directions.
            seen = float((far * far).sum(axis=0).mean()) / recent
            noise = (seen * self._op.shape[0] / 2) ** 0.5
        after = (basis.size, basis._recent, basis._before)
        tails = (*state.tails, (basis.size, tail))
        self._state = _State(following, tails, noise, scale, after)

    def ritz(self, passes: int | None = None) -> RitzValues:
        """Return the eigenpairs of H, and what R and E are along them.

        Parameters
        ----------
        passes : int, optional
            After so many of them; after all by default.
        """
        passes = self.passes if passes is None else passes
        if passes not in self._known:
            if passes == self.passes:
                self._known.clear()
            m, tail = self._state.tails[passes - 1]
            values, vectors = np.linalg.eigh(self._basis.H[:m, :m])
            values, vectors = values[::-1], vectors[:, ::-1]
            whole = m == self._op.shape[0]
            self._known[passes] = RitzValues(
                values,
                vectors,
                parts=vectors[: len(self._start)].T @ self._start,
                tails=np.zeros((1, m)) if whole else tail @ vectors[m - len(tail) :],
                null=null_value(self._op, values * self._unit) / self._unit,
                noise=self._state.noise,
                unit=self._unit,
            )
        return self._known[passes]

    def apply(self, ritz: RitzValues, weights: Sequence[NDArray[np.float64]]) -> Any:
        """Return Q f(H) Q^T R, (T, N, columns), for T functions given by their values."""
        xp, columns = self._basis.xp, ritz.parts.shape[1]
        parts = ritz.parts * self._lengths
        small = [ritz.vectors @ (w[:, np.newaxis] * parts) for w in weights]
        Q = self._basis.Q[:, : len(ritz.values)]
        found = Q @ xp.asarray(np.concatenate(small, axis=1))
        require_finite(found, "a matrix function")
        return found.reshape(len(found), len(small), columns).transpose(1, 0, 2)

    def ritz_vectors(self, ritz: RitzValues, count: int) -> Any:
        """Return the first Ritz vectors, (N, count)."""
        y = self._basis.xp.asarray(ritz.vectors[:, :count])
        return self._basis.Q[:, : len(ritz.values)] @ y


def _square_root(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A with A^T A = gram, for one that is semidefinite to rounding."""
    values, vectors = np.linalg.eigh(gram / 2 + gram.T / 2)
    root: NDArray[np.float64] = np.sqrt(np.maximum(values, 0))[:, np.newaxis] * vectors.T
    return root
