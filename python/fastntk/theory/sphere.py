# SPDX-License-Identifier: Apache-2.0
"""Eigenvalues of a limiting kernel for data that are uniform on a sphere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastntk import _validate
from fastntk.theory import harmonics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastntk.gram.architecture import FullyConnected

    Float64s = NDArray[np.float64]

_KERNELS = ("ntk", "nngp")
_MOST_REFINEMENTS = 3


@dataclass(frozen=True, eq=False)
class SphereSpectrum:
    r"""Eigenvalues of a kernel on a sphere, by the degree of the spherical harmonics.

    Attributes
    ----------
    degrees : ndarray of shape (k,), int64
        Degrees of the harmonics, ascending.
    eigenvalues : ndarray of shape (k,)
        Of the integral operator :math:`f \mapsto E_{x'}[K(\cdot, x') f(x')]`, one per degree: what
        the eigenvalues of K/N tend to as the number N of points grows.
    multiplicities : ndarray of shape (k,), float64
        Independent harmonics of each degree.
    errors : ndarray of shape (k,)
        Estimates of the absolute errors of ``eigenvalues``: what halving the steps of integration
        changes, and rounding. The kernel's own error is not in them: it counts where the
        nonlinearity has no closed form.
    trace : float
        :math:`K(x, x)`, the sum of all eigenvalues with their multiplicities.
    dimension : int
        The sphere lies in :math:`R^d`.
    radius : float
        Of the sphere.
    kernel : str
        "ntk" or "nngp".
    """

    degrees: NDArray[np.int64]
    eigenvalues: Float64s
    multiplicities: Float64s
    errors: Float64s
    trace: float
    dimension: int
    radius: float
    kernel: str

    @property
    def shares(self) -> Float64s:
        """Return each degree's part of the trace, ``multiplicity * eigenvalue / trace``."""
        return self.multiplicities * self.eigenvalues / self.trace

    @property
    def captured(self) -> float:
        """Return the part of the trace that the degrees here have: 1 if none is missing."""
        return float(self.shares.sum())

    def largest(self, count: int) -> Float64s:
        """Return the largest eigenvalues in descending order, each as often as it occurs.

        Parameters
        ----------
        count : int
            How many, at least 1: as many as there are points, to compare with those of K/N.

        Returns
        -------
        ndarray of shape (count,)

        Raises
        ------
        ValueError
            The degrees here have fewer eigenvalues.
        """
        count = _validate.integer(count, "count", at_least=1)
        if self.multiplicities.sum() < count:
            raise ValueError(
                f"count must be at most the {self.multiplicities.sum():.0f} eigenvalues of these "
                f"degrees, got {count}"
            )
        order = np.argsort(-self.eigenvalues, kind="stable")
        times = np.minimum(self.multiplicities[order], count).astype(np.int64)
        ends = np.minimum(np.cumsum(times.astype(np.float64)), count).astype(np.int64)
        return np.repeat(self.eigenvalues[order], np.diff(ends, prepend=0))


def sphere_spectrum(
    net: FullyConnected,
    dimension: int,
    *,
    degrees: int | Sequence[int] = 50,
    kernel: str = "ntk",
    radius: float = 1.0,
) -> SphereSpectrum:
    r"""Eigenvalues of a limiting kernel for data uniform on a sphere.

    On the sphere of radius r in :math:`R^d` the kernel depends on the angle t between two points
    alone. Its eigenfunctions are the spherical harmonics, and those of degree k share the
    eigenvalue

    .. math:: \lambda_k = \frac{\int_0^\pi \kappa(t)\, P_k(\cos t) \sin^{d-2} t\, dt}
        {\int_0^\pi \sin^{d-2} t\, dt},

    :math:`P_k` being the Gegenbauer polynomial with :math:`P_k(1) = 1` [1]_.

    Parameters
    ----------
    net : FullyConnected
        The network.
    dimension : int
        Number d of inputs, at least 2. On the circle, d = 2, :math:`\lambda_k` is a Fourier
        coefficient.
    degrees : int or sequence of int
        The largest degree: all from 0 on are computed. Or the degrees themselves.
    kernel : {"ntk", "nngp"}
        Which kernel.
    radius : float
        Radius r of the sphere. The first layer divides by the number of inputs: its
        preactivations have the variance ``weight_std^2 r^2 / d + bias_std^2``.

    Returns
    -------
    SphereSpectrum

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        A parameter out of range, or a multiplicity beyond the range of float64.

    Notes
    -----
    The kernel comes from the engine in float64. In the angle it is smooth where it is not in the
    cosine, at 0 and pi; Gauss-Legendre panels in the angle halve towards both, and are refined
    until the eigenvalues stay. What rounding leaves is an error of about
    :math:`10^{-16} \kappa(0) / \sqrt{N(d, k)}` with the multiplicity N(d, k): where
    :math:`N(d, k) > 10^{30}` no digit of :math:`\lambda_k` may be left, and ``errors`` says so.
    Cost: some :math:`10 k + 40 \sqrt d` values of the kernel, and as many operations per degree.

    ReLU: :math:`\lambda_k` falls as :math:`k^{-d}` for the NTK and as :math:`k^{-d-2}` for the
    NNGP, at any depth [3]_; with one hidden layer and no bias it is 0 for odd :math:`k \ge 3` [2]_
    [4]_. Smooth activations: faster than every power.

    References
    ----------
    .. [1] K. Atkinson, W. Han, "Spherical Harmonics and Approximations on the Unit Sphere: An
       Introduction", Springer 2012, Theorem 2.22.
    .. [2] A. Bietti, J. Mairal, "On the Inductive Bias of Neural Tangent Kernels", NeurIPS 2019.
    .. [3] A. Bietti, F. Bach, "Deep Equals Shallow for ReLU Networks in Kernel Regimes", ICLR 2021.
    .. [4] R. Basri, D. Jacobs, Y. Kasten, S. Kritchman, "The Convergence Rate of Neural Networks
       for Learned Functions of Different Frequencies", NeurIPS 2019.

    Examples
    --------
    >>> import fastntk as fn
    >>> net = fn.FullyConnected(hidden_layers=1, bias_std=0.0)
    >>> spectrum = fn.sphere_spectrum(net, 3, degrees=[0, 1, 2, 4])
    >>> spectrum.eigenvalues.round(6)
    array([0.083333, 0.055556, 0.013021, 0.000868])
    """
    _validate.network(net)
    dimension = _validate.integer(dimension, "dimension", at_least=2)
    _validate.choice(kernel, "kernel", _KERNELS)
    radius = _validate.positive(radius, "radius")
    wanted = _degrees(degrees)
    top = int(wanted[-1])
    multiplicities = np.array([_counted(dimension, int(k)) for k in wanted])

    coarse, _ = _eigenvalues(net, kernel, dimension, radius, top, 1)
    for doubling in range(1, _MOST_REFINEMENTS + 1):
        values, rounding = _eigenvalues(net, kernel, dimension, radius, top, 2**doubling)
        change = np.abs(values - coarse)
        if (change <= rounding).all():
            break
        coarse = values
    trace = float(_kernel_of_angles(net, kernel, dimension, radius, np.zeros(1))[0])
    return SphereSpectrum(
        degrees=wanted,
        eigenvalues=values[wanted],
        multiplicities=multiplicities,
        errors=(change + rounding)[wanted],
        trace=trace,
        dimension=dimension,
        radius=radius,
        kernel=kernel,
    )


def _eigenvalues(
    net: FullyConnected, kernel: str, dimension: int, radius: float, top: int, refinement: int
) -> tuple[Float64s, Float64s]:
    rule = harmonics.angle_rule(dimension, top, refinement)
    ahead = _kernel_of_angles(net, kernel, dimension, radius, rule.angles)
    behind = _kernel_of_angles(net, kernel, dimension, radius, rule.angles, opposite=True)
    return harmonics.project(ahead, behind, rule, dimension, top)


def _kernel_of_angles(
    net: FullyConnected,
    kernel: str,
    dimension: int,
    radius: float,
    angles: Float64s,
    *,
    opposite: bool = False,
) -> Float64s:
    """Return the kernel at angles t, or at pi - t, from points of a plane.

    The first layer sees x . x' / n_0 only: two columns, scaled by sqrt(2 / d), stand for d. That of
    pi - t is the cosine with another sign, to the last bit.
    """
    scale = radius * math.sqrt(2 / dimension)
    cosines = -np.cos(angles) if opposite else np.cos(angles)
    points = scale * np.column_stack([cosines, np.sin(angles)])
    origin = np.array([[scale, 0.0]])
    compute = net.ntk if kernel == "ntk" else net.nngp
    values: Float64s = compute(points, origin, dtype="float64", device="cpu")[:, 0]
    return values


def _degrees(degrees: int | Sequence[int]) -> NDArray[np.int64]:
    if np.ndim(degrees) == 0:
        return np.arange(_validate.integer(degrees, "degrees", at_least=0) + 1)  # type: ignore[arg-type]
    wanted = {_validate.integer(k, "degrees", at_least=0) for k in degrees}  # type: ignore[union-attr]
    if not wanted:
        raise ValueError("degrees must name at least one degree, got none")
    return np.array(sorted(wanted), dtype=np.int64)


def _counted(dimension: int, degree: int) -> float:
    try:
        return float(harmonics.multiplicity(dimension, degree))
    except OverflowError:
        raise ValueError(
            f"degrees must have multiplicities below 1e308, got degree {degree} in dimension "
            f"{dimension}"
        ) from None
