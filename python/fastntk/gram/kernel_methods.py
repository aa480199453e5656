# SPDX-License-Identifier: Apache-2.0
"""The limiting kernels of an architecture: the public methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from fastntk.gram import limiting
from fastntk.gram.gradients import KernelGradients, gradients
from fastntk.gram.route import Route, route_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._progress import Progress
    from fastntk.activations import Activation
    from fastntk.gram.program import LayerProgram


class LimitingKernelMethods(ABC):
    """Kernels of whatever has a layer program."""

    @abstractmethod
    def program(self) -> LayerProgram:
        """Return the layers as the engine takes them."""

    @property
    @abstractmethod
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""

    @abstractmethod
    def _require_gradients(self) -> None:
        """Raise ValueError where one weight_std and one bias_std do not say all."""

    def ntk(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        out: NDArray[Any] | None = None,
        device: str = "auto",
        devices: Sequence[int | str] | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Limiting NTK Gram matrix of X, or between the rows of X and of Y.

        Parameters
        ----------
        X : array_like of shape (n, d), or array of shape (b, n, d)
            uint8, float32 or float64; other real types are taken as float64. CuPy arrays, and by
            DLPack those of PyTorch and JAX, are read where they are. With three axes, b problems
            of n points each: on a GPU one launch computes them all.
        Y : array_like of shape (m, d), or array of shape (b, m, d), optional
            A second set of points. Without it the result is symmetric to the bit.
        scale : float
            Multiplies X and Y. ``scale=1/255`` on uint8 pixels loses nothing.
        dtype : {"float32", "float64"}, optional
            Of the result: float64 for float64 data by default, else float32.
        out : ndarray, optional
            C-contiguous array of the result's shape and dtype to write into, where X is.
        device : {"auto", "cpu", "cuda", "cuda:N"}
            Where to compute. "auto" is where X is; for X in the host's memory a GPU if this build
            has the CUDA engine and CuPy sees one, else the CPU. "cuda" is CuPy's current device.
        devices : list of int or str, optional
            GPUs, as [0, 1], that compute equal shares of the rows at once, through the host's
            memory. Every pair is computed then: the result is symmetric within the bounds below.
        threads : int, optional
            Number of threads: by default OMP_NUM_THREADS, else the processors this process may
            use, less those that other calls occupy. The result does not depend on it.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        ndarray of shape (n, n) or (n, m), behind an axis for the problems where X has one
            The kernel; exactly 0 for a zero row if ``bias_std`` is 0. A CuPy array for data on a
            GPU, a tensor for PyTorch's tensors, else a NumPy array.

        Raises
        ------
        TypeError
            Data that are not real numbers, an unsupported dtype, or arrays on different devices.
        ValueError
            Data that are not 2-D, empty or not finite; a kernel value that overflows; ``out``
            unfit; no such device.
        MemoryError
            The result does not fit into memory: said before it is allocated.
        CudaError
            A call of CUDA failed.

        Notes
        -----
        On a GPU work is queued on CuPy's current stream, and a CuPy result is left in flight there.
        The host waits once, for what preparing the data finds out about them. A NumPy result that
        does not fit a GPU's memory is computed by blocks of rows.

        Cost: n (n + 1) / 2 (or n m) inner products of length d and as many recursions over the
        layers, or readings of a table: `explain` says which. Memory beside the result: the data
        packed twice, at most 16 bytes per value (4 for uint8 of up to 33,025 columns), and eight
        numbers per row and layer (up to 36 beyond ReLU and erf).

        Error of ReLU and erf relative to the kernel value where x . x' >= 0, else (and for erf) to
        the geometric mean of the two diagonal values: at most 6e-7 in float32; in float64 2e-15 for
        uint8 data (2e-16 more per layer beyond 10) and 1e-12 for floating-point data;
        near-duplicates included. erf is held to this up to 10 layers, with ``weight_std > 1`` up to
        one: deeper, such a network magnifies every error. Other activations are held, up to three
        layers, and networks with ``residual``, to 6e-7 and 1e-11 of the geometric mean of the
        diagonal values; those without closed form to the error of their tables besides, which
        `explain` prints; sign and step only as far as rows differ, for their duals fall infinitely
        fast from equal ones.
        """
        (K,) = limiting.gram(
            self, X, Y, ("ntk",), scale, dtype, out, device, threads, progress, devices
        )
        return K

    def nngp(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        out: NDArray[Any] | None = None,
        device: str = "auto",
        devices: Sequence[int | str] | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Covariance of the network's outputs at initialisation: Proposition 1 of the paper.

        Parameters and errors are those of `ntk`.
        """
        (K,) = limiting.gram(
            self, X, Y, ("nngp",), scale, dtype, out, device, threads, progress, devices
        )
        return K

    def kernels(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        get: tuple[str, ...] = ("nngp", "ntk"),
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        device: str = "auto",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[NDArray[Any], ...]:
        """Several kernels in one pass over the inner products.

        Parameters
        ----------
        X, Y, scale, dtype, device, threads, progress
            As for `ntk`.
        get : tuple of {"nngp", "ntk", "layers"}
            "layers" is each linear map's own contribution to the NTK, of shape
            (hidden_layers + 1, n, m): they sum to it (Remark 4 of the
            paper: training one layer only).

        Returns
        -------
        tuple of ndarray
            In the order of ``get``.
        """
        return limiting.gram(self, X, Y, get, scale, dtype, None, device, threads, progress)

    def gradients(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        kernel: str = "ntk",
        *,
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        device: str = "auto",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> KernelGradients:
        r"""Return a kernel and its derivatives by ``weight_std`` and ``bias_std``.

        Each is one number that all layers share. The gradient of a log marginal likelihood needs
        these derivatives.

        Parameters
        ----------
        X, Y, scale, dtype, device, threads, progress
            As for `ntk`; a single problem.
        kernel : {"ntk", "nngp"}
            Which kernel.

        Returns
        -------
        KernelGradients
            Arrays ``kernel``, ``weight_std`` and ``bias_std``, all of shape (n, n) or (n, m).

        Raises
        ------
        ValueError
            The network has an ``init_std``, several ``weight_std`` or ``bias_std``, a ``residual``
            or ``layer_norm``; or what `ntk` refuses.
        TypeError, MemoryError, CudaError
            As for `ntk`; three matrices have to fit.

        Notes
        -----
        The recursion of `ntk` carries its derivatives along, in float64 whatever the data:

        .. math:: d\Sigma' = 2 \sigma_w d\sigma_w E + \sigma_w^2 dE + 2 \sigma_b d\sigma_b, \qquad
            d\Theta' = 2 \sigma_w d\sigma_w \dot E \Theta
            + \sigma_w^2 (d\dot E \Theta + \dot E d\Theta) + d\Sigma'

        with :math:`E = E[f(u) f(v)]` and :math:`\dot E = E[f'(u) f'(v)]`.

        K is an even function of ``bias_std``: where that is 0, its derivative by it is exactly 0,
        also for a zero row or opposite rows, where K has a kink.

        Errors relative to the larger of the derivative and of sqrt(K_ii K_jj) / parameter: at most
        1e-12 in float64 (1e-14 for uint8 data), 1e-7 in float32, near-duplicates and small
        ``bias_std`` included; for erf as far as `ntk` is held to its own, which are those of the
        kernel here. Cost: two to three times that of a float64 `ntk` by layers, for no table
        replaces them (a GPU computes the products once per matrix), and three matrices of memory.
        """
        self._require_gradients()
        return gradients(self.program(), X, Y, kernel, scale, dtype, device, threads, progress)

    def explain(
        self,
        X: ArrayLike,
        Y: ArrayLike | None = None,
        *,
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> Route:
        """Say how `ntk` and `nngp` of these data are computed, without computing them.

        Parameters and errors are those of `ntk`.

        Returns
        -------
        Route
            Instruction set, products, recursion, and the reasons; which theorem covers the
            network; prints as a few lines.

        Notes
        -----
        Cost: the data are read and packed, O(n d), in as much memory as `ntk` takes beside its
        result. A table is used where there is one for every kernel asked for: `kernels` with
        "layers", whose parts vanish at a right angle, may run the layers where `ntk` does not.

        Examples
        --------
        >>> import numpy as np
        >>> from fastntk import FullyConnected
        >>> route = FullyConnected(bias_std=0.0).explain(np.eye(300, dtype="uint8"))
        >>> route.recursion, route.product
        ('table', 'exact 32-bit integers')
        """
        # What jumps has an NNGP only.
        kernel = "ntk" if all(one.has_ntk for one in self.activations) else "nngp"
        source = limiting.limiting_source(
            self, X, Y, kernel=kernel, scale=scale, dtype=dtype, device=device, threads=threads
        )
        notes = limiting.table_notes(self, X, Y, scale=scale, dtype=dtype, device=device)
        return route_of(source.route, self.activations, notes)
