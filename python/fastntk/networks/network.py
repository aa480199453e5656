# SPDX-License-Identifier: Apache-2.0
"""Fully-connected networks of finite width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, in_library
from fastntk._progress import of_stage
from fastntk.gram.empirical import empirical_gram
from fastntk.networks import passes
from fastntk.networks.initial import draw, parameter_views
from fastntk.networks.kernels import NetworkSides, Outputs, planes_of, scaled
from fastntk.networks.layer import DenseWeight, Layer
from fastntk.networks.parametrisation import map_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected
    from fastntk.networks.jacobian import Jacobian


class FiniteNetwork:
    """A fully-connected network of finite width, or a batch of them."""

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
        self.net, self.widths = net, tuple(widths)
        self.dtype = _validate.result_dtype(dtype)
        self.engine = _backend.engine(device)
        self.parametrisation = parametrisation
        self.scales = map_scales(net, self.widths, parametrisation)
        self.rates = [(s.weight_rate, s.bias_rate) for s in self.scales] if rates is None else rates
        L = len(self.scales)
        if isinstance(trainable, str):
            trained = [trainable == "all" or l == L - 1 for l in range(L)]
        else:
            trained = [l in np.atleast_1d(trainable) for l in range(L)]
        self.rates = [(r * t, q * t) for (r, q), t in zip(self.rates, trained, strict=True)]
        numbers = [0] if networks is None else range(networks) if isinstance(networks, int) else networks
        host = draw(self.scales, self.widths, seed, list(numbers), zero_bias, self.dtype)
        self._flat = self.engine.asarray(host if networks is not None else host[0])

    @property
    def networks(self) -> int | None:
        """Number of networks in a batch; None for a single one."""
        return None if self._flat.ndim == 1 else len(self._flat)

    @property
    def n_parameters(self) -> int:
        """Number of parameters of one network."""
        return int(self._flat.shape[-1])

    @property
    def flat(self) -> Any:
        """All parameters as one vector, (P,) or (m, P); shares memory with `parameters`."""
        return self._flat

    @flat.setter
    def flat(self, values: Any) -> None:
        self._flat[...] = self.engine.asarray(values)

    @property
    def parameters(self) -> list[tuple[Any, Any]]:
        """(W, b) of every map, as views."""
        return parameter_views(self._flat, self.widths)

    def __getitem__(self, index: int) -> FiniteNetwork:
        """Return one network of a batch; it shares the memory."""
        return self._with(self._flat[index])

    def copy(self) -> FiniteNetwork:
        """Return a network with parameters of its own."""
        return self._with(self._flat.copy())

    def layers(self, index: int = 0) -> list[Layer]:
        """Return the maps of network ``index`` of a batch, or of the network."""
        flat = self._flat if self._flat.ndim == 1 else self._flat[index]
        names = [self.net.activation] * (len(self.scales) - 1) + [None]
        return [
            Layer(DenseWeight(W, self.engine), b, s.weight_factor, s.bias_factor, name, r, q)
            for (W, b), s, name, (r, q) in zip(
                parameter_views(flat, self.widths), self.scales, names, self.rates, strict=True
            )
        ]

    def __call__(self, X: ArrayLike, scale: float = 1.0) -> Any:
        """Return the outputs, (N, C), or (m, N, C) of a batch."""
        data = self._data(X, "X")
        with self.engine.here():
            a_0 = scaled(data, scale, self.dtype, self.engine)
            f = [passes.outputs(self.layers(i), a_0, self.engine) for i in self._indices()]
            f = self.engine.xp.stack(f) if self.networks is not None else f[0]
            return _backend.like(in_library(f, array_namespace(data)), X)

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
        """Return the empirical NTK."""
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
        """Return the empirical NNGP."""
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
        """Return several kernels of one pass."""
        return self._kernels(get, X, Y, scale, outputs, None, memory, threads, progress)

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
            `fastntk.networks.network_jacobian.NetworkJacobian`.
        """
        from fastntk.networks.network_jacobian import NetworkJacobian

        return NetworkJacobian(self, X, scale=scale, memory=memory)

    def train(self, X: ArrayLike, y: ArrayLike, **options: Any) -> Any:
        """Train the network; see `fastntk.networks.training.train`."""
        from fastntk.networks.training import train

        return train(self, X, y, **options)

    def linearised(self, **options: Any) -> Any:
        """Return the network's linearisation at its present parameters."""
        from fastntk.networks.linearised import LinearisedNetwork

        return LinearisedNetwork(self, **options)

    def _kernels(self, get, X, Y, scale, outputs, out, memory, threads, progress):
        names = (get,) if isinstance(get, str) else tuple(get)
        rows = self._data(X, "X")
        columns = None if Y is None else self._data(Y, "Y")
        s = self.scales[-1]
        nngp = ((s.weight_factor * s.weight_std) ** 2, (s.bias_factor * s.bias_std) ** 2)
        n, m = len(rows), len(rows if columns is None else columns)
        with self.engine.here():
            room = self.engine.room(2**40)
            planes, lowest = planes_of(names, self.layers(0), nngp, outputs)
            batch = self.networks or 1
            outs = [
                np.empty((batch, n * p.outputs, m * p.outputs), self.dtype)
                if self.engine.xp is np
                else self.engine.empty((batch, n * p.outputs, m * p.outputs), self.dtype)
                for p in planes
            ]
            for i in range(batch):
                sides = NetworkSides(
                    self.layers(i), self.engine, self.dtype, planes, outputs, scale, lowest
                )
                empirical_gram(
                    sides, rows, columns, [o[i] for o in outs], room, threads or 0,
                    of_stage(progress, "empirical kernel"),
                )
            results, first = [], 0
            for name in names:
                count = len(self.scales) if name == "layers" else 1
                part = outs[first : first + count]
                first += count
                K = self.engine.xp.stack(part, axis=-3) if name == "layers" else part[0]
                K = K[0] if self.networks is None else K
                results.append(_backend.like(in_library(K, array_namespace(rows)), X))
            if out is not None:
                out[...] = results[0]
                results[0] = out
        return tuple(results)

    def _data(self, X: ArrayLike, name: str) -> Any:
        data = _validate.samples(X, name)
        if data.shape[1] != self.widths[0]:
            raise ValueError(
                f"{name} must have widths[0] = {self.widths[0]} columns, got shape {data.shape}"
            )
        return data

    def _indices(self) -> range:
        return range(self.networks or 1)

    def _with(self, flat: Any) -> FiniteNetwork:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._flat = flat
        return new
