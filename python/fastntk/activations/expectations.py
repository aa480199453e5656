# SPDX-License-Identifier: Apache-2.0
"""E[f(u) f(v)] and E[f'(u) f'(v)] of Gaussian pairs: see `Activation.dual`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _cpu
from fastntk.activations.definitions import Elementwise, Functor
from fastntk.duals.direct import dual_of_callable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk.activations.activation import Activation

# As good as 0, also in float32.
_OPPOSITE = 1e-37

Pair = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def dual(activation: Activation, q: ArrayLike, p: ArrayLike, c: ArrayLike) -> Any:
    """Return both expectations, floats for numbers and arrays else."""
    arrays = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (q, p, c)))
    variances, others, cosines = (one.reshape(-1) for one in arrays)
    for name, values in (("q", variances), ("p", others)):
        if not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"{name} must be positive and finite, got {values.min()}")
    if not (abs(cosines) <= 1).all():
        raise ValueError(f"c must be in [-1, 1], got {cosines[np.argmax(abs(cosines))]}")
    b, a = activation.scales
    base = activation.base
    own = _of_functor if isinstance(base, Functor) else _of_callables
    with np.errstate(over="ignore", invalid="ignore"):
        values, slopes = own(activation, b**2 * variances, b**2 * others, cosines)
        results = a**2 * values, (a * b) ** 2 * slopes
    bad = ~(np.isfinite(results[0]) & np.isfinite(results[1]))
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(
            f"q and p must keep E[f(u)^2], E[f(v)^2] and E[f'(u) f'(v)] of {activation} within "
            f"float64, got q = {variances[k]:g} and p = {others[k]:g}, at cosine {cosines[k]:g}"
        )
    if not activation.has_ntk:
        results = results[0], np.full_like(results[1], np.nan)
    shape = arrays[0].shape
    return tuple(one.reshape(shape) if shape else float(one[0]) for one in results)


def _of_functor(activation: Activation, q: Any, p: Any, c: Any) -> Pair:
    """Return those of the engine's function, from its deficit and its slope."""
    base = activation.base
    assert isinstance(base, Functor)
    # Obtuse angles are folded: negative, those of opposite rows too.
    x = np.where(c < 0, -np.maximum((1 + c) / 2, _OPPOSITE), (1 - c) / 2)
    A, _, B, _, deficit, slope = _cpu.dual(base[:2], q, p, x).T
    norm = np.sqrt(A) * np.sqrt(B)
    return norm * (1 - 2 * deficit), slope * norm / (np.sqrt(q) * np.sqrt(p))


def _of_callables(activation: Activation, q: Any, p: Any, c: Any) -> Pair:
    """Return those of functions of arrays."""
    base = activation.base
    assert isinstance(base, Elementwise)
    custom = activation.functions
    slope = base.slope if custom is None else custom.df
    return dual_of_callable(base.value, slope, base.kinks, q, p, c, name=str(activation))
