# SPDX-License-Identifier: Apache-2.0
"""The parameters of a limiting network, with the names of the package's FullyConnected."""

from dataclasses import dataclass
from typing import Protocol


class NetworkLike(Protocol):
    """What the references read from a network; the package's FullyConnected has it too."""

    @property
    def hidden_layers(self) -> int:
        """Number of hidden layers, >= 0."""

    @property
    def activation(self) -> str:
        """Either "relu" or "erf"."""

    @property
    def weight_std(self) -> float:
        """Factor of the forward map, parameters being N(0, 1)."""

    @property
    def bias_std(self) -> float:
        """Factor of the biases."""

    @property
    def init_std(self) -> float | None:
        """Standard deviation of the weights when the forward map is unscaled, or None."""


@dataclass(frozen=True)
class Network:
    """A stand-in for FullyConnected, so that the references need no package."""

    hidden_layers: int = 4
    activation: str = "relu"
    weight_std: float = 1.0
    bias_std: float = 0.1
    init_std: float | None = None


def gradient_factor(net: NetworkLike) -> tuple[float, bool]:
    """Return the factor of every Sigma, and whether the weights' gradients carry it too.

    With ``weight_std`` the forward map is scaled, hence also each weight's gradient; with
    ``init_std`` only the weights themselves are.
    """
    if net.init_std is None:
        return net.weight_std, True
    return net.init_std, False
