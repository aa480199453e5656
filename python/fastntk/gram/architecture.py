# SPDX-License-Identifier: Apache-2.0
"""Fully-connected networks in the limit of infinite width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk.activations import Activation, as_activation
from fastntk.gram import limiting, per_layer
from fastntk.gram.gradients import KernelGradients, gradients
from fastntk.gram.program import LayerProgram, layer_program
from fastntk.gram.route import Route, route_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._progress import Progress


@dataclass(frozen=True)
class FullyConnected:
    r"""A fully-connected network whose hidden layers are infinitely wide.

    With :math:`a_0 = x` the layers are, all parameters being independent standard Gaussians,

    .. math:: z_{l+1} = \frac{\sigma_w}{\sqrt{n_l}} W_l a_l + \sigma_b b_l, \qquad a_l = f(z_l).

    Parameters
    ----------
    hidden_layers : int
        Layers between input and output; the paper's :math:`L` is ``hidden_layers + 1``. 0 is
        linear regression.
    activation : str, Activation, or sequence of them
        Nonlinearity :math:`f`, or one for each hidden layer: `Activation` lists them. Its text will
        do: "relu", "erf", "leaky_relu(0.1)".
    weight_std : float or sequence of float
        :math:`\sigma_w > 0`, a factor of the forward map: the parameters stay N(0, 1). The paper
        has 1 (there is no factor :math:`\sqrt 2` for ReLU). A sequence has one for each linear map,
        ``hidden_layers + 1`` from the input on.
    bias_std : float or sequence of float
        :math:`\sigma_b \ge 0`, the paper's :math:`\beta`; or one for each linear map.
    init_std : float, optional
        The other reading of "the variance of the parameters": weights W ~ N(0, init_std^2) with a
        forward map that is not scaled. The NNGP is that of ``weight_std=init_std``, the NTK
        recursion is :math:`\Theta' = s^2 \dot\Sigma \Theta + E[f f'] + \sigma_b^2` with
        ``s = init_std``. Excludes another ``weight_std`` than 1.

    residual : float
        :math:`r \ge 0`: each hidden layer after the first adds :math:`r z_l` to its
        preactivations :math:`z_{l+1}`, a skip connection. The last map adds nothing.
    layer_norm : bool
        Whether every activation is given its layer's preactivations divided by their standard
        deviation over the layer, which in the limit is :math:`\sqrt{\Sigma(x, x)}`; those of a
        zero row without biases stay 0.

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        A parameter out of range, an unknown activation, or both ``weight_std`` and
        ``init_std``.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018, Section 3, Proposition 1 and Theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> net = FullyConnected(hidden_layers=1, bias_std=0.0)
    >>> net.ntk(np.eye(2))
    array([[0.5       , 0.07957747],
           [0.07957747, 0.5       ]])
    """

    hidden_layers: int = 4
    activation: str | Activation | Sequence[str | Activation] = "relu"
    weight_std: float | Sequence[float] = 1.0
    bias_std: float | Sequence[float] = 0.1
    init_std: float | None = None
    residual: float = 0.0
    layer_norm: bool = False

    def __post_init__(self) -> None:
        layers = _validate.integer(self.hidden_layers, "hidden_layers", at_least=0)
        object.__setattr__(self, "hidden_layers", layers)
        maps, positive, least_0 = layers + 1, _validate.positive, _validate.non_negative
        fields = {
            "activation": per_layer.activations(self.activation, layers),
            "weight_std": per_layer.numbers(self.weight_std, "weight_std", maps, positive),
            "bias_std": per_layer.numbers(self.bias_std, "bias_std", maps, least_0),
            "residual": least_0(self.residual, "residual"),
            "layer_norm": _validate.truth(self.layer_norm, "layer_norm"),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if self.init_std is not None:
            init_std = _validate.positive(self.init_std, "init_std")
            if not 1e-70 <= init_std <= 1e70:
                raise ValueError(f"init_std must be in [1e-70, 1e70], got {init_std:g}")
            object.__setattr__(self, "init_std", init_std)
            if self.weight_std != 1.0:
                raise ValueError(
                    "weight_std and init_std scale the same weights: give one of them, "
                    f"got weight_std={self.weight_std!r} and init_std={init_std!r}"
                )

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
        packed twice, at most 16 bytes per value (4 for uint8 of up to 33,025 columns), and seven
        numbers per row and layer.

        Error relative to the kernel value where x . x' >= 0, else (and for odd activations) to the
        geometric mean of the two diagonal values: at most 6e-7 in float32; in float64 2e-15 for
        uint8 data (2e-16 more per layer beyond 10) and 1e-12 for floating-point data;
        near-duplicates included. erf is held to this up to 10 layers, with ``weight_std > 1`` up to
        one: deeper, such a network magnifies every error. Other activations are held, up to three
        layers, to 6e-7 and 1e-11 of the geometric mean of the diagonal values; those without closed
        form to the error of their tables besides, which `explain` prints. A GPU has the kernels of
        "relu" and "erf" without ``residual``, and refuses others.
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
        if self.init_std is not None:
            raise ValueError(
                "gradients are by weight_std and bias_std, got a network with "
                f"init_std={self.init_std!r}: its kernels have no weight_std"
            )
        if self.residual or self.layer_norm:
            raise ValueError(
                "gradients are of networks without skip connections and layer normalisation, got "
                f"residual={self.residual!r}, layer_norm={self.layer_norm!r}"
            )
        for name in ("weight_std", "bias_std"):
            if isinstance(getattr(self, name), tuple):
                raise ValueError(
                    f"gradients are by one {name} that all layers share, got "
                    f"{name}={getattr(self, name)!r}"
                )
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

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        return tuple(map(as_activation, per_layer.each(self.activation, self.hidden_layers)))

    @property
    def weight_stds(self) -> tuple[float, ...]:
        """``weight_std`` of each linear map."""
        return per_layer.each(self.weight_std, self.hidden_layers + 1)

    @property
    def bias_stds(self) -> tuple[float, ...]:
        """``bias_std`` of each linear map."""
        return per_layer.each(self.bias_std, self.hidden_layers + 1)

    def program(self) -> LayerProgram:
        """Return the layers as the engine takes them."""
        std, share = self.weight_stds, 1.0
        if self.init_std is not None:
            std, share = (self.init_std,) * len(std), 1 / self.init_std**2
        return layer_program(
            self.activations, std, self.bias_stds, share, self.residual, self.layer_norm
        )
