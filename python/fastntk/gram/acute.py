# SPDX-License-Identifier: Apache-2.0
"""Whether preactivations are at acute angles: tables with kinks are shorter for those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk.activations import Activation

# Cosines that are looked at: between 0, the least of acute angles, and 1, where E[f(u) f(v)] > 0.
_COSINES = (0.0, 0.5)
# Of the normalised dual: polynomials go on as far beyond their ends without harm.
_ROUNDING = 1e-6


def non_negative(data: NDArray[Any]) -> bool:
    """Return whether no number is below 0; NaN is. Reads floating-point and signed data once."""
    if data.dtype.kind in "ub" or not data.size:
        return True
    with beside(data):
        return bool(data.min() >= 0)


def keeps_acute(activation: Activation, low: float, high: float) -> bool:
    """Return whether a layer leaves acute angles so, as far as samples tell.

    Parameters
    ----------
    activation : Activation
    low, high : float
        Variances of the preactivations with its input scale.

    Notes
    -----
    Cost: milliseconds. E[f(u) f(v)] at cosine 0 is the product of two means of f, and grows with
    the cosine where f is monotone [Price 1958].
    """
    ends = sorted({end / activation.scales[0] ** 2 for end in (low, high)})
    q, p = np.array([(a, b) for a in ends for b in ends if a <= b]).T
    scale = np.sqrt(activation.dual(q, q, 1.0)[0] * activation.dual(p, p, 1.0)[0])
    return all(bool((activation.dual(q, p, c)[0] >= -_ROUNDING * scale).all()) for c in _COSINES)
