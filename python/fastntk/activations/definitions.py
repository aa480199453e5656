# SPDX-License-Identifier: Apache-2.0
"""The nonlinearities that have names: parameters, facts, and what computes them.

This is the one place that maps them to the engine's functors (``csrc/common/activations``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastntk import _validate
from fastntk.activations import checks, facts, functions
from fastntk.activations.facts import Facts

Numbers = tuple[float, ...]

# Powers of ReLU that it has.
_POWERS = ("relu", "relu_squared", "relu_cubed")
# The parameters of a function that takes any number of them.
ANY_NUMBER = ("c0, c1, ...",)


class Functor(NamedTuple):
    """A function of the engine: f(u) = output_scale * name(parameters)(input_scale * u)."""

    name: str
    parameters: Numbers = ()
    input_scale: float = 1.0
    output_scale: float = 1.0


class Elementwise(NamedTuple):
    """A function, of arrays of NumPy or CuPy, whose dual has no closed form.

    ``kinks`` are where it, or its derivative, jumps.
    """

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    kinks: Numbers = ()


@dataclass(frozen=True)
class Definition:
    """A family of functions.

    Attributes
    ----------
    facts : callable
        From the parameters to `Facts`.
    functor : callable
        From the parameters to the engine's `Functor`, or to `Elementwise` where it has none.
    parameters : tuple of str
        Their names; `ANY_NUMBER`.
    defaults : tuple of float
        Those of the last ones.
    check : callable, optional
        Raises ValueError for parameters out of range, which are finite.
    """

    facts: Callable[[Numbers], Facts]
    functor: Callable[[Numbers], Functor | Elementwise]
    parameters: tuple[str, ...] = ()
    defaults: Numbers = ()
    check: Callable[[Numbers], None] = lambda _: None

    @property
    def is_complete(self) -> bool:
        """Whether no parameter has to be given."""
        return len(self.parameters) == len(self.defaults)

    def usage(self, name: str) -> str:
        """Return how the function is written: "leaky_relu(slope)"."""
        if not self.parameters:
            return name
        required = len(self.parameters) - len(self.defaults)
        shown = [
            one if i < required else f"{one}={self.defaults[i - required]:g}"
            for i, one in enumerate(self.parameters)
        ]
        return f"{name}({', '.join(shown)})"


def _always(value: Facts) -> Callable[[Numbers], Facts]:
    return lambda _: value


def _plain(name: str) -> Callable[[Numbers], Functor]:
    return lambda parameters: Functor(name, parameters)


def _fixed(value: Functor | Elementwise) -> Callable[[Numbers], Functor | Elementwise]:
    return lambda _: value


def _kinked(below: float, above: float) -> Facts:
    return facts.SMOOTH if below == above else facts.KINKED


def _polynomial(coefficients: Numbers) -> Functor:
    padding = (0.0,) * (checks.MOST_DEGREE + 1 - len(coefficients))
    return Functor("polynomial", coefficients + padding)


def _monomial(parameters: Numbers) -> Functor:
    return _polynomial((0.0,) * int(parameters[0]) + (1.0,))


def _hermite(parameters: Numbers) -> Functor:
    """He_n / sqrt(n!), by He_{k+1} = u He_k - k He_{k-1}."""
    degree = int(parameters[0])
    before, now = [0.0], [1.0]
    for k in range(degree):
        raised = [0.0, *now]
        for i, one in enumerate(before):
            raised[i] -= k * one
        before, now = now, raised
    root = math.sqrt(math.factorial(degree))
    return _polynomial(tuple(one / root for one in now))


def _sin(parameters: Numbers) -> Functor:
    frequency, phase = parameters
    return Functor("sinusoid", (math.sin(phase), math.cos(phase)), frequency)


def _cos(parameters: Numbers) -> Functor:
    """sin(frequency u + phase + pi / 2), without rounding that."""
    frequency, phase = parameters
    return Functor("sinusoid", (math.cos(phase), 0 - math.sin(phase)), frequency)


def _relu_power(parameters: Numbers) -> Functor:
    return Functor(_POWERS[int(parameters[0]) - 1])


_TANH = Elementwise(functions.tanh, functions.tanh_slope)
_SIGMOID = Elementwise(functions.sigmoid, functions.sigmoid_slope)
_SOFTPLUS = Elementwise(functions.softplus, functions.sigmoid)
_SILU = Elementwise(functions.silu, functions.silu_slope)
_MISH = Elementwise(functions.mish, functions.mish_slope)
_SELU = Elementwise(functions.selu, functions.selu_slope, (0.0,))
_ELU = Elementwise(lambda u: functions.elu(u, 1.0), lambda u: functions.elu_slope(u, 1.0), (0.0,))

DEFINITIONS: dict[str, Definition] = {
    "relu": Definition(_always(facts.KINKED), _plain("relu")),
    "erf": Definition(_always(facts.SMOOTH), _plain("erf")),
    "leaky_relu": Definition(
        lambda p: _kinked(p[0], 1.0),
        lambda p: Functor("piecewise_linear", (p[0], 1.0)),
        ("slope",),
        check=lambda p: checks.moderate_slopes((p[0], 1.0)),
    ),
    "absolute": Definition(_always(facts.KINKED), _fixed(Functor("piecewise_linear", (-1.0, 1.0)))),
    "ab_relu": Definition(
        lambda p: _kinked(*p), _plain("piecewise_linear"), ("a", "b"), check=checks.moderate_slopes
    ),
    "relu_power": Definition(
        lambda p: facts.KINKED if p[0] == 1 else facts.STEEP,
        _relu_power,
        ("power",),
        check=checks.integer("power", 1, len(_POWERS)),
    ),
    "identity": Definition(_always(facts.SMOOTH), _fixed(Functor("piecewise_linear", (1.0, 1.0)))),
    "gelu": Definition(_always(facts.SMOOTH), _plain("gelu")),
    "sin": Definition(
        _always(facts.SMOOTH),
        _sin,
        ("frequency", "phase"),
        (1.0, 0.0),
        checks.moderate("frequency"),
    ),
    "cos": Definition(
        _always(facts.SMOOTH),
        _cos,
        ("frequency", "phase"),
        (1.0, 0.0),
        checks.moderate("frequency"),
    ),
    "rbf": Definition(
        _always(facts.SMOOTH),
        lambda p: Functor("rbf", (), math.sqrt(2 * p[0])),
        ("gamma",),
        check=checks.moderate("gamma"),
    ),
    "exp": Definition(_always(facts.STEEP), _plain("exponential")),
    "gaussian": Definition(
        _always(facts.SMOOTH),
        lambda p: Functor("gaussian", (), math.sqrt(p[0])),
        ("b",),
        (1.0,),
        checks.moderate("b"),
    ),
    "sign": Definition(_always(facts.JUMPING), _plain("sign")),
    "step": Definition(_always(facts.JUMPING), _plain("step")),
    "monomial": Definition(
        lambda p: facts.of_polynomial(int(p[0])),
        _monomial,
        ("degree",),
        check=checks.integer("degree", 1, checks.MOST_DEGREE),
    ),
    "polynomial": Definition(
        lambda p: facts.of_polynomial(checks.degree(p)),
        _polynomial,
        ANY_NUMBER,
        check=checks.polynomial,
    ),
    "hermite": Definition(
        lambda p: facts.of_polynomial(int(p[0])),
        _hermite,
        ("degree",),
        check=checks.integer("degree", 1, checks.MOST_DEGREE),
    ),
    "tanh": Definition(_always(facts.SMOOTH), _fixed(_TANH)),
    "sigmoid": Definition(_always(facts.SMOOTH), _fixed(_SIGMOID)),
    "softplus": Definition(_always(facts.SMOOTH), _fixed(_SOFTPLUS)),
    "silu": Definition(_always(facts.SMOOTH), _fixed(_SILU)),
    "mish": Definition(_always(facts.SMOOTH), _fixed(_MISH)),
    "selu": Definition(_always(facts.KINKED), _fixed(_SELU)),
    "elu": Definition(_always(facts.KINKED), _fixed(_ELU)),
}


def checked(name: str, parameters: Iterable[float]) -> Numbers:
    """Return all parameters of a function, having made sure of it and of them.

    Raises
    ------
    TypeError
        Parameters that are no numbers.
    ValueError
        An unknown name, too many or too few parameters, or such that are out of range.
    """
    if not isinstance(name, str) or name not in DEFINITIONS:
        names = ", ".join(one.usage(key) for key, one in DEFINITIONS.items())
        raise ValueError(f"name must be one of {names}, got {name!r}")
    definition = DEFINITIONS[name]
    given, labels = _validate.several(parameters, "parameters"), definition.parameters
    if labels != ANY_NUMBER:
        most, least = len(labels), len(labels) - len(definition.defaults)
        if not least <= len(given) <= most:
            wanted = f"{most}" if least == most else f"{least} to {most}"
            raise ValueError(
                f"{definition.usage(name)} takes {wanted} parameter(s), got {len(given)}"
            )
        given += definition.defaults[len(definition.defaults) - (most - len(given)) :]
    else:
        labels = tuple(f"coefficients[{i}]" for i in range(len(given)))
    values = tuple(_validate.finite(x, one) for x, one in zip(given, labels, strict=True))
    definition.check(values)
    return values if definition.parameters != ANY_NUMBER else values[: checks.degree(values) + 1]
