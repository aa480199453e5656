# SPDX-License-Identifier: Apache-2.0
r"""What infinitely wide networks make of a state's points: curves, kernel and spectrum.

With :math:`\Sigma` the NNGP kernel, :math:`\Theta` the NTK and K the one that the state chooses,
functions begin as :math:`f_0` and follow the gradient flow of

.. math:: \frac{1}{2N} \sum_i |f(x_i) - y_i|^2 + \frac{r}{2N} \|f - f_0\|_K^2

with the ridge r, in the paper's units of time. (In a network whose kernel stays, the second term is
weight decay towards the initial parameters.) At time t [1]_,

.. math:: f_t(z) = f_0(z) + A (y - f_0(X)), \qquad A = K(z, X)\, \varphi_t(K(X, X) + r I), \qquad
    \varphi_t(\lambda) = (1 - e^{-t \lambda / N}) / \lambda,

and ``t = inf`` is ridge regression, :math:`A = K(z, X) (K + r I)^{-1}`. The mean is A y. The band
is one standard deviation of either

``"trained"``
    networks: :math:`f_0 \sim GP(0, \Sigma)`, at time 0 the NNGP. Training all layers is
    :math:`K = \Theta`; training the last one alone is :math:`K = \Sigma`. Only this law is what
    finite networks follow, as their width grows.
``"posterior"``
    the Gaussian process whose prior is K itself: :math:`f_0 \sim GP(0, K)`, and targets with noise
    of variance r, drawn with f_0. At infinite time this law is exactly the posterior, of covariance
    :math:`K_{zz} - A K_{Xz}` [2]_, [3]_, and at time 0 the prior. With :math:`K = \Theta` no
    network is distributed like that.

Both are ``S_zz - A S_Xz - S_zX A' + A S_XX A'`` with the covariance S of f_0; for a posterior S_XX
is that of f_0 less the noise, K + r I.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization in
   neural networks", NeurIPS 2018, section 5.
.. [2] A. Matthews, J. Hron, R. Turner, Z. Ghahramani, "Sample-then-optimize posterior sampling for
   Bayesian linear models", NeurIPS workshop on advances in approximate Bayesian inference, 2017.
.. [3] B. He et al., "Bayesian deep ensembles via the neural tangent kernel", NeurIPS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastntk.demo.inputs import features
from fastntk.demo.state import LARGEST, DemoState
from fastntk.dynamics.gradient_flow import GradientFlow
from fastntk.gram.architecture import FullyConnected

Array = NDArray[np.float64]

# Of curves, beside the points themselves, and of the heat map.
_GRID, _HEAT_GRID = 201, 101
# A ridge keeps the smallest eigenvalue of K + r I at this part of the largest: points then weigh
# 1e9 at most, and rounding, which their weights magnify, 1e-7.
_SINGULAR = 1e-9


# Arrays have no single truth value: results are compared by identity.
@dataclass(frozen=True, eq=False)
class Curves:
    """The law of f_t on a grid.

    Attributes
    ----------
    x : ndarray of shape (M,)
        Ascending: 201 numbers from -2 to 2, and the x of the points, at which a band may be narrow.
    mean, std : ndarray of shape (M,)
        Of f_t; the noise of a ridge is not in it.
    notes : tuple of str
        Sentences to tell the user, where something of the state makes the picture special.
    """

    x: Array
    mean: Array
    std: Array
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class HeatMap:
    """The kernel between every two numbers of a grid.

    Attributes
    ----------
    x : ndarray of shape (H,)
        From -2 to 2.
    kernel : ndarray of shape (H, H)
        Row i, column j is K(x_i, x_j).
    """

    x: Array
    kernel: Array


@dataclass(frozen=True, eq=False)
class Spectrum:
    """How fast the components of the points' targets are learnt.

    Attributes
    ----------
    eigenvalues : ndarray of shape (N,)
        lambda_i of K / N, descending, as the paper's.
    rates : ndarray of shape (N,)
        lambda_i + r / N: what is yet to be learnt of a component decays by ``exp(-t rate)``; 0
        where the kernel is singular to rounding.
    time_constants : ndarray of shape (N,)
        1 / rate; infinite where there is nothing to learn from.
    learnt : ndarray of shape (N,)
        Share of each component's way from f_0 to its end that is done by t, 0 to 1.
    targets : ndarray of shape (N,)
        Size of the targets along each eigenvector, a root mean square over the points: their
        squares sum to the mean square of y.
    """

    eigenvalues: Array
    rates: Array
    time_constants: Array
    learnt: Array
    targets: Array


def evaluation_grid(state: DemoState) -> Array:
    """Return where curves are evaluated: 201 numbers from -2 to 2, and the x of the points."""
    return np.union1d(np.linspace(-LARGEST, LARGEST, _GRID), _xs(state))


def curves(state: DemoState) -> Curves:
    """Return mean and standard deviation of f_t; without points f_t is f_0."""
    xs, grid = _xs(state), evaluation_grid(state)
    kernel, prior = _kernels(state.net, state.inputs, tuple(grid), state.kernel, state.band)
    if not len(xs):
        return Curves(grid, np.zeros(len(grid)), np.sqrt(np.diagonal(prior)), ())
    at = np.searchsorted(grid, xs)
    flow, ridge, notes = _flow(state, kernel[np.ix_(at, at)])
    S_XX = prior[np.ix_(at, at)]
    if state.band == "posterior":
        S_XX = S_XX + ridge * np.eye(len(xs))
    law = flow.gaussian(
        state.t,
        cross=kernel[:, at],
        prior=(S_XX, prior[:, at], prior),
        covariance=False,
    )
    return Curves(grid, law.mean, law.std, notes)


def heat_map(state: DemoState) -> HeatMap:
    """Return the state's kernel, the NTK or the NNGP, on a grid."""
    grid = np.linspace(-LARGEST, LARGEST, _HEAT_GRID)
    kernel, _ = _kernels(state.net, state.inputs, tuple(grid), state.kernel, "posterior")
    return HeatMap(grid, kernel)


def spectrum(state: DemoState) -> Spectrum:
    """Return eigenvalues, rates, and what has been learnt by t; empty arrays without points."""
    xs = _xs(state)
    N = len(xs)
    if not N:
        return Spectrum(*(np.zeros(0) for _ in range(5)))
    kernel, _ = _kernels(state.net, state.inputs, tuple(xs), state.kernel, "posterior")
    flow, ridge, _ = _flow(state, kernel)
    parts = flow.components(N)
    size = np.sqrt((parts.parts**2).sum(axis=1) / N)
    values = np.maximum(parts.eigenvalues - ridge / N, 0.0)
    rates, times, learnt = parts.eigenvalues, parts.time_constants, 1 - parts.decay(state.t)
    if ridge > state.ridge:
        # Components that only the stand-in for a ridge moves are never learnt.
        none = values * N <= ridge
        rates, times = np.where(none, 0.0, rates), np.where(none, np.inf, times)
        learnt = np.where(none, 0.0, learnt)
    return Spectrum(values, rates, times, learnt, size)


def _xs(state: DemoState) -> Array:
    return np.array([x for x, _ in state.points], dtype=np.float64)


def _flow(state: DemoState, K: Array) -> tuple[GradientFlow, float, tuple[str, ...]]:
    """Return the flow of K + ridge I, the ridge that is used, and what the user is to know of it.

    Its outputs are those of new points only: at its own, they would be a product with the ridge.
    """
    values = np.linalg.eigvalsh(K)
    # Of a kernel that is 0, whose flow does not move, any ridge is large.
    needed = _SINGULAR * (float(values[-1]) or 1.0) - float(values[0])
    notes = (_why_singular(state),) if needed > state.ridge else ()
    ridge = max(state.ridge, needed)
    y = np.array([y for _, y in state.points])
    return GradientFlow(K + ridge * np.eye(len(K)), y), ridge, notes


def _why_singular(state: DemoState) -> str:
    xs = [x for x, _ in state.points]
    if len(set(xs)) < len(xs):
        return "Some points have the same x: in the end the curve takes the mean of their y."
    return (
        "The kernel of these points is singular to rounding: the curve is the smoothest fit of "
        "least squares, and need not pass through every point."
    )


@lru_cache(maxsize=32)
def _kernels(
    net: FullyConnected, inputs: str, xs: tuple[float, ...], kernel: str, band: str
) -> tuple[Array, Array]:
    """Return K and the covariance of f_0 between numbers; moving the time does not compute them."""
    rows = features(xs, inputs)
    sigma, theta = net.kernels(rows, get=("nngp", "ntk"), device="cpu", threads=1)
    K = theta if kernel == "ntk" else sigma
    S = sigma if band == "trained" else K
    for array in (K, S):
        array.setflags(write=False)
    return K, S
