# SPDX-License-Identifier: Apache-2.0
"""What the error of a Gram entry is relative to.

To the entry itself where x.x' >= 0 under ReLU: such an entry is well conditioned. To
sqrt(K_ii K_jj) otherwise: there the entry is a difference of larger terms. The linear network
(no hidden layer) on signed data is such a difference too, whatever the sign of x.x'. An entry
that must be exactly 0 (a zero row without bias) has no tolerance at all.
"""

import numpy as np

from reference.extended import LD
from reference.network import NetworkLike


def denominators(
    net: NetworkLike,
    X: np.ndarray,
    Y: np.ndarray,
    *,
    reference: np.ndarray,
    own_x: np.ndarray,
    own_y: np.ndarray,
) -> np.ndarray:
    """What each entry's error is divided by, shape (n, m).

    Parameters
    ----------
    net : NetworkLike
    X, Y : ndarray of shape (n, d) and (m, d)
    reference : ndarray of shape (n, m)
        The true kernel of X's rows with Y's rows.
    own_x, own_y : ndarray of shape (n,) and (m,)
        The true kernel of every row with itself.
    """
    norms = np.sqrt(own_x)[:, None] * np.sqrt(own_y)[None, :]
    signed = bool((X < 0).any() or (Y < 0).any())
    if net.activation != "relu" or (signed and net.hidden_layers == 0):
        return norms
    if not signed:
        return np.abs(reference)
    return np.where(X.astype(LD) @ Y.astype(LD).T >= 0, np.abs(reference), norms)


def entry_errors(K: np.ndarray, reference: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """|K - reference| / denominator; infinite for a NaN and for a nonzero that must be 0."""
    difference = np.abs(K.astype(LD) - reference)
    zero = denominator == 0
    error = difference / np.where(zero, LD(1), denominator)
    error = np.where(zero, np.where(difference == 0, LD(0), LD(np.inf)), error)
    return np.where(np.isnan(error), LD(np.inf), error)
