# SPDX-License-Identifier: Apache-2.0
"""Functions without closed form: their tables through whole networks, and what is refused."""

import signal

import numpy as np
import pytest

import fastntk as fn
from fastntk.duals.direct import dual_of_callable
from fastntk.gram import tables

X = np.random.default_rng(5).standard_normal((6, 5)) * np.geomspace(0.2, 3, 6)[:, None]


def by_quadrature(net):
    """The NTK by the recursion, each dual by direct quadrature: 1e-15 of the diagonals."""
    (w, *more), (b, *biases) = net.weight_stds, net.bias_stds
    S = w**2 * X @ X.T / X.shape[1] + b**2
    K = S.copy()
    for activation, w, b in zip(net.activations, more, biases, strict=True):
        q = np.diag(S)
        c = np.clip(S / np.sqrt(q[:, None] * q), -1, 1)
        np.fill_diagonal(c, 1)
        E, D = dual_of_callable(
            activation, activation.derivative, activation.base.kinks, q[:, None], q[None], c
        )
        S, K = w**2 * E + b**2, w**2 * D * K + w**2 * E + b**2
    return K


# Tables are held to 1e-12 of the diagonals, or to what they reach; slopes behind are below 2.
# In float32 a result is rounded to 6e-8, sums of 10 terms and four roundings a layer to 4e-7.
@pytest.mark.parametrize("name", ["tanh", "softplus", "mish", "selu"])
def test_networks(name):
    net = fn.FullyConnected(2, name, weight_std=1.2, bias_std=0.1)
    K = by_quadrature(net)
    scale = np.sqrt(np.outer(np.diag(K), np.diag(K)))
    assert (abs(net.ntk(X) - K) / scale).max() < 1e-11
    assert (abs(net.ntk(X, dtype="float32") - K) / scale).max() < 6e-7


def test_a_custom_function_is_its_closed_form():
    f = fn.Activation.custom(np.sin, np.cos, name="wave")
    net = fn.FullyConnected(2, f, bias_std=0.2)
    wanted = fn.FullyConnected(2, "sin", bias_std=0.2).ntk(X)
    np.testing.assert_allclose(net.ntk(X), wanted, rtol=0, atol=1e-11 * wanted.max())
    assert any("wave: a table for variances" in line for line in net.explain(X).reasons)


def test_zero_rows():
    """Without biases they have variance 0, and f(0) is all that is left of them."""
    data = np.vstack([np.zeros(5), X])
    K = fn.FullyConnected(2, "sigmoid", bias_std=0.0).nngp(data)
    f0 = 0.25  # f(0)^2, then the moment of f at that variance
    moment = fn.Activation.sigmoid().dual(f0, f0, 1.0)[0]
    np.testing.assert_allclose(K[0, 0], moment, rtol=1e-11)
    assert np.isfinite(K).all()


def test_what_is_not_finite_is_named():
    net = fn.FullyConnected(1, fn.Activation.custom(lambda u: np.exp(u**2), name="steep"))
    with pytest.raises(ValueError, match=r"grows too fast: E.* is infinite, or not computable"):
        net.ntk(X)
    with pytest.raises(ValueError, match="X must be finite"):
        fn.FullyConnected(1, "tanh").ntk(np.array([[1.0, np.nan]]))


def test_kinks_elsewhere_take_rows_of_equal_norm():
    f = fn.Activation.custom(lambda u: abs(u - 1), lambda u: np.sign(u - 1), kinks=(1,))
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    for data, options in ((unit, {}), (X, {"layer_norm": True})):
        net = fn.FullyConnected(1, f, bias_std=0.3, **options)
        q = 1.0 if options else 1 / 5 + 0.09
        c = (data @ data.T / 5 + 0.09) / np.sqrt(
            np.outer((data**2).sum(1) / 5 + 0.09, (data**2).sum(1) / 5 + 0.09)
        )
        E = dual_of_callable(f, f.derivative, (1,), q, q, np.clip(c, -1, 1))[0]
        np.testing.assert_allclose(net.nngp(data), E + 0.09, rtol=0, atol=1e-10)


def test_variances_too_far_apart_are_refused():
    far = X * np.geomspace(1e-6, 1e6, 6)[:, None]
    with pytest.raises(
        ValueError, match=r"variances within a factor of 1e\+06; those of hidden layer 1"
    ):
        fn.FullyConnected(1, "tanh", bias_std=0.0).ntk(far)
    assert np.isfinite(fn.FullyConnected(1, "tanh", layer_norm=True).ntk(far)).all()


def noted(calls):
    return lambda *what: calls.append(what)


def test_progress_is_told_of_tables():
    """While they are made, once; variances that no other test has."""
    data, net, calls = X[:3] * np.array([[1], [2.5], [37]]), fn.FullyConnected(2, "softplus"), []
    net.ntk(data, progress=noted(calls))
    told = [what[1:] for what in calls if what[0] == "tables"]
    done, totals = zip(*told, strict=True)
    assert len(told) > 1
    assert list(done) == sorted(done)
    assert done[-1] == totals[0] == totals[-1]
    assert calls[-1][0] == "kernel"
    again = []
    net.ntk(data, progress=noted(again))
    assert {what[0] for what in again} == {"kernel"}


def test_ctrl_c_while_a_table_is_made():
    """Whether it comes during one of the function's calls, or from what progress raises."""
    pressed = []

    def slope(u):
        if len(pressed) < 1:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        return np.cos(u)

    net = fn.FullyConnected(1, fn.Activation.custom(np.sin, slope, name="slow"))
    with pytest.raises(KeyboardInterrupt):
        net.ntk(X)

    class Enough(Exception):
        pass

    def enough(stage, done, total):
        raise Enough(stage)

    with pytest.raises(Enough, match="tables"):
        net.ntk(X, progress=enough)
    np.testing.assert_allclose(net.ntk(X), fn.FullyConnected(1, "sin").ntk(X), rtol=0, atol=1e-10)


def test_ranges_of_deep_networks():
    """Each is near what the recursion makes of the ends; those near each other share a table."""
    data = X / np.linalg.norm(X, axis=1)[:, None] * np.geomspace(1, 60, 6)[:, None]
    net = fn.FullyConnected(10, "selu", weight_std=0.9, bias_std=0.1)
    program = net.program()
    found = tables._ranges(program, data, None, 1.0)
    q = 0.81 * (data**2).sum(1) / 5 + 0.01
    for range_ in found:
        # Samples are at most 1.3 apart; a second moment bends by thousandths between them.
        assert 0.98 * q.min() < range_.low <= q.min() * (1 + 1e-12)
        assert q.max() * (1 - 1e-12) <= range_.high < 1.02 * q.max()
        q = 0.81 * fn.Activation.selu().dual(q, q, 1.0)[0] + 0.01
    shared = tables._shared(program.activations, found)
    assert len(set(shared)) < 5
    for own, range_ in zip(found, shared, strict=True):
        assert own.union(range_) == range_
        assert range_.ratio <= max(64, 16 * own.ratio)
