# SPDX-License-Identifier: Apache-2.0
"""What an architecture is to the engine: linear maps, activations, and what of them is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

# Weight and bias shares, one number each per linear map: 1 for what is trained, 0 for what is not.
Shares = tuple[list[float], list[float]]

KERNELS = ("nngp", "ntk", "layers")


@dataclass(frozen=True)
class LayerProgram:
    """Linear maps with activations between them.

    Attributes
    ----------
    weight_std, bias_std : tuple of float
        One number per linear map, from the input on.
    activations : tuple of (str, tuple of float)
        Between each pair of linear maps the engine's name of a function, and its parameters.
    weight_share : float
        What the weights' gradients contribute, relative to a forward map that is scaled by
        ``weight_std``.
    """

    weight_std: tuple[float, ...]
    bias_std: tuple[float, ...]
    activations: tuple[tuple[str, tuple[float, ...]], ...]
    weight_share: float = 1.0

    def trained_shares(self, kernel: str) -> list[Shares]:
        """Return what is trained for a kernel: a pair of shares per matrix that it consists of.

        The NTK trains all; the NNGP is the NTK of the last linear map alone, with its weights
        scaled in the forward map; "layers" trains one linear map at a time.
        """
        maps = len(self.weight_std)
        if kernel == "ntk":
            return [([self.weight_share] * maps, [1.0] * maps)]
        if kernel == "nngp":
            return [(_only(1.0, maps - 1, maps), _only(1.0, maps - 1, maps))]
        return [
            (_only(self.weight_share, layer, maps), _only(1.0, layer, maps))
            for layer in range(maps)
        ]


class Network(Protocol):
    """Whatever has a layer program has limiting kernels."""

    def program(self) -> LayerProgram:
        """Return the layers as the engine takes them."""


def _only(value: float, index: int, count: int) -> list[float]:
    return [value if i == index else 0.0 for i in range(count)]
