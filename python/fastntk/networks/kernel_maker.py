# SPDX-License-Identifier: Apache-2.0
"""The empirical kernels of a finite network for `GramOperator`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import to_host
from fastntk._memory import Budget
from fastntk.gram.empirical import Outputs, empirical_source
from fastntk.networks.arguments import output_blocks
from fastntk.networks.kernels import NetworkSides, planes_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fastntk._tiles import TileSource
    from fastntk.gram.architecture import FullyConnected
    from fastntk.gram.empirical import Term
    from fastntk.networks.network import FiniteNetwork


@dataclass(frozen=True)
class _Columns:
    """Terms of points that several sources share."""

    terms: dict[int, Term]


@dataclass(frozen=True)
class NetworkKernel:
    """A kernel of one finite network; see `fastntk.gram.kernel_maker.KernelMaker`.

    Attributes
    ----------
    net : FiniteNetwork
        A single one.
    kernel : {"ntk", "nngp"}
        Which kernel.
    scale : float
        Multiplies the points.
    outputs : "full", "trace" or (int, int)
        Which blocks of the NTK; a pair of equal outputs.
    nbytes : int
        Bytes of parameters that are copies.
    """

    net: FiniteNetwork
    kernel: str
    scale: float
    outputs: Outputs
    nbytes: int

    @property
    def rows_per_point(self) -> int:
        """C for all outputs, else 1."""
        return self._sides(None).planes[0].outputs

    @property
    def place(self) -> str:
        """Where the network is."""
        return self.net.engine.name

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
        """Return the Gram matrix as a tile source, which keeps the terms of its points."""
        self.result_dtype(dtype, X)
        self.net.require_finite()
        ready = isinstance(columns, _Columns)
        needed = self.prepared_bytes(X)
        if columns is not None and not ready:
            needed += self.prepared_bytes(columns)
        room = Budget(budget, 0, self.place)
        room.require(needed, "passes of points of shape {}", X.shape)
        sides = self._sides(threads)
        rows = sides.rows(self.net.points(X, "X"))
        other = None
        if columns is not None:
            other = columns.terms if ready else sides.columns(self.net.points(columns, "columns"))
        return empirical_source(sides, sides.planes[0], rows, other, sides.threads)

    def prepared(self, X: NDArray[Any], threads: int | None) -> Any:
        """Return the terms of columns."""
        return _Columns(dict(self._sides(threads).columns(self.net.points(X, "X"))))

    def prepared_bytes(self, X: NDArray[Any]) -> int:
        """Return the bytes of the terms of points, and of the engine's copies of them."""
        edge = _backend.tile_edge()
        return -(-len(X) // edge) * edge * self._sides(None).bytes_per_point

    def result_dtype(self, dtype: DTypeLike | None, X: NDArray[Any]) -> np.dtype[Any]:
        """Return the network's type, the only one."""
        if dtype is not None and _validate.result_dtype(dtype) != self.net.dtype:
            raise TypeError(
                f"dtype must be the network's, {self.net.dtype}, got {np.dtype(dtype)}: "
                "make the network with that dtype"
            )
        return self.net.dtype

    def identity(self) -> dict[str, Any]:
        """Return the network's description and the SHA-256 of its parameters."""
        net = self.net
        values = to_host(net.flat)
        return {
            "kernel": self.kernel,
            "scale": _validate.positive(self.scale, "scale"),
            "outputs": list(self.outputs) if isinstance(self.outputs, tuple) else self.outputs,
            "widths": list(net.widths),
            "activation": _identity_of(net.net),
            "factors": [[s.weight_factor, s.bias_factor] for s in net.scales],
            "rates": [list(pair) for pair in net.rates],
            "nngp factors": list(net.nngp_factors),
            "parameters SHA-256": hashlib.sha256(values.data).hexdigest(),
        }

    def _sides(self, threads: int | None) -> NetworkSides:
        net, layers = self.net, self.net.layers()
        planes, lowest = planes_of((self.kernel,), layers, net.nngp_factors, self.outputs)
        return NetworkSides(
            layers,
            net.engine,
            net.dtype,
            planes,
            self.outputs,
            self.scale,
            lowest,
            _validate.thread_count(threads),
        )


def network_kernel(
    net: FiniteNetwork, kernel: str, scale: float, outputs: Outputs, *, copy: bool
) -> NetworkKernel:
    """Return the maker of a network's kernel, having checked what it is asked for.

    Parameters
    ----------
    net : FiniteNetwork
        A single one.
    kernel, scale, outputs
        As for `NetworkKernel`.
    copy : bool
        Whether the parameters are copied.
    """
    if net.networks is not None:
        raise ValueError(f"net must be a single network such as net[0], got a batch: {net!r}")
    _validate.choice(kernel, "kernel", ("ntk", "nngp"))
    blocks = output_blocks(outputs, net.widths[-1])
    if not isinstance(blocks, str) and blocks[0] != blocks[1]:
        raise ValueError(
            f"outputs must be 'full', 'trace' or a pair (k, k) for a symmetric matrix, got {blocks}"
        )
    kept = net.copy() if copy else net
    return NetworkKernel(kept, kernel, scale, blocks, kept.flat.nbytes if copy else 0)


def _identity_of(net: FullyConnected) -> str | list[str]:
    """Return what tells activations apart."""
    if isinstance(net.activation, str):
        return net.activation
    return [one.fingerprint for one in net.activations]
