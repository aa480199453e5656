# SPDX-License-Identifier: Apache-2.0
"""What linear algebra asks of a kernel: who has a maker has Gram operators, and all they can do.

A network gives its maker by a method ``kernel_maker(kernel, scale, outputs, copy)``; one with a
layer program has that of its limiting kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fastntk import _validate
from fastntk.gram import limiting
from fastntk.gram.problem import prepared_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

    from fastntk._tiles import TileSource
    from fastntk.gram.empirical import Outputs
    from fastntk.gram.program import Network


class KernelMaker(Protocol):
    """A kernel on points.

    Attributes
    ----------
    net : FullyConnected, FiniteNetwork, or alike
        Whose kernel it is: a copy where that was asked for.
    rows_per_point : int
        Rows of the Gram matrix for each point; those of a point follow each other.
    place : str or None
        The only device that computes it, as in "cuda:0"; None if data may be anywhere.
    nbytes : int
        Bytes that the maker itself keeps.
    """

    @property
    def net(self) -> Any:
        """Whose kernel it is."""

    @property
    def rows_per_point(self) -> int:
        """Rows of the Gram matrix for each point."""

    @property
    def place(self) -> str | None:
        """The only device that computes it; None for any."""

    @property
    def nbytes(self) -> int:
        """Bytes that the maker itself keeps."""

    def source(
        self,
        X: NDArray[Any],
        columns: Any = None,
        *,
        dtype: DTypeLike | None,
        device: str,
        threads: int | None,
        budget: int,
    ) -> TileSource:
        """Return the Gram matrix of points, or between them and ``columns``, as a tile source.

        ``columns`` are points, or what `prepared` made of them; with the source they must fit the
        ``budget`` in bytes, else MemoryError is raised before anything is allocated.
        """

    def prepared(self, X: NDArray[Any], threads: int | None) -> Any:
        """Return what sources that share the columns X need to compute only once."""

    def prepared_bytes(self, X: NDArray[Any]) -> int:
        """Return the bytes that a source takes for points, rounded up to whole tiles of them.

        Only shape and dtype of X count.
        """

    def result_dtype(self, dtype: DTypeLike | None, X: NDArray[Any]) -> np.dtype[Any]:
        """Return the type of the entries: float32 or float64."""

    def identity(self) -> dict[str, Any]:
        """Return, as plain values for JSON, what decides the entries besides data and dtype."""


def kernel_maker(
    net: Any, kernel: str, scale: float, outputs: Outputs = "full", *, copy: bool = False
) -> KernelMaker:
    """Return the maker of a network's kernel.

    Parameters
    ----------
    net : FullyConnected, FiniteNetwork, or alike
        Has a layer program, or a method of this function's name and further arguments.
    kernel : {"ntk", "nngp"}
        Which kernel.
    scale : float
        Multiplies the points.
    outputs : "full", "trace" or (int, int)
        Which blocks of it, where there are several outputs.
    copy : bool
        Whether later changes of the network must not matter.

    Raises
    ------
    TypeError
        ``net`` has neither.
    """
    own = getattr(net, "kernel_maker", None)
    if own is not None and not isinstance(net, type):
        made: KernelMaker = own(kernel, scale, outputs, copy=copy)
        return made
    _validate.network(net)
    if outputs not in ("full", "trace"):
        raise ValueError(
            f"outputs must be 'full' or 'trace' for a limiting kernel, that of one output, "
            f"got {outputs!r}"
        )
    return LimitingMaker(net, kernel, scale)


@dataclass(frozen=True)
class LimitingMaker:
    """A limiting kernel; see `KernelMaker`."""

    net: Network
    kernel: str
    scale: float
    rows_per_point = 1
    place = None
    nbytes = 0

    def source(
        self,
        X: NDArray[Any],
        columns: Any = None,
        *,
        dtype: DTypeLike | None,
        device: str,
        threads: int | None,
        budget: int,
    ) -> TileSource:
        """Return the Gram matrix as a tile source; see `limiting_source`."""
        return limiting.limiting_source(
            self.net,
            X,
            columns,
            kernel=self.kernel,
            scale=self.scale,
            dtype=dtype,
            device=device,
            threads=threads,
            budget=budget,
        )

    def prepared(self, X: NDArray[Any], threads: int | None) -> Any:
        """Return the points: packing them costs little beside the kernel."""
        return X

    def prepared_bytes(self, X: NDArray[Any]) -> int:
        """Return the bytes of one side."""
        return prepared_bytes(X, self.net.program())

    def result_dtype(self, dtype: DTypeLike | None, X: NDArray[Any]) -> np.dtype[Any]:
        """Return the type asked for, or that of the data."""
        return _validate.result_dtype(dtype, X)

    def identity(self) -> dict[str, Any]:
        """Return the kernel's name, the scale, and the network's layers."""
        return {
            "kernel": _validate.choice(self.kernel, "kernel", ("ntk", "nngp")),
            "scale": _validate.positive(self.scale, "scale"),
            **self.net.program().identity,
        }
