# SPDX-License-Identifier: Apache-2.0
"""Tables of duals: built once for the range of variances of the data, checked off their nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.angular import (
    FEW_DIGITS,
    AngularSeries,
    Slopes,
    Variable,
    angular_series,
    first_angle,
    hermite_slopes,
    most_angles,
    quadrature_slopes,
)
from fastntk.duals.callables import Array, Function, checked, derivative
from fastntk.duals.coefficients import (
    HermiteOrders,
    PairPolynomials,
    hermite_orders,
    in_powers,
    truncated,
)
from fastntk.duals.family import Family, family, log_variance, node_count
from fastntk.duals.quadrants import Unresolved
from fastntk.duals.sectors import pair_moments, second_moment
from fastntk.duals.table import DualTable, RowSeries

MOST_RANK = 32  # row scalars of the engine
# Of the layers at c = +-1, that are tried.
_WIDTHS = (None, 0.015, 0.03, 0.07, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)
_LARGEST = 4  # functions that tell which of them are worth a look,
_TRIED = 3  # and how many are
_ANGLES = (24, 32, 48, 72, 108, 160, 240)  # Chebyshev nodes, until the series end
_EQUAL = 1e-9  # relative difference of variances that are one
_SHARES = (4.0, 1.0, 0.25, 0.03)  # of the error allowed, that dropped terms may have: tried in turn
_ANGULAR = 0.7  # of the time, about
_CHECKS = 16  # pairs off the nodes
_POINTS = 24  # of the Gauss rules of what tables are compared with
_LARGEST_VARIANCE = 1e16  # beyond, plane quadrature takes too many panels
_ROUNDING = 1e-12  # what series come down to, about
_STRETCHED = 2000.0  # beyond, the largest features of functions may be too narrow for any series
_STEEP = 1000.0  # slopes from which the first angle tells whether any series is of use
_FAR = 0.01  # of the diagonals: neither longer nor shorter tables come from there to 1e-7


def tabulate(
    f: Function,
    df: Function | None,
    kinks: Sequence[float],
    *,
    q_range: tuple[float, float],
    y_max: float = 1.0,
    digits: int | Sequence[int] = 12,
    zero_row: bool = False,
    name: str = "f",
    tell: Callable[[float], None] = lambda share: None,
) -> DualTable:
    """Tabulate the dual of a function.

    The normalised dual is a sum over pairs of basis functions of the variances, each times a
    polynomial of the angle.  The table is compared with independent quadrature off its nodes.
    Cost: tenths of a second; seconds where variances are a factor of thousands apart, or kinks are
    elsewhere than at 0.

    Parameters
    ----------
    f : callable
        The activation, elementwise on float64 arrays.
    df : callable or None
        Its derivative likewise. None: found from ``f``, see `dual_of_callable`.
    kinks : sequence of float
        Where ``f`` or a derivative of it jumps.
    q_range : tuple of float
        Smallest and largest variance of a preactivation, positive.
    y_max : float
        Largest angle between preactivations over pi, in (0, 1].
    digits : int or sequence of int
        The error is at most 10^-digits relative to the diagonals: 12 for float64 results,
        7 for float32. Of several, most first, the first that a table reaches.
    zero_row : bool
        Whether rows of variance 0 are among them; matters where f(0) is not 0.
    name : str
        What messages call the function.
    tell : callable, optional
        Told what share of the work is done, more and more of it.

    Returns
    -------
    DualTable

    Raises
    ------
    ValueError
        Arguments out of range; a kink other than 0 with variances that differ; ``f`` is not
        finite, is 0, or grows too fast; or the error is larger than asked for with the longest
        table.

    References
    ----------
    .. [1] R. Price, "A useful theorem for nonlinear devices having Gaussian inputs", 1958.
    .. [2] L. N. Trefethen, "Approximation theory and approximation practice", 2013, chapters 3
       and 8.
    """
    attempts = [digits] if isinstance(digits, int) else list(digits)
    least = 10.0 ** -min(attempts)
    low, high = _moderate(q_range, y_max, least, name)
    f = checked(f, name)
    kinks = sorted({float(k) for k in kinks})
    if any(kinks):
        # exp(-(k / sqrt(q) - k / sqrt(p))^2 / (2 sin(theta)^2)) has no polynomials at theta = 0.
        if high > low * (1 + _EQUAL):
            raise ValueError(
                f"{name} has kinks at {kinks}: other kinks than 0 need rows of equal norms, got"
                f" variances from {low:.6g} to {high:.6g}"
            )
        low = high = float(np.sqrt(low * high))
    at_zero = float(f(np.zeros(1))[0])
    with_zero, count = zero_row and at_zero != 0, node_count((low, high), max(attempts))
    basis = family(f, kinks, (low, high), with_zero, count, name)
    if df is None:
        slope_of = derivative(f, kinks, 1.001 * basis.reach * float(np.sqrt(high)))
    else:
        slope_of = checked(df, f"the derivative of {name}")
    rows = _row_series(basis, (low, high), at_zero, slope_of, kinks)
    steepest = max(1.0, float(rows.at(basis.variances[basis.variances > 0])[1].max()))
    duals = _Duals(
        f, slope_of, kinks, basis, (low, high), y_max, steepest, max(attempts), least, name, tell
    )
    error = np.inf
    for number, tolerance in enumerate(10.0**-one for one in attempts):
        if np.isfinite(error) and error > tolerance:
            continue  # fewer terms than were too few
        error = np.inf
        for share in _SHARES:
            variable, pairs = duals.pairs(share * tolerance)
            if pairs.rank > MOST_RANK:
                break
            width, ends = (variable.width, variable.ends) if variable else (None, (1.0, -1.0))
            table = DualTable(
                duals.rows_of(rows, pairs), pairs, width, ends, at_zero**2, (low, high), y_max,
                np.inf,
            )  # fmt: skip
            error = min(error, duals.error(table))
            if error <= tolerance:
                return replace(table, error=error)
            if error > _FAR:
                raise ValueError(_refusal(name, (low, high), least, error))
        tell(_ANGULAR + (1 - _ANGULAR) * (number + 1) / len(attempts))
    raise ValueError(_refusal(name, (low, high), tolerance, error))


def _moderate(
    q_range: tuple[float, float], y_max: float, least: float, name: str
) -> tuple[float, float]:
    """Return the ends of a range of variances that plane quadrature can do."""
    low, high = (float(q) for q in q_range)
    if not 0 < low <= high < np.inf:
        raise ValueError(f"q_range must be two positive variances in order, got {q_range}")
    if not 0 < y_max <= 1:
        raise ValueError(f"y_max must lie in (0, 1], got {y_max}")
    if high > _LARGEST_VARIANCE:
        raise ValueError(_refusal(name, (low, high), least))
    return low, high


def _refusal(
    name: str, q_range: tuple[float, float], tolerance: float, error: float | None = None
) -> str:
    """Say what has no table, and what has one."""
    low, high = q_range
    got = "" if error is None else f", got {error:.1e}"
    return (
        f"{name}: the dual of variances from {low:.4g} to {high:.4g} cannot be tabulated to"
        f" {tolerance:.0e}{got}: scale the data (scale=1/255 for pixels), give layer_norm=True or a"
        " smaller weight_std, narrow the range (rows of similar norms), ask for fewer digits, or"
        " check that all kinks are named"
    )


def _row_series(
    basis: Family,
    q_range: tuple[float, float],
    at_zero: float,
    df: Function,
    kinks: Sequence[float],
) -> RowSeries:
    real = basis.variances > 0
    q, moments = basis.variances[real], basis.moments[real]
    constant, middle = at_zero**2, len(q) // 2
    linear = max(0.0, (moments[middle] - constant) / q[middle])
    if basis.hermite is None:
        steep = np.array([second_moment(df, kinks, float(one), basis.reach, _POINTS) for one in q])
        slopes = steep * q / moments
    else:
        slopes = (basis.psi[real] @ basis.hermite) ** 2 @ np.arange(basis.hermite.shape[1])
    centre, half = log_variance(q_range)
    return RowSeries(
        middle=centre,
        half_width=half,
        weight=(constant, linear),
        moment=chebyshev.interpolate(moments / (constant + linear * q)),
        slope=chebyshev.interpolate(slopes),
        psi=chebyshev.interpolate(basis.psi[real]),
        psi_at_zero=np.zeros(basis.psi.shape[1]) if real.all() else basis.psi[-1],
    )


@dataclass(frozen=True)
class _Duals:
    """What tables approximate."""

    f: Function
    df: Function
    kinks: Sequence[float]
    basis: Family
    q_range: tuple[float, float]
    y_max: float
    steepest: float
    digits: int  # the most that are asked for
    least: float  # error allowed of the fewest
    name: str
    tell: Callable[[float], None]

    @cached_property
    def hermite(self) -> Array:
        """Normalised coefficients of F at the nodes."""
        assert self.basis.hermite is not None
        return np.asarray(self.basis.psi @ self.basis.hermite)

    def rows_of(self, rows: RowSeries, pairs: PairPolynomials | HermiteOrders) -> RowSeries:
        """Give rows the scalars that pairs take."""
        if isinstance(pairs, PairPolynomials):
            return rows
        scalars = self.hermite[:, pairs.orders]
        real = self.basis.variances > 0
        zero = np.zeros(pairs.rank) if real.all() else scalars[-1]
        return replace(rows, psi=chebyshev.interpolate(scalars[real]), psi_at_zero=zero)

    def pairs(self, budget: float) -> tuple[Variable | None, PairPolynomials | HermiteOrders]:
        """Return what costs the pair step least and drops no more than a budget."""
        if self.basis.hermite is None:
            return self._polynomials(budget)
        orders = hermite_orders(self.hermite, self.steepest, budget)
        # Polynomials take more operations for the same number of row scalars.
        if orders.rank <= MOST_RANK:
            return None, orders
        return self._polynomials(budget)

    def _polynomials(self, budget: float) -> tuple[Variable, PairPolynomials]:
        """Shortest polynomials that drop no more than a budget."""
        widths = (None,) if self.kinks else _WIDTHS
        tried = [Variable(width, self.y_max) for width in widths]
        tried.sort(key=lambda variable: self._length(variable, budget))
        found = []
        for variable in tried[:_TRIED]:
            start, _ = self._length(variable, budget)
            gap, slope, rest = self._series(variable, budget, start)
            pairs = truncated(gap, slope, self.sizes, self.steepest, budget)
            # Series that do not end come last, those that nearly do first among them.
            found.append((max(rest, budget * self.steepest), pairs.cost, variable, pairs))
        *_, variable, pairs = min(found, key=lambda one: one[:2])
        return variable, in_powers(pairs, self.sizes)

    def _length(self, variable: Variable, budget: float) -> tuple[int, float]:
        """Nodes at which the series of the largest functions end, and what is left there."""
        for count in _ANGLES:
            rest = self._rest(chebyshev.interpolate(self._at(variable, count, _LARGEST)[1]))
            if rest <= 0.01 * budget * self.steepest:
                return count, 0.0
        return count, rest

    def _series(self, variable: Variable, budget: float, start: int) -> tuple[Array, Array, float]:
        """Chebyshev series of gap and slope, long enough for a budget; and what is left."""
        for count in _ANGLES[_ANGLES.index(start) :]:
            gap, slope = map(chebyshev.interpolate, self._at(variable, count))
            rest = self._rest(slope)
            if rest <= 0.01 * budget * self.steepest:
                break
        return gap, slope, rest

    def _at(self, variable: Variable, count: int, k: int | None = None) -> tuple[Array, Array]:
        return self.angular.at(variable.angles(count), k)

    def _rest(self, series: Array) -> float:
        """Sum what the last terms are worth."""
        sizes = self.sizes[: series.shape[1]]
        return float((np.abs(series[-4:]).max(axis=0) * np.outer(sizes, sizes)).sum())

    @cached_property
    def sizes(self) -> Array:
        """Largest value of each psi_r, of one more than there is room for: which tells of it."""
        return np.asarray(np.abs(self.basis.psi).max(axis=0)[: MOST_RANK + 1])

    @cached_property
    def angular(self) -> AngularSeries:
        """Duals of the basis as functions of the angle, where they have series."""
        stretch = float(np.sqrt(self.q_range[1])) * self.basis.reach
        if stretch > _STRETCHED and self.digits > FEW_DIGITS and self.least > 10.0**-FEW_DIGITS:
            # What has no series is seen at a quarter of the cost.
            self._angular(FEW_DIGITS, most_angles(stretch))
        return self._angular(self.digits, most_angles(stretch))

    def _angular(self, digits: int, most: int) -> AngularSeries:
        tolerance = 0.01 * 10.0**-digits * self.steepest
        slopes = self._slopes(digits, tolerance)
        if self.steepest > _STEEP:
            # Most of the fall from angle 0 before the first angle: no series has that.
            theta = first_angle()
            near = slopes(np.array([theta, np.pi - theta]))[0]
            psi = self.basis.psi[:, : self.sizes.size]
            left = float(np.einsum("ir,rs,is->i", psi, near, psi).max()) / self.steepest
            if left < 0.5:
                raise ValueError(_refusal(self.name, self.q_range, self.least, 1 - left))
        series = angular_series(
            slopes,
            self.sizes,
            tolerance,
            self._tell_of_angles,
            steepest=self.steepest,
            needed=max(self.least, _ROUNDING),
            most=most,
        )
        if series.hopeless:
            rest = series.rest / self.steepest
            raise ValueError(_refusal(self.name, self.q_range, self.least, rest))
        return series

    def _slopes(self, digits: int, tolerance: float) -> Slopes:
        """E[Phi_r'(g) Phi_s'(g')] of the functions that there is room for."""
        k = self.sizes.size
        if self.basis.hermite is None:
            try:
                all_slopes = quadrature_slopes(self.df, self.kinks, self.basis, digits)
            except Unresolved as found:
                raise ValueError(
                    _refusal(self.name, self.q_range, self.least, found.share)
                ) from None
            return lambda theta: all_slopes(theta)[:, :k, :k]
        weights = (self.hermite**2).max(axis=0) * np.arange(self.hermite.shape[1])
        beyond = np.cumsum(weights[::-1])[::-1]
        terms = max(2, int(np.count_nonzero(beyond > tolerance)))
        return hermite_slopes(self.basis.hermite[:k, :terms])

    def _tell_of_angles(self, share: float) -> None:
        self.tell(_ANGULAR * share)

    @cached_property
    def checks(self) -> tuple[Array, ...]:
        """Pairs off the nodes: variances, angles, and deficits and slopes by quadrature."""
        random = np.random.default_rng(0)
        low, high = self.q_range
        q = low * (high / low) ** random.random(_CHECKS)
        p = low * (high / low) ** random.random(_CHECKS)
        q[:4], p[:2], p[2:4] = (low, high, low, high), (high, low), (low, high)
        theta = np.pi * self.y_max * random.random(_CHECKS)
        theta[:5], theta[5] = (1e-3, 0.1, 0.0, 0.0, 1e-6), np.pi * self.y_max
        exact = [self._exact(*map(float, one)) for one in zip(q, p, theta, strict=True)]
        return q, p, theta, *np.array(exact).T

    def error(self, table: DualTable) -> float:
        """Largest error of a table at pairs off its nodes."""
        q, p, theta, deficits, slopes = self.checks
        deficit, slope = table.dual(q, p, np.sin(theta / 2) ** 2)
        return max(
            float(np.abs(deficit - deficits).max()),
            float(np.abs(slope - slopes).max()) / self.steepest,
        )

    def _exact(self, q: float, p: float, theta: float) -> tuple[float, float]:
        value, slope = pair_moments(
            (self.f, self.df), self.kinks, q, p, theta, self.basis.reach, _POINTS
        )
        scale = np.sqrt(
            second_moment(self.f, self.kinks, q, self.basis.reach, _POINTS)
            * second_moment(self.f, self.kinks, p, self.basis.reach, _POINTS)
        )
        return (1 - value / scale) / 2, slope * np.sqrt(q * p) / scale
