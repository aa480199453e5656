# SPDX-License-Identifier: Apache-2.0
"""Fully-connected networks in the limit of infinite width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastntk import _validate
from fastntk.activations import Activation, as_activation
from fastntk.gram import per_layer
from fastntk.gram.kernel_methods import LimitingKernelMethods
from fastntk.gram.program import LayerProgram, layer_program

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class FullyConnected(LimitingKernelMethods):
    r"""A fully-connected network whose hidden layers are infinitely wide.

    With :math:`a_0 = x` the layers are, all parameters being independent standard Gaussians,

    .. math:: z_{l+1} = \frac{\sigma_w}{\sqrt{n_l}} W_l a_l + \sigma_b b_l, \qquad a_l = f(z_l).

    Parameters
    ----------
    hidden_layers : int
        Layers between input and output; the paper's :math:`L` is ``hidden_layers + 1``. 0 is
        linear regression.
    activation : str, Activation, or sequence of them
        Nonlinearity :math:`f`, or one for each hidden layer: `Activation` lists them. Its text will
        do: "relu", "erf", "leaky_relu(0.1)".
    weight_std : float or sequence of float
        :math:`\sigma_w > 0`, a factor of the forward map: the parameters stay N(0, 1). The paper
        has 1 (there is no factor :math:`\sqrt 2` for ReLU). A sequence has one for each linear map,
        ``hidden_layers + 1`` from the input on.
    bias_std : float or sequence of float
        :math:`\sigma_b \ge 0`, the paper's :math:`\beta`; or one for each linear map.
    init_std : float, optional
        The other reading of "the variance of the parameters": weights W ~ N(0, init_std^2) with a
        forward map that is not scaled. The NNGP is that of ``weight_std=init_std``, the NTK
        recursion is :math:`\Theta' = s^2 \dot\Sigma \Theta + E[f f'] + \sigma_b^2` with
        ``s = init_std``. Excludes another ``weight_std`` than 1.

    residual : float
        :math:`r \ge 0`: each hidden layer after the first adds :math:`r z_l` to its
        preactivations :math:`z_{l+1}`, a skip connection. The last map adds nothing.
    layer_norm : bool
        Whether every activation is given its layer's preactivations divided by their standard
        deviation over the layer, which in the limit is :math:`\sqrt{\Sigma(x, x)}`; those of a
        zero row without biases stay 0.

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        A parameter out of range, an unknown activation, or both ``weight_std`` and
        ``init_std``.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018, Section 3, Proposition 1 and Theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> net = FullyConnected(hidden_layers=1, bias_std=0.0)
    >>> net.ntk(np.eye(2))
    array([[0.5       , 0.07957747],
           [0.07957747, 0.5       ]])
    """

    hidden_layers: int = 4
    activation: str | Activation | Sequence[str | Activation] = "relu"
    weight_std: float | Sequence[float] = 1.0
    bias_std: float | Sequence[float] = 0.1
    init_std: float | None = None
    residual: float = 0.0
    layer_norm: bool = False

    def __post_init__(self) -> None:
        layers = _validate.integer(self.hidden_layers, "hidden_layers", at_least=0)
        object.__setattr__(self, "hidden_layers", layers)
        maps, positive, least_0 = layers + 1, _validate.positive, _validate.non_negative
        fields = {
            "activation": per_layer.activations(self.activation, layers),
            "weight_std": per_layer.numbers(self.weight_std, "weight_std", maps, positive),
            "bias_std": per_layer.numbers(self.bias_std, "bias_std", maps, least_0),
            "residual": least_0(self.residual, "residual"),
            "layer_norm": _validate.truth(self.layer_norm, "layer_norm"),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if self.init_std is not None:
            init_std = _validate.positive(self.init_std, "init_std")
            if not 1e-70 <= init_std <= 1e70:
                raise ValueError(f"init_std must be in [1e-70, 1e70], got {init_std:g}")
            object.__setattr__(self, "init_std", init_std)
            if self.weight_std != 1.0:
                raise ValueError(
                    "weight_std and init_std scale the same weights: give one of them, "
                    f"got weight_std={self.weight_std!r} and init_std={init_std!r}"
                )

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        return tuple(map(as_activation, per_layer.each(self.activation, self.hidden_layers)))

    @property
    def weight_stds(self) -> tuple[float, ...]:
        """``weight_std`` of each linear map."""
        return per_layer.each(self.weight_std, self.hidden_layers + 1)

    @property
    def bias_stds(self) -> tuple[float, ...]:
        """``bias_std`` of each linear map."""
        return per_layer.each(self.bias_std, self.hidden_layers + 1)

    def program(self) -> LayerProgram:
        """Return the layers as the engine takes them."""
        std, share = self.weight_stds, 1.0
        if self.init_std is not None:
            std, share = (self.init_std,) * len(std), 1 / self.init_std**2
        return layer_program(
            self.activations, std, self.bias_stds, share, self.residual, self.layer_norm
        )

    def _require_gradients(self) -> None:
        if self.init_std is not None:
            raise ValueError(
                "gradients are by weight_std and bias_std, got a network with "
                f"init_std={self.init_std!r}: its kernels have no weight_std"
            )
        if self.residual or self.layer_norm:
            raise ValueError(
                "gradients are of networks without skip connections and layer normalisation, got "
                f"residual={self.residual!r}, layer_norm={self.layer_norm!r}"
            )
        for name in ("weight_std", "bias_std"):
            if isinstance(getattr(self, name), tuple):
                raise ValueError(
                    f"gradients are by one {name} that all layers share, got "
                    f"{name}={getattr(self, name)!r}"
                )
