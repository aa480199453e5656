# SPDX-License-Identifier: Apache-2.0
"""The data of an operator: checked, copied, and laid where the operator computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, kind_of, place_of
from fastntk._memory import Budget

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk._backend import Engine
    from fastntk.gram.kernel_maker import KernelMaker


@dataclass(frozen=True)
class PlacedData:
    """Points, and where an operator on them computes.

    Attributes
    ----------
    engine : Engine
        What computes.
    points, resident : ndarray
        In the memory of what was given, and as the engine reads them.
    room : Budget
        Of the engine's memory; what ``resident`` takes of it is held.
    """

    engine: Engine
    points: Any
    resident: Any
    room: Budget


def place_of_kernel(maker: KernelMaker, device: str) -> str:
    """Return the device to compute on: the one asked for, unless the kernel has one of its own."""
    if maker.place is None:
        return device
    if device != "auto" and _backend.engine(device).name != maker.place:
        raise ValueError(f"device must be where the network is, {maker.place!r}, got {device!r}")
    return maker.place


def placed_data(
    X: ArrayLike, device: str, memory: int | str | None, *, in_file: bool, copy: bool
) -> PlacedData:
    """Return the points of an operator; arguments are those of `fastntk.GramOperator`.

    Parameters
    ----------
    in_file : bool
        Whether the matrix will be in a file, which is the CPU's.
    """
    given = _validate.real_array(X, "X")
    engine = _file_engine(device, given) if in_file else _backend.engine(device, X=given)
    budget = engine.budget_bytes(memory)
    transferred = engine.xp is not array_namespace(given)
    with engine.here():
        room = _backend.CPU.room(given.nbytes) if transferred else Budget(budget, 0, engine.name)
        points = _validate.samples(given, copy=copy, room=room)
        if transferred:
            Budget(budget, 0, engine.name).require(points.nbytes, "the data")
        held = points.nbytes if transferred else _validate.copied_bytes(points, X)
        return PlacedData(engine, points, engine.asarray(points), Budget(budget, held, engine.name))


def _file_engine(device: str, X: Any) -> Engine:
    """Return the CPU, having made sure that it is meant."""
    engine = _backend.engine(place_of(X) if device == "auto" else device, X=X)
    if engine.name != _backend.CPU.name:
        raise ValueError(
            f"storage in a file is the CPU's: give X in the host's memory and device='cpu', "
            f"or storage='lazy', got {kind_of(X)} and device={device!r}"
        )
    return engine
