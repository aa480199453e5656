# SPDX-License-Identifier: Apache-2.0
"""Fully-connected networks of finite width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _saving, _validate
from fastntk._arrays import array_namespace, in_library
from fastntk.networks import arguments, exchange, passes
from fastntk.networks.initial import draw
from fastntk.networks.kernel_maker import NetworkKernel, network_kernel
from fastntk.networks.kernel_methods import KernelMethods
from fastntk.networks.kernels import require_finite_outputs, scaled
from fastntk.networks.parameters import Parameters
from fastntk.networks.training_methods import TrainingMethods

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, DTypeLike
    from typing_extensions import Self

    from fastntk.gram.architecture import FullyConnected
    from fastntk.gram.empirical import Outputs
    from fastntk.networks.jacobian import Jacobian

# Activations of a block of points whose outputs are computed at a time, in bytes.
_BLOCK_BYTES = 2**27


class FiniteNetwork(Parameters, KernelMethods, TrainingMethods):
    r"""A fully-connected network of finite width, or a batch of independent ones.

    With :math:`a_0 = x` and maps :math:`l = 0 .. L - 1`, L = hidden_layers + 1,

    .. math:: z_{l+1} = w_l W_l a_l + c_l b_l, \qquad a_l = f(z_l), \qquad output = z_L,

    where :math:`W_l` has shape :math:`(n_{l+1}, n_l)`. In the NTK parametrisation of [1]_ all
    parameters start as N(0, 1), :math:`w_l = \sigma_w / \sqrt{n_l}` and :math:`c_l = \sigma_b`.

    Parameters
    ----------
    net : FullyConnected
        The architecture, whose limit this network approaches. Its ``init_std`` is where the weights
        start, N(0, init_std^2) in "ntk", with :math:`w_l = 1 / \sqrt{n_l}`.
    widths : sequence of int
        :math:`n_0 .. n_L`, from the inputs to the C outputs: hidden_layers + 2 numbers.
    seed : int
        Of the parameters. They are drawn by NumPy on the host, each network and each map from a
        stream of its own: a network is the same on every device and in every batch, and in float32
        the rounded float64 one.
    networks : int or sequence of int, optional
        A batch of so many networks, or of these numbers of the seed: everything then has a leading
        axis. By default a single network, which is number 0.
    parametrisation : {"ntk", "standard", "mean-field", "mup"}
        What of a map is a factor, an initial value and a learning rate, see
        ``fastntk.networks.parametrisation``. Kernels are those of training in this parametrisation;
        as widths grow only those of "ntk" tend to a limit that stays as it is.
    trainable : {"all", "last"} or int or sequence of int
        Which linear maps are trained, 0 to L - 1: kernels sum over these alone. The NTK of the last
        alone is the empirical NNGP.
    rates : sequence of (float, float), optional
        What multiplies the learning rates of W_l and b_l, instead of the parametrisation's own.
    zero_bias : bool
        Whether biases start at 0. "standard" with ``weight_std=1`` is then LeCun's initialisation.
    dtype : {"float32", "float64"}
        Of parameters and results.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where the parameters are and everything is computed, see `FullyConnected.ntk`.

    Attributes
    ----------
    net, widths, parametrisation, dtype
        As given.
    rates : tuple of (float, float)
        What multiplies the learning rates of W_l and b_l; 0 for what is not trained.
    scales : tuple of MapScales
        The parametrisation's numbers for each map.
    engine : Engine
        What computes; its ``name`` is the device.

    Raises
    ------
    TypeError
        An argument of the wrong type.
    ValueError
        A width below 1, another number of widths than the architecture has, an unknown
        parametrisation, "mean-field" for another number of hidden layers than one, no such map.
    MemoryError
        The parameters do not fit: said before they are allocated.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018, Section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from fastntk import FullyConnected
    >>> w = FiniteNetwork(FullyConnected(hidden_layers=2), (3, 100, 100, 1), seed=0)
    >>> X = np.eye(3)
    >>> w(X).shape, w.ntk(X).shape, w.n_parameters
    ((3, 1), (3, 3), 10601)
    """

    def __init__(
        self,
        net: FullyConnected,
        widths: Sequence[int],
        *,
        seed: int = 0,
        networks: int | Sequence[int] | None = None,
        parametrisation: str = "ntk",
        trainable: str | int | Sequence[int] = "all",
        rates: Sequence[tuple[float, float]] | None = None,
        zero_bias: bool = False,
        dtype: DTypeLike = "float32",
        device: str = "auto",
    ) -> None:
        seed = _validate.integer(seed, "seed", at_least=0)
        numbers = arguments.network_numbers(networks)
        self._describe(net, widths, parametrisation, trainable, rates, dtype, device)
        self._require_room(len(numbers or [0]))
        host = draw(self.scales, self.widths, seed, numbers or [0], zero_bias, self.dtype)
        self._flat = self.engine.asarray(host if numbers is not None else host[0])

    def __call__(self, X: ArrayLike, scale: float = 1.0) -> Any:
        """Return the outputs.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            As for `ntk`; read by blocks of points.
        scale : float
            Multiplies X.

        Returns
        -------
        ndarray of shape (N, C), or (m, N, C) for a batch
            Of the network's dtype and the library of X.

        Raises
        ------
        ValueError
            Data of other columns than ``widths[0]``, or not finite; parameters that are not finite
            or make outputs that overflow.
        """
        data = self.points(X, "X")
        self.require_finite()
        count = self.networks or 1
        step = max(1, _BLOCK_BYTES // (3 * max(self.widths) * self.dtype.itemsize))
        with self.engine.here(), np.errstate(over="ignore", invalid="ignore"):
            f = self.engine.empty((count, len(data), self.widths[-1]), self.dtype)
            for start in range(0, len(data), step):
                part = slice(start, start + step)
                a_0 = scaled(data[part], scale, self.dtype, self.engine)
                for number in range(count):
                    f[number, part] = passes.outputs(self.layers(number), a_0, self.engine)
            require_finite_outputs(f, self.dtype)
            result = in_library(f if self.networks else f[0], array_namespace(data))
        return _backend.like(result, X)

    def jacobian(
        self, X: ArrayLike, scale: float = 1.0, *, memory: int | str | None = None
    ) -> Jacobian:
        """Return the Jacobian of the outputs at points by the parameters, known by its products.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            The points.
        scale : float
            Multiplies X.
        memory : int or str, optional
            Budget in bytes, or for instance "8 GB"; by default half of what is available.

        Returns
        -------
        Jacobian
            Of shape (N C, P), sample-major, columns in the order of `flat`. See
            ``fastntk.networks.network_jacobian``.
        """
        from fastntk.networks.network_jacobian import NetworkJacobian

        return NetworkJacobian(self, X, scale=scale, memory=memory)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, or batch, to a file, whole or not at all: `load` gives an equal one.

        Parameters
        ----------
        path : path
            Written as it is named: an npz archive that holds each parameter by name, W0, b0, W1,
            ..., and the network's description as JSON.

        Raises
        ------
        OSError
            No such folder, or too little room on the disk: said before anything is written.
        """
        _saving.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str = "auto") -> Self:
        """Return the network that `save` wrote, on any device.

        Raises
        ------
        ValueError
            The file was not saved by fastntk, by a newer one, holds something else, or is damaged.
        OSError
            It cannot be read.
        """
        network: Self = _saving.loaded(path, cls, device)
        return network

    def _saved_parts(self) -> dict[str, Any]:
        return exchange.parts_of(self)

    @classmethod
    def _from_parts(cls, parts: dict[str, Any], device: str | None) -> Self:
        return cls.from_parameters(**exchange.arguments_of(parts), device=device or "auto")

    def state_dict(self, *, torch: bool = False) -> dict[str, Any]:
        """Return the state of the ``torch.nn.Sequential`` that computes the same function.

        Parameters
        ----------
        torch : bool
            Whether values are PyTorch tensors, for ``module.load_state_dict``; else NumPy arrays.

        Returns
        -------
        dict
            "0.weight" (n_1, n_0), "0.bias" (n_1,), "2.weight", ... of Linear layers with an
            activation between each two: in the scale of the standard parametrisation.

        Notes
        -----
        The activation between is the module's business. It is that of ``net`` without what
        multiplies u or f, which weights and biases have: sin(u + 0.5) for "sin(2, 0.5)", exp(-u^2)
        for any "gaussian(b)". torch.nn has modules for "relu", "leaky_relu", "identity", "gelu",
        "tanh", "sigmoid", "softplus", "silu", "mish", "selu" and "elu"; others are a module of
        one's own.
        """
        return exchange.state_dict(self, torch=torch)

    @classmethod
    def from_state_dict(
        cls,
        state: Mapping[str, Any],
        net: FullyConnected,
        *,
        parametrisation: str = "ntk",
        trainable: str | int | Sequence[int] = "all",
        rates: Sequence[tuple[float, float]] | None = None,
        dtype: DTypeLike = "float32",
        device: str = "auto",
    ) -> Self:
        """Return the network that computes the function of a PyTorch module.

        Parameters
        ----------
        state : mapping of str to array_like
            ``module.state_dict()`` of a ``torch.nn.Sequential`` of Linear layers with an activation
            between each two, or arrays under such names. Widths are those of the weights.
        net : FullyConnected
            The architecture: a state says nothing of the activation, which the module has without
            scales, see `state_dict`.
        parametrisation, trainable, rates, dtype, device
            As for the class.

        Raises
        ------
        ValueError
            Other names, weights that do not follow each other or do not fit the architecture,
            values that are not finite, biases for an architecture without.
        """
        arguments.architecture(net)
        parameters = exchange.parameters_of_state(state, net, parametrisation)
        return cls.from_parameters(
            net,
            parameters,
            parametrisation=parametrisation,
            trainable=trainable,
            rates=rates,
            dtype=dtype,
            device=device,
        )

    def kernel_maker(
        self, kernel: str, scale: float, outputs: Outputs = "full", *, copy: bool = False
    ) -> NetworkKernel:
        """Return the kernel as `GramOperator` needs it; see ``fastntk.gram.kernel_maker``."""
        return network_kernel(self, kernel, scale, outputs, copy=copy)

    def __repr__(self) -> str:
        batch = "" if self.networks is None else f"{self.networks} x "
        widths = "-".join(map(str, self.widths))
        given = self.net.activation
        names = ", ".join(map(str, given)) if isinstance(given, tuple) else str(given)
        return (
            f"<{batch}FiniteNetwork {widths}, {names}, {self.parametrisation}, "
            f"{self.dtype}, {self.engine.name}>"
        )
