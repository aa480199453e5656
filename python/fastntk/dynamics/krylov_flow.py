# SPDX-License-Identifier: Apache-2.0
r"""All times of a flow from one Krylov space, which grows until every time is accurate.

With :math:`E = K Q - Q H`, the approximation :math:`\tilde c_t = Q \varphi_t(H) Q^T r` obeys the
equation of c_t up to the defect :math:`-E \varphi_t(H) Q^T r / N`. K being semidefinite, its flow
only contracts what the defects add up to; integrated by parts,

.. math:: \|K (c_t - \tilde c_t)\| \le \|E \varphi_t(H) Q^T r\|
    + \frac1N \int_0^t \|E e^{-u H / N} Q^T r\| \, du,

and in steps of gradient descent the same holds with their sum. Both terms are norms of small
matrices. The integral alone bounds the error of :math:`Q (1 - e^{-t H / N}) Q^T r`, which is what
the training points are given. The rounding of products adds its size times the norm of
:math:`\tilde c_t`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk._arrays import to_host
from fastntk._warnings import warn
from fastntk.linalg.convergence import ConvergenceWarning
from fastntk.linalg.eigen import eigenpairs
from fastntk.linalg.matrix_functions import KrylovSpace, RitzValues
from fastntk.linalg.null_space import require_semidefinite
from fastntk.linalg.solution import column_norms

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.dynamics.evolution import Evolution
    from fastntk.dynamics.new_points import NewPoints
    from fastntk.linalg.operator import SymmetricOperator

# Products in float32 serve tolerances from here on.
_FLOAT32_TOL = 1e-5
# Of the integral: neighbouring nodes, and where exponentials are 1 or 0 to four digits.
_RATIO, _EARLY, _LATE = 1.15, 1e-4, 10.0
# Passes before the first look at the errors.
_FIRST = 4
# Where float32 products err by more than this part of the tolerance, float64 ones begin anew: what
# is left for the search would be won late, if at all. The first passes see up to three times as
# much as there is.
_HOPELESS = 0.75
# A bound whose other part is so much less than that of the rounding: passes do not help.
_MOSTLY = 0.25
# New points whose covariance is asked for share a space of so many columns.
_COLUMNS = 32
# Test points: the space they are compared with has so many passes fewer.
_FEWER = 0.15


class KrylovFlow:
    """c_t from a Krylov space of K and the residual; it is kept from call to call.

    Attributes
    ----------
    passes : int
        Products of the operator so far.
    """

    method = "krylov"

    def __init__(
        self,
        op: SymmetricOperator,
        residual: Any,
        evolution: Evolution,
        *,
        tol: float,
        max_passes: int,
        rng: np.random.Generator,
        room: Budget,
        progress: Progress | None,
    ) -> None:
        self._op, self._residual, self._evolution = op, residual, evolution
        self._tol, self._max_passes, self._rng = tol, max_passes, rng
        self._room, self._progress = room, progress
        self._largest: float | None = None
        self._space: KrylovSpace | None = None
        if bool((residual != 0).any()):
            self._space = self._new_space(tol >= _FLOAT32_TOL)

    @property
    def passes(self) -> int:
        """Products of the operator so far."""
        return 0 if self._space is None else self._space.passes

    @property
    def size(self) -> int:
        """Columns of the basis."""
        return 0 if self._space is None else self._space.size

    @property
    def nbytes(self) -> int:
        """Bytes of the basis."""
        return 0 if self._space is None else self._space.nbytes

    @property
    def largest(self) -> float:
        """The largest eigenvalue of K."""
        if self._largest is None:
            room, rng = self._room, self._rng
            left = max(room.holding(self.nbytes).left, 1)
            pairs = eigenpairs(self._op, 1, seed=rng, memory=left, progress=self._progress)
            self._largest = float(pairs.values[0])
        return self._largest

    def stays(self) -> tuple[Any, float]:
        """Return what is never learnt of the residual, and the relative error of that.

        As far as the space knows by now: it does not grow.
        """
        if self._space is None:
            return self._residual * 0, 0.0
        ritz = self._space.ritz()
        null = (ritz.values <= ritz.null).astype(np.float64)
        return self._space.apply(ritz, [null])[0], float(self._bound(ritz, [math.inf])[0])

    def coefficients(self, times: list[float]) -> Any:
        """Return c_t for each time, (T, rows, columns)."""
        space = self._reached(times)
        if space is None:
            return self._zeros(len(times))
        ritz = space.ritz()
        return space.apply(ritz, self._phi(ritz, times))

    def moves(self, times: list[float]) -> Any:
        """Return what the residual has lost until each time, (T, rows, columns)."""
        space = self._reached(times)
        if space is None:
            return self._zeros(len(times))
        ritz = space.ritz()
        decays = self._decays(ritz, times)
        return space.apply(ritz, [1 - one for one in decays])

    def error(self, times: list[float]) -> NDArray[np.float64]:
        """Return a bound of the error at the training points for each time, see the module.

        It is that of the space as it is, which grows only if it is new.
        """
        space = self._reached(times) if not self.passes else self._space
        return np.zeros(len(times)) if space is None else self._bound(space.ritz(), times)

    def reach(self, times: list[float]) -> None:
        """Let the space grow until the error of every time is within the tolerance."""
        self._reached(times)

    def error_at(self, new: NewPoints, times: list[float]) -> NDArray[np.float64]:
        """Return an estimate of the error at new points for each time.

        The difference to a space of fewer passes, in the root mean square over the points, says how
        far that one is off; the bounds at the training points say how much nearer the space is.
        """
        space = self._reached(times) if not self.passes else self._space
        if space is None:
            return np.zeros(len(times))
        ritz = space.ritz()
        fewer = space.passes - max(1, math.ceil(_FEWER * space.passes))
        if fewer < 1 or space.whole:
            return self._bound(ritz, times)
        other = space.ritz(fewer)
        c = space.apply(ritz, self._phi(ritz, times))
        c = c - space.apply(other, self._phi(other, times))
        flat = c.transpose(1, 0, 2).reshape(c.shape[1], -1)
        difference = new.times(flat, self._room.holding(self.nbytes), self._progress)
        norms = column_norms(self._residual)
        units = np.where(norms > 0, norms, np.inf) / len(self._residual) ** 0.5
        rms = column_norms(difference).reshape(len(times), -1) / len(difference) ** 0.5 / units
        before = np.maximum(self._truncation(other, times), np.finfo(float).tiny)
        nearer = self._truncation(ritz, times) / before
        estimate: NDArray[np.float64] = rms.max(axis=1) * np.minimum(2 * nearer, 1)
        return estimate + self._noise(ritz, times) + self._unmoved(ritz, times)

    def transposed_map(self, t: float, cross: Any) -> Any:
        """Return phi_t(K) K(X, Z), (rows, M), for ``cross`` = K(Z, X): a space for some columns."""
        W = self._op.xp.empty((cross.shape[1], len(cross)))
        for start in range(0, len(cross), _COLUMNS):
            columns = self._op.xp.ascontiguousarray(cross[start : start + _COLUMNS].T)
            each = KrylovFlow(
                self._op,
                columns,
                self._evolution,
                tol=self._tol,
                max_passes=self._max_passes,
                rng=self._rng,
                room=self._room.holding(self.nbytes + W.nbytes),
                progress=self._progress,
            )
            W[:, start : start + _COLUMNS] = each.coefficients([t])[0]
        return W

    def components(self, count: int) -> tuple[NDArray[np.float64], Any]:
        """Return the first eigenvalues, and the residual's parts along them, (k, rows, columns)."""
        space = self._space
        if space is None:  # there are no parts
            pairs = eigenpairs(self._op, count, seed=self._rng, progress=self._progress)
            return to_host(pairs.values), self._op.xp.zeros((count, *self._residual.shape))
        for _ in range(self._max_passes):
            if space.size >= count:
                ritz = space.ritz()
                residual = np.sqrt((ritz.tails[:, :count] ** 2).sum(axis=0)).max()
                if residual <= max(self._tol * ritz.values[0], 2 * ritz.noise):
                    break
            if space.full:
                break
            space.grow(f"components, pass {space.passes + 1}", self._progress)
        if space.size < count:
            raise ValueError(
                f"k must be at most {space.size}, the columns of the Krylov space, got {count}: "
                "raise memory or max_passes"
            )
        ritz = space.ritz()
        vectors = space.ritz_vectors(ritz, count)
        parts = self._op.xp.asarray(ritz.parts[:count] * column_norms(self._residual))
        return ritz.values[:count] * ritz.unit, vectors.T[:, :, None] * parts[:, None, :]

    @property
    def spectrum(self) -> tuple[NDArray[np.float64], float]:
        """Ritz values, descending, and up to where they are 0 to rounding."""
        if self._space is None:
            return np.zeros(0), 0.0
        if not self._space.passes:
            self._space.grow("gradient flow, pass 1", self._progress)
        ritz = self._space.ritz()
        return ritz.values * ritz.unit, ritz.null * ritz.unit

    def _reached(self, times: list[float]) -> KrylovSpace | None:
        """Return the space, grown until the error of every time is within the tolerance."""
        space = self._space
        if space is None:
            return None
        made, at_rounding, error = 0, False, math.inf
        checks: list[tuple[int, float]] = []
        while True:
            if space.passes:
                ritz = space.ritz()
                require_semidefinite(self._op, ritz.values * ritz.unit)
                error = float(self._bound(ritz, times).max())
                noise = float(self._noise(ritz, times).max())
                if error <= self._tol:
                    return space
                least = noise + float(self._unmoved(ritz, times).max())
                at_rounding = error - least <= _MOSTLY * least
                if space.single and (at_rounding or noise > _HOPELESS * self._tol):
                    space = self._space = self._new_space(single=False)
                    checks.clear()
                    continue
                if made >= self._max_passes or space.full or at_rounding:
                    break
                # What passes can still win, and what of it is missing.
                excess = (error - least) / max(self._tol - least, _MOSTLY * self._tol)
                checks.append((space.passes, math.log(excess)))
            more = _until_next_check(checks) if space.passes else _FIRST
            for _ in range(min(more, self._max_passes - made)):
                if space.full:
                    break
                known = f", error {error:.0e}" if checks else ""
                space.grow(f"gradient flow, pass {space.passes + 1}{known}", self._progress)
                made += 1
        if at_rounding:
            advice = "the operator's rounding allows no less: use float64, or raise tol"
        elif space.full:
            advice = "raise memory or tol"
        else:
            advice = "raise max_passes or tol; the next call goes on"
        warn(
            f"the flow's Krylov space stopped after pass {space.passes} at an error of "
            f"{error:.1e}, tol={self._tol:g}; {advice}",
            ConvergenceWarning,
        )
        return space

    def _bound(self, ritz: RitzValues, times: list[float]) -> NDArray[np.float64]:
        """Return the bound of the module's head, relative, the largest over columns, (T,)."""
        least = self._noise(ritz, times) + self._unmoved(ritz, times)
        return self._truncation(ritz, times) + least

    def _truncation(self, ritz: RitzValues, times: list[float]) -> NDArray[np.float64]:
        """Return the bound without rounding, (T,)."""
        nodes, integral = self._integral(ritz, times)
        bounds = ritz.tail(self._scaled_phi(ritz, times))
        finite = np.minimum(times, nodes[-1])
        for column in range(bounds.shape[1]):
            bounds[:, column] += np.interp(finite, nodes, integral[:, column])
        largest: NDArray[np.float64] = bounds.max(axis=1)
        return largest

    def _integral(
        self, ritz: RitzValues, times: list[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return nodes of time and the integral up to each, (nodes,) and (nodes, columns)."""
        moving = ritz.values > ritz.null
        if not moving.any():
            return np.zeros(1), np.zeros((1, ritz.parts.shape[1]))
        unit = self._evolution.points / ritz.unit
        first = _EARLY * unit / ritz.values[0]
        last = _LATE * self._evolution.slowest(ritz.values[moving] * ritz.unit)
        last = min(last, max(*times, 2 * first))
        count = 2 + math.ceil(math.log(last / first) / math.log(_RATIO))
        nodes = np.concatenate([[0.0], np.geomspace(first, last, count)])
        # What rounding keeps in the null space does not move, for ever.
        norms = ritz.tail(np.stack(self._decays(ritz, nodes.tolist())) * moving)
        step = self._evolution.learning_rate
        if step is not None:
            # Above half of the largest rate, signs change from step to step: terms that cancel
            # after an even number of steps add up after an odd one.
            next_step = self._decays(ritz, (nodes + step).tolist())
            norms = np.maximum(norms, ritz.tail(np.stack(next_step) * moving))
        upper = np.maximum(norms[1:], norms[:-1]) * (np.diff(nodes) / unit)[:, np.newaxis]
        return nodes, np.concatenate([np.zeros((1, norms.shape[1])), np.cumsum(upper, axis=0)])

    def _noise(self, ritz: RitzValues, times: list[float]) -> NDArray[np.float64]:
        """Return what the rounding of products adds, (T,)."""
        relative: NDArray[np.float64] = ritz.size(self._scaled_phi(ritz, times)).max(axis=1)
        return ritz.noise * relative

    def _unmoved(self, ritz: RitzValues, times: list[float]) -> NDArray[np.float64]:
        """Return what may have moved of what is taken for the null space, (T,)."""
        null = (ritz.values <= ritz.null).astype(np.float64)[np.newaxis]
        share = float(ritz.size(null).max())
        rate = ritz.null * ritz.unit / self._evolution.points
        return np.array([0.0 if math.isinf(t) else share * min(t * rate, 1.0) for t in times])

    def _phi(self, ritz: RitzValues, times: list[float]) -> list[NDArray[np.float64]]:
        values, null = ritz.values * ritz.unit, ritz.null * ritz.unit
        return [self._evolution.phi(values, t, null) for t in times]

    def _scaled_phi(self, ritz: RitzValues, times: list[float]) -> NDArray[np.float64]:
        """Return phi_t of K times the unit of K, (T, m)."""
        return np.stack(self._phi(ritz, times)) * ritz.unit

    def _decays(self, ritz: RitzValues, times: list[float]) -> list[NDArray[np.float64]]:
        values, null = ritz.values * ritz.unit, ritz.null * ritz.unit
        return [self._evolution.decay(values, t, null) for t in times]

    def _new_space(self, single: bool) -> KrylovSpace:
        return KrylovSpace(self._op, self._residual, single=single, rng=self._rng, room=self._room)

    def _zeros(self, times: int) -> Any:
        return self._op.xp.zeros((times, *self._residual.shape))


def _until_next_check(checks: list[tuple[int, float]]) -> int:
    """Return the passes to make before errors are looked at again: an eigenproblem each time.

    Parameters
    ----------
    checks : list of (int, float)
        Passes, and the digits (natural logarithm) that were missing then.
    """
    passes, missing = checks[-1]
    most = max(2, passes // 8)
    if len(checks) == 1:
        return most
    earlier, before = checks[-2]
    rate = (before - missing) / (passes - earlier)
    return most if rate <= 0 else min(most, max(1, math.ceil(missing / rate)))
