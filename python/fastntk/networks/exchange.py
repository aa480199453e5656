# SPDX-License-Identifier: Apache-2.0
"""Networks as files, and as the ``state_dict`` of a PyTorch module that computes the same function.

The module is ``torch.nn.Sequential`` of Linear layers with an activation between them: "0.weight",
"0.bias", "2.weight", ... A Linear computes a W^T + b, so that its weight is w_l W_l and its bias
c_l b_l, whatever the parametrisation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import to_host
from fastntk.networks import arguments
from fastntk.networks.parametrisation import map_scales

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.gram.architecture import FullyConnected
    from fastntk.networks.network import FiniteNetwork

_KEY = re.compile(r"(?:.*\.)?(\d+)\.(weight|bias)")


def parts_of(net: FiniteNetwork) -> dict[str, Any]:
    """Return what a file has of a network, or batch; see `fastntk._saving`."""
    parts = {
        "net": net.net,
        "parametrisation": net.parametrisation,
        "widths": net.widths,
        "rates": net.rates,
    }
    for number, (W, b) in enumerate(net.parameters):
        parts |= {f"W{number}": W, f"b{number}": b}
    return parts


def arguments_of(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `FiniteNetwork.from_parameters` for what `parts_of` returned."""
    maps = range(len(parts["widths"]) - 1)
    parameters = [(parts[f"W{number}"], parts[f"b{number}"]) for number in maps]
    return {
        "net": parts["net"],
        "parameters": parameters,
        "parametrisation": parts["parametrisation"],
        "rates": [(float(r), float(q)) for r, q in parts["rates"]],
        "dtype": parameters[0][0].dtype,
    }


def state_dict(net: FiniteNetwork, *, torch: bool) -> dict[str, Any]:
    """Return the state of the PyTorch module: see `fastntk.FiniteNetwork.state_dict`."""
    if net.networks is not None:
        raise ValueError(f"a state_dict is of a single network such as w[0], got a batch: {net!r}")
    state: dict[str, Any] = {}
    for number, ((W, b), s) in enumerate(zip(net.parameters, net.scales, strict=True)):
        state[f"{2 * number}.weight"] = to_host(W) * net.dtype.type(s.weight_factor)
        state[f"{2 * number}.bias"] = to_host(b) * net.dtype.type(s.bias_factor)
    if not torch:
        return state
    try:
        from torch import from_numpy
    except ImportError:
        raise ImportError("tensors need PyTorch: pip install torch, or torch=False") from None
    return {name: from_numpy(values) for name, values in state.items()}


def parameters_of_state(
    state: Mapping[str, Any], net: FullyConnected, parametrisation: str
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the parameters whose network computes what the module of a ``state_dict`` does.

    Parameters
    ----------
    state : mapping of str to array_like
        "0.weight", "0.bias", "2.weight", ..., behind any prefix; Linear layers are taken in the
        order of their numbers. Missing biases are 0.
    net : FullyConnected
        The architecture, whose ``bias_std`` must not be 0 if there are biases.
    parametrisation : str
        Whose factors divide the values.

    Raises
    ------
    TypeError
        ``state`` is no mapping, or holds no numbers.
    ValueError
        Other names, no weights, shapes that do not follow each other, values that are not finite.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"state must be a dict of arrays, got {type(state).__name__}")
    found: dict[int, dict[str, NDArray[np.float64]]] = {}
    for name, values in state.items():
        match = _KEY.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise ValueError(
                f"state must have names such as '0.weight' and '0.bias', those of "
                f"torch.nn.Sequential, got {name!r}"
            )
        array = _host_values(values, f"state[{name!r}]")
        if found.setdefault(int(match[1]), {}).setdefault(match[2], array) is not array:
            raise ValueError(
                f"state must have one {match[2]} numbered {match[1]}, got another: {name!r}"
            )
    widths = _widths([found[number].get("weight") for number in sorted(found)])
    arguments.layer_widths(widths, net)
    pairs = []
    for number, s in zip(sorted(found), map_scales(net, widths, parametrisation), strict=True):
        W = found[number]["weight"]
        bias = found[number].get("bias", np.zeros(len(W)))
        if s.bias_factor == 0 and bias.any():
            raise ValueError("net must have a bias_std above 0 for a state with biases, got 0.0")
        pairs.append((W / s.weight_factor, bias / (s.bias_factor or 1.0)))
    return pairs


def _widths(weights: list[NDArray[np.float64] | None]) -> list[int]:
    """Return n_0 .. n_L of weights that follow each other."""
    matrices = [W for W in weights if W is not None and W.ndim == 2]
    shapes = [None if W is None else W.shape for W in weights]
    if not weights or len(matrices) < len(weights):
        raise ValueError(f"state must have a 2-D weight for each Linear layer, got {shapes}")
    if any(W.shape[0] != after.shape[1] for W, after in pairwise(matrices)):
        raise ValueError(f"state must have weights that follow each other, got {shapes}")
    return [matrices[0].shape[1], *(len(W) for W in matrices)]


def _host_values(values: Any, name: str) -> NDArray[np.float64]:
    """Return a NumPy array, or a tensor on any device and with a gradient, as float64."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    array = to_host(_validate.real_array(values, name))
    arguments.require_finite(array, name)
    return np.asarray(array, np.float64)
