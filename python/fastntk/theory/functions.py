# SPDX-License-Identifier: Apache-2.0
"""What this folder reads of a nonlinearity, and of the layers of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fastntk.activations import as_activation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk.gram.architecture import FullyConnected


class Nonlinearity(Protocol):
    """A function with its duals, as `fastntk.Activation`."""

    def __call__(self, u: Any) -> Any:
        """Return f(u), elementwise."""

    def dual(self, q: ArrayLike, p: ArrayLike, c: ArrayLike) -> tuple[Any, Any]:
        """Return E[f(u) f(v)] and E[f'(u) f'(v)] of variances q, p and cosine c."""


class Layers(NamedTuple):
    """A network's nonlinearities, and the factors of the linear maps around them."""

    functions: tuple[Nonlinearity, ...]
    weight_std: tuple[float, ...]
    bias_std: tuple[float, ...]
    residual: float  # what of a hidden layer's preactivations is added to the next one's
    layer_norm: bool


def nonlinearity(activation: Any) -> Nonlinearity:
    """Return an activation as it is, or the one of a text.

    Raises
    ------
    ValueError
        Neither an object with duals nor the text of an activation.
    """
    if callable(activation) and callable(getattr(activation, "dual", None)):
        return activation  # type: ignore[no-any-return]
    return as_activation(activation)


def require_slope(f: Nonlinearity) -> None:
    """Require that f' is a function."""
    if not getattr(f, "has_ntk", True):
        raise ValueError(
            f"activation must not jump: E[f'(u) f'(v)] is infinite where u = v, got {f!s}"
        )


def layers_of(net: FullyConnected) -> Layers:
    """Return a network's layers, one entry each."""
    weight_std = net.weight_stds
    if net.init_std is not None:
        weight_std = (net.init_std,) * len(weight_std)
    residual, layer_norm = getattr(net, "residual", 0.0), getattr(net, "layer_norm", False)
    return Layers(net.activations, weight_std, net.bias_stds, residual, layer_norm)
