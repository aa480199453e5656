# SPDX-License-Identifier: Apache-2.0
"""The empirical kernels of one finite network: which terms, with which factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk.gram.empirical import Plane, Term
from fastntk.networks.passes import backward, forward

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk.networks.layer import Layer

Outputs = str | tuple[int, int]


@dataclass(frozen=True)
class NetworkSides:
    """Terms of a network's kernels at given points; see `fastntk.gram.empirical.Sides`.

    Attributes
    ----------
    layers : sequence of Layer
        The network.
    engine : Engine
        Its device.
    dtype : dtype
        Of its parameters.
    planes : tuple of Plane
        The kernels.
    outputs : "full", "trace" or (int, int)
        Which blocks of the NTK.
    scale : float
        Multiplies the points.
    lowest : int
        The first map whose signals are needed.
    threads : int
        Of the activations.
    """

    layers: Sequence[Layer]
    engine: Engine
    dtype: np.dtype[Any]
    planes: tuple[Plane, ...]
    outputs: Outputs
    scale: float
    lowest: int
    threads: int = 0

    @property
    def symmetric(self) -> bool:
        """Whether rows and columns of the same points have the same terms."""
        return isinstance(self.outputs, str) or self.outputs[0] == self.outputs[1]

    @property
    def bytes_per_point(self) -> int:
        """Activations, preactivations and signals, and as much for the engine's copies."""
        inputs = [layer.weight.shape[1] for layer in self.layers]
        C = self.layers[-1].weight.shape[0] if isinstance(self.outputs, str) else 1
        hidden = sum(inputs[1:])
        signals = C * sum(inputs[self.lowest + 1 :])
        return int(self.dtype.itemsize * (2 * (inputs[0] + hidden + signals) + hidden))

    def rows(self, X: NDArray[Any]) -> list[Term]:
        """Return the terms of points as rows."""
        return self._terms(X, 0)

    def columns(self, X: NDArray[Any]) -> list[Term]:
        """Return the terms of points as columns."""
        return self._terms(X, 1)

    def _terms(self, X: NDArray[Any], side: int) -> list[Term]:
        engine = self.engine
        with engine.here():
            a_0 = scaled(X, self.scale, self.dtype, engine)
            state = forward(self.layers, a_0, engine, self.threads)
            seeds = None
            if not isinstance(self.outputs, str):
                seeds = engine.xp.zeros(state.outputs.shape, self.dtype)
                seeds[:, self.outputs[side]] = 1
            signals = backward(self.layers, state, engine, seeds, self.lowest, self.threads)
            signals[-1] = None
            if self.outputs == "trace":
                signals = [None if D is None else D.reshape(len(a_0), -1) for D in signals]
            return list(zip(state.activations, signals, strict=True))


def scaled(X: NDArray[Any], scale: float, dtype: np.dtype[Any], engine: Engine) -> Any:
    """Return a_0: points of any type, scaled, as an array of the engine."""
    a_0 = engine.asarray(X).astype(dtype)
    if scale != 1.0:
        a_0 *= dtype.type(scale)
    return a_0


def planes_of(
    names: Sequence[str], layers: Sequence[Layer], nngp: tuple[float, float], outputs: Outputs
) -> tuple[tuple[Plane, ...], int]:
    """Return a kernel's planes, and the first map whose signals they need.

    Parameters
    ----------
    names : sequence of {"ntk", "layers", "nngp"}
        The kernels.
    layers : sequence of Layer
        The network.
    nngp : (float, float)
        alpha and beta of the NNGP.
    outputs : "full", "trace" or (int, int)
        Which blocks of the NTK.
    """
    last = len(layers) - 1
    C = layers[-1].weight.shape[0]
    per_point = C if outputs == "full" else 1
    factors = [layer.kernel_factors for layer in layers]
    # What the identity over outputs leaves of the last map.
    share = 1.0
    if outputs == "trace":
        share = float(C)
    elif outputs != "full" and outputs[0] != outputs[1]:
        share = 0.0
    factors[last] = (share * factors[last][0], share * factors[last][1])
    trained = [l for l, pair in enumerate(factors) if any(pair)]
    planes: list[Plane] = []
    lowest = last
    for name in names:
        if name == "nngp":
            planes.append(Plane((last,), (nngp,), 1))
            continue
        lowest = min([lowest, *trained])
        if name == "ntk":
            terms = tuple(trained) or (last,)
            planes.append(Plane(terms, tuple(factors[l] for l in terms), per_point))
        else:
            planes += [Plane((l,), (pair,), per_point) for l, pair in enumerate(factors)]
    return tuple(planes), lowest
