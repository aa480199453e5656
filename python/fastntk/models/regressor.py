# SPDX-License-Identifier: Apache-2.0
"""What regressors of several outputs share: their score, also of arrays on a GPU."""

from __future__ import annotations

from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score

from fastntk._arrays import to_host


class Regressor(MultiOutputMixin, RegressorMixin):  # type: ignore[misc]
    """A regressor of one output or several."""

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination R^2, averaged over outputs.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.
        y : array_like of shape (n_points,) or (n_points, n_outputs)
            Targets.
        sample_weight : array_like of shape (n_points,), optional
            Weights of the points.

        Returns
        -------
        float
            1 for a perfect fit, 0 for the mean of the targets.
        """
        predicted = to_host(self.predict(X))
        return float(r2_score(to_host(y), predicted, sample_weight=to_host(sample_weight)))
