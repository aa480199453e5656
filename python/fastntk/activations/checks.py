# SPDX-License-Identifier: Apache-2.0
"""What parameters of activations must be; they are finite numbers when they come here."""

from __future__ import annotations

from collections.abc import Callable

Numbers = tuple[float, ...]

# Of the polynomials that the engine takes.
MOST_DEGREE = 8
# Of slopes, coefficients and factors of inputs, for the sake of their squares.
_MODERATE = 1e-35


def integer(name: str, least: int, most: int) -> Callable[[Numbers], None]:
    """Return the check of a first parameter that is a whole number in a range."""

    def check(parameters: Numbers) -> None:
        value = parameters[0]
        if value != int(value) or not least <= value <= most:
            raise ValueError(f"{name} must be an integer from {least} to {most}, got {value:g}")

    return check


def moderate(name: str) -> Callable[[Numbers], None]:
    """Return the check of a first parameter that scales inputs: positive, its square in range."""

    def check(parameters: Numbers) -> None:
        if not parameters[0] > 0:
            raise ValueError(f"{name} must be positive, got {parameters[0]:g}")
        _require_moderate(name, parameters[:1])

    return check


def moderate_slopes(parameters: Numbers) -> None:
    """Refuse what is 0 everywhere, and slopes whose squares leave the range of float64."""
    if not any(parameters):
        raise ValueError("a and b must not both be 0, which is the function 0")
    _require_moderate("the steeper slope", parameters)


def _require_moderate(what: str, numbers: Numbers) -> None:
    largest = max(map(abs, numbers))
    if not _MODERATE <= largest <= 1 / _MODERATE:
        raise ValueError(f"{what} must be in [{_MODERATE:g}, {1 / _MODERATE:g}], got {largest:g}")


def degree(coefficients: Numbers) -> int:
    """Return the last number whose coefficient is not 0."""
    return max(k for k, one in enumerate(coefficients) if one)


def polynomial(coefficients: Numbers) -> None:
    """Refuse constants, squares out of range, and a degree that the engine does not take."""
    if not any(coefficients[1:]):
        raise ValueError(
            "coefficients must not all be 0 behind the first one, which leaves a constant, got "
            f"{list(coefficients)}"
        )
    if degree(coefficients) > MOST_DEGREE:
        raise ValueError(
            f"coefficients must be of degree at most {MOST_DEGREE}, got {degree(coefficients)}"
        )
    _require_moderate("the largest of the coefficients", coefficients)
    _require_moderate("the largest of the coefficients behind the first one", coefficients[1:])
