# SPDX-License-Identifier: Apache-2.0
"""Classification by least squares with a network's kernel, as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from fastntk._arrays import to_host
from fastntk.models.least_squares import KernelLeastSquares
from fastntk.models.targets import class_codes

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastntk._backend import Engine


class KernelClassifier(ClassifierMixin, KernelLeastSquares):  # type: ignore[misc]
    """Classification by least squares on coded labels, with a network's kernel.

    Label k of C is coded as the C numbers ``one-hot(k) - 1/C``: one output for each class, the
    targets of every point summing to 0. (The codes 1 and ``-1 / (C - 1)`` are these times
    ``C / (C - 1)``, and classify alike.) Two classes have one output, -1/2 or 1/2. Outputs are
    those of `KernelRidge`, at ridge 0 the mean of infinitely wide networks trained on the codes;
    the largest decides.

    Parameters
    ----------
    net : FullyConnected or FiniteNetwork, optional
        The architecture, for its limiting kernel; ``FullyConnected()`` by default. A single network
        of finite width, for its empirical kernel: the trace over its outputs.
    ridge, ridge_units, kernel, scale, storage, dtype, memory, method, tol, refine
        As in `KernelRidge`.
    random_state, threads, device, copy_X
        As in `KernelRidge`.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The labels, sorted.
    dual_coef_ : ndarray of shape (n_samples, C), or (n_samples,) for two classes
        :math:`(K + r I)^{-1}` times the codes, float64.
    ridge_, residuals_, converged_, method_, passes_, X_fit_, net_, kernel_, scale_
        As in `KernelRidge`.
    n_features_in_, n_samples_, feature_names_in_
        As in `KernelRidge`.

    See Also
    --------
    KernelRidge : The same for numbers.

    Notes
    -----
    The costs are those of `KernelRidge` with C outputs. ``SVC(kernel=net.ntk)`` of scikit-learn is
    a classifier by margins with the same kernel.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((40, 2))
    >>> labels = np.where(X[:, 0] * X[:, 1] > 0, "even", "odd")
    >>> model = KernelClassifier(ridge=1e-4).fit(X, labels)
    >>> model.predict([[1, 1], [1, -1]]).tolist()
    ['even', 'odd']

    Margins instead of least squares:

    >>> from sklearn.svm import SVC
    >>> import fastntk as fn
    >>> machine = SVC(kernel=fn.FullyConnected().ntk, C=100).fit(X, labels)
    >>> machine.predict([[1, 1], [1, -1]]).tolist()
    ['even', 'odd']
    """

    _learnt_values = (*KernelLeastSquares._learnt_values, "classes_")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the outputs to coded labels.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            uint8, float32 or float64; other real types become float64.
        y : array_like of shape (n_samples,)
            Labels of any type that sorts: integers, text.

        Returns
        -------
        KernelClassifier
            The estimator.

        Raises
        ------
        TypeError
            Data, or an argument, of the wrong type.
        ValueError
            Bad data or labels, or a single class; with ridge 0, equal points with different labels,
            or a singular kernel: the message says which rows.
        MemoryError
            The budget is too small: said before it is exceeded.

        Warns
        -----
        ConvergenceWarning
            A residual stayed above ``tol``.
        """
        points = self._points_to_fit(X)
        classes, codes = class_codes(y, points, self)
        self._fit_targets(X, points, codes)
        self.classes_ = classes
        return self

    def _restore(self, parts: dict[str, Any], engine: Engine) -> None:
        super()._restore(parts, engine)
        outputs = self.dual_coef_.shape[1:] or (2,)
        if self.classes_.shape != outputs:
            raise ValueError(f"classes_ has shape {self.classes_.shape}, outputs {outputs}")

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs at points, by blocks within the memory budget.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.

        Returns
        -------
        ndarray of shape (n_points, C), or (n_points,) for two classes
            One output for each class; for two, that of the second. float64, of the library of X.

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

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of the largest output at each point.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.

        Returns
        -------
        ndarray of shape (n_points,)
            A NumPy array of the labels' type.
        """
        outputs = to_host(self.decision_function(X))
        chosen = outputs.argmax(axis=1) if outputs.ndim == 2 else (outputs > 0).astype(np.intp)
        labels: NDArray[Any] = self.classes_[chosen]
        return labels

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of labels that `predict` finds.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.
        y : array_like of shape (n_points,)
            Labels.
        sample_weight : array_like of shape (n_points,), optional
            Weights of the points.

        Returns
        -------
        float
            Between 0 and 1.
        """
        return float(super().score(X, to_host(y), to_host(sample_weight)))
