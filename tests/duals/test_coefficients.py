# SPDX-License-Identifier: Apache-2.0
"""What the pair step sums, made short, against doing so term by term."""

import numpy as np

from fastntk.duals import chebyshev
from fastntk.duals.coefficients import truncated


def greedy(weight, budget):
    """Terms that are left when the smallest last one goes, again and again."""
    count, k, _ = weight.shape
    terms = {(r, s): count for r in range(k) for s in range(r, k)}
    while any(terms.values()):
        size, pair = min((weight[n - 1][pair], pair) for pair, n in terms.items() if n)
        budget -= size
        if budget < 0:
            break
        terms[pair] -= 1
    return terms


def test_smallest_last_terms_go_first():
    random = np.random.default_rng(9)
    gap, slope = random.standard_normal((2, 12, 4, 4)) * 0.3 ** np.arange(12)[:, None, None]
    sizes = 0.1 ** np.arange(4)
    weight = np.maximum(abs(gap), abs(slope)) / 2 * np.outer(sizes, sizes) * (2 - np.eye(4))
    for budget in (1e-6, 1e-3, 0.1):
        found, left = truncated(gap, slope, sizes, 2.0, budget), greedy(weight, budget)
        series = iter(found.series)
        for r, partners in enumerate(found.partners):
            for s in range(r, 4):
                if s < r + partners:
                    # What stands between pairs that are kept has one term.
                    assert next(series).shape[1] == max(1, left[r, s])
                else:
                    assert left[r, s] == 0
        assert next(series, None) is None


def test_powers():
    series = np.random.default_rng(10).standard_normal((2, chebyshev.MOST_POWERS))
    # 0.1: only low powers count there, which hold all the large coefficients' cancellation.
    found = np.polynomial.polynomial.polyval(0.1, chebyshev.to_powers(series).T)
    np.testing.assert_allclose(found, np.polynomial.chebyshev.chebval(0.1, series.T), atol=1e-12)


def test_extrema():
    """Every other one is known before; the series is what the values are of."""
    np.testing.assert_allclose(chebyshev.extrema(65)[::2], chebyshev.extrema(33), atol=1e-16)
    series = np.random.default_rng(11).standard_normal((33, 2))
    values = np.polynomial.chebyshev.chebval(chebyshev.extrema(33), series).T
    np.testing.assert_allclose(chebyshev.interpolate_extrema(values), series, atol=1e-14)
