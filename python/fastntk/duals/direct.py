# SPDX-License-Identifier: Apache-2.0
"""The dual of a callable at given variances and cosines, by quadrature alone."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fastntk.duals.callables import Array, Function, checked, derivative, gaussian_reach
from fastntk.duals.sectors import pair_moments, second_moment

_POINTS = (10, 15, 22, 33, 48, 72)  # of the Gauss rules, until two agree


def dual_of_callable(
    f: Function,
    df: Function | None,
    kinks: Sequence[float],
    q: npt.ArrayLike,
    p: npt.ArrayLike,
    c: npt.ArrayLike,
    *,
    tolerance: float = 1e-13,
    name: str = "f",
) -> tuple[Array, Array]:
    """E[f(u) f(v)] and E[f'(u) f'(v)] of Gaussian pairs.

    (u, v) ~ N(0, [[q, s], [s, p]]) with s = c sqrt(q p). Cost: some 1e4 to 1e6 evaluations of ``f``
    and ``df`` for each triple (a millisecond or more).

    Parameters
    ----------
    f : callable
        The activation, elementwise on float64 arrays.
    df : callable or None
        Its derivative likewise, wherever it exists. None: it is differentiated by Chebyshev
        interpolation between the kinks, to about 1e-12 of its largest slope.
    kinks : sequence of float
        Where ``f`` or a derivative of it jumps.
    q, p : array_like
        Variances, positive; broadcast with ``c``.
    c : array_like
        Cosines in [-1, 1].
    tolerance : float
        Largest difference of two successive rules, relative to the geometric mean of the
        second moments.
    name : str
        What messages call the function.

    Returns
    -------
    tuple of ndarray
        Both expectations, float64 of the broadcast shape.

    Raises
    ------
    ValueError
        A variance is not positive and finite or a cosine outside [-1, 1]; ``f`` is not finite or
        grows too fast; or the rules do not agree: a kink is missing, or the variance too large.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and
       generalization in neural networks", 2018, Proposition 1 and Theorem 1.
    """
    q, p, c = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (q, p, c)))
    if not (np.all(q > 0) and np.all(p > 0) and np.all(np.isfinite(q)) and np.all(np.isfinite(p))):
        raise ValueError("q and p must be positive and finite")
    if not np.all(np.abs(c) <= 1):
        raise ValueError("c must lie in [-1, 1]")
    f = checked(f, name)
    kinks = sorted({float(k) for k in kinks})
    value, slope = np.empty(q.shape), np.empty(q.shape)
    if q.size == 0:
        return value, slope
    top = max(float(q.max()), float(p.max()))
    reach = max(gaussian_reach(f, float(v), name) for v in {top, float(min(q.min(), p.min()))})
    slope_of = (
        derivative(f, kinks, 1.001 * reach * np.sqrt(top))
        if df is None
        else checked(df, f"the derivative of {name}")
    )
    for index in np.ndindex(q.shape):
        value[index], slope[index] = _one_dual(
            f, slope_of, kinks, float(q[index]), float(p[index]), float(np.arccos(c[index])),
            reach, tolerance, name,
        )  # fmt: skip
    return value, slope


def _one_dual(
    f: Function, df: Function, kinks: Sequence[float], q: float, p: float, theta: float,
    reach: float, tolerance: float, name: str,
) -> tuple[float, float]:  # fmt: skip
    before = None
    for n in _POINTS:
        found = np.array(pair_moments((f, df), kinks, q, p, theta, reach, n))
        scale = np.array(
            [
                np.sqrt(second_moment(g, kinks, q, reach, n) * second_moment(g, kinks, p, reach, n))
                for g in (f, df)
            ]
        )
        if before is not None and np.all(np.abs(found - before) <= tolerance * scale):
            return float(found[0]), float(found[1])
        error = 0.0 if before is None else float(np.max(np.abs(found - before) / scale))
        before = found
    raise ValueError(
        f"the dual of {name} at q = {q:.6g}, p = {p:.6g}, cosine {np.cos(theta):.6g} is known to"
        f" {error:.1e} only: name all kinks, or scale the function down"
    )
