# SPDX-License-Identifier: Apache-2.0
"""The exact answer on a seeded sample of entries, in extended precision, and the gate.

Straight formulas on a list of row pairs, sharing no code with the package.  The angle theta is
carried as x = (1 - cos theta) / 2 = sin^2(theta / 2), starting from the distance of the two
normalised rows, since a cosine loses near-duplicate rows even in extended precision; for opposite
rows 1 - x starts from their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cases import Case
from bench.data import Problem
from bench.peers import RemoteMatrix

_SEED = 20180620
_RANDOM_PAIRS = 256
_DIAGONAL = 32
_NEAREST = 32
_SEARCHED = 1_000  # rows among which the nearest pairs are looked for
_PRODUCT_ROWS = 4  # rows of K @ V checked; each needs a whole row of K
_CHUNK = 2_000  # pairs at a time: 25 MB of extended precision at 784 columns

_Extended = NDArray[np.longdouble]


class WrongAnswer(AssertionError):
    """A result outside its gate: nothing is timed."""


@dataclass(frozen=True)
class Expected:
    """The sampled truth: values at (rows, columns), and what their errors are relative to."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp] | slice
    values: _Extended
    denominators: _Extended
    symmetric: bool

    def error(self, result: Any) -> float:
        """Return the largest relative error of `result` on the sample; NaN counts as infinite."""
        got = _sample(result, self.rows, self.columns)
        if not np.all(np.isfinite(got)):
            return float("inf")
        return float(np.max(np.abs(got.astype(np.longdouble) - self.values) / self.denominators))

    def check(self, case: Case, result: Any) -> float:
        """Return the largest relative error, or raise `WrongAnswer` beyond the case's gate."""
        if result.dtype != np.dtype(case.dtype):
            raise WrongAnswer(f"{case.name}: expected {case.dtype}, got {result.dtype}")
        if self.symmetric:
            i, j = self.rows, self.columns
            assert not isinstance(j, slice)
            if not np.array_equal(_sample(result, i, j), _sample(result, j, i)):
                raise WrongAnswer(f"{case.name}: the matrix is not symmetric to the bit")
        return within_gate(case, self.error(result))


@dataclass(frozen=True)
class ExpectedEigenpairs:
    """Some whole rows of K: eigenpairs satisfy K v = lambda v in each."""

    rows: NDArray[np.intp]
    K: _Extended

    def error(self, result: Any) -> float:
        """Return the largest |K v - lambda v| / (|K| |v|) of a fitted `KernelPCA`."""
        values, vectors = (
            host(part).astype(np.longdouble) for part in (result.eigenvalues_, result.eigenvectors_)
        )
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(vectors))):
            return float("inf")
        defect = np.abs(self.K @ vectors - vectors[self.rows] * values)
        return float(np.max(defect / (np.abs(self.K) @ np.abs(vectors))))

    def check(self, case: Case, result: Any) -> float:
        """Return the error, or raise `WrongAnswer` beyond the case's gate."""
        values = host(result.eigenvalues_)
        if values.shape != (case.vectors,) or np.any(np.diff(values) > 0):
            raise WrongAnswer(f"{case.name}: expected {case.vectors} descending eigenvalues")
        return within_gate(case, self.error(result))


def within_gate(case: Case, error: float) -> float:
    """Return `error`, or raise `WrongAnswer` beyond the case's gate."""
    # Where long double is no wider than double the reference is good to some roundings only.
    gate = max(case.gate, 64 * float(np.finfo(np.longdouble).eps))
    if not error <= gate:
        raise WrongAnswer(f"{case.name}: relative error {error:.2e}, the gate is {gate:.0e}")
    return error


def host(array: Any) -> NDArray[Any]:
    """Return an array of NumPy or CuPy in the host's memory."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.get())


def _sample(result: Any, rows: NDArray[np.intp], columns: NDArray[np.intp] | slice) -> NDArray[Any]:
    """Return the entries at (rows, columns) of an array, CuPy's or another process's too."""
    if isinstance(result, RemoteMatrix):
        assert not isinstance(columns, slice)
        return result[rows, columns]
    if isinstance(result, np.ndarray):
        return np.asarray(result[rows, columns])
    import cupy

    at = columns if isinstance(columns, slice) else cupy.asarray(columns)
    return host(result[cupy.asarray(rows), at])


def expected(case: Case, problem: Problem) -> Expected | ExpectedEigenpairs:
    """Return the exact values of a seeded sample of the result of `case`."""
    rng = np.random.default_rng(_SEED)
    X = problem.X
    if case.operation in ("matmat", "kpca"):
        rows = rng.choice(len(X), min(_PRODUCT_ROWS, len(X)), replace=False)
        all_rows = (X, np.arange(len(X)))
        one_row = [(X, np.full(len(X), i)) for i in rows]
        K = np.stack([ntk_entries(case, problem.scale, row, all_rows)[0] for row in one_row])
        if problem.V is None:
            return ExpectedEigenpairs(rows, K)
        V = problem.V.astype(np.longdouble)
        return Expected(rows, slice(None), K @ V, np.abs(K) @ np.abs(V), symmetric=False)
    Z = X if problem.Z is None else problem.Z
    rows = rng.integers(len(Z), size=_RANDOM_PAIRS)
    columns = rng.integers(len(X), size=_RANDOM_PAIRS)
    near_rows, near_columns = _nearest(Z, X, same=problem.Z is None)
    rows, columns = np.concatenate([rows, near_rows]), np.concatenate([columns, near_columns])
    if problem.Z is None:
        diagonal = rng.integers(len(X), size=_DIAGONAL)
        rows, columns = np.concatenate([rows, diagonal]), np.concatenate([columns, diagonal])
    values, denominators = ntk_entries(case, problem.scale, (Z, rows), (X, columns))
    return Expected(rows, columns, values, denominators, symmetric=problem.Z is None)


def _nearest(
    Z: NDArray[Any], X: NDArray[Any], *, same: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the closest pairs of rows among the first thousand: where digits are lost first."""
    A, B = Z[:_SEARCHED].astype(np.float64), X[:_SEARCHED].astype(np.float64)
    D = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    if same:
        D[np.tril_indices(len(A))] = np.inf
    flat = np.argsort(D, axis=None)[:_NEAREST]
    i, j = np.unravel_index(flat, D.shape)
    return i, j


def ntk_entries(
    case: Case,
    scale: float,
    left: tuple[NDArray[Any], NDArray[Any]],
    right: tuple[NDArray[Any], NDArray[Any]],
) -> tuple[_Extended, _Extended]:
    """Return K(Z[rows[p]], X[columns[p]]) for every p, and what an error there is relative to.

    `left` is (Z, rows), `right` is (X, columns).  An error is relative to the entry itself where
    the inner product is not negative, else to sqrt(K_ii K_jj).
    """
    (Z, rows), (X, columns) = left, right
    parts = [
        _entries(case, scale, Z[rows[at : at + _CHUNK]], X[columns[at : at + _CHUNK]])
        for at in range(0, len(rows), _CHUNK)
    ]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _entries(
    case: Case, scale: float, A: NDArray[Any], B: NDArray[Any]
) -> tuple[_Extended, _Extended]:
    one = np.longdouble(1)
    pi = 4 * np.arctan(one)
    weight, bias = np.longdouble(case.weight_std), np.longdouble(case.bias_std)
    A, B = A.astype(np.longdouble), B.astype(np.longdouble)
    s = (weight * np.longdouble(scale)) ** 2 / A.shape[1]
    extra = bias**2 / s  # the bias as one more coordinate, in units of the data

    def row(M: _Extended) -> tuple[_Extended, _Extended]:
        r = np.sqrt((M**2).sum(axis=1) + extra)
        return r, np.where(r > 0, r, one)

    (r, r_safe), (p, p_safe) = row(A), row(B)
    along = (A * B).sum(axis=1)
    unit_a, unit_b = A / r_safe[:, None], B / p_safe[:, None]
    x = (((unit_a - unit_b) ** 2).sum(axis=1) + extra * (1 / r_safe - 1 / p_safe) ** 2) / 4
    rest = (((unit_a + unit_b) ** 2).sum(axis=1) + extra * (1 / r_safe + 1 / p_safe) ** 2) / 4
    q, q2 = s * r**2, s * p**2
    t, t_a, t_b = rest - x, np.ones_like(x), np.ones_like(x)  # Theta / sqrt(q q'), its diagonal
    for _ in range(case.hidden_layers):
        theta = 2 * np.arctan2(np.sqrt(x), np.sqrt(rest))
        cosine, sine = rest - x, 2 * np.sqrt(x * rest)
        z = x - (sine - theta * cosine) / (2 * pi)
        (w, v, q), (w2, v2, q2) = _row_step(q, weight, bias), _row_step(q2, weight, bias)
        x = w * w2 * z + ((w - w2) ** 2 + (v - v2) ** 2) / 4
        t = w * w2 * t * (1 - theta / pi) + 1 - 2 * x
        rest = 1 - x  # a hidden layer leaves x <= 1/2
        t_a, t_b = w**2 * t_a + 1, w2**2 * t_b + 1
    size = np.sqrt(q * q2)
    values = np.where(size > 0, t * size, 0)
    relative_to = np.where(along >= 0, np.abs(values), np.sqrt(t_a * t_b) * size)
    return values, np.where(relative_to > 0, relative_to, one)


def _row_step(
    q: _Extended, weight: np.longdouble, bias: np.longdouble
) -> tuple[_Extended, _Extended, _Extended]:
    """Return what weights and bias contribute to the next norm (w^2 + v^2 = 1), and its square."""
    after = weight**2 * q / 2 + bias**2
    root = np.sqrt(np.where(after > 0, after, 1))
    return weight * np.sqrt(q / 2) / root, bias / root, after
