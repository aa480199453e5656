# SPDX-License-Identifier: Apache-2.0
"""Gaussian processes with a network's kernels, as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastntk._arrays import array_namespace, beside
from fastntk.models.estimator import KernelAsFitted
from fastntk.models.hyperparameters import at_theta, require_varying
from fastntk.models.likelihood import LeaveOneOut
from fastntk.models.process_base import ProcessBase
from fastntk.models.regressor import Regressor

if TYPE_CHECKING:
    from numpy.random import RandomState
    from typing_extensions import Self

    from fastntk.dynamics.gaussian import Gaussian
    from fastntk.gram.architecture import FullyConnected


class GaussianProcess(Regressor, ProcessBase):
    r"""Three laws of functions given data, with the kernels of infinitely wide networks.

    With :math:`\Sigma` the NNGP kernel, :math:`\Theta` the NTK, X the N training points and r the
    ridge, the law of the function at new points Z is Gaussian, the same for every output:

    ========  =======================================  ============================================
    law       what it is                               prior, and the weights of the targets
    ========  =======================================  ============================================
    "nngp"    Bayesian posterior of a random network   :math:`\Sigma`, A with :math:`K = \Sigma`
    "ntk"     ensemble of trained networks             :math:`\Sigma`, A with :math:`K = \Theta`
    "ntkgp"   posterior whose prior is the NTK         :math:`\Theta`, A with :math:`K = \Theta`
    ========  =======================================  ============================================

    .. math:: A = K(Z, X) (K(X, X) + r I)^{-1}, \qquad \mathrm{mean} = A y.

    The two posteriors are of the function without its noise, of variance r, and have the covariance
    :math:`K_{ZZ} - A K_{XZ}`. Networks begin as :math:`f_0 \sim GP(0, \Sigma)` and are trained for
    a time t by gradient flow on :math:`\frac{1}{2N} \sum_i |f(x_i) - y_i|^2`: at a finite time
    :math:`A = K(Z, X) \varphi_t(K)`, and their covariance is

    .. math:: \Sigma_{ZZ} - A \Sigma_{XZ} - (A \Sigma_{XZ})^T + A \Sigma_{XX} A^T.

    For a single kernel without a ridge, "ntk" at infinite time is "nngp".

    Parameters
    ----------
    net : FullyConnected or FiniteNetwork, optional
        The architecture, for its limiting kernels; ``FullyConnected()`` by default. A single
        network of finite width, for its empirical kernels: the trace over its outputs.
    law : {"nngp", "ntk", "ntkgp"}
        See above.
    ridge : float
        r, not negative: the variance of the noise in the targets. 0 at a finite time.
    ridge_units : {"absolute", "trace"}
        "trace": r is ``ridge * trace(K) / N``, a share of the mean over the diagonal.
    t : float
        Training time of the law "ntk", in units of steps times learning rate; ``inf``, the default,
        for the others.
    scale : float
        Multiplies the data.
    storage : {"auto", "dense", "packed", "lazy"} or path
        How K is kept while it is used, see `GramOperator`. A file stays afterwards.
    dtype : {"float64", "float32"} or None
        Type of the kernel values; None: float64 for float64 data, else float32, with which
        variances near the training points are rounding. Results are float64.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; half of what is available by default.
    method : {"auto", "dense", "iterative"}
        "dense" keeps a Cholesky factor, or at a finite time all eigenvectors, 8 N^2 bytes.
        "iterative" takes products with K only, for the mean in `fit`, for variances whenever they
        are asked for: conjugate gradients, or at a finite time a Krylov space. "auto" is dense up
        to 10,000 points (3000 at a finite time) where that fits.
    tol : float
        Relative residual of the iterations; of a Krylov space the error of training.
    random_state : int, numpy.random.RandomState or None
        Draws the preconditioner of the iterations, and the restarts of an optimisation.
    threads : int, optional
        All allowed CPUs by default.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        Where to compute, see `FullyConnected.ntk`. Arrays are CuPy's if the data are.
    copy_X : bool
        Whether the data are copied into ``X_fit_``, so that later changes to them do not matter.
        Without a copy X must not change as long as the model is used.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The mean is ``K(Z, X_fit_) @ dual_coef_``.
    net_, ridge_
        As used, or found by ``fit(optimize=True)``; the ridge in absolute units.
    law_, t_, kernel_, scale_
        As used in `fit`; of parameters set afterwards predictions read memory, threads and storage.
    method_ : str
        "dense" or "iterative".
    evaluations_ : int
        Evaluations of the likelihood by ``fit(optimize=True)``, else 0.
    X_fit_, y_fit_ : ndarray
        The data.
    n_features_in_, n_samples_ : int
        Shape of the data.
    feature_names_in_ : ndarray of str
        Where the data had string column names.

    See Also
    --------
    KernelRidge : The mean only.

    Notes
    -----
    Dense, `fit` costs N^3 / 3 operations (some 9 N^3 at a finite time), and moments of M points
    2 M N^2 and more. By iterations M variances are M right-hand sides of `solve`.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, section 5.
    .. [2] J. Lee et al., "Wide neural networks of any depth evolve as linear models under gradient
       descent", NeurIPS 2019, equations 14 to 16 ("ntk", in units of N times their time).
    .. [3] B. He et al., "Bayesian deep ensembles via the neural tangent kernel", NeurIPS 2020
       ("ntkgp").
    .. [4] C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", MIT Press
       2006, chapters 2 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((20, 5))
    >>> process = GaussianProcess(law="ntk").fit(X, X[:, 0])
    >>> mean, std = process.predict(X[:3] + 0.1, return_std=True)
    >>> process.distribution(X[:3]).percentiles([5, 95]).shape
    (2, 3)
    """

    def __init__(
        self,
        net: FullyConnected | None = None,
        law: str = "nngp",
        *,
        ridge: float = 0.0,
        ridge_units: str = "absolute",
        t: float = float("inf"),
        scale: float = 1.0,
        storage: str | os.PathLike[str] = "auto",
        dtype: DTypeLike | None = "float64",
        memory: int | str | None = None,
        method: str = "auto",
        tol: float = 1e-6,
        random_state: int | RandomState | None = 0,
        threads: int | None = None,
        device: str = "auto",
        copy_X: bool = True,
    ) -> None:
        self.net = net
        self.law = law
        self.ridge = ridge
        self.ridge_units = ridge_units
        self.t = t
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

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        optimize: bool | str | Iterable[str] = False,
        *,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        restarts: int = 0,
    ) -> Self:
        """Condition the process on data.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            uint8, float32 or float64; other real types become float64.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            Real numbers; outputs are independent. The prior mean is 0.
        optimize : bool, or one or several of {"weight_std", "bias_std", "ridge"}
            Which parameters of the network and the noise are first set to where the log marginal
            likelihood is largest, by L-BFGS-B from their values; True: all that are not 0.
        bounds : mapping, optional
            Lowest and highest value of some of them, as {"bias_std": (0.01, 1)}; by default
            weight_std is in [0.01, 100], bias_std in [1e-4, 100], the ridge in [1e-10, 1e4].
        restarts : int
            Further searches, from random starts.

        Returns
        -------
        GaussianProcess
            The estimator.

        Raises
        ------
        TypeError
            Data, or an argument, of the wrong type; nothing to optimise in a network.
        ValueError
            Bad data or targets; without a ridge, equal points with different targets, or a singular
            kernel: the message says which rows.
        MemoryError
            The budget is too small: said before it is exceeded.
        ImportError
            ``optimize`` without SciPy.

        Warns
        -----
        ConvergenceWarning
            A residual stayed above ``tol``, or the search for a maximum ended early or on a bound.
        """
        self._fit_process(X, y, optimize, bounds, restarts)
        return self

    def predict(self, X: ArrayLike, return_std: bool = False, return_cov: bool = False) -> Any:
        """Return the mean at points, and what is asked for of second moments.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.
        return_std, return_cov : bool
            One of them: standard deviations, by blocks of points, or the whole covariance.

        Returns
        -------
        mean : ndarray of shape (n_points,) or (n_points, n_outputs)
            float64, of the library of X, like the others.
        std : ndarray of the shape of the mean
            Of the function; the noise is not included.
        covariance : ndarray of shape (n_points, n_points) or (n_points, n_points, n_outputs)
            For several outputs both are read-only views: they are the same for each.

        Raises
        ------
        TypeError
            Data that are not real numbers.
        ValueError
            Bad data, another number of features than in `fit`, or both moments asked for.
        MemoryError
            The result, or a block of points, does not fit the budget.
        """
        if return_std and return_cov:
            raise ValueError("return_std and return_cov exclude each other, got both")
        points = self._new_points(X)
        mean = self._mean(points)
        if not (return_std or return_cov):
            return mean
        xp, (moment, _) = array_namespace(mean), self._moment(points, whole=return_cov)
        with beside(mean):
            found = moment if return_cov else xp.sqrt(moment)
            if mean.ndim == 2:
                found = xp.broadcast_to(found[..., None], (*found.shape, mean.shape[1]))
        return mean, found

    def distribution(self, X: ArrayLike, *, covariance: bool = True) -> Gaussian:
        """Return the joint law at points: percentiles, samples.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.
        covariance : bool
            False: only the variances are computed, which serve percentiles.

        Returns
        -------
        Gaussian
            Mean and covariance, or variance, as `predict` has them.
        """
        return self._gaussian(self._new_points(X), whole=covariance)

    def sample_y(
        self, X: ArrayLike, n_samples: int = 1, random_state: int | RandomState | None = 0
    ) -> Any:
        """Return functions drawn from the process, at points.

        Parameters
        ----------
        X : array_like of shape (n_points, n_features)
            Points, scaled like those of `fit`.
        n_samples : int
            How many.
        random_state : int, numpy.random.RandomState or None
            Draws them.

        Returns
        -------
        ndarray of shape (n_points, n_samples) or (n_points, n_outputs, n_samples)
            float64, of the library of X.
        """
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        drawn = self.distribution(X).sample(n_samples, seed)
        return drawn.transpose(*range(1, drawn.ndim), 0)

    def log_marginal_likelihood(
        self, theta: ArrayLike | None = None, eval_gradient: bool = False
    ) -> Any:
        """Return log p(y) of the training targets, summed over outputs.

        Parameters
        ----------
        theta : array_like of shape (3,), optional
            Logarithms of weight_std, bias_std and the ridge in absolute units, ``-inf`` for 0; by
            default those of `fit`.
        eval_gradient : bool
            Whether its derivatives by theta are returned too.

        Returns
        -------
        value : float
            The log marginal likelihood.
        gradient : ndarray of shape (3,)
            In closed form; 0 for parameters that are 0.

        Raises
        ------
        ValueError
            The law is "ntk": trained networks are the posterior of no prior, so that their
            targets have no marginal likelihood. Or a theta that is no vector of logarithms, or one
            whose kernel is singular to rounding.
        MemoryError
            The matrices do not fit the budget: 8 N^2 bytes, six times as much with the gradient.
        """
        check_is_fitted(self)
        likelihood, net, ridge = self._fitted_likelihood(), self.net_, self.ridge_
        if theta is None and not eval_gradient:
            return likelihood.value(KernelAsFitted(self._maker), ridge)
        require_varying(net)
        if theta is not None:
            net, ridge = at_theta(net, theta)
        if eval_gradient:
            return likelihood.value_and_gradient(net, ridge)
        return likelihood.value(net, ridge)

    def leave_one_out(self) -> LeaveOneOut:
        """Return the prediction of each training target from all the others, in closed form.

        Returns
        -------
        LeaveOneOut
            mean (N,) or (N, n_outputs); variance (N,), which for the posteriors includes the noise
            of the target; log_density like the mean.

        Raises
        ------
        ValueError
            The law is "ntk" at a finite time: there is no closed form.
        MemoryError
            The inverse, some 24 N^2 bytes, does not fit the budget.
        """
        check_is_fitted(self)
        return self._leave_one_out()
