# SPDX-License-Identifier: Apache-2.0
"""Tables of duals against quadrature off their nodes, in NumPy and in the engine."""

import numpy as np
import pytest
from scipy import special

from fastntk import _cpu
from fastntk.duals.builder import MOST_RANK, tabulate
from fastntk.duals.coefficients import HermiteOrders, PairPolynomials
from fastntk.duals.direct import dual_of_callable


def selu(u):
    return 1.0507009873554805 * np.where(u > 0, u, 1.6732632423543772 * np.expm1(np.minimum(u, 0)))


def selu_slope(u):
    return 1.0507009873554805 * np.where(u > 0, 1, 1.6732632423543772 * np.exp(np.minimum(u, 0)))


def sigmoid_slope(u):
    return special.expit(u) * special.expit(-u)


FUNCTIONS = {
    "tanh": (np.tanh, lambda u: 1 / np.cosh(u) ** 2, ()),
    "sigmoid": (special.expit, sigmoid_slope, ()),
    "softplus": (lambda u: np.logaddexp(0, u), special.expit, ()),
    "selu": (selu, selu_slope, (0.0,)),
}
CASES = [
    # name, variances, largest angle over pi, digits, what the pair step sums
    ("tanh", (0.2, 0.6), 1.0, 7, HermiteOrders),
    ("tanh", (0.2, 3.0), 1.0, 7, PairPolynomials),
    ("sigmoid", (0.2, 0.6), 0.5, 12, HermiteOrders),
    ("sigmoid", (0.2, 3.0), 1.0, 12, PairPolynomials),
    ("softplus", (1.0, 1.0), 1.0, 12, HermiteOrders),
    ("selu", (0.5, 2.0), 1.0, 12, PairPolynomials),
]


@pytest.fixture(scope="module")
def tables():
    found = {}

    def table(name, q_range, y_max, digits):
        key = name, q_range, y_max, digits
        if key not in found:
            found[key] = tabulate(*FUNCTIONS[name], q_range=q_range, y_max=y_max, digits=digits)
        return found[key]

    return table


def pairs(q_range, y_max, count, seed):
    random = np.random.default_rng(seed)
    low, high = q_range
    q, p = (low * (high / low) ** random.random(count) for _ in range(2))
    theta = np.pi * y_max * random.random(count)
    return q, p, theta


def normalised(name, q, p, theta):
    """Deficit and slope by quadrature."""
    f, df, kinks = FUNCTIONS[name]
    value, slope = dual_of_callable(f, df, kinks, q, p, np.cos(theta))
    root = np.sqrt(
        dual_of_callable(f, df, kinks, q, q, 1)[0] * dual_of_callable(f, df, kinks, p, p, 1)[0]
    )
    return (1 - value / root) / 2, slope * np.sqrt(q * p) / root


def engine(table, q, p, x, single=False):
    folded = np.where(x > 0.5, x - 1, x)
    found = _cpu.dual(("tabulated", table.array.tolist()), q, p, folded, single)
    return found[:, 4], found[:, 5]


@pytest.mark.parametrize(("name", "q_range", "y_max", "digits", "kind"), CASES)
def test_error_is_kept(tables, name, q_range, y_max, digits, kind):
    table = tables(name, q_range, y_max, digits)
    assert isinstance(table.pairs, kind)
    assert table.rank <= MOST_RANK
    assert table.error <= 10.0**-digits
    q, p, theta = pairs(q_range, y_max, 8, seed=3)
    found = table.dual(q, p, np.sin(theta / 2) ** 2)
    # The builder's pairs are others: three times what it saw.
    for ours, exact in zip(found, normalised(name, q, p, theta), strict=True):
        assert np.abs(ours - exact).max() < 3 * 10.0**-digits


@pytest.mark.parametrize(("name", "q_range", "y_max", "digits", "kind"), CASES)
def test_engine_reads_the_table(tables, name, q_range, y_max, digits, kind):
    table = tables(name, q_range, y_max, digits)
    q, p, theta = pairs(q_range, y_max, 300, seed=4)
    x = np.sin(theta / 2) ** 2
    for ours, reference in zip(engine(table, q, p, x), table.dual(q, p, x), strict=True):
        assert np.abs(ours - reference).max() < 3e-15
    # Single precision: its rounding of coefficients and sums, 9 units of 2^-24 seen.
    for ours, reference in zip(engine(table, q, p, x, True), table.dual(q, p, x), strict=True):
        assert np.abs(ours - reference).max() < 1.2e-6


def test_near_duplicates_keep_their_digits(tables):
    table = tables("tanh", (0.2, 0.6), 1.0, 7)
    f, df, kinks = FUNCTIONS["tanh"]
    q = np.full(4, 0.5)
    x = np.array([1e-14, 1e-10, 1e-6, 1e-3])
    deficit, slope = engine(table, q, q, x)
    # Of equal variances the deficit is x times the mean slope between: proportional to x.
    own = dual_of_callable(f, df, kinks, 0.5, 0.5, 1.0)
    steep = own[1] * 0.5 / own[0]
    assert deficit[:2] / x[:2] == pytest.approx(steep, abs=2e-7)
    # Variances that differ by a millionth: a sum of squares, (d log A)^2-like, nothing of eps.
    apart = engine(table, q, q * (1 + 1e-6), np.zeros(4))[0]
    wider = engine(table, q, q * (1 + 1e-5), np.zeros(4))[0]
    assert (apart > 0).all()
    assert wider / apart == pytest.approx(100, rel=1e-4)
    assert slope[0] == pytest.approx(steep, abs=2e-7)


def test_rows_of_variance_zero():
    table = tabulate(special.expit, sigmoid_slope, (), q_range=(0.3, 1.0), digits=12, zero_row=True)
    q, p = np.zeros(3), np.array([0.3, 0.6, 1.0])
    found = _cpu.dual(("tabulated", table.array.tolist()), q, p, np.array([0.0, 0.2, 0.5]), False)
    assert found[:, 0] == pytest.approx(0.25, rel=1e-15)
    assert found[:, 1] == pytest.approx(0, abs=1e-15)
    # E[f(0) f(v)] = f(0) / 2, as sigmoid - 1/2 is odd.
    moments = np.array([dual_of_callable(special.expit, None, (), one, one, 1)[0] for one in p])
    assert found[:, 4] == pytest.approx((1 - 0.5 / np.sqrt(moments)) / 2, abs=1e-12)
    assert found[:, 5] == pytest.approx(0, abs=1e-12)


def test_wide_range_of_variances(tables):
    table = tables("sigmoid", (1e-2, 10.0), 1.0, 7)
    q, p, theta = pairs((1e-2, 10.0), 1.0, 6, seed=5)
    for ours, exact in zip(
        table.dual(q, p, np.sin(theta / 2) ** 2), normalised("sigmoid", q, p, theta), strict=True
    ):
        assert np.abs(ours - exact).max() < 3e-7


def test_derivative_is_found():
    table = tabulate(FUNCTIONS["tanh"][0], None, (), q_range=(0.3, 0.3), digits=10)
    q, p, theta = pairs((0.3, 0.3), 1.0, 4, seed=6)
    for ours, exact in zip(
        table.dual(q, p, np.sin(theta / 2) ** 2), normalised("tanh", q, p, theta), strict=True
    ):
        assert np.abs(ours - exact).max() < 3e-10


@pytest.mark.parametrize(("name", "digits"), [("tanh", 7), ("softplus", 12), ("selu", 12)])
def test_variances_a_factor_of_ten_thousand_apart(tables, name, digits):
    q_range = (1.0, 1e4)
    table = tables(name, q_range, 1.0, digits)
    assert table.error <= 10.0**-digits
    q, p, theta = pairs(q_range, 1.0, 6, seed=8)
    # Large variances and small angles, where the slope falls from its peak.
    q[0], p[0], theta[0], q[1], p[1], theta[1] = 9e3, 1e4, 2e-3, 9e3, 1.0, 0.03
    steepest = table.rows.at(1e4)[1]
    deficit, slope = table.dual(q, p, np.sin(theta / 2) ** 2)
    exact = normalised(name, q, p, theta)
    assert np.abs(deficit - exact[0]).max() < 3 * 10.0**-digits
    assert np.abs(slope - exact[1]).max() < 3 * 10.0**-digits * steepest


class Counted:
    """A function that counts the numbers it is given."""

    def __init__(self, f):
        self.f, self.count = f, 0

    def __call__(self, u):
        self.count += u.size
        return self.f(u)


def test_fewer_digits_take_no_other_samples():
    counts = []
    for digits in (17, (17, 9, 8)):
        f, df = map(Counted, FUNCTIONS["tanh"][:2])
        try:
            table = tabulate(f, df, (), q_range=(0.5, 2.0), digits=digits)
        except ValueError:
            assert digits == 17
        counts.append((f.count, df.count))
    assert 1e-17 < table.error <= 1e-9
    assert counts[0] == counts[1]


def test_functions_are_evaluated_on_lines():
    """What plane quadrature needs of them is interpolated: the checks alone take points."""
    f, df, kinks = FUNCTIONS["selu"]
    df = Counted(df)
    tabulate(f, df, kinks, q_range=(1.0, 1e3), digits=12)
    # 16 pairs of fewer than 400,000 points.
    assert df.count < 6.4e6


@pytest.mark.parametrize(
    ("f", "df", "variance", "most"),
    [
        # Layers of 1 / sqrt(q) at angle 0: seen at 129 angles of coarse rules, at two, at none.
        (*FUNCTIONS["tanh"][:2], 1e6, 2e4),
        (*FUNCTIONS["tanh"][:2], 1e10, 2e4),
        (*FUNCTIONS["tanh"][:2], 1e150, 0),
        # Kinks that are not named.
        (lambda u: abs(u - 0.7), lambda u: np.sign(u - 0.7), 4.0, 2e4),
    ],
)
def test_what_has_no_table_is_refused_early(f, df, variance, most):
    """Before anything is compared: 16 pairs alone would take millions of points."""
    df = Counted(df)
    with pytest.raises(ValueError, match=r"swish: the dual of .*scale=1/255.*layer_norm=True"):
        tabulate(f, df, (), q_range=(variance, variance), digits=(12, 10, 8, 7), name="swish")
    assert df.count <= most


def test_a_function_that_jumps_everywhere_has_no_derivative():
    f = Counted(lambda u: np.sin(1e9 * u * u))
    with pytest.raises(ValueError, match=r"cannot be differentiated within .* name all kinks"):
        tabulate(f, None, (), q_range=(1.0, 1.0))
    # Twice as many intervals of 25 points, and what moments take.
    assert f.count < 3e6


@pytest.mark.parametrize(
    ("f", "arguments", "message"),
    [
        (np.tanh, {"q_range": (0.0, 1.0)}, "q_range must be two positive variances"),
        (np.tanh, {"q_range": (2.0, 1.0)}, "q_range must be two positive variances"),
        (np.tanh, {"q_range": (1.0, 1.0), "y_max": 1.5}, "y_max must lie in"),
        (
            np.tanh,
            {"q_range": (1.0, 2.0), "kinks": (0.5,)},
            "other kinks than 0 need rows of equal",
        ),
        (lambda u: np.exp(u * u), {"q_range": (1.0, 1.0)}, "grows too fast"),
        (np.tanh, {"q_range": (0.5, 0.5), "digits": 17}, "cannot be tabulated to 1e-17"),
    ],
)
def test_refusals(f, arguments, message):
    with pytest.raises(ValueError, match=message):
        tabulate(f, lambda u: 1 / np.cosh(u) ** 2, **{"kinks": (), **arguments})


def test_kinks_away_from_zero():
    def f(u):
        return np.clip(u, -1, 1)

    def df(u):
        return (np.abs(u) < 1) * 1.0

    table = tabulate(f, df, (-1, 1), q_range=(1.0, 1.0), y_max=0.5, digits=7)
    c = np.array([0.999, 0.8, 0.3, 0.0])
    value, slope = dual_of_callable(f, df, (-1, 1), 1.0, 1.0, c)
    moment = dual_of_callable(f, df, (-1, 1), 1.0, 1.0, 1.0)[0]
    found = table.dual(np.ones(4), np.ones(4), (1 - c) / 2)
    assert found[0] == pytest.approx((1 - value / moment) / 2, abs=1e-7)
    assert found[1] == pytest.approx(slope / moment, abs=3e-7)
