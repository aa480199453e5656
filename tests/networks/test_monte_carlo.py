# SPDX-License-Identifier: Apache-2.0
"""Averages of random networks' kernels: their arithmetic, their statistics, their interruption."""

import tracemalloc

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(hidden_layers=3)
# Opposite points, and one between them.
X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.6, 0.8]])
WIDTHS = (2, 4, 4, 4, 1)


def average(widths=WIDTHS, networks=20, **options):
    options = {"dtype": "float64", "seed": 5} | options
    return fn.monte_carlo_kernels(NET, X, widths, networks=networks, **options)


def test_means_and_standard_errors():
    got = average()
    w = fn.FiniteNetwork(NET, WIDTHS, seed=5, networks=20, dtype="float64")
    for estimate, K in ((got.ntk, w.ntk(X)), (got.nngp, w.nngp(X))):
        # Twenty terms in another order.
        np.testing.assert_allclose(estimate.mean, K.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(
            estimate.standard_error, K.std(axis=0, ddof=1) / np.sqrt(20), rtol=1e-12, atol=1e-16
        )
        assert estimate.networks == got.networks == 20
    np.testing.assert_array_equal(got.ntk.limit, NET.ntk(X))
    np.testing.assert_array_equal(got.nngp.limit, NET.nngp(X))


def test_the_diagonal_is_unbiased_and_the_rest_is_not():
    """With 4 units a layer: opposite points are 22 % too low, and 3000 networks tell.

    Seven entries are asked to lie within 3.5 of their standard errors: by chance one in 300 seeds
    fails, and this is one that does not.
    """
    got = average(networks=3000)
    for estimate in (got.ntk, got.nngp):
        off = (estimate.mean - estimate.limit) / estimate.standard_error
        assert (abs(np.diag(off)) < 3.5).all()
    ntk = got.ntk
    bias = (ntk.mean / ntk.limit - 1)[0, 1]
    error = (ntk.standard_error / ntk.limit)[0, 1]
    assert error < 0.04
    assert abs(bias + 0.22) < 3.5 * error
    assert bias < -4 * error


def test_the_distance_and_its_error():
    """Of one hidden layer, whose kernel has no bias, the distance is as large as its error."""
    net = fn.FullyConnected(hidden_layers=1)
    few, many = (
        fn.monte_carlo_kernels(net, X, (2, 16, 1), networks=M, dtype="float64").ntk.distance()
        for M in (50, 800)
    )
    # Four times smaller; a standard deviation of 50 numbers is uncertain by a tenth.
    assert 2.8 < few.error / many.error < 5.6
    for found in (few, many):
        # A norm of nine entries that move together: within a factor of three of its mean square.
        assert found.value < 3 * found.error
    ntk = average().ntk
    distance = np.linalg.norm(ntk.mean - ntk.limit) / np.linalg.norm(ntk.limit)
    assert ntk.distance().value == pytest.approx(distance)


@pytest.mark.parametrize("outputs", ["full", "trace", (0, 0), (0, 1)])
def test_limits_of_several_outputs(outputs):
    """Means of wide networks are their limits: in every block of outputs."""
    got = average((2, 64, 64, 64, 2), networks=200, outputs=outputs).ntk
    assert got.mean.shape == got.limit.shape == ((6, 6) if outputs == "full" else (3, 3))
    # Biases are below 1 / 64 of the largest entry: at n = 4 they are an eighth of it, at most.
    size = NET.ntk(X).max() * (2 if outputs == "trace" else 1)
    assert (abs(got.mean - got.limit) < size / 64 + 4 * got.standard_error).all()
    assert got.standard_error.max() < 0.05 * size


def test_going_on_is_the_same_as_one_run():
    half = average(networks=8)
    whole, continued = average(), average(start=half)
    assert half.networks == 8
    np.testing.assert_array_equal(continued.ntk.mean, whole.ntk.mean)
    np.testing.assert_array_equal(continued.ntk.standard_error, whole.ntk.standard_error)
    assert average(networks=4, start=half).networks == 8


def test_the_limit_is_formed_once(monkeypatch):
    """For each kernel; the mean is that of all networks that were added."""
    got = average(networks=3)
    formed, kernels = [], type(NET).kernels
    monkeypatch.setattr(
        type(NET), "kernels", lambda *a, **options: formed.append(1) or kernels(*a, **options)
    )
    first = got.ntk
    assert got.ntk is first
    got.add({"ntk": first.mean + 4, "nngp": got.nngp.mean})
    assert got.ntk.networks == 4
    np.testing.assert_allclose(got.ntk.mean, first.mean + 1, rtol=1e-12)
    assert got.ntk.limit is first.limit
    assert len(formed) == 2


def test_what_was_computed_is_kept():
    def stop(stage, done, total):
        assert (stage, total) == ("networks", 10**6)
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(fn.MonteCarloInterrupted, match=r"after \d+ of 1000000") as caught:
        average(networks=10**6, progress=stop)
    kept = caught.value.result
    want = average(networks=kept.networks)
    np.testing.assert_array_equal(kept.ntk.mean, want.ntk.mean)
    np.testing.assert_array_equal(kept.nngp.standard_error, want.nngp.standard_error)


def test_memory_does_not_grow_with_the_networks(rng):
    points, peaks = rng.standard_normal((100, 2)), []
    for networks in (3, 30):
        tracemalloc.start()
        fn.monte_carlo_kernels(NET, points, WIDTHS, networks=networks)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # One kernel more in float64 would be a tenth of it.
    assert peaks[1] < 1.05 * peaks[0]


def test_only_what_is_asked_for():
    got = average(get="nngp")
    assert got.nngp.networks == 20
    with pytest.raises(AttributeError, match="the ntk was not asked for"):
        got.ntk  # noqa: B018
    assert repr(got) == "<MonteCarloKernels of 20 networks of widths (2, 4, 4, 4, 1) at 3 points>"


def test_pixels():
    pixels = np.array([[0, 255], [51, 102]], np.uint8)
    got = fn.monte_carlo_kernels(NET, pixels, WIDTHS, networks=3, scale=1 / 255, dtype="float64")
    want = fn.monte_carlo_kernels(NET, pixels / 255, WIDTHS, networks=3, dtype="float64")
    np.testing.assert_allclose(got.ntk.mean, want.ntk.mean, rtol=1e-13)
    np.testing.assert_allclose(got.ntk.limit, want.ntk.limit, rtol=1e-13)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"networks": 1}, ValueError, "networks must be at least 2, got 1"),
        ({"get": ()}, ValueError, "get must be one of 'nngp', 'ntk'"),
        ({"get": ("layers",)}, ValueError, "get must be one of 'nngp', 'ntk', got 'layers'"),
        ({"memory": 1000}, MemoryError, r"one network and 2 average kernel\(s\) needs"),
        # 57 parameters in float64 and two kernels of 3 x 3 entries, 64 bytes each.
        ({"memory": 8 * 57 + 2 * 64 * 9}, MemoryError, "kernels of shapes"),
        ({"widths": (3, 4, 4, 4, 1)}, ValueError, r"X must have widths\[0\] = 3 columns"),
        ({"start": 3}, TypeError, "start must be a MonteCarloKernels, got int"),
        ({"start": "seed"}, ValueError, "start must have seed=5, got 6"),
        ({"start": "X"}, ValueError, "start must be of the same X"),
        ({"start": "get"}, ValueError, r"start must have get=\('nngp', 'ntk'\), got \('ntk',\)"),
    ],
)
def test_bad_arguments(options, error, message):
    starts = {
        "seed": lambda: average(networks=2, seed=6),
        "X": lambda: fn.monte_carlo_kernels(NET, 2 * X, WIDTHS, networks=2, seed=5),
        "get": lambda: average(networks=2, get="ntk"),
    }
    start = options.get("start")
    if isinstance(start, str):
        options = options | {"start": starts[start]()}
    with pytest.raises(error, match=message):
        average(**options)
