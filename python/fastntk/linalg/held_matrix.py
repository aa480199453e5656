# SPDX-License-Identifier: Apache-2.0
"""A ready matrix as a tile source: where it is, on a GPU, or on the host for a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastntk import _backend
from fastntk._arrays import array_namespace, on_device, place_of
from fastntk._cuda_engine import CudaEngine
from fastntk._memory import Budget
from fastntk.linalg.host_matrix import HostMatrix
from fastntk.linalg.operator import require_symmetric
from fastntk.linalg.placed import float_columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk._tiles import TileSource


@dataclass(frozen=True)
class HeldMatrix:
    """A matrix that an operator holds.

    Attributes
    ----------
    source : TileSource
        Delivers it.
    storage : {"dense", "host"}
        "host" if it stays in the host's memory and products on a GPU copy it.
    budget : int
        Of the operator, in bytes.
    given_on_host : bool
        Whether it came from the host's memory.
    """

    source: TileSource
    storage: str
    budget: int
    given_on_host: bool


def held_matrix(K: ArrayLike, device: str, memory: int | str | None) -> HeldMatrix:
    """Return a checked matrix; arguments are those of `fastntk.GramOperator.from_matrix`."""
    given = float_columns(K, "K")
    engine = _backend.engine(place_of(given) if device == "auto" else device, K=given)
    host = not on_device(given)
    with engine.here():
        matrix = array_namespace(given).ascontiguousarray(given)
        largest = require_symmetric(matrix)
        if isinstance(engine, CudaEngine) and host:
            room = Budget(engine.budget_bytes(memory), 0, engine.name)
            if matrix.nbytes > room.left:
                return HeldMatrix(
                    HostMatrix(engine, matrix, largest, room), "host", room.total, host
                )
        matrix = engine.asarray(matrix)
    budget = engine.budget_bytes(memory) + (matrix.nbytes if memory is None else 0)
    return HeldMatrix(engine.dense_source(matrix), "dense", budget, host)
