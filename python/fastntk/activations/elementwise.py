# SPDX-License-Identifier: Apache-2.0
"""Activations and their slopes elementwise: by the engine where it has them, else by arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside
from fastntk.activations.definitions import Functor

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk.activations.activation import Activation

# Numbers that a function of arrays is given at a time: its temporaries stay in a cache.
_PIECE = 2**16
# What the engine scales and shifts with where the function is not its own.
_NONE = Functor("relu")


def activate(
    engine: Engine,
    activation: Activation | None,
    z: Any,
    factor: float,
    shift: Any,
    out: Any,
    threads: int = 0,
) -> None:
    """Set z (n, w) to factor * z + shift, and out (n, w) to g(z).

    g is what the linear maps leave of an activation when they have absorbed its scales; that of
    None is not asked for. shift (w,) and out may be None, as for `Engine.activate`; out may be z.
    """
    base = _NONE if activation is None else activation.base
    if isinstance(base, Functor):
        engine.activate(base[:2], z, factor, shift, out, threads)
        return
    engine.activate(_NONE[:2], z, factor, shift, None, threads)
    if out is not None:
        for rows in _pieces(z):
            out[rows] = _checked(base.value, z[rows], activation)


def apply_slope(
    engine: Engine, activation: Activation, z: Any, signals: Any, factor: float, threads: int = 0
) -> None:
    """Multiply rows i * C + k of signals (n * C, w), k < C, by factor * g'(z[i]); z is (n, w)."""
    base = activation.base
    if isinstance(base, Functor):
        engine.apply_slope(base[:2], z, signals, factor, threads)
        return
    together = signals.reshape(len(z), -1, z.shape[1]) if len(z) else signals
    for rows in _pieces(z):
        slopes = _checked(base.slope, z[rows], activation)
        together[rows] *= (slopes * z.dtype.type(factor))[:, None, :]


def base_functions(activation: Activation) -> tuple[Any, Any, tuple[float, ...]]:
    """Return g, g' and the places of kinks: functions of NumPy's float64 arrays.

    g' is None for a custom function whose derivative is not known.
    """
    base = activation.base
    if not isinstance(base, Functor):
        custom = activation.functions
        return base.value, base.slope if custom is None else custom.df, base.kinks

    def g(u: Any) -> Any:
        z = u.reshape(1, -1).copy()
        _backend.CPU.activate(base[:2], z, 1.0, None, z)
        return z.reshape(u.shape)

    def slope_of(u: Any) -> Any:
        z = u.reshape(1, -1).copy()
        out = array_namespace(z).ones_like(z)
        _backend.CPU.apply_slope(base[:2], z, out, 1.0)
        return out.reshape(u.shape)

    return g, slope_of, () if activation.smooth else (0.0,)


def value(activation: Activation, u: Any) -> Any:
    """Return f(u) with its scales; see `Activation.__call__`."""
    b, a = activation.scales
    array, z = _rows(u)
    with beside(z):
        out = array_namespace(z).empty_like(z)
        activate(_backend.engine(u=z), activation, z, b, None, out)
        out *= z.dtype.type(a)
    return _like(out, array)


def slope(activation: Activation, u: Any) -> Any:
    """Return f'(u) with its scales; see `Activation.derivative`."""
    b, a = activation.scales
    array, z = _rows(u)
    with beside(z):
        z *= z.dtype.type(b)
        out = array_namespace(z).ones_like(z)
        apply_slope(_backend.engine(u=z), activation, z, out, a * b)
    return _like(out, array)


def _rows(u: Any) -> tuple[Any, Any]:
    """Return real numbers as an array, and a copy of it as one row of floats."""
    array = _validate.real_array(u, "u")
    with beside(array):
        dtype = "f4" if array.dtype == "f4" else "f8"
        return array, array_namespace(array).array(array, dtype).reshape(1, -1)


def _like(row: Any, array: Any) -> Any:
    shaped = row.reshape(array.shape)
    return shaped if array.ndim else shaped[()]


def _pieces(z: Any) -> Iterator[slice]:
    rows = max(1, _PIECE // max(1, z.shape[1]))
    return (slice(first, first + rows) for first in range(0, len(z), rows))


def _checked(function: Any, u: Any, activation: Activation | None) -> Any:
    """Return a function's values; that of a user may be anything."""
    values = function(u)
    if getattr(values, "shape", None) != u.shape:
        raise ValueError(
            f"{activation} must return an array of its argument's shape {u.shape}, got "
            f"{getattr(values, 'shape', values)!r}"
        )
    return values
