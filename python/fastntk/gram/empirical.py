# SPDX-License-Identifier: Apache-2.0
"""Empirical kernels as tile sources: sums of products of two Gram matrices.

A kernel is a sum of terms, one per linear map,

    K[(i, k), (j, k')] = sum_terms S[(i, k), (j, k')] (alpha A_i . A_j + beta),

A_i the activations that the map reads at point i, and S the inner products of its signals, the
derivatives of output k at point i by what the map writes; where signals are None, S is the identity
over outputs. Rows are sample-major: point i, output k is row i C + k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._tiles import TileSource

# Activations (n, n_l) and signals (n C, m_l) of one map; None where it needs none.
Term = tuple[Any, Any]
# Terms by the number of their map: given one by one, or kept.
Terms = Iterator[tuple[int, Term]] | dict[int, Term]
# Which blocks of a kernel of C outputs: all, their sum over equal outputs, or one.
Outputs = str | tuple[int, int]


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

    def of(self, terms: tuple[int, ...]) -> Plane:
        """Return the part of the kernel that some of its terms are."""
        factors = dict(zip(self.terms, self.factors, strict=True))
        return Plane(terms, tuple(factors[number] for number in terms), self.outputs)


class Sides(Protocol):
    """Where the terms of points come from: the passes of a network."""

    @property
    def engine(self) -> Engine:
        """Where terms are computed."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the terms and the kernels: float32 or float64."""

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The kernels."""

    @property
    def symmetric(self) -> bool:
        """Whether rows and columns of the same points have the same terms."""

    @property
    def bytes_per_point(self) -> int:
        """The most that a point takes: its terms, their making, the engine's copies of them."""

    def rows(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give numbered terms of points as rows, from the last one down; each is read once."""

    def columns(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give numbered terms of points as columns, from the last one down."""


def empirical_source(
    sides: Sides,
    plane: Plane,
    rows: Terms,
    columns: Terms | None = None,
    threads: int = 0,
) -> TileSource:
    """Return one kernel between two sides, or of one, as a tile source.

    Parameters
    ----------
    sides : Sides
        Where the terms are from.
    plane : Plane
        Which kernel.
    rows, columns : iterator of (int, Term), or dict
        What `Sides` gives, for this one kernel, or a dict of it for several; no columns for a
        symmetric kernel.
    threads : int
        Prepare the terms; 0 for the engine's choice.

    Raises
    ------
    ValueError
        A value of the kernel of a point with itself is not finite.
    """
    source: Any = sides.engine.empirical_kernel(
        sides.dtype,
        list(chosen(rows, plane)),
        None if columns is None else list(chosen(columns, plane)),
        plane.factors[::-1],
        plane.outputs,
        threads,
    )
    require_within(sides.dtype, source.largest_diagonal)
    made: TileSource = source
    return made


def require_within(dtype: np.dtype[Any], largest: float) -> None:
    """Require that the largest number on the diagonal is one of a type."""
    limit = float(np.finfo(dtype).max)
    if not largest <= limit:
        raise ValueError(
            f"scale, X and the parameters must keep the kernel within {dtype}, whose largest "
            f"number is {limit:.3g}; got {largest:.3g} on the diagonal"
        )


def chosen(terms: Terms, plane: Plane) -> Iterator[Term]:
    """Give the terms of a kernel, from the last one down."""
    numbered = sorted(terms.items(), reverse=True) if isinstance(terms, dict) else terms
    return (term for number, term in numbered if number in plane.terms)
