# SPDX-License-Identifier: Apache-2.0
"""Checks of what finite networks are made of and asked for."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk.gram.architecture import FullyConnected
from fastntk.gram.program import KERNELS

if TYPE_CHECKING:
    from fastntk.gram.empirical import Outputs


def architecture(net: object) -> FullyConnected:
    """Require a FullyConnected that finite networks have the layers of."""
    if not isinstance(net, FullyConnected):
        raise TypeError(f"net must be a FullyConnected, got {net!r}")
    if net.residual or net.layer_norm:
        raise ValueError(
            "net must have no skip connections and no layer normalisation, which finite networks "
            f"lack, got residual={net.residual!r}, layer_norm={net.layer_norm!r}"
        )
    return net


def layer_widths(widths: Iterable[int], net: FullyConnected) -> tuple[int, ...]:
    """Return n_0 .. n_L, positive and as many as the network has layers."""
    if isinstance(widths, str) or not isinstance(widths, Iterable):
        raise TypeError(f"widths must be integers such as (784, 512, 10), got {widths!r}")
    checked = tuple(_validate.integer(n, f"widths[{i}]", at_least=1) for i, n in enumerate(widths))
    expected = net.hidden_layers + 2
    if len(checked) != expected:
        raise ValueError(
            f"widths must have {expected} numbers, the inputs, hidden_layers={net.hidden_layers} "
            f"widths and the outputs, got {len(checked)}: {checked}"
        )
    return checked


def network_numbers(networks: int | Sequence[int] | None) -> list[int] | None:
    """Return which networks of a seed make a batch; None for the single first one."""
    if networks is None:
        return None
    if isinstance(networks, str) or not isinstance(networks, Iterable):
        return list(range(_validate.integer(networks, "networks", at_least=1)))
    numbers = [
        _validate.integer(one, f"networks[{i}]", at_least=0) for i, one in enumerate(networks)
    ]
    if not numbers:
        raise ValueError("networks must number at least one network of the seed, got none")
    return numbers


def trained_maps(trainable: str | int | Iterable[int], maps: int) -> list[bool]:
    """Return for each linear map whether it is trained."""
    if isinstance(trainable, str):
        _validate.choice(trainable, "trainable", ("all", "last"))
        return [trainable == "all" or number == maps - 1 for number in range(maps)]
    numbers = trainable if isinstance(trainable, Iterable) else [trainable]
    trained = [False] * maps
    for one in numbers:
        number = _validate.integer(one, "trainable")
        if not -maps <= number < maps:
            raise ValueError(
                f"trainable must number the {maps} linear maps, 0 to {maps - 1}, got {number}"
            )
        trained[number] = True
    if not any(trained):
        raise ValueError("trainable must be 'all', 'last' or numbers of linear maps, got none")
    return trained


def rate_pairs(rates: Sequence[tuple[float, float]], maps: int) -> list[tuple[float, float]]:
    """Return one (rate of W, rate of b) per linear map."""
    try:
        pairs = [tuple(pair) for pair in rates]
    except TypeError:
        raise TypeError(f"rates must be pairs of numbers, got {rates!r}") from None
    if len(pairs) != maps or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            f"rates must have {maps} pairs (rate of W, rate of b), one per map, got {rates!r}"
        )
    return [
        (_validate.non_negative(r, f"rates[{i}][0]"), _validate.non_negative(q, f"rates[{i}][1]"))
        for i, (r, q) in enumerate(pairs)
    ]


def output_blocks(outputs: Any, count: int, name: str = "outputs") -> Outputs:
    """Return which blocks of the NTK are asked for: "full", "trace" or a pair of outputs."""
    if isinstance(outputs, str):
        _validate.choice(outputs, name, ("full", "trace"))
        return outputs
    try:
        k, other = (operator.index(one) for one in outputs)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be 'full', 'trace' or a pair of outputs (k, k'), got {outputs!r}"
        ) from None
    if not (0 <= k < count and 0 <= other < count):
        raise ValueError(f"{name} must be below the {count} outputs, got {(k, other)}")
    return k, other


def kernel_names(get: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the kernels asked for."""
    names = (get,) if isinstance(get, str) else tuple(get)
    if not names:
        raise ValueError(f"get must name at least one of {KERNELS}, got {get!r}")
    for name in names:
        _validate.choice(name, "get", KERNELS)
    return names


def parameter_widths(pairs: Sequence[tuple[Any, ...]]) -> tuple[int, ...]:
    """Return n_0 .. n_L of (W_l, b_l), having made sure that shapes follow each other."""
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError("parameters must be pairs (W, b), one per linear map")
    batch = pairs[0][1].shape[:-1]
    if len(batch) > 1 or pairs[0][0].ndim != len(batch) + 2:
        raise ValueError(
            "parameters must start with W_0 of shape (n_1, n_0) and b_0 of shape (n_1,), or behind "
            f"an axis for networks, got shapes {pairs[0][0].shape} and {pairs[0][1].shape}"
        )
    widths = [pairs[0][0].shape[-1]]
    for number, (W, b) in enumerate(pairs):
        after = b.shape[-1] if b.ndim else 0
        expected = (*batch, after, widths[-1])
        if W.shape != expected or b.shape != (*batch, after):
            raise ValueError(
                f"parameters[{number}] must have W of shape {(*batch, 'n', widths[-1])} and b of "
                f"shape {(*batch, 'n')}, got {W.shape} and {b.shape}"
            )
        widths.append(after)
    return tuple(widths)


def require_finite(values: Any, name: str) -> None:
    """Require that numbers of any shape are finite; waits for a GPU that holds them."""
    _validate.require_finite(values.reshape(1, -1), name)
