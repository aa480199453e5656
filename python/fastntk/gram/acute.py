# SPDX-License-Identifier: Apache-2.0
"""Whether preactivations are at acute angles: tables with kinks are shorter for those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import beside
from fastntk.activations.elementwise import base_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.activations import Activation

# Of the normalised dual: polynomials go on as far beyond their ends without harm.
_ROUNDING = 1e-6
# Variances, and standard deviations in steps, at which f is looked at.
_VARIANCES = 33
_DEVIATIONS = np.linspace(-10, 10, 801)


def non_negative(data: NDArray[Any]) -> bool:
    """Return whether no number is below 0; NaN is. Reads floating-point and signed data once."""
    if data.dtype.kind in "ub" or not data.size:
        return True
    with beside(data):
        return bool(data.min() >= 0)


def keeps_acute(activation: Activation, low: float, high: float) -> bool:
    """Return whether a layer is known to leave acute angles so.

    Parameters
    ----------
    activation : Activation
    low, high : float
        Variances of the preactivations with its input scale.

    Notes
    -----
    E[f(u) f(v)] at cosine 0 is the product of two means of f, and it grows with the cosine where f
    is monotone [Price 1958]. So f is looked at, and its means at some variances: below a
    millisecond.
    """
    f = base_functions(activation)[0]
    u = np.sqrt(np.geomspace(low, high, _VARIANCES))[:, None] * _DEVIATIONS
    weights = np.exp(-(_DEVIATIONS**2) / 2)
    with np.errstate(all="ignore"):  # a function that grows too fast is refused elsewhere
        values = f(u.ravel()).reshape(u.shape)
        steps, slack = np.diff(values, axis=1), _ROUNDING**2 * np.abs(values).max()
        if not ((steps >= -slack).all() or (steps <= slack).all()):
            return False
        means = values @ weights / np.sqrt(values**2 @ weights * weights.sum())
    return bool(means.min() * means.max() >= -_ROUNDING)
