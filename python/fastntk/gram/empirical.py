# SPDX-License-Identifier: Apache-2.0
"""Gram matrices of empirical kernels: sums of products of two Gram matrices, whole or by blocks.

A kernel is a sum of terms, one per linear map,

    K[(i, k), (j, k')] = sum_terms S[(i, k), (j, k')] (alpha A_i . A_j + beta),

A_i the activations that the map reads at point i, and S the inner products of its signals, the
derivatives of output k at point i by what the map writes; where signals are None, S is the identity
over outputs. Rows are sample-major: point i, output k is row i C + k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fastntk._arrays import place_of
from fastntk.gram import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk._tiles import TileProgress

# Activations (n, n_l) and signals (n C, m_l) of one term; None where it needs none.
Term = tuple[Any, Any]


@dataclass(frozen=True)
class Plane:
    """One kernel of several that share their activations and signals.

    Attributes
    ----------
    terms : tuple of int
        Which terms it consists of.
    factors : tuple of (float, float)
        alpha and beta of each of them.
    outputs : int
        Rows per point, C.
    """

    terms: tuple[int, ...]
    factors: tuple[tuple[float, float], ...]
    outputs: int

    def source(
        self,
        engine: Engine,
        dtype: np.dtype[Any],
        rows: Sequence[Term],
        columns: Sequence[Term] | None,
        threads: int = 0,
    ) -> Any:
        """Return the kernel between two sides, or of one, as a tile source."""
        return plain.EmpiricalKernel(
            engine,
            dtype,
            [rows[i] for i in self.terms],
            None if columns is None else [columns[i] for i in self.terms],
            list(self.factors),
            self.outputs,
        )


class Sides(Protocol):
    """Where the terms of points come from: the passes of a network.

    Attributes
    ----------
    engine : Engine
        Where they are.
    dtype : dtype
        float32 or float64.
    planes : tuple of Plane
        The kernels.
    symmetric : bool
        Whether rows and columns of the same points have the same terms.
    bytes_per_point : int
        The most that the terms of a point and the engine's copies of them take.
    """

    @property
    def engine(self) -> Engine:
        """Where terms are computed."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the terms and the kernels."""

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The kernels."""

    @property
    def symmetric(self) -> bool:
        """Whether rows and columns of the same points have the same terms."""

    @property
    def bytes_per_point(self) -> int:
        """The most that a point takes while its terms are used."""

    def rows(self, X: NDArray[Any]) -> Sequence[Term]:
        """Return the terms of points as rows."""

    def columns(self, X: NDArray[Any]) -> Sequence[Term]:
        """Return the terms of points as columns."""


def empirical_gram(
    sides: Sides,
    X: NDArray[Any],
    Y: NDArray[Any] | None,
    outs: Sequence[NDArray[Any]],
    room: Budget,
    threads: int = 0,
    progress: TileProgress | None = None,
) -> None:
    """Write every kernel between points, whole if its terms fit, else by blocks of points.

    Parameters
    ----------
    sides : Sides
        The kernels and where their terms come from.
    X, Y : ndarray of shape (n, d) and (m, d)
        Points; no Y for those of X.
    outs : sequence of ndarray
        For each plane, (n C, m C), C-contiguous, of the sides' dtype; may be in the host's memory
        where the engine is a GPU.
    room : Budget
        For everything but the results.
    threads : int
        0 for the engine's choice.
    progress : callable, optional
        Called with (done, total).

    Raises
    ------
    MemoryError
        The smallest blocks do not fit: said before anything is computed.

    Notes
    -----
    With blocks the terms of a point are computed once per block of rows; of a symmetric kernel one
    half of the blocks is computed and mirrored.
    """
    engine, n = sides.engine, len(X)
    m = n if Y is None else len(Y)
    each = sides.bytes_per_point
    whole = each * (n + (0 if Y is None and sides.symmetric else m))
    here = all(place_of(out) == engine.name for out in outs)
    if here and whole <= room.left:
        rows = sides.rows(X)
        columns = None if Y is None and sides.symmetric else sides.columns(X if Y is None else Y)
        for number, (plane, out) in enumerate(zip(sides.planes, outs, strict=True)):
            stage = progress if len(outs) == 1 else None
            plane.source(engine, sides.dtype, rows, columns, threads).to_dense(out, threads, stage)
            if progress is not None and stage is None:
                progress(number + 1, len(outs))
        return
    raise MemoryError("blocks: not yet")
