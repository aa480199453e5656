# SPDX-License-Identifier: Apache-2.0
"""Functions whose duals have no closed form, elementwise, with their derivatives.

Of arrays of NumPy or CuPy in any floating-point type, which the results have too. Exponents are
never positive, so that nothing overflows, and no digits cancel in the tails: with e = exp(-|u|),

    sigmoid(|u|) = 1 / (1 + e),    sigmoid(-|u|) = e / (1 + e),    tanh'(u) = 4 e^2 / (1 + e^2)^2.
"""

from __future__ import annotations

from typing import Any

from fastntk._arrays import array_namespace

# [Klambauer et al. 2017, "Self-Normalizing Neural Networks", eq. 14]: mean 0 and variance 1 are
# kept.
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def tanh(u: Any) -> Any:
    """Hyperbolic tangent."""
    return array_namespace(u).tanh(u)


def tanh_slope(u: Any) -> Any:
    """1 / cosh(u)^2."""
    e = array_namespace(u).exp(-2 * abs(u))
    return 4 * e / (1 + e) ** 2


def sigmoid(u: Any) -> Any:
    """1 / (1 + exp(-u))."""
    xp = array_namespace(u)
    e = xp.exp(-abs(u))
    return xp.where(u < 0, e, 1) / (1 + e)


def sigmoid_slope(u: Any) -> Any:
    """sigmoid(u) sigmoid(-u)."""
    e = array_namespace(u).exp(-abs(u))
    return e / (1 + e) ** 2


def softplus(u: Any) -> Any:
    """log(1 + exp(u)); its derivative is the sigmoid."""
    xp = array_namespace(u)
    return xp.maximum(u, 0) + xp.log1p(xp.exp(-abs(u)))


def silu(u: Any) -> Any:
    """Return u times sigmoid(u), also known as swish."""
    return u * sigmoid(u)


def silu_slope(u: Any) -> Any:
    """sigmoid(u) (1 + u sigmoid(-u))."""
    return sigmoid(u) * (1 + u * sigmoid(-u))


def mish(u: Any) -> Any:
    """Return u times tanh(softplus(u)) [Misra 2020]."""
    above, _, whole = _mish_parts(u)
    return u * (above / whole)


def mish_slope(u: Any) -> Any:
    """Return t + u (1 - t^2) sigmoid(u) with t = tanh(softplus(u))."""
    above, below, whole = _mish_parts(u)
    t = above / whole
    return t + u * (below / whole) * (1 + t) * sigmoid(u)


def _mish_parts(u: Any) -> tuple[Any, Any, Any]:
    """Return numbers as t : 1 - t : 1, for t = ((1 + e^u)^2 - 1) / ((1 + e^u)^2 + 1)."""
    xp = array_namespace(u)
    e = xp.exp(-abs(u))
    above = xp.where(u < 0, e * (e + 2), 1 + 2 * e)
    below = xp.where(u < 0, 2, 2 * e * e)
    return above, below, above + below


def elu(u: Any, alpha: float) -> Any:
    """Return u where it is positive, else alpha (exp(u) - 1)."""
    xp = array_namespace(u)
    return xp.where(u > 0, u, alpha * xp.expm1(xp.minimum(u, 0)))


def elu_slope(u: Any, alpha: float) -> Any:
    """1 where u is positive, else alpha exp(u)."""
    xp = array_namespace(u)
    return xp.where(u > 0, 1, alpha * xp.exp(xp.minimum(u, 0)))


def selu(u: Any) -> Any:
    """ELU of the slope that keeps mean 0 and variance 1."""
    return SELU_SCALE * elu(u, SELU_ALPHA)


def selu_slope(u: Any) -> Any:
    """Its derivative."""
    return SELU_SCALE * elu_slope(u, SELU_ALPHA)
