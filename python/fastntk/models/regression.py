# SPDX-License-Identifier: Apache-2.0
"""Kernel ridge regression with a network's kernel, as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk.models.least_squares import KernelLeastSquares
from fastntk.models.regressor import Regressor
from fastntk.models.targets import regression_targets

if TYPE_CHECKING:
    from typing_extensions import Self


class KernelRidge(Regressor, KernelLeastSquares):
    r"""Least squares with a network's kernel: what training it to convergence gives on average.

    With K the kernel of the N training points, predictions are

    .. math:: f(z) = K(z, X) (K + r I)^{-1} y.

    At ridge r = 0 this is :math:`f_\infty`, the mean over initialisations of infinitely wide
    networks after infinite training time ([1]_, section 5; for a network that begins at 0, the
    function itself). At any r it minimises ``|f(X) - y|^2 + r ||f||^2`` in the kernel's norm.

    Parameters
    ----------
    net : FullyConnected or FiniteNetwork, optional
        The architecture, for its limiting kernel; ``FullyConnected()`` by default. A single network
        of finite width, for its empirical kernel: the trace over its outputs.
    ridge : float
        r, not negative. 0 interpolates: K must not be singular, nor may equal points have different
        targets. A float32 kernel of many points is positive definite only with a ridge.
    ridge_units : {"absolute", "trace"}
        "trace": r is ``ridge * trace(K) / N``, a share of the mean over the diagonal.
    kernel : {"ntk", "nngp"}
        Which kernel.
    scale : float
        Multiplies the data.
    storage : {"auto", "dense", "packed", "lazy"} or path
        How the Gram matrix is kept during `fit`, see `GramOperator`. A file stays afterwards.
    dtype : {"float32", "float64"}, optional
        Type of the kernel values; float64 for float64 data, else float32. Results are float64.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; half of what is available by default.
    method : {"auto", "cholesky", "cg"}
        See `solve`.
    tol : float
        Residual of each output's system, relative to its targets.
    refine : bool
        Whether the solution with a float32 kernel is corrected, up to twice, by residuals with the
        same kernel in float64, which is computed for each and not stored. Predictions remain those
        of the float32 kernel.
    random_state : int, numpy.random.RandomState or None
        Draws the preconditioner of "cg".
    threads : int, optional
        All allowed CPUs by default.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where to compute, see `FullyConnected.ntk`. The attributes are CuPy arrays if the data are.
    copy_X : bool
        Whether the data are copied into ``X_fit_``, so that later changes to them do not matter.
        Without a copy X must not change as long as the model is used.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        :math:`(K + r I)^{-1} y`, float64, shaped like the targets.
    ridge_ : float
        r, in absolute units.
    residuals_ : ndarray of shape (n_outputs,), or float
        ``||y - (K + r I) dual_coef_|| / ||y||`` of each output; with ``refine`` K in float64.
    converged_ : bool
        Whether these met ``tol``.
    method_ : str
        "cholesky" or "cg".
    passes_ : int
        Products with K.
    X_fit_ : ndarray of shape (n_samples, n_features)
        The data, which `predict` needs.
    net_, kernel_, scale_
        As used in `fit`, and by `predict` whatever the parameters are set to afterwards; of these
        it reads memory, threads and device only, which do not decide what is computed.
    n_features_in_, n_samples_ : int
        Shape of the data.
    feature_names_in_ : ndarray of str
        Where the data had string column names.

    See Also
    --------
    KernelClassifier : The same for labels.
    GaussianProcess : The variance as well as the mean.

    Notes
    -----
    `fit` costs what `GramOperator` and `solve` cost; `predict` of M points costs M N kernel values
    and 2 M N n_outputs operations, and never holds the M x N kernel.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((20, 5))
    >>> model = KernelRidge(ridge=0).fit(X, X[:, 0])
    >>> bool(abs(model.predict(X) - X[:, 0]).max() < 1e-9)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the function to targets.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            uint8, float32 or float64; other real types become float64.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            Real numbers.

        Returns
        -------
        KernelRidge
            The estimator.

        Raises
        ------
        TypeError
            Data, or an argument, of the wrong type.
        ValueError
            Bad data or targets; with ridge 0, equal points with different targets, or a singular
            kernel: the message says which rows.
        MemoryError
            The budget is too small: said before it is exceeded.

        Warns
        -----
        ConvergenceWarning
            A residual stayed above ``tol``.
        """
        points = self._points_to_fit(X)
        self._fit_targets(X, points, regression_targets(y, points, self))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the function at points, by blocks within the memory budget.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.

        Returns
        -------
        ndarray of shape (n_points,) or (n_points, n_outputs)
            float64, of the library of X.

        Raises
        ------
        TypeError
            Data that are not real numbers.
        ValueError
            Bad data, or another number of features than in `fit`.
        MemoryError
            The result, or a block of 256 points, does not fit the budget.
        """
        return self._outputs(X)
