# SPDX-License-Identifier: Apache-2.0
"""Everything that a page of the demonstration shows follows from one frozen state."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fastntk.gram.architecture import FullyConnected

Point = tuple[float, float]

# Points are in [-LARGEST, LARGEST] x [-LARGEST, LARGEST], and kept to so many decimals.
LARGEST, POINT_DECIMALS = 2.0, 3
MOST_POINTS = 40
# Other numbers are kept to so many significant digits: what a URL says is the state, exactly.
DIGITS = 4


class Range(NamedTuple):
    """Values that a number may have: an interval, and single values beside it.

    Attributes
    ----------
    low, high : float
        Both included.
    beside : tuple of float
        Further values: 0 of a logarithmic scale, or infinity.
    """

    low: float
    high: float
    beside: tuple[float, ...] = ()

    def has(self, value: float) -> bool:
        """Say whether a value is one of them; NaN is not."""
        return value in self.beside or self.low <= value <= self.high

    def __str__(self) -> str:
        text = f"between {self.low:g} and {self.high:g}"
        return text + "".join(f", or {one:g}" for one in self.beside)


REALS = {
    "weight_std": Range(0.1, 3.0),
    "bias_std": Range(0.0, 2.0),
    "ridge": Range(1e-6, 10.0, (0.0,)),
    "t": Range(1e-3, 1e6, (0.0, math.inf)),
}
INTEGERS = {
    "hidden_layers": Range(0, 10),
    "width": Range(1, 1024),
    "count": Range(1, 20),
    "seed": Range(0, 9999),
}
CHOICES = {
    "inputs": ("line", "arc"),
    # With closed forms: a table would take seconds for each step of a slider.
    "activation": ("relu", "leaky_relu(0.1)", "gelu", "erf", "sin"),
    "kernel": ("ntk", "nngp"),
    "band": ("posterior", "trained"),
}


@dataclass(frozen=True)
class DemoState:
    r"""What a page shows.

    Parameters
    ----------
    points : tuple of (float, float)
        Training points (x, y) in the order in which they were made, at most `MOST_POINTS`, both
        numbers in [-2, 2] and rounded to three decimals. Points may have equal x.
    inputs : {"line", "arc"}
        What networks and kernels see of x: the number itself, or a point of half a circle, see
        `fastntk.demo.inputs`.
    hidden_layers : int
        0 to 10.
    activation : {"relu", "leaky_relu(0.1)", "gelu", "erf", "sin"}
        Of the hidden layers.
    weight_std, bias_std : float
        As of `FullyConnected`; bias_std is the paper's beta.
    ridge : float
        r of ``K + r I``, 0 or from 1e-6 to 10: the variance of noise in the targets.
    t : float
        Training time in the paper's units, learning rate times steps: 0, from 1e-3 to 1e6, or
        infinity.
    kernel : {"ntk", "nngp"}
        The NTK: all layers are trained; or the NNGP: the last layer only.
    band : {"posterior", "trained"}
        What the band is the spread of, see `fastntk.demo.regression`.
    networks : bool
        Whether finite networks are trained and shown.
    width, count, seed : int
        Of their hidden layers; how many; which.

    Raises
    ------
    TypeError, ValueError
        A value that is none of these. `from_query` and `with_points` take anything instead, and say
        what they changed.

    Examples
    --------
    >>> state = DemoState(hidden_layers=5, t=100)
    >>> state.to_query()
    'depth=5&t=100'
    >>> DemoState.from_query("depth=5&t=100") == (state, [])
    True
    >>> DemoState.from_query("depth=-1")[1]
    ["depth must be a whole number between 0 and 10, not '-1': 3 is taken"]
    """

    points: tuple[Point, ...] = (
        (-1.5, -0.4),
        (-0.8, 0.7),
        (0.1, 0.2),
        (0.7, -0.9),
        (1.4, 0.5),
    )
    inputs: str = "line"
    hidden_layers: int = 3
    activation: str = "relu"
    weight_std: float = 1.4
    bias_std: float = 0.5
    ridge: float = 0.0
    t: float = math.inf
    kernel: str = "ntk"
    band: str = "posterior"
    networks: bool = False
    width: int = 256
    count: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        points = tuple(_point(one) for one in self.points)
        if len(points) > MOST_POINTS:
            raise ValueError(f"points must be at most {MOST_POINTS}, got {len(points)}")
        object.__setattr__(self, "points", points)
        for name, interval in REALS.items():
            object.__setattr__(self, name, _real(getattr(self, name), name, interval))
        for name, interval in INTEGERS.items():
            object.__setattr__(self, name, _integer(getattr(self, name), name, interval))
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {getattr(self, name)!r}")
        if not isinstance(self.networks, bool):
            raise TypeError(f"networks must be a bool, got {self.networks!r}")

    @property
    def net(self) -> FullyConnected:
        """The architecture."""
        return FullyConnected(self.hidden_layers, self.activation, self.weight_std, self.bias_std)

    def with_points(self, points: Iterable[Any]) -> tuple[DemoState, list[str]]:
        """Return this state with other points, whatever they are.

        Parameters
        ----------
        points : iterable of (x, y)
            As a user's clicks leave them.

        Returns
        -------
        state : DemoState
            With those that are pairs of numbers, moved to the nearest place in the square; the
            first `MOST_POINTS` of them.
        problems : list of str
            A sentence for each kind of change, to tell the user.
        """
        kept, problems = cleaned(points)
        return replace(self, points=kept), problems

    def to_query(self) -> str:
        """Return the state as a URL's query, without "?": what is not as by default."""
        from fastntk.demo.query import written

        return written(self)

    @classmethod
    def from_query(cls, query: str) -> tuple[DemoState, list[str]]:
        """Return the state of a URL's query, whatever it is.

        Parameters
        ----------
        query : str
            With or without "?" before it.

        Returns
        -------
        state : DemoState
            ``from_query(state.to_query())`` is that state and no problems.
        problems : list of str
            A sentence for everything that was not understood, or not allowed, and what was taken
            instead. They quote the query: they are plain text and not HTML.
        """
        from fastntk.demo.query import read

        return read(query)


def cleaned(points: Iterable[Any]) -> tuple[tuple[Point, ...], list[str]]:
    """Return points as a state has them, and a sentence for each kind of change."""
    kept: list[Point] = []
    wrong = moved = beyond = 0
    for one in points:
        try:
            x, y = (float(number) for number in one)
        except (TypeError, ValueError, OverflowError):
            wrong += 1
            continue
        if not (math.isfinite(x) and math.isfinite(y)):
            wrong += 1
        elif len(kept) == MOST_POINTS:
            beyond += 1
        else:
            inside = tuple(min(max(number, -LARGEST), LARGEST) for number in (x, y))
            moved += inside != (x, y)
            kept.append(_point(inside))
    problems = []
    if wrong:
        problems.append(f"points left out that are not two numbers: {wrong}")
    if moved:
        problems.append(f"points moved to within {LARGEST:g} of 0 in x and y: {moved}")
    if beyond:
        problems.append(f"points beyond the first {MOST_POINTS} left out: {beyond}")
    return tuple(kept), problems


def _point(point: Iterable[Any]) -> Point:
    """Return a point, checked and rounded."""
    x, y = (round(float(number), POINT_DECIMALS) + 0.0 for number in point)  # no -0.0
    if not (abs(x) <= LARGEST and abs(y) <= LARGEST):
        raise ValueError(f"points must be within {LARGEST:g} of 0 in x and y, got ({x}, {y})")
    return x, y


def _real(value: Any, name: str, interval: Range) -> float:
    """Return a real number, checked and rounded."""
    number = float(f"{float(value):.{DIGITS}g}") + 0.0
    if not interval.has(number):
        raise ValueError(f"{name} must be {interval}, got {value!r}")
    return number


def _integer(value: Any, name: str, interval: Range) -> int:
    """Return a whole number, checked."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not interval.has(number):
        raise ValueError(f"{name} must be {interval}, got {value!r}")
    return number
