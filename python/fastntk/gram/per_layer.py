# SPDX-License-Identifier: Apache-2.0
"""Parameters of an architecture that are one for all layers, or one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastntk.activations import Activation, as_activation, known_names

# What an activation of no hidden layer is, as by default.
_OF_NONE = "relu"
# A name where that says it all: equal networks have equal fields, and files stay readable.
Named = str | Activation


def activations(value: Any, hidden_layers: int) -> Named | tuple[Named, ...]:
    """Return an activation, or one for each hidden layer where they differ.

    Raises
    ------
    ValueError
        Neither activations nor their texts, or another number than there are hidden layers.
    """
    if not _is_sequence(value):
        return _named(as_activation(value))
    _require_as_many(value, hidden_layers, "activation", "hidden layer")
    if not hidden_layers:
        return _OF_NONE
    several = tuple(_named(as_activation(one, f"activation[{i}]")) for i, one in enumerate(value))
    return several[0] if _are_equal(several) else several


def numbers(
    value: Any, name: str, maps: int, check: Callable[[Any, str], float]
) -> float | tuple[float, ...]:
    """Return a number, or one for each linear map where they differ.

    ``check`` returns a float or raises TypeError or ValueError.
    """
    if not _is_sequence(value):
        return check(value, name)
    _require_as_many(value, maps, name, "linear map")
    several = tuple(check(one, f"{name}[{i}]") for i, one in enumerate(value))
    return several[0] if _are_equal(several) else several


def each(value: Any, count: int) -> tuple[Any, ...]:
    """Return what a field says of each layer."""
    return value if isinstance(value, tuple) else (value,) * count


def _is_sequence(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str)


def _require_as_many(values: Sequence[Any], count: int, name: str, what: str) -> None:
    if len(values) != count:
        raise ValueError(
            f"{name} must be one for all, or one for each {what}, {count}, got {len(values)}"
        )


def _are_equal(values: tuple[Any, ...]) -> bool:
    return bool(values) and all(one == values[0] for one in values)


def _named(activation: Activation) -> Named:
    name = str(activation)
    return name if name in known_names() and activation == as_activation(name) else activation
