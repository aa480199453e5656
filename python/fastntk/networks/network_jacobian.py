# SPDX-License-Identifier: Apache-2.0
r"""The Jacobian of a finite network, by forward and backward passes: it is never formed.

A direction of parameters is pushed forward with the layers,

    dz_{l+1} = w_l (dW_l a_l + W_l da_l) + c_l db_l,    da_{l+1} = f'(z_{l+1}) dz_{l+1},

and weights of outputs are pulled back by their signals D_l (`fastntk.networks.passes`), as
w_l D_l^T a_l for W_l and c_l D_l^T 1 for b_l.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastntk._arrays import on_device
from fastntk.activations.elementwise import apply_slope
from fastntk.gram.empirical_gram import empirical_gram
from fastntk.networks.initial import parameter_views
from fastntk.networks.jacobian import Jacobian
from fastntk.networks.kernels import NetworkSides, planes_of, scaled
from fastntk.networks.passes import backward, forward

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastntk._progress import Meter
    from fastntk.networks.layer import Layer, Weight
    from fastntk.networks.network import FiniteNetwork
    from fastntk.networks.passes import Forward

# Of a block, where the budget allows: weights, and gradients added up, are read once per block, and
# BLAS has its full speed.
_SAMPLES = 1024


class NetworkJacobian(Jacobian):
    """The Jacobian of a network's outputs at N points by its parameters, in the order of ``flat``.

    Parameters
    ----------
    network : FiniteNetwork
        A single one. Products read its parameters when they are asked for: ``network.copy()``
        keeps the Jacobian of a network that is trained on.
    X : array_like of shape (N, n_0)
        The points, which are copied.
    scale : float
        Multiplies X.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; by default half of what is available, nine tenths
        on a GPU.

    Raises
    ------
    ValueError
        A batch of networks; X unfit for the network; parameters that are not finite.

    Notes
    -----
    J is the derivative by the parameters as they are stored; learning rates are in `rates`, those
    of what is not trained 0. A product with k columns costs about 2 (k + 1) (pushed forward) or
    2 (2 k + 1) (pulled back) N P operations, in blocks of points that fit the budget. Products of a
    float32 network with float64 vectors are formed in float64, from parameters and scaled points as
    float32 holds them, one layer's at a time.
    """

    def __init__(
        self,
        network: FiniteNetwork,
        X: ArrayLike,
        *,
        scale: float = 1.0,
        memory: int | str | None = None,
    ) -> None:
        if network.networks is not None:
            raise ValueError(
                f"a Jacobian is of one network, got a batch of {network.networks}: take w[i]"
            )
        data = network.points(X, "X")
        network.require_finite()
        self._engine, self.dtype = network.engine, network.dtype
        self.place, self.xp, self.host = self._engine.name, self._engine.xp, not on_device(data)
        self.budget = self._engine.budget_bytes(memory)
        self.widths, self.samples, self.outputs = network.widths, len(data), network.widths[-1]
        self.shape = (self.samples * self.outputs, network.n_parameters)
        self._layers = network.layers()
        self.rates = _runs(self._layers)
        self.nbytes = 0
        self.room.require(data.size * self.dtype.itemsize, "the scaled points")
        with self.here():
            points = scaled(data, scale, self.dtype, self._engine)
            self._points = points.copy() if points is data else points
        self.nbytes = int(self._points.nbytes)

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device CuPy's current one, if the network is on a GPU."""
        return self._engine.here()

    def pushforward(self, V: Any, meter: Meter) -> Any:
        """Return J v of each row of V; see `Jacobian.pushforward`."""
        count, C = len(V), self.outputs
        layers, directions = self._in(V.dtype), parameter_views(V, self.widths)
        products = self.xp.empty((count, self.shape[0]), V.dtype)
        for first, last in self._blocks(count, V.dtype, count):
            state = forward(layers, self._points[first:last].astype(V.dtype), self._engine)
            tangents = self._tangents(layers, state, directions, count)
            # (sample, column, output) -> (column, sample, output)
            own = tangents.reshape(-1, count, C).transpose(1, 0, 2)
            products[:, first * C : last * C] = own.reshape(count, -1)
            meter.add((last - first) * count)
        return products

    def pullback(self, U: Any, meter: Meter) -> Any:
        """Return J^T u of each row of U; see `Jacobian.pushforward`."""
        count, C, xp = len(U), self.outputs, self.xp
        layers = self._in(U.dtype)
        gradients = xp.zeros((count, self.shape[1]), U.dtype)
        views = parameter_views(gradients, self.widths)
        for first, last in self._blocks(count, U.dtype, count):
            state = forward(layers, self._points[first:last].astype(U.dtype), self._engine)
            weights = U[:, first * C : last * C].reshape(count, -1, C).transpose(1, 0, 2)
            seeds = xp.ascontiguousarray(weights).reshape(-1, C)
            signals = backward(layers, state, self._engine, seeds)
            for layer, a, D, (by_weights, by_biases) in zip(
                layers, state.activations, signals, views, strict=True
            ):
                sums = D.reshape(len(a), -1).T @ a
                sums *= layer.weight_factor
                by_weights[...] += sums.reshape(by_weights.shape)
                own = layer.bias_factor * D.reshape(len(a), -1).sum(axis=0)
                by_biases[...] += own.reshape(by_biases.shape)
            meter.add((last - first) * count)
        return gradients

    def rows(self, first: int, last: int, dtype: DTypeLike) -> Any:
        """Return the gradients at some samples; see `Jacobian.rows`."""
        C, count, dtype = self.outputs, last - first, np.dtype(dtype)
        layers, state, signals = self._passes(first, last, dtype)
        gradients = self.xp.empty((count * C, self.shape[1]), dtype)
        views = parameter_views(gradients, self.widths)
        for layer, a, D, (dW, db) in zip(layers, state.activations, signals, views, strict=True):
            left = D.reshape(count, C, -1, 1)
            right = (layer.weight_factor * a).reshape(count, 1, 1, -1)
            self.xp.multiply(left, right, out=dW.reshape(count, C, *dW.shape[1:]))
            self.xp.multiply(D, layer.bias_factor, out=db)
        return gradients

    def tangent_diagonal(self) -> Any:
        """Return the diagonal of ``J diag(multipliers) J^T``, (N C,), layer by layer."""
        C, xp = self.outputs, self.xp
        diagonal = xp.zeros((self.samples, C))
        for first, last in self._blocks(C, np.dtype(np.float64)):
            layers, state, signals = self._passes(first, last, np.dtype(np.float64))
            for layer, a, D in zip(layers, state.activations, signals, strict=True):
                alpha, beta = layer.kernel_factors
                shared = alpha * xp.einsum("ij,ij->i", a, a) + beta
                lengths = xp.einsum("ij,ij->i", D, D).reshape(-1, C)
                diagonal[first:last] += lengths * shared[:, np.newaxis]
        return diagonal.reshape(-1)

    def tangent_kernel(self, out: Any, held: int = 0) -> None:
        """Write ``J diag(multipliers) J^T`` to ``out`` (N C, N C), in float64 by layers."""
        double = np.dtype(np.float64)
        K, room = out, replace(self.room, held=self.nbytes + held)
        if out.dtype != double:
            room.require(8 * out.size, "the NTK in float64")
            K = self.xp.empty(out.shape)
            room = replace(room, held=room.held + K.nbytes)
        layers = self._in(double)
        planes, lowest = planes_of(("ntk",), layers, (0.0, 0.0), "full")
        sides = NetworkSides(layers, self._engine, double, planes, "full", 1.0, lowest)
        empirical_gram(sides, self._points, None, [K], room)
        if K is not out:
            out[...] = K

    def _in(self, dtype: np.dtype[Any]) -> Sequence[Layer]:
        """Return the layers as passes in float32 or float64 read them."""
        if dtype == self.dtype:
            return self._layers
        return [
            replace(layer, weight=WidenedWeight(layer.weight), bias=layer.bias.astype(dtype))
            for layer in self._layers
        ]

    def _passes(
        self, first: int, last: int, dtype: np.dtype[Any]
    ) -> tuple[Sequence[Layer], Forward, list[Any]]:
        """Return the layers, a forward pass, and the signals of each output at some samples."""
        layers, C = self._in(dtype), self.outputs
        state = forward(layers, self._points[first:last].astype(dtype), self._engine)
        units, outputs = self.xp.zeros((last - first, C, C), dtype), self.xp.arange(C)
        units[:, outputs, outputs] = 1
        return layers, state, backward(layers, state, self._engine, units.reshape(-1, C))

    def _tangents(
        self, layers: Sequence[Layer], state: Forward, directions: Sequence[Any], count: int
    ) -> Any:
        """Return the derivatives of a block's outputs, (samples * count, C)."""
        engine, xp, tangents = self._engine, self.xp, None
        for number, (layer, a) in enumerate(zip(layers, state.activations, strict=True)):
            dW, db = directions[number]
            moved = xp.empty((len(a), count, dW.shape[1]), a.dtype)
            xp.matmul(a, dW.transpose(0, 2, 1), out=moved.transpose(1, 0, 2))
            flat = moved.reshape(-1, dW.shape[1])
            if tangents is not None:
                flat += layer.weight.times(tangents)
            flat *= layer.weight_factor
            if layer.bias_factor:
                moved += layer.bias_factor * db
            tangents = flat
            if layer.activation is not None:
                z = state.preactivations[number]
                apply_slope(engine, layer.activation, z, tangents, 1.0)
        return tangents

    def _blocks(
        self, count: int, dtype: np.dtype[Any], vectors: int = 0
    ) -> Iterator[tuple[int, int]]:
        """Return the first and last samples of blocks whose passes fit the budget.

        ``count`` rows of signals or tangents per sample; so many ``vectors`` and their products are
        held meanwhile.
        """
        units, largest = sum(self.widths), max(self.widths)
        weights = max(n * after for n, after in zip(self.widths, self.widths[1:], strict=False))
        each = dtype.itemsize * (2 * units + count * (units + 2 * largest))
        # What a block adds to the gradients of a layer, and that layer's weights in float64.
        held = dtype.itemsize * weights * (vectors + 2 * (dtype != self.dtype))
        held += dtype.itemsize * vectors * sum(self.shape)
        self.room.require(held + each, "the passes of one sample")
        most = max(1, min((self.room.left - held) // each, _SAMPLES))
        for first in range(0, self.samples, most):
            yield first, min(first + most, self.samples)


@dataclass(frozen=True)
class WidenedWeight:
    """A float32 weight matrix in float64 for as long as a product takes.

    Attributes
    ----------
    weight : Weight
        In float32.
    """

    weight: Weight

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the map."""
        return self.weight.shape

    @property
    def array(self) -> Any:
        """The whole matrix, (n', n): a new array."""
        return self.weight.array.astype(np.float64)

    def times(self, A: Any) -> Any:
        """Return A W^T."""
        return A @ self.array.T

    def transposed_times(self, D: Any) -> Any:
        """Return D W."""
        return D @ self.array


def _runs(layers: Sequence[Layer]) -> tuple[tuple[int, float], ...]:
    """Return the multipliers of the learning rate as runs of parameters, none where all are 1."""
    runs = []
    for layer in layers:
        after, n = layer.weight.shape
        runs += [(after * n, layer.weight_rate), (after, layer.bias_rate)]
    return () if all(rate == 1.0 for _, rate in runs) else tuple(runs)
