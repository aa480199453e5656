# SPDX-License-Identifier: Apache-2.0
r"""The law of trained networks, as a function of matrices.

At initialisation an infinitely wide network is a Gaussian process, :math:`f_0 \sim GP(0, \Sigma)`.
Training on y moves it linearly, by a matrix A that the NTK alone decides [1]_, [2]_,

.. math:: f_t(Z) = f_0(Z) + A (y - f_0(X)), \qquad A = \Theta(Z, X)\, \varphi_t(\Theta(X, X)),

so that :math:`f_t` is Gaussian at any time, with the mean A y and the covariance below.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization in
   neural networks", NeurIPS 2018, section 5.
.. [2] J. Lee et al., "Wide neural networks of any depth evolve as linear models under gradient
   descent", NeurIPS 2019, equations 14 to 16.
"""

from __future__ import annotations

from typing import Any


def trained_covariance(W: Any, S_XZ: Any, S_XX_W: Any, S_ZZ: Any) -> Any:
    r"""Return the covariance of trained networks at M points.

    .. math:: \Sigma_{ZZ} - A \Sigma_{XZ} - (A \Sigma_{XZ})^T + A \Sigma_{XX} A^T

    Parameters
    ----------
    W : ndarray of shape (N, M)
        The transpose of A.
    S_XZ : ndarray of shape (N, M)
        The kernel at initialisation, between training points and others.
    S_XX_W : ndarray of shape (N, M)
        That kernel on the training points, times W.
    S_ZZ : ndarray of shape (M, M) or (M,)
        That kernel on the other points, or its diagonal only.

    Returns
    -------
    ndarray of shape (M, M) or (M,)
        The covariance, symmetric to the bit, or its diagonal; like ``S_ZZ``.
    """
    if S_ZZ.ndim == 1:
        return S_ZZ + (W * (S_XX_W - 2 * S_XZ)).sum(axis=0)
    half = S_ZZ / 2 + W.T @ (S_XX_W / 2 - S_XZ)
    return half + half.T
