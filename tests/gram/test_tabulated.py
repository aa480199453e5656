# SPDX-License-Identifier: Apache-2.0
"""Functions without closed form: their tables through whole networks, and what is refused."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.duals.direct import dual_of_callable

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
