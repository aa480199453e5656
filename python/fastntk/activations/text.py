# SPDX-License-Identifier: Apache-2.0
"""Activations as text: "relu", "leaky_relu(0.1)", "sin(frequency=2)"."""

from __future__ import annotations

import re

from fastntk.activations.activation import Activation
from fastntk.activations.definitions import DEFINITIONS

_CALL = re.compile(r"\s*(\w+)\s*(?:\((.*)\)\s*)?")
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(.*)")


def known_names() -> tuple[str, ...]:
    """Return the names that need no parameters."""
    return tuple(name for name, one in DEFINITIONS.items() if one.is_complete)


def usages() -> tuple[str, ...]:
    """Return how each of them is written: "relu", "leaky_relu(slope)", ..."""
    return tuple(one.usage(name) for name, one in DEFINITIONS.items())


def as_activation(value: object, argument: str = "activation") -> Activation:
    """Return an activation, or that of a text.

    Raises
    ------
    ValueError
        Neither: the message lists what there is, or says what is wrong with a text.
    """
    if isinstance(value, Activation):
        return value
    call = _CALL.fullmatch(value) if isinstance(value, str) else None
    if call is None or call[1] not in DEFINITIONS:
        raise ValueError(
            f"{argument} must be one of {', '.join(map(repr, usages()))}, or a fastntk.Activation, "
            f"got {value!r}"
        )
    name = call[1]
    try:
        return Activation(name, _numbers(name, call[2] or ""))
    except ValueError as error:
        raise ValueError(
            f"{argument} must be written {DEFINITIONS[name].usage(name)}, got {value!r}: {error}"
        ) from None


def _numbers(name: str, inner: str) -> tuple[float, ...]:
    """Return the numbers between a text's parentheses, in the order of the parameters."""
    if not inner.strip():
        return ()
    definition = DEFINITIONS[name]
    places = definition.parameters
    values: dict[int, float] = {}
    for position, part in enumerate(inner.split(",")):
        named = _NAMED.fullmatch(part)
        if named is None:
            place, number = position, part
        elif named[1] in places:
            place, number = places.index(named[1]), named[2]
        else:
            raise ValueError(f"there is no parameter {named[1]}")
        if place in values:
            raise ValueError(f"{places[place]} is given twice")
        try:
            values[place] = float(number)
        except ValueError:
            raise ValueError(f"{number.strip()!r} is no number") from None
    first_default = len(places) - len(definition.defaults)
    for place in range(max(values)):
        if place not in values:
            if place < first_default:
                raise ValueError(f"{places[place]} is missing")
            values[place] = definition.defaults[place - first_default]
    return tuple(values[place] for place in sorted(values))
