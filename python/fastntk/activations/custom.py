# SPDX-License-Identifier: Apache-2.0
"""Nonlinearities that a user gives as functions of arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import array_namespace
from fastntk.activations.definitions import Elementwise
from fastntk.activations.facts import Facts

# Of the central differences that stand for a derivative: the cube root of float64's rounding.
_STEP = 2.0**-17


@dataclass(frozen=True)
class Custom:
    """What `fastntk.Activation.custom` was given; equal if the functions are the same objects.

    Attributes
    ----------
    f, df : callable
        Of arrays of NumPy or CuPy; df may be None.
    kinks : tuple of float
        Where f or f' jumps.
    facts : Facts
        What the user says of it.
    """

    f: Callable[[Any], Any]
    df: Callable[[Any], Any] | None
    kinks: tuple[float, ...]
    facts: Facts

    @property
    def elementwise(self) -> Elementwise:
        """The functions as others read them."""
        return Elementwise(self.f, self.df or self.difference, self.kinks)

    @property
    def text(self) -> str:
        """How a message shows the functions."""
        functions = [self.f] if self.df is None else [self.f, self.df]
        return ", ".join(getattr(one, "__name__", repr(one)) for one in functions)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of values between -8 and 8."""
        values = np.asarray(self.f(np.linspace(-8, 8, 513)), np.float64)
        return hashlib.sha256(values.tobytes()).hexdigest()

    def difference(self, u: Any) -> Any:
        """Return central differences of f in float64: some eleven digits where f is smooth."""
        wide = u.astype(float)
        step = _STEP * array_namespace(u).maximum(abs(wide), 1)
        above, below = wide + step, wide - step
        return (self.f(above) - self.f(below)) / (above - below)


def custom(
    f: Callable[[Any], Any],
    df: Callable[[Any], Any] | None,
    kinks: Iterable[float],
    lipschitz: bool,
    smooth: bool | None,
) -> Custom:
    """Return checked functions; see `fastntk.Activation.custom`."""
    if not callable(f):
        raise TypeError(f"f must be callable, got {f!r}")
    if df is not None and not callable(df):
        raise TypeError(f"df must be callable or None, got {df!r}")
    given = enumerate(_validate.several(kinks, "kinks"))
    places = tuple(sorted({_validate.finite(one, f"kinks[{i}]") for i, one in given}))
    bounded = not places if smooth is None else _validate.truth(smooth, "smooth")
    return Custom(f, df, places, Facts(_validate.truth(lipschitz, "lipschitz"), bounded))
