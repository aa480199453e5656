# SPDX-License-Identifier: Apache-2.0
"""Where order meets chaos: the weights of which gradients neither vanish nor explode."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastntk import _validate
from fastntk.theory.functions import nonlinearity, require_slope
from fastntk.theory.variance_map import (
    LARGEST,
    SMALLEST,
    VarianceMap,
    moments,
    root,
    slope_at_zero,
)

if TYPE_CHECKING:
    from fastntk.theory.functions import Nonlinearity

_STRIDE = math.log(4)
_ROUNDING = 1e-12


@dataclass(frozen=True)
class EdgeOfChaos:
    r"""A point of the critical line.

    Attributes
    ----------
    weight_std : float
        :math:`\sigma_w` with :math:`\chi_1 = 1` at the fixed point of the variance.
    bias_std : float
        :math:`\sigma_b` as given.
    variance : float
        That fixed point: 0 where it is the limit of vanishing ones, nan where every variance is
        one.
    stable : bool
        Whether variances beside the fixed point return to it, :math:`V' < 1`, which is
        :math:`E[f(u) f''(u)] < 0`. Where they do not, no deep network stays at this edge, as for
        SiLU.
    """

    weight_std: float
    bias_std: float
    variance: float
    stable: bool


def edge_of_chaos(activation: Nonlinearity | str, bias_std: float = 0.0) -> EdgeOfChaos:
    r"""Weights of which a deep network is critical: chi_1 = 1.

    Parameters
    ----------
    activation : Activation or str
        The nonlinearity.
    bias_std : float
        :math:`\sigma_b \ge 0`.

    Returns
    -------
    EdgeOfChaos

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        A parameter out of range, a nonlinearity that jumps, or one that has no edge with this
        bias: ReLU has none but for 0.

    Notes
    -----
    With the variance q at the edge :math:`\sigma_w^2 = 1 / E[f'(u)^2]`, hence

    .. math:: \sigma_b^2 = q - E[f(u)^2] / E[f'(u)^2], \qquad u \sim N(0, q),

    an equation for q alone, solved between 1e-9 and 1e6. Of several solutions a stable one counts
    before others, and then the largest. With ``bias_std`` 0 and f(0) = 0 the variance may vanish at
    the edge, which then is :math:`1 / |f'(0)|`. Cost: some 40 evaluations of the activation's
    dual.

    References
    ----------
    .. [1] S. Schoenholz, J. Gilmer, S. Ganguli, J. Sohl-Dickstein, "Deep Information Propagation",
       ICLR 2017, Section 3.
    .. [2] S. Hayou, A. Doucet, J. Rousseau, "On the Impact of the Activation Function on Deep
       Neural Networks Training", ICML 2019.

    Examples
    --------
    >>> import fastntk as fn
    >>> round(fn.edge_of_chaos("relu").weight_std ** 2, 12)
    2.0
    """
    f = nonlinearity(activation)
    require_slope(f)
    bias_std = _validate.non_negative(bias_std, "bias_std")

    def excess(log_q: float) -> float:
        """Return (sigma_b^2 - bias_std^2) / q of the edge at a variance."""
        q = math.exp(log_q)
        second, slope = moments(f, q)
        return 1 - second / (slope * q) - bias_std**2 / q if slope > 0 else math.nan

    places = [math.log(SMALLEST)]
    values = [excess(places[0])]
    while places[-1] < math.log(LARGEST) and math.isfinite(values[-1]):
        places.append(places[-1] + _STRIDE)
        values.append(excess(places[-1]))
    noise = _ROUNDING if bias_std == 0 else 0.0
    if bias_std == 0 and max(abs(one) for one in values if math.isfinite(one)) <= noise:
        return EdgeOfChaos(moments(f, 1.0)[1] ** -0.5, bias_std, math.nan, True)

    found = []
    for i in range(len(places) - 1, 0, -1):
        if values[i] * values[i - 1] < 0 and min(abs(values[i]), abs(values[i - 1])) > noise:
            q = math.exp(root(excess, places[i - 1], places[i]))
            weight_std = moments(f, q)[1] ** -0.5
            stable = VarianceMap(f, weight_std, bias_std).slope(q) < 1
            found.append(EdgeOfChaos(weight_std, bias_std, q, stable))
    if bias_std == 0 and abs(values[0]) < 1e-6:
        weight_std = slope_at_zero(f) ** -0.5
        layer = VarianceMap(f, weight_std, bias_std)
        growth = [layer.value(q) / q - 1 for q in map(math.exp, places)]
        stable = next(one for one in growth if abs(one) > noise) < 0
        found.append(EdgeOfChaos(weight_std, bias_std, 0.0, stable))
    if not found:
        raise ValueError(
            f"activation {activation!s} has no edge of chaos with bias_std {bias_std:g}: at no "
            f"variance from {SMALLEST:g} to {LARGEST:g} is chi_1 equal to 1"
        )
    return next((one for one in found if one.stable), found[0])
