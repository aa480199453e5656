# SPDX-License-Identifier: Apache-2.0
"""Ways to hold a symmetric Gram matrix between products, each a named builder in one registry.

A storage turns a tile source, which computes tiles when asked, into the tile source that the
products will use. To add one, `register` it; `GramOperator` needs no change.

========  ==========================  ==============================
name      bytes held                  a product reads
========  ==========================  ==============================
dense     itemsize * N^2              the matrix
packed    about itemsize * N^2 / 2    the blocks on and above the diagonal
lazy      those of the data           nothing: tiles are computed again
========  ==========================  ==============================

A path is a storage too, `fastntk.linalg.tile_file`: it holds a mark of 8 bytes per tile and reads
the triangle from the file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastntk import _backend
from fastntk._memory import Budget
from fastntk._tiles import PackingSource, TileProgress, TileSource

# Columns of an eigensolver's basis and of their products (16 bytes a row and column) for which
# "auto" leaves room beside a stored matrix.
_SOLVER_COLUMNS = 512
# Rows beyond which "auto" does not store a matrix densely: half of it multiplies as fast, and a
# default run leaves the memory of a large machine to others.
_DENSE_ROWS = 8192


@dataclass(frozen=True)
class Storage:
    """One way to hold a Gram matrix.

    Attributes
    ----------
    name : str
        What the user writes.
    nbytes : callable
        ``nbytes(source)``: the most bytes held while building, those of the source included.
    build : callable
        ``build(source, threads, progress)``: the tile source to use from then on.
    most_rows : float
        "auto" does not take it for more rows.
    """

    name: str
    nbytes: Callable[[TileSource], int]
    build: Callable[[TileSource, int, TileProgress | None], TileSource]
    most_rows: float = math.inf


_STORAGES: dict[str, Storage] = {}


def register(storage: Storage) -> Storage:
    """Make a storage known under its name; "auto" tries storages in the order of registration.

    Parameters
    ----------
    storage : Storage
        A name not registered before.

    Returns
    -------
    Storage
        The argument.
    """
    if storage.name in _STORAGES or storage.name == "auto":
        raise ValueError(f"storage {storage.name!r} is already registered")
    _STORAGES[storage.name] = storage
    return storage


def storage_names() -> tuple[str, ...]:
    """Return the registered names, in the order in which "auto" tries them."""
    return tuple(_STORAGES)


def storage_path(storage: str | os.PathLike[str]) -> Path | None:
    """Return the path that the argument ``storage`` is, or None for a name.

    Parameters
    ----------
    storage : str or path-like
        Text that is no name is a path if it has a folder or a suffix: "./K" or "K.gram".

    Raises
    ------
    ValueError
        Neither a path nor a name.
    """
    if isinstance(storage, os.PathLike):
        return Path(os.fsdecode(storage))
    names = ("auto", *_STORAGES)
    if isinstance(storage, str):
        if storage in names:
            return None
        if os.sep in storage or Path(storage).suffix:
            return Path(storage)
    known = ", ".join(repr(name) for name in names)
    raise ValueError(f"storage must be one of {known}, or a path such as 'K.gram', got {storage!r}")


def select_storage(name: str, source: TileSource, room: Budget) -> Storage:
    """Return the storage to build, having made sure that it fits.

    Parameters
    ----------
    name : str
        A registered name, or "auto": the first in the order of registration that is meant for so
        many rows (dense: up to 8192), fits the budget and leaves room for an eigensolver; the last
        one if none does.
    source : TileSource
        What is to be stored.
    room : Budget
        For the stored matrix and, with "auto", the eigensolver.

    Returns
    -------
    Storage
        Nothing is allocated yet.

    Raises
    ------
    MemoryError
        The storage asked for by name, or the last resort of "auto", does not fit: the message has
        the bytes needed and the budget.
    """
    n = source.shape[0]
    if name == "auto":
        most = room.left - 16 * n * min(n, _SOLVER_COLUMNS)
        fitting = (s for s in _STORAGES.values() if n <= s.most_rows and s.nbytes(source) <= most)
        storage = next(fitting, list(_STORAGES.values())[-1])
    else:
        storage = _STORAGES[name]
    what = f"{storage.name} storage of a {n} x {n} {source.dtype} matrix"
    room.require(storage.nbytes(source), what)
    return storage


def _dense_nbytes(source: TileSource) -> int:
    rows, columns = source.shape
    return source.nbytes + rows * columns * source.dtype.itemsize


def _build_dense(source: TileSource, threads: int, progress: TileProgress | None) -> TileSource:
    engine = _backend.engine_of(source)
    K = engine.empty(source.shape, source.dtype)
    source.to_dense(K, threads, progress)
    dense: TileSource = engine.dense_source(K)
    return dense


def _packed_nbytes(source: TileSource) -> int:
    if isinstance(source, PackingSource):
        return source.packed_nbytes
    edge = _backend.tile_edge()
    blocks = -(-source.shape[0] // edge)
    return source.nbytes + blocks * (blocks + 1) // 2 * edge * edge * source.dtype.itemsize


def _build_packed(source: TileSource, threads: int, progress: TileProgress | None) -> TileSource:
    if isinstance(source, PackingSource):
        return source.packed(threads, progress)
    packed: TileSource = _backend.engine_of(source).pack_triangle(source, threads, progress)
    return packed


def _lazy_nbytes(source: TileSource) -> int:
    return source.nbytes


def _build_lazy(source: TileSource, threads: int, progress: TileProgress | None) -> TileSource:
    return source


register(Storage("dense", _dense_nbytes, _build_dense, _DENSE_ROWS))
register(Storage("packed", _packed_nbytes, _build_packed))
register(Storage("lazy", _lazy_nbytes, _build_lazy))
