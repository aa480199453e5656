# SPDX-License-Identifier: Apache-2.0
"""Tables of the duals that the engine has no formulas for, for the variances that data lead to.

The variances of the first preactivations are those of the data; a layer makes w^2 E[f(u)^2] + b^2
of them, and with a skip connection r^2 q more, so that the range of each layer follows. Layers with
the same activation share a table where their ranges are near each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastntk._arrays import array_namespace, beside, to_host
from fastntk._progress import Meter
from fastntk.activations.definitions import Functor
from fastntk.activations.elementwise import base_functions
from fastntk.duals.builder import tabulate
from fastntk.duals.callables import checked, gaussian_reach
from fastntk.duals.sectors import second_moment
from fastntk.gram.acute import keeps_acute, non_negative
from fastntk.gram.program import TABULATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._engine import Native
    from fastntk._progress import Progress
    from fastntk.activations import Activation
    from fastntk.duals.table import DualTable
    from fastntk.gram.program import EngineActivation, LayerProgram

# Ends of ranges are rounded outwards to powers of this: data that are alike share tables.
_STEP = 2**0.25
# Ranges that are united stay within this factor, or are hardly wider than one of them: wider tables
# take longer to make and to read.
_WIDEST = 2.0
_WIDER = 8.0
# Wider ones are refused: row scalars run out, and pairs take a hundred thousand operations.
_MOST = 1e6
# Variances of rows of equal norm differ by no more.
_ROUNDING = 1e-12
# Variances at which the next layer's are looked at, and points of the quadrature.
_SAMPLES, _POINTS = 33, 30
# Digits that are tried, the first that a table reaches being taken.
_DIGITS = {8: (12, 10, 8, 7), 4: (7,)}
# Numbers of data that are squared at a time.
_PIECE = 2**22


class Range(NamedTuple):
    """Variances of a layer's preactivations.

    Those above 0; whether a row has 0; and whether all angles between rows are acute.
    """

    low: float
    high: float
    zero: bool
    acute: bool = False

    def union(self, other: Range) -> Range:
        """Return the range of both."""
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            self.zero or other.zero,
            self.acute and other.acute,
        )

    @property
    def ratio(self) -> float:
        """The largest by the smallest."""
        return self.high / self.low

    @property
    def is_one(self) -> bool:
        """Whether all variances are the same but for rounding."""
        return self.high <= self.low * (1 + _ROUNDING)

    def rounded(self) -> Range:
        """Return a range that many share; one variance stays one."""
        if self.is_one:
            return self
        steps = [math.log(end) / math.log(_STEP) for end in self[:2]]
        return Range(
            _STEP ** math.floor(steps[0] - 0.01),
            _STEP ** math.ceil(steps[1] + 0.01),
            self.zero,
            self.acute,
        )


@dataclass(frozen=True)
class Tables:
    """What an engine takes for each activation of a program.

    Attributes
    ----------
    natives : list of (str, sequence of float)
        Names and parameters.
    used : dict of Activation to list of DualTable
        Those among them that are tables.
    """

    natives: list[Native]
    used: dict[Activation, list[DualTable]]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of them."""
        return tuple(
            f"{one}: a table for variances from {table.q_range[0]:.3g} to {table.q_range[1]:.3g}, "
            f"at most {table.error:.0e} of the diagonals off"
            for one, tables in self.used.items()
            for table in {id(table): table for table in tables}.values()
        )


def tables_for(
    program: LayerProgram,
    engine: Engine,
    rows: NDArray[Any],
    columns: NDArray[Any] | None,
    scale: float,
    dtype: np.dtype[Any],
    progress: Progress | None = None,
) -> Tables:
    """Return what an engine takes for the activations of a program and some data.

    Parameters
    ----------
    program : LayerProgram
    engine : Engine
        What it has no formula for is tabulated, on the CPU.
    rows, columns : ndarray of shape (n, d)
        Data, whose norms are read if there is anything to tabulate.
    scale : float
        Multiplies them.
    dtype : dtype
        Of the result: how many digits a table has.
    progress : callable, optional
        Called with ("tables", done, total) while any are made.

    Raises
    ------
    ValueError
        A function that is not finite, or whose dual cannot be tabulated for such data.

    Notes
    -----
    Cost: O(n d), and for each table that is not known yet tenths of a second, or seconds where
    variances are a factor of thousands apart.
    """
    own = engine.limiting_activations()
    missing = [one.name == TABULATED or one.name not in own for one in program.activations]
    natives: list[Native] = [(one.name, one.parameters) for one in program.activations]
    if not any(missing):
        return Tables(natives, {})
    ranges = _shared(program.activations, _ranges(program, rows, columns, scale))
    wanted: dict[int, _Key] = {}
    for layer, one in enumerate(program.activations):
        if missing[layer]:
            _require_moderate(one.function, layer, ranges[layer])
            wanted[layer] = one.function, ranges[layer].rounded(), dtype.itemsize
    found = _tables(set(wanted.values()), progress)
    used: dict[Activation, list[DualTable]] = {}
    for layer, key in wanted.items():
        used.setdefault(key[0], []).append(found[key])
        natives[layer] = (TABULATED, found[key].array.tolist())
    return Tables(natives, used)


def _require_moderate(activation: Activation, layer: int, range_: Range) -> None:
    """Raise ValueError for variances beyond what tables are made for."""
    if range_.ratio > _MOST:
        raise ValueError(
            f"activation {activation} has no closed form, and its table serves variances within a "
            f"factor of {_MOST:g}; those of hidden layer {layer + 1} reach from {range_.low:.3g} "
            f"to {range_.high:.3g}: scale the rows of X, or give layer_norm=True or more bias_std"
        )


def _ranges(
    program: LayerProgram, rows: NDArray[Any], columns: NDArray[Any] | None, scale: float
) -> list[Range]:
    """Return the variances that each activation is given."""
    now, ranges = _of_data(program, rows, columns, scale), []
    for one, (_, _, normal_std, _), behind in zip(
        program.activations, program.maps, program.maps[1:], strict=False
    ):
        given = now if normal_std == 0 else now._replace(low=normal_std**2, high=normal_std**2)
        ranges.append(given)
        weight_std, bias_std, _, skip = behind
        now = _next(one, given, now, weight_std**2, bias_std**2, skip**2)
    return ranges


def _of_data(
    program: LayerProgram, rows: NDArray[Any], columns: NDArray[Any] | None, scale: float
) -> Range:
    factor = program.weight_std[0] ** 2 * scale**2 / rows.shape[1]
    bias = program.bias_std[0] ** 2
    sides = [side for side in (rows, columns) if side is not None]
    norms = np.concatenate([_squared_norms(side) for side in sides])
    return _of_values(factor * norms + bias, all(non_negative(side) for side in sides))


def _squared_norms(data: NDArray[Any]) -> NDArray[np.float64]:
    """Return the squared norm of each row, in the host's memory."""
    xp, step = array_namespace(data), max(1, _PIECE // data.shape[1])
    parts = []
    with beside(data), np.errstate(over="ignore"):
        for first in range(0, len(data), step):
            block = data[first : first + step].astype(np.float64)
            parts.append(to_host(xp.einsum("ij,ij->i", block, block)))
    return np.concatenate(parts)


def _of_values(values: NDArray[np.float64], acute: bool) -> Range:
    """Return the range of variances; of rows of 0 alone one that does no harm."""
    above = values[values > 0]
    if not np.isfinite(values).all():
        raise ValueError(
            "scale, weight_std and X must keep all variances within float64, got "
            f"{values.max():.3g}"
        )
    zero = len(above) < len(values)
    low, high = (float(above.min()), float(above.max())) if len(above) else (1.0, 1.0)
    return Range(low, high, zero, acute)


@lru_cache(maxsize=256)
def _next(
    one: EngineActivation, given: Range, now: Range, weights: float, bias: float, skip: float
) -> Range:
    """Return the variances behind an activation and a linear map.

    Between samples the logarithm of a second moment may be beyond theirs by as much as it bends.
    """
    q = np.geomspace(*given[:2], _SAMPLES if given.high > given.low else 1)
    moments = _moments(one.function, q)
    bend = np.exp(np.abs(np.diff(np.log(moments), 2)).max(initial=0.0))
    low, high = float(moments.min() / bend), float(moments.max() * bend)
    ends = [weights * low + bias + skip * now.low, weights * high + bias + skip * now.high]
    square_at_zero = _square_at_zero(one.function) if now.zero else 0.0
    # Of a row of zeros the mean f(0) may have the other sign.
    acute = given.acute and square_at_zero == 0 and keeps_acute(one.function, given.low, given.high)
    range_ = _of_values(np.array(ends), acute)
    if not now.zero:
        return range_
    at_zero = weights * square_at_zero + bias
    return (
        range_.union(Range(at_zero, at_zero, False, acute))
        if at_zero > 0
        else range_._replace(zero=True)
    )


def _moments(activation: Activation, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return E[g(u)^2]."""
    if isinstance(activation.base, Functor):
        b, a = activation.scales
        values: NDArray[np.float64] = activation.dual(q / b**2, q / b**2, np.ones_like(q))[0]
        return values / a**2
    f, _, kinks = base_functions(activation)
    name = str(activation)
    f = checked(f, name)
    reaches = [gaussian_reach(f, v, name) for v in q.tolist()]
    pairs = zip(q.tolist(), reaches, strict=True)
    return np.array([second_moment(f, kinks, v, reach, _POINTS) for v, reach in pairs])


def _square_at_zero(activation: Activation) -> float:
    return float(base_functions(activation)[0](np.zeros(1))[0]) ** 2


def _shared(activations: Sequence[EngineActivation], ranges: list[Range]) -> list[Range]:
    """Unite the ranges of equal activations where that is not much wider."""
    shared, united = list(ranges), list[tuple[Range, list[int]]]()
    for layer in sorted(range(len(ranges)), key=lambda i: -ranges[i].ratio):
        own, members = ranges[layer], [layer]
        # One variance is all that kinks elsewhere than at 0 are tabulated for.
        if own.is_one:
            continue
        widest = min(_MOST, max(_WIDEST, _WIDER * own.ratio))
        for place, (range_, others) in enumerate(united):
            both = own.union(range_)
            if activations[others[0]] == activations[layer] and both.ratio <= widest:
                own, members = both, [*others, layer]
                del united[place]
                break
        united.append((own, members))
    for range_, members in united:
        for layer in members:
            shared[layer] = range_
    return shared


# What decides a table: a function, its range, and the bytes of a result's number.
_Key = tuple["Activation", Range, int]
_KEPT = 64
_STEPS = 100  # that a table counts as
_known: dict[_Key, DualTable] = {}  # those used last come last
_lock = Lock()


def _tables(keys: set[_Key], progress: Progress | None) -> dict[_Key, DualTable]:
    """Return tables, and make those that are not known."""
    with _lock:
        found = {key: _known.pop(key) for key in keys if key in _known}
        _known.update(found)
    new = sorted(keys - set(found), key=lambda key: key[1])
    meter = Meter(progress, "tables", _STEPS * len(new))
    for key in new:
        found[key] = _table(*key, meter)
        with _lock:
            _known[key] = found[key]
            while len(_known) > _KEPT:
                del _known[next(iter(_known))]
    return found


def _table(activation: Activation, range_: Range, itemsize: int, meter: Meter) -> DualTable:
    """Return a table with as many digits as it reaches."""
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        meter.add(int(_STEPS * share) - told)
        told = int(_STEPS * share)

    f, df, kinks = base_functions(activation)
    table = tabulate(
        f,
        df,
        kinks,
        q_range=(range_.low, range_.high),
        digits=_DIGITS[itemsize],
        y_max=0.5 if range_.acute else 1.0,
        zero_row=range_.zero,
        name=str(activation),
        tell=tell,
    )
    tell(1.0)
    return table
