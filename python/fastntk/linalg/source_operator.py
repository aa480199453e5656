# SPDX-License-Identifier: Apache-2.0
"""An operator that is a tile source: its products, diagonal and entries, where the source is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _backend
from fastntk._arrays import array_namespace, in_library, on_device
from fastntk._progress import of_stage
from fastntk.linalg.host_matrix import HostMatrix
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    import contextlib

    from fastntk._progress import Progress
    from fastntk._tiles import TileSource


class SourceOperator(SymmetricOperator):
    """A symmetric matrix that a tile source delivers, stored or not.

    Attributes
    ----------
    storage : str
        How the matrix is kept: the name of a storage, or a path.
    """

    storage: str

    def _hold(self, source: TileSource, storage: str, budget: int, threads: int) -> None:
        self._source, self._threads = source, threads
        self.shape, self.dtype, self.nbytes = source.shape, np.dtype(source.dtype), source.nbytes
        self.storage, self.budget = storage, budget
        self._engine = _backend.engine_of(source)
        self.place, self.xp = self._engine.name, self._engine.xp

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the operator's device CuPy's current one, if it has one."""
        return self._engine.here()

    def matmat(self, V: ArrayLike, progress: Progress | None = None) -> NDArray[np.float64]:
        """Return the product with V's columns; see `fastntk.linalg.SymmetricOperator.matmat`."""
        columns = self._check_columns(V)
        with self.here():
            out = self.xp.empty(columns.shape)
            self._source.matmat(columns, out, self._threads, of_stage(progress, "product"))
            if on_device(columns):
                # Sums in fixed point know no NaN, and to look for one would be to wait.
                out *= self.xp.where(self.xp.isfinite(columns).all(axis=0), 1.0, np.nan)
            returned: NDArray[np.float64] = self._returned(out, V)
            return returned

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N,), of the operator's dtype."""
        diagonal: NDArray[Any] = self._returned(self._source.diagonal())
        return diagonal

    def to_dense(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the whole matrix; see `fastntk.linalg.SymmetricOperator.to_dense`."""
        out = self._dense_out(out)
        kept = isinstance(self._source, HostMatrix)
        if kept or (array_namespace(out) is self.xp and out.dtype == self.dtype):
            self._source.to_dense(out, self._threads)
            return out
        with self.here():
            entries = self.xp.empty(self.shape, self.dtype)
            self._source.to_dense(entries, self._threads)
            out[...] = in_library(entries, array_namespace(out))
        return out

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.storage}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a GramOperator holds native memory and cannot be pickled; "
            "save(path) writes it to a file, or pickle the network and the data"
        )
