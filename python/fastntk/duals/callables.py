# SPDX-License-Identifier: Apache-2.0
"""A user's function of a preactivation: what it must be, and its derivative where none is given."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fastntk.duals import chebyshev

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

# Beyond this radius the Gaussian density is below 1e-300.
_FARTHEST = 38.0
# Natural logarithm of the share of E[f(u)^2] that lies beyond the reach.
_NEGLIGIBLE = -46.0
# Intervals of a function that is differentiated.
_MOST_PIECES = 20_000
# Chebyshev coefficients of rounding errors, relative to the largest value.
_ROUNDING = 4e-16


def checked(f: Function, name: str) -> Function:
    """Wrap f so that values other than finite float64 of its argument's shape are refused.

    Parameters
    ----------
    f : callable
        Elementwise on float64 arrays.
    name : str
        What messages call it.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        By the returned function: another shape or dtype, or a value that is not finite.
    """

    def call(u: Array) -> Array:
        with np.errstate(all="ignore"):
            values = np.asarray(f(u))
        if values.shape != u.shape or values.dtype != np.float64:
            raise ValueError(
                f"{name} must return a float64 array of its argument's shape {u.shape},"
                f" got {values.dtype} of shape {values.shape}"
            )
        bad = ~np.isfinite(values)
        if bad.any():
            raise ValueError(f"{name} must be finite, got {values[bad][0]} at u = {u[bad][0]:.6g}")
        return values

    call.__wrapped__ = f  # type: ignore[attr-defined]
    return call


def gaussian_reach(f: Function, q: float, name: str) -> float:
    """Radius g beyond which f(sqrt(q) g)^2 exp(-g^2 / 2) is negligible in E[f(u)^2], u ~ N(0, q).

    Parameters
    ----------
    f : callable
        Elementwise on float64 arrays.
    q : float
        Variance.
    name : str
        What messages call the function.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        ``f`` is not finite, is 0 everywhere, or grows so fast that E[f(u)^2] is infinite.
    """
    g = np.arange(0.0, _FARTHEST, 0.125)
    with np.errstate(all="ignore"):
        # Beyond its reach a function may overflow.
        plain: Function = getattr(f, "__wrapped__", f)
        values = np.asarray(plain(np.sqrt(q) * np.concatenate([-g, g])))
        if values.shape != (2 * g.size,):
            raise ValueError(
                f"{name} must return a float64 array of its argument's shape {(2 * g.size,)},"
                f" got {values.dtype} of shape {values.shape}"
            )
        log_size = np.log(np.abs(values)).reshape(2, -1).max(axis=0)
    log_term = 2 * log_size - g * g / 2
    top = np.max(log_term[: g.size // 2], initial=-np.inf)
    if np.isnan(top) or top == np.inf:
        at = np.sqrt(q) * g[: g.size // 2][~(log_term[: g.size // 2] < np.inf)][0]
        raise ValueError(f"{name} must be finite, and is not at u = {at:.6g} or {-at:.6g}")
    if top == -np.inf:
        raise ValueError(f"{name} must not be 0 everywhere: variance {q:.6g}")
    seen = np.flatnonzero(~(log_term < top + _NEGLIGIBLE))
    if seen[-1] == g.size - 1:
        raise ValueError(
            f"{name} grows too fast: E[f(u)^2] is infinite, or not computable, at variance {q:.6g}"
        )
    return float(g[seen[-1] + 1])


def derivative(f: Function, kinks: Sequence[float], reach: float) -> Function:
    """Differentiate f on [-reach, reach] by Chebyshev interpolation between kinks.

    Intervals are halved until their interpolants of degree 24 fit; the derivative then errs by
    about 1e-12 of the largest slope.  A kink without a name is surrounded by ever smaller ones.

    Parameters
    ----------
    f : callable
        Elementwise on float64 arrays, smooth between kinks.
    kinks : sequence of float
        Where f or its derivatives jump.
    reach : float
        Half the width of the interval.

    Returns
    -------
    callable
        Elementwise on float64 arrays of [-reach, reach].

    Raises
    ------
    ValueError
        f needs too many intervals: it jumps, or turns, too often for its derivative to be found.
    """
    degree = 24
    nodes = chebyshev.nodes(degree + 1)
    # Lengths of every order, so that no feature at 0 or at a kink falls between the nodes.
    lengths = 0.125 * 4.0 ** np.arange(np.ceil(np.log(max(1.0, reach * 8)) / np.log(4)) + 1)
    around = np.add.outer([0.0, *map(float, kinks)], np.concatenate([-lengths, [0.0], lengths]))
    ends = [-reach, *sorted({float(u) for u in around.ravel() if -reach < u < reach}), reach]
    waiting = list(pairwise(ends))
    scale = 0.0
    pieces: list[tuple[float, float, Array]] = []
    while waiting:
        a, b = waiting.pop()
        values = f((a + b) / 2 + (b - a) / 2 * nodes)
        scale = max(scale, float(np.abs(values).max()))
        fit = chebyshev.interpolate(values)
        if np.abs(fit[-4:]).max() > 1e-14 * scale and b - a > 1e-13 * reach:
            waiting += [(a, (a + b) / 2), ((a + b) / 2, b)]
            if len(pieces) + len(waiting) > _MOST_PIECES:
                raise ValueError(
                    f"f cannot be differentiated within {reach:.3g} of 0 by {_MOST_PIECES}"
                    " polynomials: give its derivative, name all kinks, or scale the data"
                )
            continue
        # Terms that are rounding alone would cost digits, and time wherever the slope is asked for.
        terms = np.flatnonzero(np.abs(fit) > _ROUNDING * np.abs(values).max())
        fit = fit[: max(2, terms[-1] + 1 if terms.size else 0)]
        slopes = np.asarray(np.polynomial.chebyshev.chebder(fit), dtype=np.float64)
        pieces.append((a, b, slopes * (2 / (b - a))))
    pieces.sort(key=lambda piece: piece[0])
    edges = np.array([piece[0] for piece in pieces] + [reach])
    centre, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    coefficients = np.zeros((max(piece[2].size for piece in pieces), len(pieces)))
    for k, piece in enumerate(pieces):
        coefficients[: piece[2].size, k] = piece[2]

    def slope(u: Array) -> Array:
        k = np.clip(np.searchsorted(edges, u, side="right") - 1, 0, len(pieces) - 1)
        return np.asarray(
            np.polynomial.chebyshev.chebval(
                (u - centre[k]) / half[k], coefficients[:, k], tensor=False
            )
        )

    return slope
