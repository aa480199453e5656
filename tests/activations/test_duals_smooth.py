# SPDX-License-Identifier: Apache-2.0
"""Compiled duals of sin, cos, exp, Rbf and exp(-u^2) against mpmath.

Errors are relative to the diagonals: of the normalised dual 1 - 2 z to 1, of the slope to the root
of the two rows' own. Norms that differ by 1e-7 and angles of 1e-6 make near-duplicates.
"""

import itertools
import math

import numpy as np
import pytest
from mpmath import mp

from fastntk import _cpu
from reference.duals import normalised
from tolerances import tolerance

SIN = ("sinusoid", (0.0, 1.0))
COS = ("sinusoid", (1.0, 0.0))
CASES = [
    SIN,
    COS,
    ("sinusoid", (0.6, 0.8)),
    ("sinusoid", (-0.8, 0.6)),
    ("sinusoid", (math.sin(1e-3), math.cos(1e-3))),  # nearly sin
    ("exponential", ()),
    ("rbf", ()),
    ("gaussian", ()),
]
VARIANCES = [
    (1e-6, 1e-6),
    (1e-6, 2e-6),
    (1e-6, 30),
    (0.01, 0.012),
    (0.3, 0.5),
    (0.7, 0.7 * (1 + 1e-7)),
    (1.3, 1.2),
    (7, 3),
    (40, 40 * (1 + 1e-7)),
    (1e6, 1e6),
    (1e6, 1e6 * (1 + 1e-7)),
    (1e6, 1.002e6),
    (1e-6, 1e6),
]
# (1 - cos theta) / 2, folded beyond a right angle.
DEFICITS = [0, 1e-12, 1e-6, 1e-3, 0.1, 0.3, 0.5, -0.5, -0.3, -0.1, -1e-3, -1e-6, -1e-12, -1e-37]


def compiled(case, q, p, x, dtype=np.float64):
    """Columns A, E[f' f'] q / A of either row, deficit, slope."""
    return _cpu.dual(case, q, p, x, single=dtype is np.float32).T


def points(dtype):
    """Columns q, p, x of every combination, x being a number of the dtype."""
    rows = [(q, p, float(dtype(x))) for (q, p), x in itertools.product(VARIANCES, DEFICITS)]
    return np.array(rows, dtype=np.float64).T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_dual(name, parameters, dtype):
    q, p, x = points(dtype)
    found = compiled((name, parameters), q, p, x, dtype)
    assert np.all(np.isfinite(found[4:]))
    bound = tolerance("dual", dtype)
    rounding = float(np.finfo(dtype).eps)
    own = {v: float(normalised(name, v, v, 0, parameters).slope) for v in {*q, *p}}
    for row, point in enumerate(zip(q, p, x, strict=True)):
        moment_q, slope_q, moment_p, slope_p, deficit, slope = found[:, row]
        exact = normalised(name, *point, parameters)
        rows = (
            (point[0], moment_q, slope_q, exact.moment_q),
            (point[1], moment_p, slope_p, exact.moment_p),
        )
        for variance, moment, diagonal, wanted in rows:
            if wanted > np.finfo(np.float64).max:
                assert name == "exponential"
                assert moment == np.inf
            else:
                assert abs(moment / wanted - 1) < 4e-16, point
            assert abs(diagonal / own[variance] - 1) < 4e-16, point
        assert abs(2 * (deficit - exact.deficit)) < bound, point
        scale = np.sqrt(own[point[0]] * own[point[1]])
        assert abs(slope - exact.slope) < bound * scale, point
        # The next layer's angle is a root of the deficit: it keeps its digits, beside a rounding or
        # two of 1.
        root = mp.sqrt(exact.deficit)
        assert abs(mp.sqrt(deficit) - root) < 2 * rounding * (1 + 4 * root), point


# Of one norm z has the factor x, of proportional rows the square of the gap between their norms.
# That is as good as the row scalars: roots of long double, in two parts, or doubles.
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_digits_of_near_duplicates(name, parameters):
    rounding = 2.0**-53 if name == "gaussian" else 2.0**-64
    rows = [(q, 0.0, x) for q in (1e-6, 0.1, 1, 30, 1e6) for x in (1e-30, 1e-12, 1e-6, 1e-3)]
    rows += [(q, gap, 0.0) for q in (1e-6, 0.1, 1, 30) for gap in (1e-7, 1e-3, 0.5)]
    q, gap, x = np.array(rows).T
    p = q * (1 + gap)
    deficits = compiled((name, parameters), q, p, x)[4]
    for row, found in enumerate(deficits):
        exact = normalised(name, q[row], p[row], x[row], parameters).deficit
        bound = 8e-15 + (8 * rounding / gap[row] if gap[row] else 0)
        assert abs(found / exact - 1) < bound, (q[row], p[row], x[row])


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_pair_and_transpose_agree_to_the_bit(name, parameters):
    q, p, x = points(np.float64)
    pair = compiled((name, parameters), q, p, x)
    transpose = compiled((name, parameters), p, q, x)
    np.testing.assert_array_equal(pair, transpose[[2, 3, 0, 1, 4, 5]])


@pytest.mark.parametrize(("name", "parameters"), [SIN, COS, ("gaussian", ())])
def test_even_functions_make_opposite_rows_equal(name, parameters):
    x = np.array([1e-30, 1e-12, 1e-6, 0.25])
    q = np.full(4, 0.7)
    close = compiled((name, parameters), q, q, x)
    opposite = compiled((name, parameters), q, q, -x)
    even = (name, parameters) != SIN
    # sin's normalised dual changes its sign there.
    np.testing.assert_allclose(opposite[4], close[4] if even else 1 - close[4], rtol=2e-15)
    np.testing.assert_allclose(opposite[5], -close[5] if even else close[5], rtol=2e-15)
