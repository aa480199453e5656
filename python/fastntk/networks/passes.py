# SPDX-License-Identifier: Apache-2.0
"""Forward and backward passes of one network.

With maps l = 0 .. L-1: z_{l+1} = w_l a_l W_l^T + c_l b_l, a_{l+1} = f(z_{l+1}), the outputs being
z_L; scales of activations are in the factors w_l and c_l.

Signals D_l[(i, r), :] are the derivatives of a combination r of the outputs at sample i by
z_{l+1}: D_{L-1} = seeds, D_{l-1} = w_l D_l W_l * f'(z_l). Rows of signals are sample-major.

Cost for N samples, R combinations and P weights: 2 N P operations forward, 2 N R P backward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk.activations.definitions import Functor
from fastntk.activations.elementwise import activate, apply_slope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastntk._backend import Engine
    from fastntk.networks.layer import Layer

# Its slope needs no more of z than the sign, which its value has.
_SLOPE_FROM_VALUE = Functor("relu")


@dataclass(frozen=True)
class Forward:
    """What a forward pass leaves.

    Attributes
    ----------
    activations : list of ndarray
        a_0 .. a_{L-1}, of shape (N, n_l): what each map reads.
    preactivations : list of ndarray
        z_1 .. z_{L-1}, for the slopes. Those of ReLU are the activations themselves, whose signs
        are all that its slope needs.
    outputs : ndarray of shape (N, C)
        z_L.
    """

    activations: list[Any]
    preactivations: list[Any]
    outputs: Any


def forward(layers: Sequence[Layer], a_0: Any, engine: Engine, threads: int = 0) -> Forward:
    """Run a network and keep what the backward pass needs.

    Parameters
    ----------
    layers : sequence of Layer
        One per linear map.
    a_0 : ndarray of shape (N, n_0)
        Scaled data, of the parameters' type and on their device.
    engine : Engine
        That device.
    threads : int
        Of the activations; 0 for the engine's choice.
    """
    activations, preactivations = [a_0], []
    for layer in layers[:-1]:
        z = layer.weight.times(activations[-1])
        a = z if _keeps_sign(layer) else engine.xp.empty_like(z)
        _finish(layer, z, a, engine, threads)
        activations.append(a)
        preactivations.append(z)
    f = layers[-1].weight.times(activations[-1])
    _finish(layers[-1], f, None, engine, threads)
    return Forward(activations, preactivations, f)


def outputs(layers: Sequence[Layer], a_0: Any, engine: Engine, threads: int = 0) -> Any:
    """Return a network's outputs, (N, C), keeping one layer at a time; see `forward`."""
    a = a_0
    for layer in layers:
        a = layer.weight.times(a)
        _finish(layer, a, None if layer.activation is None else a, engine, threads)
    return a


def backward(
    layers: Sequence[Layer],
    state: Forward,
    engine: Engine,
    seeds: Any | None = None,
    down_to: int = 0,
    threads: int = 0,
) -> list[Any]:
    """Return the signals D_0 .. D_{L-1} of every map.

    Parameters
    ----------
    layers, engine, threads
        Those of `forward`.
    state : Forward
        What it returned.
    seeds : ndarray of shape (N R, C), optional
        D_{L-1}: R combinations of the outputs per sample, sample-major. By default the C outputs
        themselves, R = C, and D_{L-1}, the identity, is None.
    down_to : int
        The first map whose signals are wanted; those of the maps before are None.

    Returns
    -------
    list of ndarray or None
        D_l of shape (N R, n_{l+1}).
    """
    signals: list[Any] = [None] * len(layers)
    for number, D in downwards(layers, state, engine, seeds, down_to, threads):
        signals[number] = D
    return signals


def downwards(
    layers: Sequence[Layer],
    state: Forward,
    engine: Engine,
    seeds: Any | None = None,
    down_to: int = 0,
    threads: int = 0,
) -> Iterator[tuple[int, Any]]:
    """Give (l, D_l) from the last map to the first one wanted; see `backward`.

    What a step needs of ``state`` is z_l alone: who takes the steps may drop the rest from its
    lists, and keeps no more signals than it wants.
    """
    count, D = state.outputs.shape[0], seeds
    for number in range(len(layers) - 1, down_to, -1):
        yield number, D
        layer = layers[number]
        if D is None:  # the identity: every sample has the rows of W
            W = layer.weight.array
            D = engine.xp.empty((count * W.shape[0], W.shape[1]), W.dtype)
            D.reshape(count, *W.shape)[...] = W
        else:
            D = layer.weight.transposed_times(D)
        before = layers[number - 1].activation
        assert before is not None
        z = state.preactivations[number - 1]
        apply_slope(engine, before, z, D, layer.weight_factor, threads)
    yield down_to, D


def parameter_gradient(
    layers: Sequence[Layer], state: Forward, seeds: Any, engine: Engine, threads: int = 0
) -> list[tuple[Any, Any]]:
    """Return J^T u of outputs' weights u: the gradient of sum_ik u_ik f_k(x_i).

    Parameters
    ----------
    layers, state, engine, threads
        As for `backward`.
    seeds : ndarray of shape (N, C)
        The weights u.

    Returns
    -------
    list of (ndarray, ndarray)
        By W_l, (n_{l+1}, n_l), and by b_l, (n_{l+1},), in the order of the maps; learning rates are
        not part of it.
    """
    signals = backward(layers, state, engine, seeds, threads=threads)
    return [
        (layer.weight_factor * (D.T @ a), layer.bias_factor * D.sum(axis=0))
        for layer, a, D in zip(layers, state.activations, signals, strict=True)
    ]


def _finish(layer: Layer, z: Any, out: Any, engine: Engine, threads: int) -> None:
    """Scale and shift the product z of a map in place, and write its activation to ``out``."""
    shift = layer.bias_factor * layer.bias if layer.bias_factor else None
    activate(engine, layer.activation, z, layer.weight_factor, shift, out, threads)


def _keeps_sign(layer: Layer) -> bool:
    return layer.activation is not None and layer.activation.base == _SLOPE_FROM_VALUE
