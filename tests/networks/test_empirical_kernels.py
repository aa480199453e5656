# SPDX-License-Identifier: Apache-2.0
"""Empirical kernels of every kind of network against backpropagation into a dense Jacobian."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastntk as fn
from networks.as_reference import BOUNDS, maps_of, relative_error
from reference import finite

WIDTHS = {0: (6, 3), 1: (6, 200, 3), 3: (6, 31, 1, 50, 3)}
SINGLE = {0: (6, 1), 1: (6, 17, 1), 3: (6, 31, 40, 50, 1)}


def network(depth=3, widths=None, activation="relu", bias_std=0.1, **options):
    net = fn.FullyConnected(depth, activation, 1.2, bias_std)
    return fn.FiniteNetwork(net, widths or WIDTHS[depth], **options)


def points(rng, n=7, m=4, d=6):
    X, Y = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    X[2] = 0
    return X.astype(np.float32), Y.astype(np.float32)


def check(w, X, Y, activation):
    """All kernels of one network, square and rectangular."""
    maps, C, bound = maps_of(w), w.widths[-1], BOUNDS[w.dtype.name]
    full = finite.ntk(maps, activation, np.concatenate([X, Y]))
    parts = finite.layer_kernels(maps, activation, np.concatenate([X, Y]))
    n = len(X)
    own = full.diagonal()
    for other, j in ((None, slice(0, n)), (Y, slice(n, None))):
        columns = X if other is None else Y
        i, jk = slice(0, n * C), slice(j.start * C, j.stop and j.stop * C)
        K = w.ntk(X, other)
        assert K.dtype == w.dtype
        assert relative_error(K, full[i, jk], own[i], own[jk]) <= bound
        layers = w.kernels(X, other, get=("layers",))[0]
        assert len(layers) == len(maps)
        for part, wanted in zip(layers, parts, strict=True):
            assert relative_error(part, wanted[i, jk], own[i], own[jk]) <= bound
        blocks = full.reshape(len(full) // C, C, -1, C)[:n, :, j]
        owns = own.reshape(-1, C)
        trace = np.einsum("ikjk->ij", blocks)
        K = w.ntk(X, other, outputs="trace")
        assert relative_error(K, trace, owns[:n].sum(1), owns[j].sum(1)) <= bound
        for k, other_k in {(0, 0), (C - 1, 0), (0, C - 1)}:
            K = w.ntk(X, other, outputs=(k, other_k))
            wanted = blocks[:, k, :, other_k]
            assert relative_error(K, wanted, owns[:n, k], owns[j, other_k]) <= bound
        factors = w.nngp_factors
        A, B = (finite.last_hidden(maps, activation, Z) for Z in (X, columns))
        wanted = factors[0] * A @ B.T + factors[1]
        own_a, own_b = (factors[0] * (Z * Z).sum(1) + factors[1] for Z in (A, B))
        assert relative_error(w.nngp(X, other), wanted, own_a, own_b) <= bound
    f = finite.outputs(maps, activation, X)
    assert np.abs(w(X) - f).max() <= bound * max(1, np.abs(f).max())


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("widths", [*WIDTHS.values(), *SINGLE.values()], ids=str)
def test_shapes_and_activations(rng, widths, activation, bias_std, dtype):
    w = network(len(widths) - 2, widths, activation, bias_std, dtype=dtype)
    check(w, *points(rng), activation)


@pytest.mark.parametrize(
    ("parametrisation", "depth"),
    [
        ("standard", 0),
        ("standard", 3),
        ("mean-field", 1),
        ("mup", 0),
        ("mup", 1),
        ("mup", 3),
    ],
)
def test_parametrisations(rng, parametrisation, depth, dtype):
    w = network(depth, parametrisation=parametrisation, dtype=dtype)
    check(w, *points(rng), "relu")


@pytest.mark.parametrize("trainable", ["last", 0, 1, (0, 2), [-1, 1], range(4)])
def test_trained_maps(rng, trainable, dtype):
    w = network(widths=(6, 31, 40, 50, 3), trainable=trainable, dtype=dtype)
    check(w, *points(rng), "relu")


def test_rates_and_zero_bias(rng, dtype):
    rates = [(0.5, 0), (0, 2), (3, 1), (0, 0)]
    check(network(rates=rates, zero_bias=True, dtype=dtype), *points(rng), "relu")


def test_init_std(rng, dtype):
    net = fn.FullyConnected(2, init_std=1.3)
    check(fn.FiniteNetwork(net, (6, 40, 30, 3), dtype=dtype), *points(rng), "relu")


def test_every_network_of_a_batch(rng, dtype):
    w, (X, Y) = network(networks=3, dtype=dtype), points(rng)
    one = list(w)
    assert len(one) == 3
    for get in ("full", "trace", (0, 2)):
        for other in (None, Y):
            K = w.ntk(X, other, outputs=get)
            np.testing.assert_array_equal(K, [v.ntk(X, other, outputs=get) for v in one])
    parts = w.kernels(X, Y, get=("nngp", "layers", "ntk"))
    assert [K.shape for K in parts] == [(3, 7, 4), (3, 4, 21, 12), (3, 21, 12)]
    for K, name in zip(parts, ("nngp", "layers", "ntk"), strict=True):
        np.testing.assert_array_equal(K, [v.kernels(X, Y, get=(name,))[0] for v in one])
    np.testing.assert_array_equal(w.nngp(X), [v.nngp(X) for v in one])
    np.testing.assert_array_equal(w(X), [v(X) for v in one])
    for v in one:
        check(v, X, Y, "relu")


def test_the_last_map_alone_is_the_nngp(rng, dtype):
    w, (X, Y) = network(widths=SINGLE[3], trainable="last", dtype=dtype), points(rng)
    np.testing.assert_array_equal(w.ntk(X, Y), w.nngp(X, Y))


@pytest.mark.parametrize("bias_std", [0.0, 0.1])
def test_symmetric_to_the_bit_and_zero_where_it_is(rng, bias_std, dtype):
    w, (X, _) = network(widths=SINGLE[3], bias_std=bias_std, dtype=dtype), points(rng, 65)
    K = w.ntk(X)
    np.testing.assert_array_equal(K, K.T)
    if bias_std == 0:
        assert not K[2].any()


@pytest.mark.parametrize("data", ["uint8", "float32", "float64", "int32", "bool"])
def test_data_are_scaled(rng, data, dtype):
    w, X = network(dtype=dtype), rng.integers(0, 2 if data == "bool" else 256, (9, 6))
    X = X.astype(data)
    bound = BOUNDS[dtype]
    maps, scaled = maps_of(w), X.astype(np.float64) / 255
    full = finite.ntk(maps, "relu", scaled)
    own = full.diagonal()
    assert relative_error(w.ntk(X, scale=1 / 255), full, own) <= bound
    assert relative_error(w.ntk(X, X[:2], scale=1 / 255), full[:, :6], own, own[:6]) <= bound
    f = finite.outputs(maps, "relu", scaled)
    assert np.abs(w(X, scale=1 / 255) - f).max() <= bound


def test_results_go_where_they_are_asked_for(rng, dtype):
    w, (X, Y) = network(networks=2, dtype=dtype), points(rng)
    out = np.empty((2, 21, 12), dtype)
    assert w.ntk(X, Y, out=out) is out
    np.testing.assert_array_equal(out, w.ntk(X, Y))
    out = np.empty((2, 7, 7), dtype)
    assert w.nngp(X, out=out) is out
    np.testing.assert_array_equal(out, w.nngp(X))


def test_converges_to_the_limit(rng):
    """The mean of n numbers relu(z)^2, z Gaussian, varies by sqrt(5 / n), in each of two layers."""
    net = fn.FullyConnected(2, bias_std=0.1)
    w, X = fn.FiniteNetwork(net, (6, 2000, 2000, 1)), points(rng)[0]
    limit = net.ntk(X)
    scale = np.sqrt(np.outer(limit.diagonal(), limit.diagonal()))
    assert (np.abs(w.ntk(X) - limit) / scale).max() <= 3 * (2 * 5 / 2000) ** 0.5
    limit = net.nngp(X)
    scale = np.sqrt(np.outer(limit.diagonal(), limit.diagonal()))
    assert (np.abs(w.nngp(X) - limit) / scale).max() <= 3 * (2 * 5 / 2000) ** 0.5


@given(
    widths=st.lists(st.integers(1, 60), min_size=2, max_size=5),
    activation=st.sampled_from(["relu", "erf"]),
    bias_std=st.sampled_from([0.0, 0.1, 2.0]),
    parametrisation=st.sampled_from(["ntk", "standard", "mup"]),
    n=st.integers(1, 9),
    m=st.integers(0, 9),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40)
def test_any_shape(widths, activation, bias_std, parametrisation, n, m, seed):
    net = fn.FullyConnected(len(widths) - 2, activation, 1.2, bias_std)
    w = fn.FiniteNetwork(net, widths, seed=seed, parametrisation=parametrisation, dtype="float64")
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((n, widths[0])), rng.standard_normal((m, widths[0]))
    maps, C = maps_of(w), widths[-1]
    full = finite.ntk(maps, activation, np.concatenate([X, Y]))
    own = full.diagonal()
    assert relative_error(w.ntk(X), full[: n * C, : n * C], own[: n * C]) <= 1e-10
    if m:
        K = w.ntk(X, Y)
        assert relative_error(K, full[: n * C, n * C :], own[: n * C], own[n * C :]) <= 1e-10
