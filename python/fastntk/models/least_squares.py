# SPDX-License-Identifier: Apache-2.0
"""Least squares with a kernel: what regression and classification share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _validate
from fastntk.linalg.solver import solve
from fastntk.models.estimator import KernelEstimator
from fastntk.models.targets import require_consistent

if TYPE_CHECKING:
    from numpy.random import RandomState

    from fastntk.gram.architecture import FullyConnected
    from fastntk.linalg.operator import SymmetricOperator

RIDGE_UNITS = ("absolute", "trace")


class KernelLeastSquares(KernelEstimator):
    """A function ``K(., X) c`` with ``(K + ridge I) c = targets``; see `fastntk.KernelRidge`."""

    _learnt_arrays = ("dual_coef_",)
    _learnt_values: tuple[str, ...] = ("ridge_", "residuals_", "converged_", "method_", "passes_")

    def __init__(
        self,
        net: FullyConnected | None = None,
        ridge: float = 1e-3,
        *,
        ridge_units: str = "absolute",
        kernel: str = "ntk",
        scale: float = 1.0,
        storage: str | os.PathLike[str] = "auto",
        dtype: DTypeLike | None = None,
        memory: int | str | None = None,
        method: str = "auto",
        tol: float = 1e-6,
        refine: bool = False,
        random_state: int | RandomState | None = 0,
        threads: int | None = None,
        device: str = "auto",
        copy_X: bool = True,
    ) -> None:
        self.net = net
        self.ridge = ridge
        self.ridge_units = ridge_units
        self.kernel = kernel
        self.scale = scale
        self.storage = storage
        self.dtype = dtype
        self.memory = memory
        self.method = method
        self.tol = tol
        self.refine = refine
        self.random_state = random_state
        self.threads = threads
        self.device = device
        self.copy_X = copy_X

    def _fit_targets(self, X: ArrayLike, points: NDArray[Any], targets: Any) -> None:
        """Solve for the coefficients of targets (N,) or (N, C), in the library of the points."""
        _validate.choice(self.ridge_units, "ridge_units", RIDGE_UNITS)
        if _validate.non_negative(self.ridge, "ridge") == 0:
            require_consistent(points, targets)
        gram = self._operator(points, self.kernel)
        ridge = absolute_ridge(self.ridge, self.ridge_units, gram)
        exact = None
        if self.refine and gram.dtype != np.float64:
            exact = self._operator(
                points, self.kernel, storage="lazy", dtype="float64", copy_X=False
            )
        solution = solve(
            gram,
            targets,
            ridge,
            method=self.method,
            tol=self.tol,
            refine=exact,
            seed=self._seed(),
        )

        # Nothing is set before everything is known: a fit that fails leaves the model as it was.
        self._keep(X, gram)
        self.ridge_ = ridge
        self.dual_coef_: Any = solution.value
        self.residuals_ = solution.residuals
        self.converged_, self.method_ = solution.converged, solution.method
        self.passes_ = solution.passes

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the function at points, (M,) or (M, C) as the targets were."""
        points, c = self._new_points(X), self.dual_coef_
        if c.ndim == 2:
            outputs: NDArray[np.float64] = self._cross_product(points, c)
            return outputs
        column: NDArray[np.float64] = self._cross_product(points, c[:, None])[:, 0]
        return column


def absolute_ridge(ridge: float, units: str, op: SymmetricOperator) -> float:
    """Return what is added to the diagonal of an N x N matrix K.

    Parameters
    ----------
    ridge : float
        Not negative.
    units : {"absolute", "trace"}
        The ridge itself, or ``ridge * trace(K) / N``.
    """
    _validate.choice(units, "ridge_units", RIDGE_UNITS)
    ridge = _validate.non_negative(ridge, "ridge")
    if units == "absolute" or ridge == 0:
        return ridge
    with op.here():
        return ridge * float(op.diagonal().astype(np.float64).mean())
