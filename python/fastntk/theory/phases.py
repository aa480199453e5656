# SPDX-License-Identifier: Apache-2.0
"""Fixed points, slopes and depth scales of the mean-field recursion: order and chaos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk.theory.functions import layers_of, nonlinearity, require_slope
from fastntk.theory.variance_map import LARGEST, SMALLEST, VarianceMap, root, slope_at_zero

if TYPE_CHECKING:
    from fastntk.gram.architecture import FullyConnected
    from fastntk.theory.functions import Nonlinearity

_CRITICAL = 1e-9  # chi_1 this close to 1 is critical
_KEPT = 1e-13  # relative change of a variance that counts as none
_STRIDE = math.log(2) / 2


@dataclass(frozen=True)
class MeanField:
    r"""Where a deep network's variances and correlations go, and how fast.

    Attributes
    ----------
    weight_std, bias_std : float
        Of every layer.
    limit : str
        Of the variance: "fixed" at a stable fixed point, "kept" where every variance is one,
        "vanishes" or "diverges".
    variance : float
        The limit :math:`q^*` of a preactivation's variance: 0 where it vanishes, inf where it
        diverges.
    variance_slope : float
        :math:`V'(q^*)`, the factor of a small deviation from :math:`q^*` per layer.
    chi : float
        :math:`\chi_1 = \sigma_w^2 E[f'(u)^2]` at :math:`q^*`: the factor of squared gradients per
        layer, and the slope at 1 of the correlation map.
    correlation : float
        The stable limit :math:`c^*` of the correlation of two inputs; nan where the variance
        vanishes or diverges.
    correlation_slope : float
        The slope of the correlation map at :math:`c^*`; nan where that is.
    phase : str
        "ordered" for :math:`\chi_1 < 1`, "chaotic" for :math:`\chi_1 > 1`, "critical" between.
    """

    weight_std: float
    bias_std: float
    limit: str
    variance: float
    variance_slope: float
    chi: float
    correlation: float
    correlation_slope: float
    phase: str

    @property
    def variance_length(self) -> float:
        r"""Return :math:`\xi_q = -1 / \log |V'(q^*)|`, in layers; inf where nothing decays."""
        return _length(self.variance_slope)

    @property
    def correlation_length(self) -> float:
        r"""Return :math:`\xi_c = -1 / \log` of the slope at :math:`c^*`, in layers.

        The depth over which two inputs can be told apart: inf at criticality, nan where there is
        no limit of the correlation.
        """
        return math.inf if self.phase == "critical" else _length(self.correlation_slope)


def mean_field(
    net: FullyConnected | Nonlinearity | str,
    weight_std: float | None = None,
    bias_std: float | None = None,
    *,
    start: float = 1.0,
) -> MeanField:
    r"""Limits and slopes of the variances and correlations in a deep network.

    From layer to layer a preactivation's variance goes by

    .. math:: V(q) = \sigma_w^2 E[f(\sqrt q\, g)^2] + \sigma_b^2, \qquad g \sim N(0, 1),

    and at a fixed point :math:`q^*` of V the correlation of two inputs by
    :math:`C(c) = (\sigma_w^2 E[f(u) f(v)] + \sigma_b^2) / q^*`, u and v having the variance
    :math:`q^*` and the correlation c. Where :math:`\chi_1 = C'(1) = \sigma_w^2 E[f'(u)^2]` is below
    1 inputs become one, above 1 they part.

    Parameters
    ----------
    net : FullyConnected, Activation or str
        A network with the same nonlinearity and factors in every layer; or the nonlinearity, with
        ``weight_std`` and ``bias_std``. Depth does not matter.
    weight_std, bias_std : float, optional
        :math:`\sigma_w > 0` and :math:`\sigma_b \ge 0`; of a network its own.
    start : float
        Variance of the first preactivations: where V has several stable fixed points, the one
        is found that this leads to.

    Returns
    -------
    MeanField

    Raises
    ------
    TypeError
        A parameter of the wrong type.
    ValueError
        A parameter out of range, missing, or given twice; a network whose layers differ, without
        hidden layers, or with residual connections or layer normalisation; a nonlinearity that
        jumps.

    Notes
    -----
    The search goes from ``start`` in the direction of V(q) - q, in steps of a factor sqrt(2), to
    the first change of sign, and stops at 1e-9 ("vanishes": slopes are the limits at 0) and at 1e6
    ("diverges": slopes are taken there). C is a power series without negative coefficients: on
    [0, 1] it is convex, so that c* = 1 is the limit for :math:`\chi_1 \le 1`, and for
    :math:`\chi_1 > 1` there is exactly one other, which Newton's method reaches from 0 without
    passing it. Cost: 10 to 100 evaluations of the activation's dual.

    References
    ----------
    .. [1] B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein, S. Ganguli, "Exponential expressivity
       in deep neural networks through transient chaos", NeurIPS 2016, Section 2.
    .. [2] S. Schoenholz, J. Gilmer, S. Ganguli, J. Sohl-Dickstein, "Deep Information Propagation",
       ICLR 2017, Section 3.

    Examples
    --------
    >>> import fastntk as fn
    >>> he = fn.mean_field("relu", weight_std=2**0.5, bias_std=0.0)
    >>> he.phase, he.limit
    ('critical', 'kept')
    >>> paper = fn.mean_field(fn.FullyConnected())
    >>> paper.phase, round(paper.variance, 6), round(paper.chi, 6)
    ('ordered', 0.02, 0.5)
    """
    start = _validate.positive(start, "start")
    f, weight_std, bias_std = _one_layer(net, weight_std, bias_std)
    layer = VarianceMap(f, weight_std, bias_std)
    limit, variance = _limit(layer, start)
    at = min(variance, LARGEST)
    if limit == "vanishes":  # then f(0) = 0, and V is as linear as f there
        chi = variance_slope = weight_std**2 * slope_at_zero(f)
    else:
        chi = layer.chi(at)
        variance_slope = 1.0 if limit == "kept" else layer.slope(at)
    phase = "critical" if abs(chi - 1) <= _CRITICAL else "ordered" if chi < 1 else "chaotic"
    correlation = slope = math.nan
    if limit in {"fixed", "kept"}:
        correlation, slope = _correlation(layer, at) if phase == "chaotic" else (1.0, chi)
    return MeanField(
        weight_std=weight_std,
        bias_std=bias_std,
        limit=limit,
        variance=variance,
        variance_slope=variance_slope,
        chi=chi,
        correlation=correlation,
        correlation_slope=slope,
        phase=phase,
    )


def _one_layer(
    net: Any, weight_std: float | None, bias_std: float | None
) -> tuple[Nonlinearity, float, float]:
    """Return the nonlinearity and the factors that all layers share."""
    if hasattr(net, "hidden_layers"):
        if weight_std is not None or bias_std is not None:
            raise ValueError(
                "weight_std and bias_std are the network's own: give them with an activation "
                f"only, got {weight_std!r} and {bias_std!r}"
            )
        layers = layers_of(net)
        if not layers.functions:
            raise ValueError("net must have a hidden layer, got hidden_layers=0")
        if layers.residual or layers.layer_norm:
            raise ValueError(
                "net must be without residual connections and layer normalisation, got "
                f"residual={layers.residual!r} and layer_norm={layers.layer_norm!r}"
            )
        # The first map sets the variance that the recursion starts from, and nothing else.
        kinds = set(zip(layers.functions, layers.weight_std[1:], layers.bias_std[1:], strict=True))
        if len(kinds) > 1:
            raise ValueError(f"net must have layers that are all the same, got {net!r}")
        f, weight_std, bias_std = kinds.pop()
    else:
        if weight_std is None or bias_std is None:
            raise ValueError(
                "weight_std and bias_std must be given with an activation, got "
                f"{weight_std!r} and {bias_std!r}"
            )
        f = nonlinearity(net)
    require_slope(f)
    return (
        f,
        _validate.positive(weight_std, "weight_std"),
        _validate.non_negative(bias_std, "bias_std"),
    )


def _limit(layer: VarianceMap, start: float) -> tuple[str, float]:
    """Return what becomes of the variance."""

    def growth(log_q: float) -> float:
        q = math.exp(log_q)
        value = layer.value(q)
        if value == 0 or not math.isfinite(value):
            return -math.inf if value == 0 else math.inf
        return math.log(value / q)

    here = math.log(start)
    rate = growth(here)
    if abs(rate) <= _KEPT:
        others = (growth(here - 2 * _STRIDE), growth(here + 2 * _STRIDE))
        return ("kept" if max(map(abs, others)) <= _KEPT else "fixed"), start
    stride = math.copysign(_STRIDE, rate)
    while math.log(SMALLEST) <= here <= math.log(LARGEST):
        there = here + stride
        found = growth(there)
        if (found > 0) != (rate > 0):
            if found == 0:
                return "fixed", math.exp(there)
            return "fixed", math.exp(root(growth, here, there))
        if not math.isfinite(found):
            break
        here, rate = there, found
    return ("diverges", math.inf) if stride > 0 else ("vanishes", 0.0)


def _correlation(layer: VarianceMap, q: float) -> tuple[float, float]:
    """Return the stable limit below 1, and the slope there."""
    c = 0.0
    for _ in range(100):
        value, slope = layer.correlation(q, c)
        step = (value - c) / (1 - slope)
        if not 1e-15 < step < 1 - c:  # at the limit, to rounding
            break
        c += step
    return c, slope


def _length(slope: float) -> float:
    """Return over how many layers a deviation falls by a factor e."""
    size = abs(slope)
    if math.isnan(size):
        return math.nan
    if size >= 1:
        return math.inf
    return -1 / math.log(size) if size > 0 else 0.0
