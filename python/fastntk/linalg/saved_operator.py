# SPDX-License-Identifier: Apache-2.0
"""Gram operators as files of their data and entries, see `fastntk._saving`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastntk import _saving, _validate
from fastntk._arrays import on_device
from fastntk.gram.kernel_maker import kernel_maker
from fastntk.linalg import tile_file
from fastntk.linalg.identity import Identity, matrix_identity
from fastntk.linalg.placement import place_of_kernel, placed_data
from fastntk.linalg.source_operator import SourceOperator
from fastntk.linalg.storage import select_storage, storage_path

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from fastntk._memory import Budget
    from fastntk._tiles import TileSource
    from fastntk.gram.empirical import Outputs
    from fastntk.gram.kernel_maker import KernelMaker
    from fastntk.linalg.placement import PlacedData


class SavedOperator(SourceOperator):
    """The Gram matrix of a kernel on data, or a ready matrix, with ``save`` and ``load``."""

    net: Any
    X: NDArray[Any] | None
    kernel: str | None
    scale: float | None
    outputs: Outputs | None
    maker: KernelMaker | None
    # Of ``storage=path``, wherever the process goes later.
    _file: Path | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the operator to a file, whole or not at all; `load` gives one of the same entries.

        The file is an npz archive of arrays and JSON, without code, with a version. It holds the
        data, the network, and the matrix as a whole (N^2 entries) where that is stored dense or
        packed; a lazy operator's is computed again, and that of ``storage=path`` stays in its own
        file, which is saved by its absolute path. For a matrix that is too large to be held twice,
        ``storage=path`` is the way.

        Parameters
        ----------
        path : path
            A file that is there is replaced; its permissions stay.

        Raises
        ------
        TypeError
            A kernel that is a function, as a `UserKernel`: a file holds no code.
        ValueError
            An operator that `GramOperator.from_file` made: it is in a file.
        MemoryError
            A copy of the matrix does not fit the budget.
        OSError
            No such folder, no file but a device or pipe at the path, or too little room on the
            disk: said before anything is written.
        """
        _saving.save(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        memory: int | str | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> Self:
        """Return the operator that `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        memory, threads
            As in `GramOperator`.
        device : {"auto", "cpu", "cuda", "cuda:N"}, optional
            As in `GramOperator` for data in the host's memory; "auto" by default.

        Raises
        ------
        ValueError
            The file was not saved by fastntk, by a newer one, holds something else, or is damaged;
            there is no such device. The matrix is in a file of tiles that is not there, not
            finished, or of something else: it is never computed or written here.
        MemoryError
            The matrix does not fit the budget.
        OSError
            It cannot be read.
        """
        op: Self = _saving.loaded(path, cls, device, memory=memory, threads=threads)
        return op

    def _describe(
        self,
        net: Any,
        maker: KernelMaker,
        data: PlacedData,
        kernel: str,
        scale: float,
        outputs: Outputs,
    ) -> None:
        """Set what is known of the kernel and the data."""
        self.net, self.X, self.kernel, self.scale = net, data.points, kernel, scale
        self.outputs, self.maker = outputs, maker
        self._points, self.host = data.resident, not on_device(data.points)

    def _saved_parts(self) -> dict[str, Any]:
        stored = self.storage in ("dense", "packed", "host")
        if self.maker is None and not stored:
            raise ValueError(
                f"the matrix is in {self.storage} already: GramOperator.from_file reads it"
            )
        return {
            "net": None if self.maker is None else self.maker.net,
            "X": self.X,
            "K": self.to_dense() if stored else None,
            "kernel": self.kernel,
            "scale": self.scale,
            "outputs": self.outputs,
            "storage": self.storage if self._file is None else str(self._file),
            "dtype": self.dtype,
        }

    @classmethod
    def _from_parts(
        cls,
        parts: dict[str, Any],
        device: str | None,
        *,
        memory: int | str | None = None,
        threads: int | None = None,
    ) -> Any:
        # GramOperator is the only class of operators in files.
        own: Any = cls
        place, options = device or "auto", {"memory": memory, "threads": threads}
        net, K, storage = parts["net"], parts["K"], parts["storage"]
        outputs = (
            tuple(parts["outputs"]) if isinstance(parts["outputs"], list) else parts["outputs"]
        )
        if net is None:
            return own.from_matrix(K, device=place, **options)
        given = {name: parts[name] for name in ("kernel", "scale")} | {"outputs": outputs}
        file = storage_path(storage) if K is None else None
        if K is None and file is None:
            options |= {"storage": storage, "dtype": parts["dtype"], "device": place}
            return own(net, parts["X"], **given, **options)
        workers = _validate.thread_count(threads)
        maker = kernel_maker(net, *given.values(), copy=True)
        place = place_of_kernel(maker, place)
        data = placed_data(parts["X"], place, memory, in_file=file is not None, copy=True)
        room = data.room.holding(maker.nbytes)
        if file is None:
            source = _stored_source(K, storage, maker, data, room, workers)
        else:
            dtype = maker.result_dtype(parts["dtype"], data.points)
            source = _finished_source(file, matrix_identity(maker, data.points, dtype))
        op = own.__new__(own)
        op._describe(net, maker, data, **given)
        op._file = file
        op._hold(source, str(storage), room.total, workers)
        op.nbytes += room.held
        return op


def _stored_source(
    K: NDArray[Any], storage: str, maker: KernelMaker, data: PlacedData, room: Budget, threads: int
) -> TileSource:
    """Return the matrix of a file as it was stored in memory."""
    rows = len(data.points) * maker.rows_per_point
    if K.shape != (rows, rows) or storage not in ("dense", "packed"):
        raise ValueError(f"there is a {K.shape} matrix in {storage!r} storage for {rows} rows")
    with data.engine.here():
        room.require(K.nbytes, f"{storage} storage of a saved matrix")
        source: TileSource = data.engine.dense_source(data.engine.asarray(K))
        if storage == "packed":
            source = select_storage(storage, source, room).build(source, threads, None)
    return source


def _finished_source(path: Path, content: Identity) -> TileSource:
    """Return the matrix of a file of tiles, which is never written to.

    What a saved operator says need not be of its user: it must not fill a disk.
    """
    try:
        complete = tile_file.finished(path, content)
        done, total = tile_file.tiles_there(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        complete, done, total = None, 0, 0
    if complete is not None:
        return complete[0]
    anew = "GramOperator(net, X, storage=path)"
    if total == 0:
        raise ValueError(f"its matrix was in {path}, which is not there: {anew} makes it again")
    raise ValueError(
        f"its matrix is in {path}, which is not finished, {done} of {total} tiles are there: "
        f"{anew} goes on"
    )
