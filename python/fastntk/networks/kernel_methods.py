# SPDX-License-Identifier: Apache-2.0
"""The empirical kernels of a finite network, or of each of a batch: arguments and results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, kind_of, on_device, place_of
from fastntk._memory import Budget
from fastntk._progress import of_stage
from fastntk.gram.empirical import Outputs
from fastntk.gram.empirical_gram import empirical_gram
from fastntk.networks.arguments import kernel_names, output_blocks
from fastntk.networks.kernels import NetworkSides, matrices_of, planes_of, result_shapes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk.gram.empirical import Plane
    from fastntk.networks.layer import Layer


class KernelMethods(ABC):
    """Kernels of whatever has layers.

    Attributes
    ----------
    widths : tuple of int
        n_0 .. n_L.
    dtype : dtype
        Of parameters and results.
    engine : Engine
        Where the parameters are.
    """

    widths: tuple[int, ...]
    dtype: np.dtype[Any]
    engine: Engine

    @property
    @abstractmethod
    def networks(self) -> int | None:
        """Number of networks in a batch; None for a single one."""

    @property
    @abstractmethod
    def nngp_factors(self) -> tuple[float, float]:
        """Variances that the last map's weights and bias contribute with, factors included."""

    @abstractmethod
    def layers(self, index: int = 0) -> list[Layer]:
        """Return the maps of one network."""

    @abstractmethod
    def require_finite(self) -> None:
        """Require that all parameters are finite."""

    def ntk(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        scale: float = 1.0,
        outputs: Outputs = "full",
        out: NDArray[Any] | None = None,
        memory: int | str | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        r"""Empirical NTK Gram matrix of X, or between the points of X and of Y.

        .. math:: \Theta_{kk'}(x, x') = \sum_p r_p\, \partial_p f_k(x)\, \partial_p f_{k'}(x'),

        over all trained parameters p, :math:`r_p` being what multiplies their learning rate: the
        kernel of what training does, in any parametrisation ([1]_, Section 4).

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            uint8, float32 or float64, taken in the network's dtype. CuPy arrays, and by DLPack
            those of PyTorch and JAX, must be where the network is; NumPy arrays are copied there.
        Y : array_like of shape (M, n_0), optional
            A second set of points. Without it the result is symmetric to the bit, but for a pair of
            different outputs.
        scale : float
            Multiplies X and Y: ``scale=1/255`` for uint8 pixels.
        outputs : {"full", "trace"} or (int, int)
            All blocks, row i C + k being output k at point i; their sum over k = k'; or the block
            (k, k').
        out : ndarray, optional
            C-contiguous array of the result's shape and dtype to write into, where X is.
        memory : int or str, optional
            Budget of the result and everything else, in bytes or as "8 GB"; what is available by
            default. What exceeds it is computed by blocks of points.
        threads : int, optional
            As for `FullyConnected.ntk`; products with weights take as many as NumPy's BLAS does.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (N C, M C), or (N, M) for a trace or a pair
            Of the network's dtype, behind an axis for the networks of a batch; of the library of X.

        Raises
        ------
        TypeError
            Data that are not real numbers, or on another device than the network.
        ValueError
            Data of other columns than ``widths[0]``, or not finite; parameters that are not finite
            or make values that overflow; ``out`` unfit; no such output; an activation that jumps
            behind a map that is trained, as `FullyConnected.ntk` refuses it.
        MemoryError
            The result, or blocks of 64 points, do not fit: said before they are allocated.

        Notes
        -----
        Cost for P weights: 2 N P operations forward, 2 N C P backward, and for every map two inner
        products, of activations and of signals, per entry of one half of the matrix.

        Error relative to sqrt(K_ii K_jj), against backpropagation in float64: at most 1e-5 in
        float32 and 1e-10 in float64; measured on MNIST, three hidden layers of 200 to 2048: 5e-7
        and 1e-15.

        References
        ----------
        .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and
           Generalization in Neural Networks", NeurIPS 2018.
        """
        (K,) = self._kernels(("ntk",), X, Y, scale, outputs, out, memory, threads, progress)
        return K

    def nngp(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        scale: float = 1.0,
        out: NDArray[Any] | None = None,
        memory: int | str | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Empirical NNGP, or conjugate kernel: inner products of the last hidden activations.

        It is the covariance of each output over draws of the last map alone, given the maps before,
        its bias included with ``zero_bias`` too. It tends to `FullyConnected.nngp`; in "mean-field"
        and "mup" the part of the weights is that over the last hidden width. Parameters and errors
        are those of `ntk`; the result has one row per point.
        """
        (K,) = self._kernels(("nngp",), X, Y, scale, "full", out, memory, threads, progress)
        return K

    def kernels(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        get: tuple[str, ...] = ("nngp", "ntk"),
        scale: float = 1.0,
        outputs: Outputs = "full",
        memory: int | str | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[NDArray[Any], ...]:
        """Several kernels of one forward and backward pass.

        Parameters
        ----------
        X, Y, scale, outputs, memory, threads, progress
            As for `ntk`.
        get : tuple of {"nngp", "ntk", "layers"}
            "layers" is each linear map's own contribution to the NTK, behind an axis of L maps:
            they sum to it, those of maps that are not trained are 0.

        Returns
        -------
        tuple of ndarray
            In the order of ``get``.
        """
        return self._kernels(
            kernel_names(get), X, Y, scale, outputs, None, memory, threads, progress
        )

    def _kernels(
        self,
        names: tuple[str, ...],
        X: ArrayLike,
        Y: ArrayLike | None,
        scale: float,
        outputs: Outputs,
        out: NDArray[Any] | None,
        memory: int | str | None,
        threads: int | None,
        progress: Progress | None,
    ) -> tuple[NDArray[Any], ...]:
        """Return kernels; ``out`` is for a single one."""
        blocks = output_blocks(outputs, self.widths[-1])
        workers, stage = _validate.thread_count(threads), of_stage(progress, "empirical kernel")
        rows = self.points(X, "X")
        columns = None if Y is None else self.points(Y, "Y", rows)
        self.require_finite()
        planes, lowest = planes_of(names, self.layers(0), self.nngp_factors, blocks)
        sides = [
            NetworkSides(
                self.layers(i), self.engine, self.dtype, planes, blocks, scale, lowest, workers
            )
            for i in range(self.networks or 1)
        ]
        points = len(rows), len(rows if columns is None else columns)
        shapes = result_shapes(names, planes, *points, len(self.widths) - 1, self.networks)
        checked = _validate.output(out, shapes[0], self.dtype, rows)
        home: Engine = _backend.CPU if array_namespace(rows) is np else self.engine
        room = self._room(home, sides[0], planes, shapes, checked, memory)
        results = [home.empty(s, self.dtype) if checked is None else checked for s in shapes]
        flat = [matrices_of(K, name, self.networks) for K, name in zip(results, names, strict=True)]
        with self.engine.here():
            for number, one in enumerate(sides):
                outs = [plane for several in flat for plane in several[number]]
                told = stage if len(sides) == 1 else None
                empirical_gram(one, rows, columns, outs, room, workers, told)
                if stage is not None and told is None:
                    stage(number + 1, len(sides))
        if out is not None:
            return (out,)
        return tuple(_backend.like(K, X) for K in results)

    def points(self, X: ArrayLike, name: str, beside: Any = None) -> Any:
        """Return points as an array, with as many columns as the network has inputs.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            In the host's memory, or where the network is.
        name : str
            What messages call it.
        beside : ndarray, optional
            The other points, which are of the same library.
        """
        data = _validate.samples(X, name)
        if data.shape[1] != self.widths[0]:
            raise ValueError(
                f"{name} must have widths[0] = {self.widths[0]} columns, got shape {data.shape}"
            )
        if on_device(data):
            if place_of(data) != self.engine.name:
                raise TypeError(
                    f"{name} must be where the network is, on {self.engine.name}, or in the host's "
                    f"memory, got {kind_of(data)}"
                )
            _validate.require_finite(data, name)
        if beside is not None and array_namespace(data) is not array_namespace(beside):
            raise TypeError(
                f"{name} must be where X is: X is {kind_of(beside)}, {name} is {kind_of(data)}"
            )
        return data

    def _room(
        self,
        home: Engine,
        sides: NetworkSides,
        planes: tuple[Plane, ...],
        shapes: list[tuple[int, ...]],
        out: NDArray[Any] | None,
        memory: int | str | None,
    ) -> Budget:
        """Return what may be taken beside the results, having made sure that they fit."""
        results = 0 if out is not None else self.dtype.itemsize * sum(map(np.prod, shapes))
        points = sum(shapes[0][-2:]) // planes[0].outputs
        needed = int(results) + points * sides.bytes_per_point

        def budget(engine: Engine) -> Budget:
            if memory is None:
                return engine.room(needed)
            return Budget(engine.budget_bytes(memory), 0, engine.name)

        room = budget(home)
        room.require(int(results), "kernels of shapes {} in {}", shapes, self.dtype)
        if home.name == self.engine.name:
            return Budget(room.total - int(results), 0, room.place)
        return budget(self.engine)
