# SPDX-License-Identifier: Apache-2.0
"""What a Gaussian process computes: `fastntk.GaussianProcess` says what it means."""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, in_library
from fastntk._memory import Budget
from fastntk.dynamics.evolution import checked_times
from fastntk.dynamics.gaussian import Gaussian
from fastntk.gram.kernel_maker import KernelMaker, kernel_maker
from fastntk.linalg.cholesky import CholeskyFactor
from fastntk.linalg.convergence import ConvergenceWarning
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.storage import storage_path
from fastntk.models.estimator import KernelAsFitted, KernelEstimator
from fastntk.models.hyperparameters import at_theta, chosen_names, maximise, theta_of
from fastntk.models.least_squares import absolute_ridge
from fastntk.models.likelihood import LeaveOneOut, leave_one_out, leave_one_out_bytes
from fastntk.models.marginal_likelihood import MarginalLikelihood
from fastntk.models.process_prediction import ProcessPrediction
from fastntk.models.process_weights import (
    dense_weights,
    iterative_column_bytes,
    iterative_weights,
    select_process_method,
    weights_from_parts,
    weights_parts,
)
from fastntk.models.targets import regression_targets, require_consistent

LAWS = ("nngp", "ntk", "ntkgp")


class ProcessBase(KernelEstimator):
    """Fit, moments, likelihood and leave-one-out predictions of a Gaussian process."""

    law: str
    ridge: float
    ridge_units: str
    t: float
    method: str
    tol: float
    _prior_maker: KernelMaker | None
    _factor: CholeskyFactor | None

    _learnt_arrays = ("dual_coef_", "y_fit_")
    _learnt_values = (
        "law_",
        "t_",
        "ridge_",
        "method_",
        "evaluations_",
        "_fitted_seed",
        "_fitted_tol",
    )

    def _fit_process(
        self,
        X: ArrayLike,
        y: ArrayLike,
        optimize: bool | str | Iterable[str],
        bounds: Mapping[str, tuple[float, float]] | None,
        restarts: int,
    ) -> None:
        points = self._points_to_fit(X)
        targets = regression_targets(y, points, self)
        law, t = _validate.choice(self.law, "law", LAWS), self._time()
        kernel = "nngp" if law == "nngp" else "ntk"
        net, ridge, evaluations = self._network(), None, 0
        if not optimize and (bounds is not None or restarts != 0):
            raise ValueError("bounds and restarts are of a search: they need optimize")
        if optimize:
            net, ridge, evaluations = self._optimised(
                points, targets, kernel, optimize, bounds, restarts
            )
        gram = self._operator(points, kernel, net)
        if ridge is None:
            ridge = absolute_ridge(self.ridge, self.ridge_units, gram)
        if ridge > 0 and not math.isinf(t):
            raise ValueError(f"ridge must be 0 at a finite t, got ridge={self.ridge!r} and t={t:g}")
        if ridge == 0 and math.isinf(t):
            require_consistent(points, targets)
        columns, seed = targets.size // len(targets), self._seed()
        method = select_process_method(self.method, gram, columns, t)
        weights, factor = None, None
        with gram.here(), _backend.strict_linalg(gram.xp):
            B = gram.xp.asarray(targets.reshape(len(targets), -1))
            if method == "dense":
                weights, factor = dense_weights(gram, ridge, t, columns)
                dual = weights(B)
            else:
                dual = iterative_weights(gram, ridge, t, self.tol, seed)(B)
            dual = in_library(dual, array_namespace(points)).reshape(targets.shape)
        prior = self._prior_kernel(law, net, self.scale, copy=self.copy_X)

        # Nothing is set before everything is known: a fit that fails leaves the model as it was.
        self._keep(X, gram)
        self.law_, self.t_, self.ridge_, self.method_ = law, t, ridge, method
        self.dual_coef_, self.y_fit_, self.evaluations_ = dual, targets, evaluations
        self._prior_maker, self._factor = prior, factor
        self._weights, self._place = weights, gram.place
        self._fitted_seed, self._fitted_tol = seed, self.tol

    @staticmethod
    def _prior_kernel(law: str, net: Any, scale: float, *, copy: bool) -> KernelMaker | None:
        """Return the kernel at initialisation, for the law in which it is not the other one."""
        return kernel_maker(net, "nngp", scale, "trace", copy=copy) if law == "ntk" else None

    def _fitted_parts(self) -> dict[str, Any]:
        return super()._fitted_parts() | {"weights": weights_parts(self._weights, self._factor)}

    def _restore(self, parts: dict[str, Any], engine: _backend.Engine) -> None:
        super()._restore(parts, engine)
        self._prior_maker = self._prior_kernel(self.law_, self.net_, self.scale_, copy=self.copy_X)
        dense = _backend.engine(self._maker.place or self.device, X_fit_=self.X_fit_)
        self._place = dense.name
        with dense.here():
            self._weights, self._factor = weights_from_parts(
                parts["weights"], self.n_samples_, dense
            )

    def _time(self) -> float:
        """Return the training time, checked."""
        (t, *_), single = checked_times(self.t)
        if not single:
            raise ValueError(f"t must be a single time, got {self.t!r}")
        if self.law != "ntk" and not math.isinf(t):
            raise ValueError(
                f"t is the training time of the law 'ntk', got t={t:g} with law={self.law!r}"
            )
        return t

    def _optimised(
        self,
        points: NDArray[Any],
        targets: Any,
        kernel: str,
        optimize: bool | str | Iterable[str],
        bounds: Mapping[str, tuple[float, float]] | None,
        restarts: int,
    ) -> tuple[Any, float, int]:
        """Return the network and the ridge of the largest likelihood, and its evaluations."""
        require_posterior(self.law, "optimize")
        net, restarts = self._network(), _validate.integer(restarts, "restarts", at_least=0)
        lazy = self._operator(points, kernel, net, storage="lazy", copy_X=False)
        start_ridge = absolute_ridge(self.ridge, self.ridge_units, lazy)
        start = theta_of(net, start_ridge)
        likelihood = self._likelihood(points, targets, kernel, self.scale, self.dtype, self.device)
        numbers = targets.size

        def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            value, gradient = likelihood.value_and_gradient(*at_theta(net, theta))
            return value / numbers, gradient / numbers

        names = chosen_names(optimize, start)
        rng = np.random.default_rng(self._seed())
        found = maximise(objective, start, names, bounds, restarts, rng)
        if found.message:
            warnings.warn(
                f"the search for the largest likelihood ended after {found.evaluations} "
                f"evaluations: {found.message}; its best is used",
                ConvergenceWarning,
                stacklevel=4,
            )
        best, ridge = at_theta(net, found.theta)
        for name in found.on_bounds:
            value = ridge if name == "ridge" else getattr(best, name)
            warnings.warn(
                f"the likelihood is largest with {name} on its bound, {value:g}: bounds= may hold "
                "it back, or the data say nothing of it",
                ConvergenceWarning,
                stacklevel=4,
            )
        # Not exp(log(x)) of what stays.
        stays = {one: getattr(net, one) for one in {"weight_std", "bias_std"} - set(names)}
        if "ridge" not in names:
            ridge = start_ridge
        return dataclasses.replace(best, **stays), ridge, found.evaluations

    def _likelihood(
        self,
        points: Any,
        targets: Any,
        kernel: str,
        scale: float,
        dtype: DTypeLike | None,
        device: str,
    ) -> MarginalLikelihood:
        columns = targets if targets.ndim == 2 else targets[:, None]
        return MarginalLikelihood(
            points, columns, kernel, scale, dtype, self.memory, self.threads, device
        )

    def _fitted_likelihood(self) -> MarginalLikelihood:
        """Return the likelihood of the data of `fit`."""
        require_posterior(self.law_, "log_marginal_likelihood")
        X, y, kernel = self.X_fit_, self.y_fit_, str(self.kernel_)
        return self._likelihood(X, y, kernel, self.scale_, self._dtype, self._place)

    def _leave_one_out(self) -> LeaveOneOut:
        if not math.isinf(self.t_):
            raise ValueError(f"leave_one_out needs t=inf, got {self.t_:g}: only there it is closed")
        engine = self._engine(self.X_fit_)
        n, X = self.n_samples_, engine.asarray(self.X_fit_)
        with engine.here(), _backend.strict_linalg(engine.xp):
            factor, prior = self._factor, self._prior(X, engine)
            Budget(engine.budget_bytes(self.memory), 0, engine.name).require(
                leave_one_out_bytes(n, factor is not None), f"the inverse for {n} points"
            )
            if factor is None:
                op = self._fitted_operator(self._maker, X, engine, "lazy")
                factor = CholeskyFactor(op, self.ridge_, None)
            y, alpha = engine.asarray(self.y_fit_), engine.asarray(self.dual_coef_)
            found = leave_one_out(y, alpha, factor.inverse(), prior)
            library = array_namespace(self.X_fit_)
            return LeaveOneOut(*(in_library(one, library) for one in found))

    def _engine(self, points: NDArray[Any]) -> _backend.Engine:
        """Return what computed the fit: there the dense weights are."""
        return _backend.engine(self._place, X=points, X_fit_=self.X_fit_)

    def _mean(self, points: NDArray[Any]) -> Any:
        """Return the mean at checked points, shaped like the targets."""
        c = self.dual_coef_
        mean = self._cross_product(points, c if c.ndim == 2 else c[:, None])
        return mean if c.ndim == 2 else mean[:, 0]

    def _moment(self, points: NDArray[Any], *, whole: bool) -> tuple[Any, float]:
        """Return the covariance at checked points, (M, M), or variances, (M,), and its rounding."""
        engine = self._engine(points)
        with engine.here(), _backend.strict_linalg(engine.xp):
            prediction, Z = self._prediction(engine), engine.asarray(points)
            moment, prior = prediction.covariance(Z) if whole else prediction.variance(Z)
            # Covariances are differences of matrices whose entries have the errors of the kernel,
            # or of the iterations, times the size of the prior.
            eps = float(np.finfo(self._dtype).eps)
            error = eps if self.method_ == "dense" else max(eps, self._fitted_tol)
            rounding = 10 * (self.n_samples_ + len(points)) * error * prior
            return in_library(moment, array_namespace(points)), rounding

    def _prediction(self, engine: _backend.Engine) -> ProcessPrediction:
        budget, X = engine.budget_bytes(self.memory), engine.asarray(self.X_fit_)
        weights, held, column_bytes = self._weights, 0, 0
        if weights is None:
            op = self._fitted_operator(self._maker, X, engine, self.storage)
            options = (self.ridge_, self.t_, self._fitted_tol, self._fitted_seed)
            weights = iterative_weights(op, *options)
            held, column_bytes = op.nbytes, iterative_column_bytes(len(X), self.t_)
        prior = self._prior(X, engine)
        held += 0 if prior is None else prior.nbytes
        return ProcessPrediction(
            engine=engine,
            X=X,
            maker=self._maker,
            weights=weights,
            prior_maker=self._prior_maker,
            prior=prior,
            dtype=self._dtype,
            room=Budget(budget, held, engine.name),
            column_bytes=column_bytes,
            threads=self.threads,
        )

    def _prior(self, X: Any, engine: _backend.Engine) -> GramOperator | None:
        """Return the kernel at initialisation on the training points, if that is another."""
        if self._prior_maker is None:
            return None
        # A file holds one kernel.
        storage = self.storage if storage_path(self.storage) is None else "auto"
        return self._fitted_operator(self._prior_maker, X, engine, storage)

    def _fitted_operator(
        self,
        maker: KernelMaker,
        X: Any,
        engine: _backend.Engine,
        storage: str | os.PathLike[str],
    ) -> GramOperator:
        """Return the operator of a kernel as it was at `fit`."""
        return GramOperator(
            KernelAsFitted(maker),
            X,
            storage=storage,
            dtype=self._dtype,
            memory=self.memory,
            threads=self.threads,
            device=engine.name,
            copy_X=False,
        )

    def _gaussian(self, points: NDArray[Any], *, whole: bool) -> Gaussian:
        """Return the law at checked points; with variances only unless ``whole``."""
        moment, rounding = self._moment(points, whole=whole)
        given = {"covariance" if whole else "variance": moment}
        return Gaussian(self._mean(points), **given, rounding=rounding)


def require_posterior(law: str, what: str) -> None:
    """Require a law that is a posterior."""
    if law == "ntk":
        raise ValueError(
            f"{what} needs the law 'nngp' or 'ntkgp', got 'ntk': trained networks are the "
            "posterior of no prior, so that their targets have no marginal likelihood"
        )
