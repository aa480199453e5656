# SPDX-License-Identifier: Apache-2.0
"""What an architecture is to the engine: linear maps, activations, and what of them is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fastntk.activations.definitions import Functor
from fastntk.activations.facts import why_no_ntk

if TYPE_CHECKING:
    from fastntk.activations import Activation

# Weight and bias shares, one number each per linear map: 1 for what is trained, 0 for what is not.
Shares = tuple[list[float], list[float]]

KERNELS = ("nngp", "ntk", "layers")
# The engine's name of a function that is read from a table.
TABULATED = "tabulated"


class EngineActivation(NamedTuple):
    """A function of the engine and its parameters.

    ``function`` is the activation, its scales left to the linear maps: what is tabulated where an
    engine does not have it. It has no functor where the name is `TABULATED`.
    """

    name: str
    parameters: tuple[float, ...]
    function: Activation

    def __str__(self) -> str:
        """Return its text, which decides the entries of a kernel."""
        if self.name == TABULATED:
            return self.function.fingerprint
        values = ", ".join(map(repr, self.parameters))
        return f"{self.name}({values})" if values else self.name


@dataclass(frozen=True)
class LayerProgram:
    """Linear maps with activations between them.

    Attributes
    ----------
    weight_std, bias_std : tuple of float
        One number per linear map, from the input on.
    activations : tuple of EngineActivation
        One between each pair of linear maps.
    weight_share : float
        What the weights' gradients contribute, relative to a forward map that is scaled by
        ``weight_std``.
    factors : (tuple of float, tuple of float)
        What multiplies the deviations of weights, and of biases, in ``weight_std`` and
        ``bias_std``: the scales of activations. Derivatives are by what is multiplied.
    normal_std : tuple of float, optional
        Of each linear map: layer normalisation gives the activation behind it preactivations of
        this standard deviation; 0 for none.
    skip : tuple of float, optional
        Of each linear map: what multiplies the preactivations before, which are added to its own.
    jumping : str, optional
        An activation whose derivative is a point mass: there is no NTK.
    """

    weight_std: tuple[float, ...]
    bias_std: tuple[float, ...]
    activations: tuple[EngineActivation, ...]
    factors: tuple[tuple[float, ...], tuple[float, ...]]
    weight_share: float = 1.0
    normal_std: tuple[float, ...] = ()
    skip: tuple[float, ...] = ()
    jumping: str | None = None

    @property
    def maps(self) -> list[tuple[float, float, float, float]]:
        """Return linear maps as the engine takes them."""
        none = (0.0,) * len(self.weight_std)
        normal_std, skip = self.normal_std or none, self.skip or none
        return list(zip(self.weight_std, self.bias_std, normal_std, skip, strict=True))

    def trained_shares(self, kernel: str) -> list[Shares]:
        """Return what is trained for a kernel: a pair of shares per matrix that it consists of.

        The NTK trains all; the NNGP is the NTK of the last linear map alone, with its weights
        scaled in the forward map; "layers" trains one linear map at a time.

        Raises
        ------
        ValueError
            There is no NTK.
        """
        maps = len(self.weight_std)
        if kernel == "nngp":
            return [(_only(1.0, maps - 1, maps), _only(1.0, maps - 1, maps))]
        self.require_ntk(repr(kernel))
        if kernel == "ntk":
            return [([self.weight_share] * maps, [1.0] * maps)]
        return [
            (_only(self.weight_share, layer, maps), _only(1.0, layer, maps))
            for layer in range(maps)
        ]

    def require_ntk(self, what: str) -> None:
        """Raise ValueError where an activation jumps."""
        if self.jumping is not None:
            raise ValueError(why_no_ntk(what, self.jumping))

    def require_gradients(self, kernel: str) -> None:
        """Raise ValueError where the derivatives of a kernel, or itself, are not functions."""
        if kernel == "ntk":
            self.require_ntk("'ntk'")
        elif self.jumping is not None:
            raise ValueError(
                f"gradients of the {kernel!r} need E[f'(u) f'(v)], which is infinite where u = v "
                f"for activation {self.jumping}, which jumps: nngp has the kernel without them"
            )

    @property
    def identity(self) -> dict[str, object]:
        """Return what decides the entries of kernels, as plain values for JSON."""
        return {
            "weight_std": list(self.weight_std),
            "bias_std": list(self.bias_std),
            "activations": list(map(str, self.activations)),
            "weight_share": self.weight_share,
            **{name: list(x) for name in ("normal_std", "skip") if (x := getattr(self, name))},
        }


class Network(Protocol):
    """Whatever has a layer program has limiting kernels."""

    def program(self) -> LayerProgram:
        """Return the layers as the engine takes them."""


def layer_program(
    activations: Sequence[Activation],
    weight_std: Sequence[float],
    bias_std: Sequence[float],
    weight_share: float,
    residual: float = 0.0,
    layer_norm: bool = False,
) -> LayerProgram:
    r"""Return the program of layers whose activations have scales.

    With :math:`a_l = \alpha_l g_l(\beta_l z_l)` behind map l - 1, and :math:`z'_l = \beta_l z_l`,

    .. math:: z'_{l+1} = \frac{\beta_{l+1} \sigma_l \alpha_l}{\sqrt{n_l}} W_l g_l(z'_l)
        + \beta_{l+1} \sigma_{b,l} b_l,

    with :math:`\alpha_0 = \beta_L = 1`: the same outputs of the same parameters, so the same
    gradients. Only the factors of the maps change, and the shares, which are relative to
    those, stay. Where W ~ N(0, s^2) and the forward map is not scaled, :math:`\sigma_l = s` is
    the factor of W / s, whose gradients are s times those of W: the share is 1 / s^2 still.

    A residual r z_l is :math:`r \beta_{l+1} / \beta_l` times z'_l. Layer normalisation leaves the
    deviation :math:`\beta_l`, whatever that of z_l: no map absorbs it.

    Parameters
    ----------
    activations : sequence of Activation
        One per hidden layer.
    weight_std, bias_std : sequence of float
        Of each linear map, one more.
    weight_share : float
        See `LayerProgram`.
    residual, layer_norm
        See `FullyConnected`.
    """
    inputs, outputs = map_factors(activations)
    maps = len(inputs)
    normal_std: tuple[float, ...] = ()
    skip: tuple[float, ...] = ()
    if layer_norm:
        normal_std = (*inputs[:-1], 0.0)
        inputs = [1.0] * maps
    if residual:
        steps = (b / before for before, b in pairwise(inputs))
        hidden = (0.0, *(residual * step for step in steps))[: maps - 1]
        skip = (*hidden, 0.0)
    weights = tuple(b * a for b, a in zip(inputs, outputs, strict=True))
    jumps = [str(one) for one in activations if not one.has_ntk]
    return LayerProgram(
        weight_std=tuple(s * std for s, std in zip(weights, weight_std, strict=True)),
        bias_std=tuple(b * std for b, std in zip(inputs, bias_std, strict=True)),
        activations=tuple(map(engine_activation, activations)),
        factors=(weights, tuple(inputs)),
        weight_share=weight_share,
        normal_std=normal_std,
        skip=skip,
        jumping=jumps[0] if jumps else None,
    )


def map_factors(activations: Sequence[Activation]) -> tuple[list[float], list[float]]:
    """Return what each linear map absorbs of the activation behind it, and of the one before.

    The first multiplies weights and biases, the second the weights.
    """
    scales = [one.scales for one in activations]
    return [b for b, _ in scales] + [1.0], [1.0] + [a for _, a in scales]


def engine_activation(activation: Activation) -> EngineActivation:
    """Return what the engine takes for an activation, its scales left to the linear maps."""
    base, plain = activation.base, replace(activation, input_scale=1.0, output_scale=1.0)
    if isinstance(base, Functor):
        return EngineActivation(base.name, base.parameters, plain)
    return EngineActivation(TABULATED, (), plain)


def _only(value: float, index: int, count: int) -> list[float]:
    return [value if i == index else 0.0 for i in range(count)]
