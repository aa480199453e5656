# SPDX-License-Identifier: Apache-2.0
r"""What networks and kernels see of a number x.

``"line"`` is x itself. A hidden unit of ReLU then has one kink, at :math:`-\sigma_b b / (\sigma_w
w)`: a Cauchy law around 0 of width ``bias_std / weight_std``, so that a small bias bends all
functions at 0 and leaves them straight elsewhere, and without one they are straight on both sides
of 0. Bias is what makes functions of one number interesting.

``"arc"`` is the point :math:`(\cos, \sin)(\pi x / 4)` of half the unit circle, as the paper's
figures 1 and 2 have points of the circle: the kernels depend on the distance of two x only, and
functions bend everywhere alike, whatever the bias.

Kernels and finite networks are given the same rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk.demo.state import LARGEST

# x in [-2, 2] is half a circle: the ends are opposite points, not the same one.
_RADIANS = math.pi / (2 * LARGEST)


def features(x: ArrayLike, inputs: str) -> NDArray[np.float64]:
    """Return numbers (N,) as rows for networks, (N, 1) for "line" and (N, 2) for "arc"."""
    numbers = np.asarray(x, dtype=np.float64).reshape(-1)
    if inputs == "line":
        return numbers[:, None]
    return np.stack([np.cos(_RADIANS * numbers), np.sin(_RADIANS * numbers)], axis=1)
