# SPDX-License-Identifier: Apache-2.0
"""Whether a limiting kernel is positive definite, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk.theory.functions import layers_of, require_slope
from fastntk.theory.powers import Powers, powers_of_function, powers_of_kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastntk.gram.architecture import FullyConnected
    from fastntk.theory.functions import Layers

_KERNELS = ("ntk", "nngp")


@dataclass(frozen=True)
class Definiteness:
    r"""Whether all Gram matrices of distinct points are invertible, and why.

    Attributes
    ----------
    holds : bool
        For any distinct points of any sphere around 0 in two or more dimensions. Exact in both
        directions: where it is False, there are such points whose Gram matrix is singular.
    everywhere : bool or None
        The same for any distinct points of the space. None where neither is known.
    reason : str
        Why, in one sentence.
    even_power, odd_power : float
        The largest even and the largest odd power of the cosine in the kernel on a sphere: inf
        where there are infinitely many, -inf where there are none.
    kernel : str
        "ntk" or "nngp".
    """

    holds: bool
    everywhere: bool | None
    reason: str
    even_power: float
    odd_power: float
    kernel: str

    def __bool__(self) -> bool:
        return self.holds

    def rank_bound(self, dimension: int, *, on_sphere: bool = True) -> int | None:
        r"""Return the largest rank that a Gram matrix of any number of points can have.

        Parameters
        ----------
        dimension : int
            Number d of inputs, at least 2.
        on_sphere : bool
            Whether the points lie on a sphere around 0. There the bound is attained by points in
            general position; off it, where there are a bias or several degrees.

        Returns
        -------
        int or None
            None where there is no bound.

        Notes
        -----
        The kernel is a polynomial in the points, of degree e among the even ones and o among the
        odd ones. Homogeneous polynomials of degree n in d variables have the dimension
        :math:`h_n = \binom{n + d - 1}{d - 1}`; on a sphere those of degree e comprise all even
        polynomials below. The rank is at most :math:`h_e + h_o` there, and off it the sum of
        :math:`h_n` over all even :math:`n \le e` and odd :math:`n \le o`.
        """
        dimension = _validate.integer(dimension, "dimension", at_least=2)
        total = 0
        for largest in (self.even_power, self.odd_power):
            if largest == math.inf:
                return None
            if largest >= 0:
                top = int(largest)
                degrees = (top,) if on_sphere else range(top, -1, -2)
                total += sum(math.comb(n + dimension - 1, dimension - 1) for n in degrees)
        return total


def is_positive_definite(net: FullyConnected, kernel: str = "ntk") -> Definiteness:
    r"""Say whether a limiting kernel is positive definite, and why.

    On a sphere the kernel is a power series :math:`\sum_n b_n c^n` in the cosine, with
    :math:`b_n \ge 0`. It is positive definite there, in any dimension from 2 on, if and only if
    :math:`b_n > 0` for infinitely many even and for infinitely many odd n [2]_. Which they are
    follows from the Hermite expansions of the nonlinearities, layer by layer. Layer normalisation
    scales them on a sphere, and changes nothing; a residual connection adds those of the layer
    before.

    Parameters
    ----------
    net : FullyConnected
        The network.
    kernel : {"ntk", "nngp"}
        Which kernel.

    Returns
    -------
    Definiteness
        True or False as a condition; ``reason`` says why, ``rank_bound`` what is left.

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        An unknown kernel; or the NTK of a nonlinearity that jumps.

    Notes
    -----
    Proposition 2 of [1]_ is the case of one Lipschitz nonlinearity that is no polynomial, at least
    one hidden layer and a positive bias, which its proof uses to mix even and odd powers. Without
    bias there is more to say: with one hidden layer of ReLU, GELU, SiLU or softplus, whose odd part
    is u/2, no odd power above the first is left, so that N > d pairs of opposite points have a
    singular Gram matrix; a second layer mends that. An odd or even nonlinearity never does.

    Off the sphere all distinct points will do where the biases are positive up to the first
    nonlinearity that is no polynomial, and none behind it is constant [3]_: a combination
    :math:`\sum_i a_i f(w \cdot x_i + b)` that is 0 for all w and b leaves the Fourier transform of
    f no place but 0, which makes f a polynomial. Without biases and with f(0) = 0 the kernel at the
    origin is 0, and a homogeneous f (ReLU) makes the rows of x and 2 x proportional.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018, Proposition 2 and its proof in the appendix.
    .. [2] T. Gneiting, "Strictly and non-strictly positive definite functions on spheres",
       Bernoulli 19, 2013.
    .. [3] L. Carvalho, J. Costa, J. Mourão, G. Oliveira, "The positivity of the neural tangent
       kernel", SIAM Journal on Mathematics of Data Science 7, 2025.

    Examples
    --------
    >>> import fastntk as fn
    >>> bool(fn.is_positive_definite(fn.FullyConnected(hidden_layers=1, bias_std=0.1)))
    True
    >>> linear = fn.is_positive_definite(fn.FullyConnected(hidden_layers=0, bias_std=0.1))
    >>> linear.holds, linear.rank_bound(10)
    (False, 11)
    """
    _validate.network(net)
    _validate.choice(kernel, "kernel", _KERNELS)
    layers = layers_of(net)
    functions, bias_std = layers.functions, layers.bias_std
    if kernel == "ntk":
        for f in functions:
            require_slope(f)
    both = powers_of_kernels(functions, bias_std, layers.residual)
    powers = both[0 if kernel == "nngp" else 1]
    holds = powers.even == powers.odd == math.inf
    everywhere = _everywhere(layers) if holds else False
    return Definiteness(
        holds=holds,
        everywhere=everywhere,
        reason=_reason(powers, functions, bias_std, everywhere),
        even_power=powers.even,
        odd_power=powers.odd,
        kernel=kernel,
    )


def _everywhere(layers: Layers) -> bool | None:
    """Answer for all points, given that the answer on spheres is yes."""
    functions, bias_std = layers.functions, layers.bias_std
    if layers.layer_norm:
        return None
    degrees = [max(powers_of_function(f)) for f in functions]
    first = degrees.index(math.inf)
    if min(bias_std[: first + 1]) > 0 and min(degrees) > 0 and not layers.residual:
        return True
    at_zero = [float(np.asarray(f(np.zeros(1)))[0]) for f in functions]
    return False if max(bias_std) == 0 and not any(at_zero) else None


def _reason(
    powers: Powers,
    functions: Sequence[Any],
    bias_std: Sequence[float],
    everywhere: bool | None,
) -> str:
    biased = max(bias_std) > 0
    if not functions:
        return (
            "without a hidden layer the kernel is linear in the points, of rank at most the "
            "dimension" + (" + 1" if biased else "")
        )
    top = max(powers)
    if top < math.inf:
        return (
            "every nonlinearity is a polynomial, and so is the kernel, of "
            f"degree {max(top, 0):.0f} in the points"
        )
    if min(powers) < math.inf:
        which, rest = ("odd", powers.odd) if powers.even == math.inf else ("even", powers.even)
        what = f"above the power {rest:.0f} the kernel has" if rest >= 0 else "the kernel has"
        return (
            f"{what} no {which} powers of the cosine, so that many pairs of opposite points are "
            "dependent"
        )
    text = (
        "a nonlinearity is no polynomial, and the kernel has infinitely many even and odd powers "
        "of the cosine (Jacot et al. 2018, Proposition 2)"
    )
    if everywhere:
        return text + "; off the sphere the biases tell all points apart"
    if everywhere is False:
        return text + "; off the sphere it fails at the origin, where the kernel is 0"
    return text + "; off the sphere neither is proven here"
