# SPDX-License-Identifier: Apache-2.0
"""Parameters: how they are drawn, batches, flat views, copies."""

import copy

import numpy as np
import pytest

import fastntk as fn
from fastntk.networks.initial import draw

NET = fn.FullyConnected(hidden_layers=2, bias_std=0.3)
WIDTHS = (4, 30, 20, 3)


def network(**options):
    return fn.FiniteNetwork(NET, WIDTHS, **options)


def test_shapes_and_order():
    w = network()
    P = 5 * 30 + 31 * 20 + 21 * 3
    assert w.n_parameters == P
    assert w.flat.shape == (P,)
    assert w.networks is None
    assert [(W.shape, b.shape) for W, b in w.parameters] == [
        ((30, 4), (30,)),
        ((20, 30), (20,)),
        ((3, 20), (3,)),
    ]
    order = np.concatenate([part.ravel() for pair in w.parameters for part in pair])
    np.testing.assert_array_equal(w.flat, order)
    assert "4-30-20-3" in repr(w)


def test_everything_views_the_same_memory():
    w = network(networks=3)
    one = w[1]
    w.flat[1, 0] = 7
    assert one.flat[0] == w.parameters[0][0][1, 0, 0] == 7
    assert w.layers(1)[0].weight.array[0, 0] == 7
    one.parameters[-1][1][2] = 8
    assert w.flat[1, -1] == 8
    kept = w.copy()
    w.flat = np.zeros(w.flat.shape)
    assert not one.flat.any()
    assert kept.flat[1, -1] == 8
    assert copy.deepcopy(kept).engine is w.engine


def test_networks_of_a_batch_are_those_of_the_seed(dtype):
    batch = network(seed=5, networks=4, dtype=dtype)
    assert len(batch) == batch.networks == 4
    np.testing.assert_array_equal(batch[0].flat, network(seed=5, dtype=dtype).flat)
    some = network(seed=5, networks=[3, 1], dtype=dtype)
    np.testing.assert_array_equal(some[0].flat, batch[3].flat)
    np.testing.assert_array_equal(some[-1].flat, batch[1].flat)
    assert not np.array_equal(batch[0].flat, batch[1].flat)
    assert not np.array_equal(batch[0].flat, network(seed=6, dtype=dtype).flat)
    assert [one.networks for one in batch] == [None] * 4


def test_numbers_are_those_of_numpy(monkeypatch):
    """What a seed gives is part of the interface."""
    monkeypatch.setattr("fastntk.networks.initial._PIECE", 400)
    w = network(seed=5, networks=2, dtype="float64")
    sequence = np.random.SeedSequence(5).spawn(2)[1].spawn(3)[1]
    pieces = sequence.spawn(2)
    W, b = w[1].parameters[1]
    np.testing.assert_array_equal(b, np.random.default_rng(sequence).standard_normal(20))
    drawn = [np.random.default_rng(pieces[i]).standard_normal((400, 200)[i]) for i in range(2)]
    np.testing.assert_array_equal(W.ravel(), np.concatenate(drawn))
    np.testing.assert_array_equal(network(seed=5, networks=2).flat, w.flat.astype("float32"))


def test_other_widths_leave_a_map_as_it_is():
    other = fn.FiniteNetwork(NET, (4, 30, 50, 3))
    np.testing.assert_array_equal(other.parameters[0][0], network().parameters[0][0])


def test_large_maps_are_drawn_in_pieces(monkeypatch):
    whole = network(seed=1).flat
    monkeypatch.setattr("fastntk.networks.initial._CHUNK", 7)
    np.testing.assert_array_equal(network(seed=1).flat, whole)


def test_moments():
    """Of 10^5 N(0, 1) numbers the mean errs by 0.003 and the variance by 0.0045; 5 times that."""
    w = fn.FiniteNetwork(NET, (300, 300, 30, 1), dtype="float64")
    assert abs(w.flat.mean()) <= 0.015
    assert abs((w.flat**2).mean() - 1) <= 0.025


def test_zero_bias():
    w, other = network(zero_bias=True), network()
    assert not any(b.any() for _, b in w.parameters)
    for (W, _), (V, b) in zip(w.parameters, other.parameters, strict=True):
        np.testing.assert_array_equal(W, V)
        assert b.any()
    assert w.rates == other.rates


def test_flat_takes_values_of_other_types(rng):
    w = network()
    values = rng.standard_normal(w.n_parameters)
    w.flat = values
    np.testing.assert_array_equal(w.flat, values.astype("float32"))
    w.flat = list(range(w.n_parameters))
    assert w.flat[-1] == w.n_parameters - 1


def test_given_parameters(rng):
    pairs = [
        (rng.standard_normal((n, d)), rng.standard_normal(n)) for d, n in ((4, 6), (6, 5), (5, 2))
    ]
    w = fn.FiniteNetwork.from_parameters(NET, pairs, dtype="float64", parametrisation="standard")
    assert w.widths == (4, 6, 5, 2)
    for got, given in zip(w.parameters, pairs, strict=True):
        np.testing.assert_array_equal(got[0], given[0])
        np.testing.assert_array_equal(got[1], given[1])
    pairs[0][0][0, 0] = 9
    assert w.flat[0] != 9
    batch = [(np.stack([W, W]), np.stack([b, 2 * b])) for W, b in pairs]
    both = fn.FiniteNetwork.from_parameters(NET, batch, dtype="float64")
    assert both.networks == 2
    np.testing.assert_array_equal(both[1].parameters[1][1], 2 * pairs[1][1])


def test_drawing_uses_every_network_once():
    scales, widths = network().scales, WIDTHS
    flat = draw(scales, widths, 0, [2, 2], False, np.dtype("float64"))
    np.testing.assert_array_equal(flat[0], flat[1])
    assert np.isfinite(flat).all()
    assert (flat != 0).all()
    assert len(np.unique(flat[0])) == flat.shape[1]


@pytest.mark.parametrize("index", [3, -4])
def test_batches_end(index):
    with pytest.raises(IndexError, match="the batch has 3 networks, got index"):
        network(networks=3)[index]
    with pytest.raises(TypeError, match="a batch is indexed by integers, got 'a'"):
        network(networks=3)["a"]
    with pytest.raises(TypeError, match="a single network has no length"):
        network()[0]
    # Without a length of one `if w:` would ask for it.
    assert network()
