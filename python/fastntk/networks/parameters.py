# SPDX-License-Identifier: Apache-2.0
"""The parameters of a finite network, or of a batch: one vector each, and what they mean."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import to_host
from fastntk.networks import arguments
from fastntk.networks.initial import count_parameters, parameter_views
from fastntk.networks.layer import DenseWeight, Layer
from fastntk.networks.parametrisation import map_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike
    from typing_extensions import Self

    from fastntk._backend import Engine
    from fastntk.gram.architecture import FullyConnected
    from fastntk.networks.parametrisation import MapScales


class Parameters:
    """Parameters with the network that they are of; see `FiniteNetwork` for the attributes."""

    net: FullyConnected
    widths: tuple[int, ...]
    parametrisation: str
    scales: tuple[MapScales, ...]
    rates: tuple[tuple[float, float], ...]
    dtype: np.dtype[Any]
    engine: Engine
    _flat: Any

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
    ) -> Self:
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
        new._require_room(*batch)
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
        activations = [*self.net.activations, None]
        views = parameter_views(flat, self.widths)
        return [
            Layer(DenseWeight(W, self.engine), b, s.weight_factor, s.bias_factor, f, *rates)
            for (W, b), s, f, rates in zip(views, self.scales, activations, self.rates, strict=True)
        ]

    def __len__(self) -> int:
        if self.networks is None:
            raise TypeError("a single network has no length; one of networks=... has")
        return self.networks

    def __bool__(self) -> bool:
        """Return True: a network is no empty sequence, single or in a batch."""
        return True

    def __getitem__(self, index: int) -> Self:
        """Return one network of a batch, which shares its memory."""
        count = len(self)
        try:
            number = operator.index(index)
        except TypeError:
            raise TypeError(f"a batch is indexed by integers, got {index!r}") from None
        if not -count <= number < count:
            raise IndexError(f"the batch has {count} networks, got index {number}")
        return self._sharing(self._flat[number])

    def copy(self) -> Self:
        """Return a network, or batch, with parameters of its own."""
        needed = self._flat.nbytes
        self.engine.room(needed).require(needed, "a copy of the parameters")
        with self.engine.here():
            return self._sharing(self._flat.copy())

    def in_parametrisation(self, name: str, *, rates: str = "equal") -> Self:
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
        for values, old, s, (r, q) in zip(
            new.parameters, self.scales, scales, self.rates, strict=True
        ):
            u = old.weight_factor / s.weight_factor
            # Without a bias_std there is no bias in any parametrisation.
            v = old.bias_factor / s.bias_factor if s.bias_factor else 1.0
            for view, factor in zip(values, (u, v), strict=True):
                self.engine.xp.multiply(view, self.dtype.type(factor), out=view)
            own = (s.weight_rate * (r > 0), s.bias_rate * (q > 0))
            pairs.append((r * u**2, q * v**2) if rates == "equal" else own)
        new.rates = tuple(pairs)
        return new

    def require_finite(self) -> None:
        """Raise ValueError unless all parameters are finite; waits for a GPU that holds them."""
        arguments.require_finite(self._flat, "parameters")

    def __getstate__(self) -> dict[str, Any]:
        """Return the network as it travels: parameters in the host's memory, its device by name."""
        return self.__dict__ | {"engine": self.engine.name, "_flat": to_host(self._flat)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.engine = _backend.engine(state["engine"])
        self._flat = self.engine.asarray(state["_flat"])

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

    def _require_room(self, networks: int = 1) -> None:
        """Refuse parameters that do not fit, before they are allocated."""
        needed = networks * self.n_parameters * self.dtype.itemsize
        what = "parameters of {} network(s) of widths {}"
        for engine in {_backend.CPU, self.engine}:
            engine.room(needed).require(needed, what, networks, self.widths)

    def _sharing(self, flat: Any) -> Self:
        """Return a network that is as this one, with these parameters."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._flat = flat
        return new
