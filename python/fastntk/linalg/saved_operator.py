# SPDX-License-Identifier: Apache-2.0
"""Gram operators as files of their data and entries, see `fastntk._saving`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastntk import _saving, _validate
from fastntk._arrays import on_device
from fastntk.gram.kernel_maker import kernel_maker
from fastntk.linalg.placement import place_of_kernel, placed_data
from fastntk.linalg.source_operator import SourceOperator
from fastntk.linalg.storage import select_storage

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the operator to a file, whole or not at all; `load` gives one of the same entries.

        The file is an npz archive of arrays and JSON, without code, with a version. It holds the
        data, the network, and the matrix as a whole (N^2 entries) where that is stored dense or
        packed; a lazy operator's is computed again, and that of ``storage=path`` stays in its own
        file. For a matrix that is too large to be held twice, ``storage=path`` is the way.

        Parameters
        ----------
        path : path
            What is there is replaced.

        Raises
        ------
        TypeError
            A kernel that is a function, as a `UserKernel`: a file holds no code.
        ValueError
            An operator that `GramOperator.from_file` made: it is in a file.
        MemoryError
            A copy of the matrix does not fit the budget.
        OSError
            No such folder, or too little room on the disk: said before anything is written.
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
            there is no such device.
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
            "storage": self.storage,
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
        if K is None:
            options |= {"storage": storage, "dtype": parts["dtype"], "device": place}
            return own(net, parts["X"], **given, **options)
        workers = _validate.thread_count(threads)
        maker = kernel_maker(net, *given.values(), copy=True)
        place = place_of_kernel(maker, place)
        data = placed_data(parts["X"], place, memory, in_file=False, copy=True)
        room = data.room.holding(maker.nbytes)
        with data.engine.here():
            room.require(K.nbytes, f"{storage} storage of a saved matrix")
            source = data.engine.dense_source(data.engine.asarray(K))
            if storage == "packed":
                source = select_storage(storage, source, room).build(source, workers, None)
        op = own.__new__(own)
        op._describe(net, maker, data, **given)
        op._hold(source, storage, room.total, workers)
        op.nbytes += room.held
        return op
