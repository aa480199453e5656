# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the engine's empirical kernel, in plain NumPy or CuPy."""

from __future__ import annotations

from typing import Any

import numpy as np


class EmpiricalKernel:
    """K[(i,k),(j,k')] = sum_terms S[(i,k),(j,k')] (alpha A_i . A_j + beta)."""

    def __init__(
        self, engine: Any, dtype: Any, rows: Any, cols: Any, factors: Any, outputs: int
    ) -> None:
        self._data = (rows, rows if cols is None else cols, factors, outputs)
        self.engine, self.dtype, self.symmetric = engine, np.dtype(dtype), cols is None
        self.shape = (self._size(rows), self._size(rows if cols is None else cols))
        held = [a for side in (rows, cols or []) for term in side for a in term if a is not None]
        self.nbytes = sum(a.nbytes for a in held)

    def _size(self, side: Any) -> int:
        A, D = side[-1]
        return int(len(A) * self._data[3] if D is None else len(D))

    def to_dense(self, out: Any, threads: int = 0, progress: Any = None) -> None:
        """Write every entry."""
        rows, cols, factors, outputs = self._data
        xp, C = self.engine.xp, outputs
        n, m = self.shape[0] // C, self.shape[1] // C
        out[...] = 0
        blocks = out.reshape(n, C, m, C)
        for (A, D), (B, E), (alpha, beta) in zip(rows, cols, factors, strict=True):
            G = (alpha * (A @ B.T) if alpha else xp.zeros((n, m), self.dtype)) + beta
            if D is None:
                for k in range(C):
                    blocks[:, k, :, k] += G
            else:
                blocks += (D @ E.T).reshape(n, C, m, C) * G[:, None, :, None]
        if progress is not None:
            progress(1, 1)

    def diagonal(self) -> Any:
        """Return the diagonal."""
        out = self.engine.xp.empty(self.shape, self.dtype)
        self.to_dense(out)
        return out.diagonal().copy()

    @property
    def largest_diagonal(self) -> float:
        """Largest entry on the diagonal."""
        return float(self.diagonal().max()) if self.symmetric else 0.0

    def matmat(self, V: Any, out: Any, threads: int = 0, progress: Any = None) -> None:
        """Write the product with V."""
        K = self.engine.xp.empty(self.shape, self.dtype)
        self.to_dense(K)
        out[...] = K @ V
