# SPDX-License-Identifier: Apache-2.0
"""The Gram matrix of a network's kernel on data, or a ready matrix, as an operator."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _backend, _validate
from fastntk._progress import of_stage
from fastntk.gram.kernel_maker import kernel_maker
from fastntk.linalg import tile_file
from fastntk.linalg.cross import cross_gram, cross_product
from fastntk.linalg.held_matrix import held_matrix
from fastntk.linalg.host_matrix import HostMatrix
from fastntk.linalg.identity import matrix_identity
from fastntk.linalg.placement import place_of_kernel, placed_data
from fastntk.linalg.saved_operator import SavedOperator
from fastntk.linalg.storage import select_storage, storage_path

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected
    from fastntk.gram.empirical import Outputs
    from fastntk.gram.kernel_maker import KernelMaker


class GramOperator(SavedOperator):
    """Gram matrix of a limiting or empirical kernel on N points, as an operator.

    Parameters
    ----------
    net : FullyConnected or FiniteNetwork
        The architecture, for its limiting kernel, or a single network of finite width, for its
        empirical one. Anything with a ``fastntk.gram.kernel_maker.KernelMaker`` will do.
    X : array_like of shape (N, d)
        The points: uint8, float32 or float64; other real types become float64.
    kernel : {"ntk", "nngp"}
        Which kernel.
    storage : {"auto", "dense", "packed", "lazy"} or path
        How the matrix is kept, see ``fastntk.linalg.storage``. "auto" takes the first of dense (up
        to 8192 points), packed and lazy that fits the memory budget with room for an eigensolver.
        A path (or text with a folder or a suffix, as "K.gram") is a file of the triangle that
        products read tile by tile: used at once if it is finished, completed if it is not.
    scale : float
        Multiplies X.
    outputs : "full", "trace" or (int, int)
        Of a FiniteNetwork with C outputs: all of them, as N C rows, row i C + k being output k at
        point i; or N rows of the sum over outputs, or of output k alone, (k, k).
    dtype : {"float32", "float64"}, optional
        Type of the entries; float64 for float64 X, else float32; a FiniteNetwork's own.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; half of what is available by default. It is for
        the operator with its copy of X, and for what is computed with it.
    threads : int, optional
        Of construction and products; all allowed CPUs by default. Results do not depend on it.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where the matrix is kept and multiplied, see `FullyConnected.ntk`; where a FiniteNetwork is.
        On a GPU the budget is of its memory, by default nine tenths of what CuPy can allocate.
    copy_X : bool
        Whether X, and the parameters of a FiniteNetwork, are copied, so that later changes to them
        do not matter. Without a copy they must not change as long as the operator is used.
    progress : callable, optional
        Called with (stage, done, total) while the matrix is computed and stored.

    Attributes
    ----------
    net, X, kernel, scale, outputs
        As given; None for an operator from a matrix.
    maker : KernelMaker
        The kernel, with its own copy of what it is of; None for a matrix or a file.
    storage : str
        What "auto" chose, or the path; "host" for a matrix that a GPU reads slab by slab.
    place : str
        "cpu", or as in "cuda:0".

    Raises
    ------
    TypeError
        A ``net`` that has no kernel, data that are not real numbers, another dtype than a
        FiniteNetwork's.
    ValueError
        Data that are not 2-D, empty or not finite, or another argument out of range; a file that
        is damaged or holds another matrix: it is never written to.
    MemoryError
        The data prepared for products, or the storage, do not fit: said before they are allocated.
    OSError
        The file finds no room on the disk (said before anything is computed), cannot be written, or
        is being filled by another process. A product raises it for a damaged tile.

    Notes
    -----
    A product with k columns costs 2 N^2 k operations, plus the evaluation of N^2 / 2 kernel values
    when the storage is lazy; N counts rows here, C per point of a FiniteNetwork. An operator holds
    native memory and cannot be pickled; `save` writes it to a file.

    A file that is interrupted, by kill -9 or a power cut too, lacks the tiles of the last second.
    It may be completed on another machine: each tile is within the bounds of its instruction set.
    Files are computed and multiplied by the CPU.

    On a GPU results are in the library of the arguments: for CuPy arrays they are left in flight on
    CuPy's current stream, which may be another one at every call. Construction waits once for the
    device, to learn what the data are like.
    """

    def __init__(
        self,
        net: FullyConnected | Any,
        X: ArrayLike,
        kernel: str = "ntk",
        storage: str | os.PathLike[str] = "auto",
        *,
        scale: float = 1.0,
        outputs: Outputs = "full",
        dtype: DTypeLike | None = None,
        memory: int | str | None = None,
        threads: int | None = None,
        device: str = "auto",
        copy_X: bool = True,
        progress: Progress | None = None,
    ) -> None:
        maker = kernel_maker(net, kernel, scale, outputs, copy=copy_X)
        path = storage_path(storage)
        if path is not None:
            tile_file.require_place(path)
        workers, stage = _validate.thread_count(threads), of_stage(progress, "Gram matrix")
        device = place_of_kernel(maker, device)
        data = placed_data(X, device, memory, in_file=path is not None, copy=copy_X)
        points, room = data.points, data.room.holding(maker.nbytes)
        make = partial(
            maker.source,
            data.resident,
            dtype=dtype,
            device=data.engine.name,
            threads=threads,
            budget=room.left,
        )
        self._describe(net, maker, data, kernel, scale, outputs)
        if path is None:
            source = make()
            chosen = select_storage(str(storage), source, room)
            self._hold(chosen.build(source, workers, stage), chosen.name, room.total, workers)
        else:
            content = matrix_identity(maker, points, maker.result_dtype(dtype, points))
            stored = tile_file.stored(path, content, make, workers, room, stage)
            self._file = path.absolute()
            self._hold(stored, str(path), room.total, workers)
        self.nbytes += room.held

    @classmethod
    def from_matrix(
        cls,
        K: ArrayLike,
        *,
        memory: int | str | None = None,
        threads: int | None = None,
        device: str = "auto",
    ) -> GramOperator:
        """Return a ready symmetric matrix as an operator; a contiguous float array is not copied.

        Parameters
        ----------
        K : array_like of shape (N, N)
            Finite, symmetric to rounding; float32 or float64, other real types become float64. It
            must not change as long as the operator is used.
        memory, threads
            As in the class. A budget given includes K; the default, half of what is available
            beside K, does not.
        device : str
            "auto": where K is. A GPU gets a copy of a K in the host's memory, once if it fits the
            budget. A larger one stays where it is, and every product copies it, slab by slab of
            rows, while the slab before is multiplied: at the pace of the bus. A few slabs are then
            held in the host's memory too, where the system does not move them.

        Raises
        ------
        TypeError
            K is not numeric, or complex.
        ValueError
            K is empty, not square, not finite or not symmetric; there is no such device.
        MemoryError
            K is to be copied to a GPU, and two slabs of 128 rows do not fit there.
        """
        held = held_matrix(K, device, memory)
        op = cls.__new__(cls)
        op.net = op.X = op.kernel = op.scale = op.outputs = op.maker = None
        op.host = held.given_on_host
        op._hold(held.source, held.storage, held.budget, _validate.thread_count(threads))
        return op

    @classmethod
    def from_file(
        cls, path: str | Path, *, memory: int | str | None = None, threads: int | None = None
    ) -> GramOperator:
        """Return the matrix in a finished file as an operator; the data are not needed.

        Parameters
        ----------
        path : path
            What ``GramOperator(net, X, storage=path)`` wrote; read permission is enough.
        memory, threads
            As in the class.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is not finished, damaged, or no Gram matrix.
        """
        budget = _backend.CPU.budget_bytes(memory)
        workers = _validate.thread_count(threads)
        source, content = tile_file.required(Path(path))
        op = cls.__new__(cls)
        op.net = op.X = op.maker = None
        op.kernel, op.scale = content["kernel"], content["scale"]
        outputs = content.get("outputs", "full")  # a limiting kernel does not say
        op.outputs = outputs if isinstance(outputs, str) else tuple(outputs)
        op._hold(source, str(path), budget, workers)
        return op

    def columns(self, indices: NDArray[np.integer[Any]]) -> Any:
        """Return some columns; read from a matrix on the host, or computed from the data."""
        if isinstance(self._source, HostMatrix):
            return self._source.columns(indices)
        if self.X is None:
            return super().columns(indices)
        with self.here():
            wanted, C = self.xp.asarray(indices), self._data()[0].rows_per_point
            K = self.cross(self._points[wanted // C])
            return K[self.xp.arange(len(wanted)) * C + wanted % C].T

    def cross(self, Z: ArrayLike) -> NDArray[Any]:
        """Return the kernel between new points and the points of the operator.

        The result is of the library of Z.

        Parameters
        ----------
        Z : array_like of shape (M, d)
            New points, scaled like X.

        Returns
        -------
        ndarray of shape (M, N), (M C, N C) for C outputs
            Of the operator's dtype.

        Raises
        ------
        MemoryError
            The result does not fit beside what the operator holds; `cross_matmat` never forms it.
        """
        maker, X, options = self._data()
        return cross_gram(maker, Z, X, **options)

    def cross_matmat(
        self, Z: ArrayLike, V: ArrayLike, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Return K(Z, X) @ V by blocks of rows of Z; K(Z, X) is never held.

        Parameters
        ----------
        Z : array_like of shape (M, d)
            New points, scaled like X.
        V : array_like of shape (N, k)
            As in `matmat`.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (M, k), (M C, k) for C outputs
            float64.

        Raises
        ------
        MemoryError
            The result, or a block of 256 rows, does not fit the budget.
        """
        maker, X, options = self._data()
        columns = self._check_columns(V)
        return cross_product(maker, Z, X, columns, progress=progress, **options)

    def _data(self) -> tuple[KernelMaker, NDArray[Any], dict[str, Any]]:
        if self.maker is None:
            raise ValueError("an operator from a matrix or a file has no data for new points")
        options = {"dtype": self.dtype, "threads": self._threads or None, "room": self.room}
        return self.maker, self._points, options
