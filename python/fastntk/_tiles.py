# SPDX-License-Identifier: Apache-2.0
"""What a matrix is that is delivered tile by tile: in memory, in a file, or not stored at all.

Arrays belong to the library of the source's engine, `fastntk._backend.engine_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

TileProgress = Callable[[int, int], None]


class TileSource(Protocol):
    """A matrix delivered tile by tile; the native classes satisfy it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries, float32 or float64."""

    @property
    def symmetric(self) -> bool:
        """Whether only one triangle is ever computed."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N,), of a symmetric source."""

    def to_dense(
        self, out: NDArray[Any], threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write every entry to ``out`` (M, N), C-contiguous, of the source's dtype."""

    def matmat(
        self,
        V: NDArray[Any],
        out: NDArray[np.float64],
        threads: int = 0,
        progress: TileProgress | None = None,
    ) -> None:
        """Write the product with ``V`` (N, k) to ``out`` (M, k), both C-contiguous."""


class LimitingSource(TileSource, Protocol):
    """A limiting kernel between two sets of points."""

    @property
    def largest_diagonal(self) -> float:
        """Largest entry on the diagonal; NaN or infinity where one is."""

    @property
    def route(self) -> dict[str, Any]:
        """What the engine chose for the data, as plain values."""

    def to_dense_all(
        self, outs: Sequence[NDArray[Any]], threads: int = 0, progress: TileProgress | None = None
    ) -> None:
        """Write every entry of each output."""


@runtime_checkable
class PackingSource(TileSource, Protocol):
    """A symmetric source that stores its triangle itself: engines store those of their own."""

    @property
    def packed_nbytes(self) -> int:
        """The most bytes held while it does, its own included."""

    def packed(self, threads: int = 0, progress: TileProgress | None = None) -> TileSource:
        """Return the stored triangle."""
