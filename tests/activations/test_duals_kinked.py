# SPDX-License-Identifier: Apache-2.0
"""Compiled duals of activations with kinks and of polynomials against mpmath.

Errors are relative to the diagonals: of the normalised dual 1 - 2 z to 1, of the slope to the root
of the two rows' own.
"""

import itertools

import numpy as np
import pytest
from mpmath import mp

from fastntk import _cpu
from reference.duals import normalised
from tolerances import tolerance

LEAKY = (0.01, 1.0)
CASES = [
    ("piecewise_linear", LEAKY),
    ("piecewise_linear", (-1.0, 1.0)),
    ("piecewise_linear", (-1.0, 1.0 + 1e-9)),
    ("piecewise_linear", (1.0, 1.0)),
    ("relu_squared", ()),
    ("relu_cubed", ()),
    ("step", ()),
    ("sign", ()),
    ("polynomial", (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ("polynomial", (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ("polynomial", (105.0, 0.0, -420.0, 0.0, 210.0, 0.0, -28.0, 0.0, 1.0)),  # Hermite
    ("polynomial", (1.0, -1.0, 0.5, 0.25, 0.0, 0.125, -0.0625, 0.0, 0.01)),
]
VARIANCES = [(1, 1), (1, 1 + 1e-7), (0.5, 3), (1e-6, 1e-6), (1e6, 1e6), (1e-6, 1e6), (30, 1e-3)]
# (1 - cos theta) / 2, folded beyond a right angle.
DEFICITS = [0, 1e-12, 1e-6, 1e-3, 0.1, 0.3, 0.5, -0.5, -0.3, -0.1, -1e-3, -1e-6, -1e-12, -1e-37]
CLOSE = 1e-3


def points(dtype):
    """Columns q, p, x of every combination, x being a number of the dtype."""
    rows = [(q, p, float(dtype(x))) for (q, p), x in itertools.product(VARIANCES, DEFICITS)]
    return np.array(rows, dtype=np.float64).T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_dual(name, parameters, dtype):
    q, p, x = points(dtype)
    found = _cpu.dual((name, parameters), q, p, x, single=dtype is np.float32)
    assert np.all(np.isfinite(found))
    bound = tolerance("dual", dtype)
    rounding = float(np.finfo(dtype).eps)
    own = {v: float(normalised(name, v, v, 0, parameters).slope) for v in {*q, *p}}
    for row, point in enumerate(zip(q, p, x, strict=True)):
        moment_q, slope_q, moment_p, slope_p, deficit, slope = found[row]
        exact = normalised(name, *point, parameters)
        row_bound = tolerance("dual", np.float64)  # row steps have more digits than pair steps
        assert abs(moment_q / exact.moment_q - 1) < row_bound, point
        assert abs(moment_p / exact.moment_p - 1) < row_bound, point
        assert abs(slope_q - own[point[0]]) < row_bound * (1 + own[point[0]]), point
        assert abs(slope_p - own[point[1]]) < row_bound * (1 + own[point[1]]), point
        assert abs(2 * (deficit - exact.deficit)) < bound, point
        scale = max(1.0, np.sqrt(own[point[0]] * own[point[1]]))
        assert abs(slope - exact.slope) < bound * scale, point
        # The next layer's angle is a root of the deficit: it keeps its digits, beside a rounding or
        # two of row scalars, which are of size 1.
        gap = abs(mp.sqrt(deficit) - mp.sqrt(exact.deficit))
        assert gap < 2 * rounding * (1 + 4 * mp.sqrt(exact.deficit)), point
        if point[0] == point[1] and 0 <= point[2] <= CLOSE:
            assert abs(deficit - exact.deficit) <= 6 * rounding * exact.deficit, point


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_pair_and_transpose_agree_to_the_bit(name, parameters):
    q, p, x = points(np.float64)
    pair = _cpu.dual((name, parameters), q, p, x)
    transpose = _cpu.dual((name, parameters), p, q, x)
    np.testing.assert_array_equal(pair, transpose[:, [2, 3, 0, 1, 4, 5]])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [case for case in CASES if case[0] in ("piecewise_linear", "polynomial")],
)
def test_even_functions_make_opposite_rows_equal(name, parameters):
    even = (
        parameters[0] == -parameters[1] if name == "piecewise_linear" else not any(parameters[1::2])
    )
    x = np.array([1e-12, 1e-6, 0.25])
    q = np.full(3, 0.7)
    close = _cpu.dual((name, parameters), q, q, x)
    opposite = _cpu.dual((name, parameters), q, q, -x)
    assert np.array_equal(close[:, 4], opposite[:, 4]) == even
    if even:
        np.testing.assert_array_equal(close[:, 5], -opposite[:, 5])
