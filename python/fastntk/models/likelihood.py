# SPDX-License-Identifier: Apache-2.0
r"""Closed forms of Gaussian processes on their training points, as functions of matrices.

With :math:`G = (K + r I)^{-1}`, N points, C independent outputs y and :math:`\alpha = G y`, the log
marginal likelihood and its derivative by a parameter of K are [1]_, equations 5.8 and 5.9,

.. math:: \log p(y) &= -\tfrac12 \mathrm{tr}(y^T \alpha) - \tfrac{C}{2} \log \det (K + r I)
    - \tfrac{N C}{2} \log 2 \pi, \\
    \partial \log p &= \tfrac12 \mathrm{tr}\big( (\alpha \alpha^T - C G)\, \partial K \big),

and predictions of :math:`y_i` from all other points have the mean :math:`y_i - \alpha_i / G_{ii}`
and the variance :math:`1 / G_{ii}` (equations 5.12).

References
----------
.. [1] C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", MIT Press
   2006, chapter 5.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastntk._arrays import array_namespace

if TYPE_CHECKING:
    from fastntk.linalg.operator import SymmetricOperator

# Columns of an N x N product that are held at once.
_COLUMNS = 512


class LeaveOneOut(NamedTuple):
    """Predictions of each training point from all the others.

    Attributes
    ----------
    mean : ndarray of shape (N,) or (N, C)
        Shaped like the targets.
    variance : ndarray of shape (N,)
        Of every output.
    log_density : ndarray of shape (N,) or (N, C)
        Logarithm of the predictive density at the target.
    """

    mean: Any
    variance: Any
    log_density: Any


def log_likelihood(y: Any, alpha: Any, log_determinant: float) -> float:
    """Return log p(y) of targets (N, C), with ``alpha = (K + ridge I)^-1 y``."""
    points, outputs = int(y.shape[0]), int(y.shape[1])
    constant = points * math.log(2 * math.pi) + log_determinant
    with np.errstate(over="ignore", invalid="ignore"):
        fit = float((y * alpha).sum())
    if not math.isfinite(fit):
        raise FloatingPointError("the likelihood of the targets overflows: scale them down")
    return -0.5 * (fit + outputs * constant)


def derivative(G: Any, alpha: Any, dK: Any) -> float:
    """Return the derivative of log p(y) along a matrix dK (N, N); alpha is (N, C)."""
    trace = float(G.reshape(-1) @ dK.reshape(-1))
    fit, outputs = float((alpha * (dK @ alpha)).sum()), int(alpha.shape[1])
    return 0.5 * (fit - outputs * trace)


def ridge_derivative(G: Any, alpha: Any) -> float:
    """Return the derivative of log p(y) by the ridge."""
    trace = float(_diagonal(G).sum())
    fit, outputs = float((alpha**2).sum()), int(alpha.shape[1])
    return 0.5 * (fit - outputs * trace)


def leave_one_out_bytes(points: int, factored: bool) -> int:
    """Return the bytes that `leave_one_out` takes, with G and, where there is none, a factor."""
    # Panels of the factor, columns of G with their products; on a GPU also those of K.
    return 8 * points * ((2 if factored else 3) * points + 6 * _COLUMNS)


def leave_one_out(
    y: Any, alpha: Any, G: Any, prior: SymmetricOperator | None = None
) -> LeaveOneOut:
    r"""Return what all others say of each training point.

    Parameters
    ----------
    y, alpha : ndarray of shape (N,) or (N, C)
        Targets, and G y.
    G : ndarray of shape (N, N)
        :math:`(K + r I)^{-1}`.
    prior : SymmetricOperator of shape (N, N), optional
        For trained networks S, the kernel at initialisation. The prediction of point i is then
        :math:`f_0(x_i) - \sum_{j \ne i} (G_{ij} / G_{ii}) (y_j - f_0(x_j))`, of variance
        :math:`(G S G)_{ii} / G_{ii}^2`; else its variance is that of a noisy value,
        :math:`1 / G_{ii}`.
    """
    xp, own = array_namespace(G), _diagonal(G)
    wide = own if y.ndim == 1 else own[:, None]
    mean = y - alpha / wide
    variance = 1 / own
    if prior is not None:
        for start in range(0, len(G), _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            spread = (G[:, columns] * prior.matmat(G[:, columns])).sum(axis=0)
            variance[columns] = spread / own[columns] ** 2
    v = variance if y.ndim == 1 else variance[:, None]
    log_density = -0.5 * ((y - mean) ** 2 / v + xp.log(2 * math.pi * v))
    return LeaveOneOut(mean, variance, log_density)


def _diagonal(G: Any) -> Any:
    return G.reshape(-1)[:: len(G) + 1]
