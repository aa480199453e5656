# SPDX-License-Identifier: Apache-2.0
"""Ordinary differential equations by SciPy, step by step, so that Ctrl-C keeps what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Numbers kept for each number of the state, and for each square of their count.
_COPIES = {"RK45": (24, 0), "DOP853": (42, 0), "LSODA": (32, 1)}
SOLVERS = tuple(_COPIES)
# The least that SciPy takes: the tolerances of `steps` are absolute.
_RELATIVE = 100 * float(np.finfo(np.float64).eps)


class IntegrationError(ArithmeticError):
    """No step is small enough."""


def solver_bytes(solver: str, size: int) -> int:
    """Return the bytes that a solver takes for a state of so many numbers."""
    linear, square = _COPIES[solver]
    return 8 * size * (linear + square * size)


def steps(
    solver: str,
    derivative: Callable[[float, NDArray[np.float64]], NDArray[np.float64]],
    state: NDArray[np.float64],
    start: float,
    times: list[float],
    tolerance: NDArray[np.float64],
) -> Iterator[tuple[float, NDArray[np.float64], bool]]:
    """Give states at times, and at the end of every step between them.

    Parameters
    ----------
    solver : {"RK45", "DOP853", "LSODA"}
        Of `scipy.integrate`.
    derivative : callable (t, state) -> ndarray
        Of the state by time.
    state : ndarray of shape (n,)
        At ``start``.
    times : list of float
        Ascending, after ``start``; the last one ends the integration.
    tolerance : ndarray of shape (n,)
        Error of a step, for each number.

    Yields
    ------
    t : float
    state : ndarray of shape (n,)
    wanted : bool
        Whether t is one of the times. States between are those at the end of a step.

    Raises
    ------
    ImportError
        SciPy is not installed.
    IntegrationError
        No step is small enough for the tolerance, or for finite numbers.
    """
    try:
        import scipy.integrate
    except ImportError:
        raise ImportError(
            "the flow of a KernelDescent is integrated by SciPy: pip install 'fastntk[app]'; "
            "KernelDescent.steps does without it"
        ) from None
    run: Any = getattr(scipy.integrate, solver)(
        derivative, start, state, times[-1], rtol=_RELATIVE, atol=tolerance
    )
    waiting = list(times)
    while run.status == "running":
        message = run.step()
        if run.status == "failed" or not np.isfinite(run.y).all():
            raise IntegrationError(message or "the state is not finite")
        within = None
        while waiting and waiting[0] < run.t:
            within = run.dense_output() if within is None else within
            t = waiting.pop(0)
            yield t, within(t), True
        wanted = bool(waiting) and waiting[0] == run.t
        if wanted:
            waiting.pop(0)
        # LSODA writes the next step's numbers in the same place.
        yield run.t, run.y.copy(), wanted
