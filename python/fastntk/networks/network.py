# SPDX-License-Identifier: Apache-2.0
"""Fully-connected networks of finite width."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, in_library
from fastntk.networks import arguments, passes
from fastntk.networks.initial import count_parameters, draw, parameter_views
from fastntk.networks.kernel_methods import KernelMethods
from fastntk.networks.kernels import require_finite_outputs, scaled
from fastntk.networks.layer import DenseWeight, Layer
from fastntk.networks.parametrisation import map_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike

    from fastntk.gram.architecture import FullyConnected

# Activations of a block of points whose outputs are computed at a time, in bytes.
_BLOCK_BYTES = 2**27


class FiniteNetwork(KernelMethods):
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
        `fastntk.networks.parametrisation`. Kernels are those of training in this parametrisation;
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
        count = len(numbers or [0])
        needed = count * count_parameters(self.widths) * self.dtype.itemsize
        for engine in {_backend.CPU, self.engine}:
            engine.room(needed).require(
                needed, "parameters of {} network(s) of widths {}", count, self.widths
            )
        host = draw(self.scales, self.widths, seed, numbers or [0], zero_bias, self.dtype)
        self._flat = self.engine.asarray(host if numbers is not None else host[0])

    @classmethod
    def from_parameters(
        cls,
        net: FullyConnected,
        parameters: Sequence[tuple[ArrayLike, ArrayLike]],
        *,
        parametrisation: str = "ntk",
        trainable: str | int | Sequence[int] = "all",
        rates: Sequence[tuple[float, float]] | None = None,
        dtype: DTypeLike = "float32",
        device: str = "auto",
    ) -> FiniteNetwork:
        """Return a network with given parameters, which are copied.

        Parameters
        ----------
        net, parametrisation, trainable, rates, dtype, device
            As for the class.
        parameters : sequence of (array_like, array_like)
            W_l of shape (n_{l+1}, n_l) and b_l of shape (n_{l+1},) for each map, behind an axis for
            the networks of a batch; as they are in this parametrisation.

        Raises
        ------
        ValueError
            Shapes that do not follow each other or do not fit the architecture; values that are not
            finite.
        """
        pairs = [tuple(_validate.real_array(p, "parameters") for p in pair) for pair in parameters]
        widths = arguments.parameter_widths(pairs)
        new = cls.__new__(cls)
        new._describe(net, widths, parametrisation, trainable, rates, dtype, device)
        batch = pairs[0][1].shape[:-1]
        new._flat = new.engine.empty((*batch, count_parameters(widths)), new.dtype)
        with new.engine.here():
            for views, pair in zip(new.parameters, pairs, strict=True):
                for view, values in zip(views, pair, strict=True):
                    view[...] = new.engine.asarray(values)
        new.require_finite()
        return new

    @property
    def networks(self) -> int | None:
        """Number of networks in a batch; None for a single one."""
        return None if self._flat.ndim == 1 else len(self._flat)

    @property
    def n_parameters(self) -> int:
        """Number of parameters of one network, the sum of (n_l + 1) n_{l+1}."""
        return count_parameters(self.widths)

    @property
    def flat(self) -> Any:
        """All parameters, (P,) or (m, P): W_0 row by row, b_0, W_1, ...

        It shares its memory with `parameters`. Assigning copies values into it, which must be
        finite and of its shape.
        """
        return self._flat

    @flat.setter
    def flat(self, values: ArrayLike) -> None:
        given = _validate.real_array(values, "flat")
        if given.shape != self._flat.shape:
            raise ValueError(f"flat must have shape {self._flat.shape}, got {given.shape}")
        arguments.require_finite(given, "flat")
        with self.engine.here():
            self._flat[...] = self.engine.asarray(given)

    @property
    def parameters(self) -> list[tuple[Any, Any]]:
        """(W_l, b_l) of every map, of shapes (n_{l+1}, n_l) and (n_{l+1},), as writeable views."""
        return parameter_views(self._flat, self.widths)

    @property
    def nngp_factors(self) -> tuple[float, float]:
        """Variances that the last map's weights and bias contribute with, factors included."""
        s = self.scales[-1]
        return (s.weight_factor * s.weight_std) ** 2, (s.bias_factor * s.bias_std) ** 2

    def layers(self, index: int = 0) -> list[Layer]:
        """Return the maps of the network, or of network ``index`` of a batch.

        They share the memory of the parameters.
        """
        flat = self._flat if self._flat.ndim == 1 else self._flat[index]
        activations = [self.net.activation] * self.net.hidden_layers + [None]
        views = parameter_views(flat, self.widths)
        return [
            Layer(DenseWeight(W, self.engine), b, s.weight_factor, s.bias_factor, f, *rates)
            for (W, b), s, f, rates in zip(views, self.scales, activations, self.rates, strict=True)
        ]

    def __len__(self) -> int:
        if self.networks is None:
            raise TypeError("a single network has no length; one of networks=... has")
        return self.networks

    def __getitem__(self, index: int) -> FiniteNetwork:
        """Return one network of a batch, which shares its memory."""
        count = len(self)
        try:
            number = operator.index(index)
        except TypeError:
            raise TypeError(f"a batch is indexed by integers, got {index!r}") from None
        if not -count <= number < count:
            raise IndexError(f"the batch has {count} networks, got index {number}")
        return self._sharing(self._flat[number])

    def copy(self) -> FiniteNetwork:
        """Return a network, or batch, with parameters of its own."""
        with self.engine.here():
            return self._sharing(self._flat.copy())

    def in_parametrisation(self, name: str, *, rates: str = "equal") -> FiniteNetwork:
        r"""Return the network of the same function in another parametrisation.

        Parameters
        ----------
        name : {"ntk", "standard", "mean-field", "mup"}
            The other one; values are divided by what its factors have more.
        rates : {"equal", "own"}
            "equal": learning rates that make training the same, step by step, as it is here. For
            an "ntk" network in "standard" they are the paper's Remark 1:
            :math:`\sigma_w^2 / n_l` for weights and :math:`\sigma_b^2` for biases. "own": those of
            the other parametrisation.

        Returns
        -------
        FiniteNetwork
            With parameters of its own.
        """
        _validate.choice(rates, "rates", ("equal", "own"))
        scales = map_scales(self.net, self.widths, name)
        new = self.copy()
        new.parametrisation, new.scales = name, scales
        pairs = []
        for (W, b), old, s, (r, q) in zip(
            new.parameters, self.scales, scales, self.rates, strict=True
        ):
            u = old.weight_factor / s.weight_factor
            # Without a bias_std there is no bias in any parametrisation.
            v = old.bias_factor / s.bias_factor if s.bias_factor else 1.0
            W *= self.dtype.type(u)
            b *= self.dtype.type(v)
            own = (s.weight_rate * (r > 0), s.bias_rate * (q > 0))
            pairs.append((r * u**2, q * v**2) if rates == "equal" else own)
        new.rates = tuple(pairs)
        return new

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

    def require_finite(self) -> None:
        """Raise ValueError unless all parameters are finite; waits for a GPU that holds them."""
        arguments.require_finite(self._flat, "parameters")

    def jacobian(self, X: ArrayLike, scale: float = 1.0) -> Any:
        """Return the Jacobian of the outputs by the parameters, as an operator."""
        from fastntk.networks.jacobian import Jacobian

        return Jacobian(self, X, scale=scale)

    def train(self, X: ArrayLike, y: ArrayLike, **options: Any) -> Any:
        """Train the network; see `fastntk.networks.training.train`."""
        from fastntk.networks.training import train

        return train(self, X, y, **options)

    def linearised(self, **options: Any) -> Any:
        """Return the network's linearisation at its present parameters."""
        from fastntk.networks.linearised import LinearisedNetwork

        return LinearisedNetwork(self, **options)

    def __repr__(self) -> str:
        batch = "" if self.networks is None else f"{self.networks} x "
        widths = "-".join(map(str, self.widths))
        return (
            f"<{batch}FiniteNetwork {widths}, {self.net.activation}, {self.parametrisation}, "
            f"{self.dtype}, {self.engine.name}>"
        )

    def _describe(
        self,
        net: FullyConnected,
        widths: Sequence[int],
        parametrisation: str,
        trainable: str | int | Sequence[int],
        rates: Sequence[tuple[float, float]] | None,
        dtype: DTypeLike,
        device: str,
    ) -> None:
        """Set everything but the parameters."""
        self.net = arguments.architecture(net)
        self.widths = arguments.layer_widths(widths, net)
        self.dtype = _validate.result_dtype(np.dtype("f4") if dtype is None else dtype)
        self.parametrisation = parametrisation
        self.scales = map_scales(net, self.widths, parametrisation)
        maps = len(self.scales)
        trained = arguments.trained_maps(trainable, maps)
        own = [(s.weight_rate, s.bias_rate) for s in self.scales]
        pairs = own if rates is None else arguments.rate_pairs(rates, maps)
        self.rates = tuple((r * t, q * t) for (r, q), t in zip(pairs, trained, strict=True))
        self.engine = _backend.engine(device)

    def _sharing(self, flat: Any) -> FiniteNetwork:
        """Return a network that is as this one, with these parameters."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._flat = flat
        return new
