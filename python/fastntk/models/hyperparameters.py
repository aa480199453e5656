# SPDX-License-Identifier: Apache-2.0
"""Deviations and ridge of a Gaussian process as a vector of logarithms, and its best value."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastntk import _validate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastntk.gram.architecture import FullyConnected

    Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]

NAMES = ("weight_std", "bias_std", "ridge")
# Wide enough for data of any usual scale; the smallest ridge still lets float64 tell K + ridge I
# from a singular matrix where K has the size of 1.
BOUNDS = {"weight_std": (1e-2, 1e2), "bias_std": (1e-4, 1e2), "ridge": (1e-10, 1e4)}


class Maximum(NamedTuple):
    """Where a search ended.

    Attributes
    ----------
    theta : ndarray of shape (3,)
        Logarithms of `NAMES`.
    value : float
        What was maximised.
    evaluations : int
        How often it was computed.
    message : str
        Empty where the search converged, else why it ended.
    on_bounds : tuple of str
        Parameters that ended on a bound: the maximum may lie beyond.
    """

    theta: NDArray[np.float64]
    value: float
    evaluations: int
    message: str
    on_bounds: tuple[str, ...] = ()


def require_varying(net: Any) -> None:
    """Require a network whose deviations can be varied, and that knows its kernel's derivatives.

    Raises
    ------
    TypeError
        It is none.
    ValueError
        Its weights are scaled the other way, or its layers do not share the deviations.
    """
    if not dataclasses.is_dataclass(net) or getattr(net, "gradients", None) is None:
        raise TypeError(f"net must be a FullyConnected, to vary its parameters, got {net!r}")
    if getattr(net, "init_std", None) is not None:
        raise ValueError(f"net must have weight_std, not init_std, to vary it, got {net!r}")
    if any(isinstance(getattr(net, one), tuple) for one in ("weight_std", "bias_std")):
        raise ValueError(
            "net must have one weight_std and one bias_std for all layers, to vary them, got "
            f"{net!r}"
        )


def theta_of(net: Any, ridge: float) -> NDArray[np.float64]:
    """Return the logarithms of weight_std, bias_std and the ridge; ``-inf`` for 0."""
    require_varying(net)
    with np.errstate(divide="ignore"):
        theta: NDArray[np.float64] = np.log([net.weight_std, net.bias_std, ridge])
    return theta


def at_theta(net: FullyConnected, theta: ArrayLike) -> tuple[FullyConnected, float]:
    """Return the network and the ridge that logarithms stand for."""
    values = np.asarray(theta, dtype=np.float64)
    if values.shape != (3,) or np.isnan(values).any() or (values == np.inf).any():
        raise ValueError(
            f"theta must be the logarithms of {', '.join(NAMES)}, -inf for 0, got {theta!r}"
        )
    weight_std, bias_std, ridge = np.exp(values).tolist()
    return dataclasses.replace(net, weight_std=weight_std, bias_std=bias_std), ridge


def chosen_names(
    optimize: bool | str | Iterable[str], theta: NDArray[np.float64]
) -> tuple[str, ...]:
    """Return which parameters are to be found: by default those that are not 0."""
    if not isinstance(optimize, bool | np.bool_ | Iterable):
        raise TypeError(f"optimize must be a bool, or names of {NAMES}, got {optimize!r}")
    if isinstance(optimize, bool | np.bool_):
        return tuple(name for name, one in zip(NAMES, theta, strict=True) if np.isfinite(one))
    given = (optimize,) if isinstance(optimize, str) else optimize
    names = tuple(_validate.choice(name, "optimize", NAMES) for name in given)
    for name, one in zip(NAMES, theta, strict=True):
        if name in names and not np.isfinite(one):
            raise ValueError(f"{name} must be positive to be optimised, got 0")
    return names


def maximise(
    objective: Objective,
    start: NDArray[np.float64],
    names: tuple[str, ...],
    bounds: Mapping[str, tuple[float, float]] | None,
    restarts: int,
    rng: np.random.Generator,
) -> Maximum:
    """Return the largest value that L-BFGS-B finds from a start, and from random ones.

    Parameters
    ----------
    objective : callable
        Returns value and gradient (3,) at theta; raises LinAlgError where there is none.
    start : ndarray of shape (3,)
        The first start.
    names : tuple of str
        Which entries vary; the others stay.
    bounds : mapping, optional
        Lowest and highest value of some parameters, not their logarithms; `BOUNDS` for others.
    restarts : int
        Further starts, uniform in the logarithms within the bounds.
    rng : numpy.random.Generator
        Draws them.
    """
    limits = np.log([_limits(name, bounds) for name in names])
    free = [NAMES.index(name) for name in names]
    outside = (start[free] < limits[:, 0]) | (start[free] > limits[:, 1])
    if outside.any():
        index = int(outside.argmax())
        low, high = np.exp(limits[index])
        raise ValueError(
            f"{names[index]} must start within its bounds, [{low:g}, {high:g}], got "
            f"{np.exp(start[free][index]):g}"
        )
    found = [_search(objective, start, free, start[free], limits)]
    for other in rng.uniform(limits[:, 0], limits[:, 1], (restarts, len(free))):
        with contextlib.suppress(np.linalg.LinAlgError):  # a start without a value
            found.append(_search(objective, start, free, other, limits))
    best = max(found, key=lambda one: one.value)
    ended = best.theta[free][:, np.newaxis] == limits
    return best._replace(
        evaluations=sum(one.evaluations for one in found),
        on_bounds=tuple(name for name, one in zip(names, ended, strict=True) if one.any()),
    )


def _search(
    objective: Objective,
    theta: NDArray[np.float64],
    free: list[int],
    start: NDArray[np.float64],
    limits: NDArray[np.float64],
) -> Maximum:
    """Return the maximum that one start leads to."""
    minimize = _scipy_minimize()
    values: list[float] = []

    def whole(part: NDArray[np.float64]) -> NDArray[np.float64]:
        full = theta.copy()
        full[free] = part
        return full

    def loss(part: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        try:
            value, gradient = objective(whole(part))
        except np.linalg.LinAlgError:
            if not values:  # nothing to come back to
                raise
            # A step into singular matrices is taken back: a line search needs a finite wall.
            value, gradient = min(values), np.zeros(3)
        else:
            values.append(value)
        return -value, -gradient[free]

    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits)
    message = "" if result.success else str(result.message)
    return Maximum(whole(result.x), -float(result.fun), int(result.nfev), message)


def _limits(name: str, bounds: Mapping[str, tuple[float, float]] | None) -> tuple[float, float]:
    """Return the bounds of a parameter, checked."""
    given = BOUNDS if bounds is None else {**BOUNDS, **bounds}
    unknown = set(given) - set(NAMES)
    if unknown:
        raise ValueError(f"bounds must be of {', '.join(NAMES)}, got {sorted(unknown)[0]!r}")
    pair = given[name]
    if not isinstance(pair, Iterable) or len(pair) != 2:
        raise TypeError(f"bounds[{name!r}] must be (lowest, highest), got {pair!r}")
    low, high = (_validate.positive(one, f"bounds[{name!r}]") for one in pair)
    if low > high:
        raise ValueError(f"bounds[{name!r}] must be (lowest, highest), got ({low:g}, {high:g})")
    return low, high


def _scipy_minimize() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError("optimize needs SciPy: pip install 'fastntk[app]'") from error
    return minimize
