# SPDX-License-Identifier: Apache-2.0
"""Ordinary differential equations on lists of arrays: an embedded Runge-Kutta pair.

The pair is of orders 5 and 4 [1]_: seven stages, of which the last is the next step's first.

References
----------
.. [1] J. Dormand, P. Prince, "A family of embedded Runge-Kutta formulae", J. Comput. Appl. Math. 6
   (1980), table 2.
.. [2] E. Hairer, S. Norsett, G. Wanner, "Solving ordinary differential equations I", 2nd edition
   (1993), section II.4: step control.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fastntk._arrays import array_namespace
from fastntk.networks.problem import NotFinite

# Row i has the weights of the stages before it; the last row is the solution of order 5.
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
# The solution of order 5 less that of order 4.
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

# Arrays of the state's size that the integrator holds: seven stages and the state to go back to.
COPIES = 8
# A step is to err by _SAFETY^5 of the tolerance, and changes by these factors at most [2]_.
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
# Steps below this share of the time passed would not advance it.
_SMALLEST = 1e-13


class StepError(ArithmeticError):
    """No step is small enough: the derivative is not finite, or not a function of the state."""


class DormandPrince:
    """Integrates d state / dt = derivative(t, state) in place, with control of the step.

    Parameters
    ----------
    derivative : callable (t, out) -> None
        Writes the derivative at the present values of ``state`` into a list of arrays like it.
        Where it raises NotFinite at a trial, the step is made smaller.
    state : sequence of ndarray
        NumPy's or CuPy's; changed in place. During a step it holds what the stages need; between
        steps, and after an error in ``derivative``, a solution.
    t : float
        Where it starts.
    tolerance : float
        Of each step's error, the Euclidean norm over all arrays of the difference of the two
        solutions. The one of order 5, which is kept, errs by less.

    Attributes
    ----------
    t : float
        The time of ``state``.
    evaluations : int
        Calls of ``derivative``.
    """

    def __init__(
        self,
        derivative: Callable[[float, list[Any]], None],
        state: Sequence[Any],
        t: float,
        tolerance: float,
    ) -> None:
        self._derivative, self._state = derivative, list(state)
        self.t, self._tolerance = t, tolerance
        self.evaluations = 0
        self._base = [array.copy() for array in state]
        self._slopes = [[array * 0 for array in state] for _ in _STAGES]
        self._step: float | None = None

    def steps(self, end: float, stop: Callable[[], bool] = lambda: False) -> Iterator[float]:
        """Advance to a time, and yield the time of each step that is done.

        Parameters
        ----------
        end : float
            The time.
        stop : callable () -> bool
            Whether to end instead of trying again after a step that failed.

        Raises
        ------
        StepError
            The step that would keep the tolerance is too small.
        """
        while self.t < end:
            if self._step is None:
                self._evaluate(0, self.t)
                self._step = self._first_step()
            left = end - self.t
            # Not to leave a sliver for one more step.
            step = left if self._step >= left * (1 - 1e-9) else min(self._step, left / 2)
            error = self._attempt(step)
            accepted = error <= self._tolerance
            grown = step * self._growth(error)
            if accepted:
                self.t = end if step == left else self.t + step
                self._slopes[0], self._slopes[-1] = self._slopes[-1], self._slopes[0]
                # A step that was cut to end at `end` says little about a longer one.
                self._step = max(grown, self._step) if step < self._step else grown
                yield self.t
            else:
                self._restore()
                self._step = grown
                if grown <= _SMALLEST * max(abs(self.t), abs(end)):
                    why = (
                        f"keeps the tolerance {self._tolerance:g}"
                        if math.isfinite(error)
                        else "has a finite derivative within it"
                    )
                    raise StepError(f"no step from t = {self.t:g} is so small that it {why}")
                if stop():
                    return

    def _attempt(self, step: float) -> float:
        """Put the solution after a step into the state and return the norm of its error.

        It is infinite where the derivative is not finite on the way.
        """
        for array, base in zip(self._state, self._base, strict=True):
            base[...] = array
        try:
            for stage in range(1, len(_STAGES)):
                self._combine(_STAGES[stage], step)
                self._evaluate(stage, self.t + _NODES[stage] * step)
        except NotFinite:
            return math.inf
        except BaseException:
            self._restore()
            raise
        return step * self._error()

    def _combine(self, weights: Sequence[float], step: float) -> None:
        """Set the state to base + step * sum of weighted slopes."""
        self._restore()
        for weight, slopes in zip(weights, self._slopes, strict=False):
            if weight:
                for array, slope in zip(self._state, slopes, strict=True):
                    array[...] += (step * weight) * slope

    def _error(self) -> float:
        """Return the norm of the two solutions' difference, over the step."""
        total = 0.0
        for number in range(len(self._state)):
            difference = sum(
                weight * slopes[number]
                for weight, slopes in zip(_ERROR, self._slopes, strict=True)
                if weight
            )
            total += _squares(difference)
        return math.sqrt(total)

    def _evaluate(self, stage: int, t: float) -> None:
        self._derivative(t, self._slopes[stage])
        self.evaluations += 1

    def _first_step(self) -> float:
        """Return the step that moves the state by the fifth root of the tolerance."""
        slope = math.sqrt(sum(_squares(array) for array in self._slopes[0]))
        if not math.isfinite(slope):
            raise StepError(f"the derivative at t = {self.t:g} is not finite")
        return float(self._tolerance**0.2) / slope if slope else math.inf

    def _growth(self, error: float) -> float:
        if not math.isfinite(error):
            return _LEAST
        if error == 0:
            return _MOST
        return min(_MOST, max(_LEAST, _SAFETY * float((self._tolerance / error) ** 0.2)))

    def _restore(self) -> None:
        for array, base in zip(self._state, self._base, strict=True):
            array[...] = base


def resolution(state: Sequence[Any]) -> float:
    """Return the least tolerance of a step: eps times the Euclidean norm of all arrays.

    The six additions of a step round every number by some 0.2 eps of it each, together by half of
    that: an error below is not seen.
    """
    eps = max(float(np.finfo(array.dtype).eps) for array in state)
    return eps * math.sqrt(sum(_squares(array) for array in state))


def _squares(array: Any) -> float:
    """Return the sum of squares, in float64."""
    flat = array.reshape(-1)
    xp = array_namespace(flat)
    wide = flat.dtype == "float64"
    return float(flat @ flat if wide else xp.square(flat, dtype="float64").sum())
