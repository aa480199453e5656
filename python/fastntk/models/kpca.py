# SPDX-License-Identifier: Apache-2.0
"""Kernel PCA with a network's kernel, as a scikit-learn estimator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from fastntk import _backend
from fastntk._arrays import array_namespace, place_of
from fastntk.gram.architecture import FullyConnected
from fastntk.linalg.centering import CenteredOperator
from fastntk.linalg.eigen import eigenpairs
from fastntk.linalg.gram_operator import GramOperator
from fastntk.models.estimator import KernelEstimator

if TYPE_CHECKING:
    from numpy.random import RandomState


class KernelPCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, KernelEstimator):  # type: ignore[misc]
    """Principal components of data in the feature space of a network's kernel.

    Parameters
    ----------
    net : FullyConnected or FiniteNetwork, optional
        The architecture, for its limiting kernel; ``FullyConnected()`` by default. A single network
        of finite width, for its empirical kernel: the trace over its outputs.
    n_components : int
        Number of components, at most the number of samples.
    centered : bool
        Whether the mean of the features is removed: eigenpairs of H K H, ``H = I - 1 1^T / N``.
        Jacot et al. [1]_ and the default take K as it is.
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
    method : {"auto", "dense", "krylov"}
        See `eigenpairs`.
    tol : float
        Residual of each pair, relative to the largest eigenvalue.
    random_state : int, numpy.random.RandomState or None
        Start vectors of the "krylov" method.
    threads : int, optional
        All allowed CPUs by default.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where to compute, see `FullyConnected.ntk`. The attributes are CuPy arrays if the data are.
    copy_X : bool
        Whether the data are copied into ``X_fit_``, so that later changes to them do not matter.
        Without a copy X must not change as long as the model is used.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (n_components,)
        Of K or H K H, descending.
    eigenvalues_over_n_ : ndarray of shape (n_components,)
        ``eigenvalues_ / n_samples_``, of the kernel's covariance operator: what [1]_ reports.
    eigenvectors_ : ndarray of shape (n_samples, n_components)
        Orthonormal columns; the largest entry of each in absolute value is positive.
    residuals_ : ndarray of shape (n_components,)
        ``||K v - lambda v||`` of each pair.
    X_fit_ : ndarray of shape (n_samples, n_features)
        The data, which `transform` needs.
    net_, kernel_, scale_
        As used in `fit`, and by `transform` whatever the parameters are set to afterwards; of these
        it reads memory, threads and device only, which do not decide what is computed.
    n_features_in_, n_samples_ : int
        Shape of the data.
    feature_names_in_ : ndarray of str
        Where the data had string column names.

    Notes
    -----
    `fit` costs what `GramOperator` and `eigenpairs` cost; `transform` of M points costs M N kernel
    values and 2 M N n_components operations, and never holds the M x N kernel.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 6.3.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((20, 5))
    >>> KernelPCA(n_components=2).fit(X).transform(X[:4]).shape
    (4, 2)
    """

    _learnt_arrays = (
        "eigenvalues_",
        "eigenvalues_over_n_",
        "eigenvectors_",
        "residuals_",
        "_roots",
        "_projection",
        "_offset",
    )

    def __init__(
        self,
        net: FullyConnected | None = None,
        n_components: int = 3,
        *,
        centered: bool = False,
        kernel: str = "ntk",
        scale: float = 1.0,
        storage: str | os.PathLike[str] = "auto",
        dtype: DTypeLike | None = None,
        memory: int | str | None = None,
        method: str = "auto",
        tol: float = 1e-6,
        random_state: int | RandomState | None = 0,
        threads: int | None = None,
        device: str = "auto",
        copy_X: bool = True,
    ) -> None:
        self.net = net
        self.n_components = n_components
        self.centered = centered
        self.kernel = kernel
        self.scale = scale
        self.storage = storage
        self.dtype = dtype
        self.memory = memory
        self.method = method
        self.tol = tol
        self.random_state = random_state
        self.threads = threads
        self.device = device
        self.copy_X = copy_X

    def fit(self, X: ArrayLike, y: object = None) -> KernelPCA:
        """Compute the components of data.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            uint8, float32 or float64; other real types become float64.
        y : None
            Ignored.

        Returns
        -------
        KernelPCA
            The estimator.

        Raises
        ------
        TypeError
            Data, or an argument, of the wrong type.
        ValueError
            Bad data, or more components than samples.
        MemoryError
            The budget is too small: said before it is exceeded.

        Warns
        -----
        ConvergenceWarning
            A residual stayed above ``tol``.
        """
        points = self._points_to_fit(X)
        n = points.shape[0]
        k = self.n_components
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= n:
            raise ValueError(
                f"n_components must be an int between 1 and the number of samples, "
                f"got n_components={k!r} with n_samples={n}"
            )
        gram = self._operator(points, self.kernel)
        operator = CenteredOperator(gram) if self.centered else gram
        pairs = eigenpairs(operator, k, method=self.method, tol=self.tol, seed=self._seed())
        with gram.here():
            roots = _square_roots(pairs.values, gram.dtype, operator.rounding)
            projection, offset = _projection(pairs.vectors, roots, gram, self.centered)
            over_n = pairs.values / n

        # Nothing is set before everything is known: a fit that fails leaves the model as it was.
        self._keep(X, gram)
        self.eigenvalues_, self.eigenvectors_ = pairs.values, pairs.vectors
        self.eigenvalues_over_n_ = over_n
        self.residuals_ = pairs.residuals
        self._roots, self._projection, self._offset = roots, projection, offset
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the components of points, by blocks within the memory budget.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.

        Returns
        -------
        ndarray of shape (n_points, n_components)
            Projections on the principal axes, float64.

        Raises
        ------
        TypeError
            Data that are not real numbers.
        ValueError
            Bad data, or another number of features than in `fit`.
        MemoryError
            The result, or a block of 256 points, does not fit the budget.
        """
        points = self._new_points(X)
        scores: NDArray[np.float64] = self._cross_product(points, self._projection)
        with self._engine(points).here():
            scores -= self._offset
        return scores

    def fit_transform(self, X: ArrayLike, y: object = None) -> NDArray[np.float64]:
        """Return the components of the data itself, ``eigenvectors_ * sqrt(eigenvalues_)``.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            float64.
        """
        self.fit(X, y)
        device = place_of(self.eigenvectors_)
        with _backend.engine(device).here():
            scores: NDArray[np.float64] = self.eigenvectors_ * self._roots
        return scores

    @property
    def _n_features_out(self) -> int:
        return int(self.eigenvalues_.shape[0])


def _square_roots(
    values: NDArray[np.float64], dtype: np.dtype[Any], rounding: float
) -> NDArray[np.float64]:
    """Square roots of the eigenvalues, 0 for those that are 0 up to the kernel's rounding."""
    xp = array_namespace(values)
    zero = values <= max(10 * float(np.finfo(dtype).eps) * float(values[0]), rounding)
    roots: NDArray[np.float64] = xp.sqrt(xp.where(zero, 0.0, values))
    return roots


def _projection(
    vectors: NDArray[np.float64], roots: NDArray[np.float64], gram: GramOperator, centered: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return P and the offset in ``scores(z) = K(z, X) @ P - offset``.

    Centred with the training means m_j = mean_i K_ij, the kernel of a new point is
    ``K(z, x_j) - mean_j K(z, x_j) - m_j + mean m``. Times a projection whose columns sum to 0, the
    second and last terms vanish and the third is one number per component.
    """
    xp = array_namespace(vectors)
    projection = vectors / xp.where(roots > 0, roots, np.inf)
    if not centered:
        return projection, xp.zeros(len(roots))
    projection -= projection.mean(axis=0)
    return projection, gram.matmat(projection).mean(axis=0)
