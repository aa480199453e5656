# SPDX-License-Identifier: Apache-2.0
"""The compiled dual of GELU against mpmath.

Errors are relative to the diagonals: of the normalised dual 1 - 2 z to 1, of the slope to the root
of the two rows' own, which is about 1.
"""

import itertools

import numpy as np
import pytest
from mpmath import mp

from fastntk import _cpu
from reference.duals import normalised
from tolerances import tolerance

APART = [1e-9, 1e-6, 1e-3, 0.5]
VARIANCES = [(q, q * (1 + gap)) for q in (1e-6, 0.3, 1.0, 40.0, 1e6) for gap in (0.0, *APART)]
VARIANCES += [(1e-6, 1e6), (30.0, 1e-3), (2.0, 7.0), (1e4, 1e6)]
# (1 - cos theta) / 2, folded beyond a right angle. At q = 1e6 the dual turns smooth below 1e-6.
DEFICITS = [0, 1e-14, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.3, 0.5, -0.3, -0.1, -1e-3, -1e-6, -1e-12]
CLOSE = 0.1


def points(dtype):
    """Columns q, p, x of every combination, x being a number of the dtype."""
    rows = [(q, p, float(dtype(x))) for (q, p), x in itertools.product(VARIANCES, DEFICITS)]
    return np.array(rows, dtype=np.float64).T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dual(dtype):
    columns = points(dtype)
    found = _cpu.dual(("gelu", ()), *columns, dtype is np.float32)
    bound = tolerance("dual", dtype)
    rounding = float(np.finfo(dtype).eps)
    for row, (q, p, x) in zip(found, columns.T, strict=True):
        moment_q, _, moment_p, _, deficit, slope = row
        exact = normalised("gelu", q, p, x)
        root = mp.sqrt(exact.deficit)
        assert abs(moment_q / exact.moment_q - 1) < 1e-15, (q, p, x)
        assert abs(moment_p / exact.moment_p - 1) < 1e-15, (q, p, x)
        assert abs(2 * (deficit - exact.deficit)) < bound, (q, p, x)
        assert abs(slope - exact.slope) < bound, (q, p, x)
        # The next layer's angle is a root of the deficit: it keeps its digits beside roundings of
        # row scalars, which are of size 1, and of what cancels at large norms: q^(1/4) of these.
        lost = 2 + max(1, min(q, p)) ** 0.25 / 4
        assert abs(mp.sqrt(deficit) - root) < lost * rounding, (q, p, x)
        if q == p and 0 <= x <= CLOSE:
            assert abs(deficit - exact.deficit) <= 5 * rounding * exact.deficit, (q, p, x)


def test_pair_and_transpose_agree_to_the_bit():
    q, p, x = points(np.float64)
    pair = _cpu.dual(("gelu", ()), q, p, x)
    transpose = _cpu.dual(("gelu", ()), p, q, x)
    np.testing.assert_array_equal(pair, transpose[:, [2, 3, 0, 1, 4, 5]])
