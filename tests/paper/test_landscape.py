# SPDX-License-Identifier: Apache-2.0
"""The cost over planes: of known surfaces, and of tiny networks."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.paper import circle, landscape, planes
from fastntk.paper.parts import Parts


def test_curvature_of_known_surfaces():
    """A bowl, a saddle turned by 45 degrees, and a mixed one, on a grid of unequal steps."""
    a, b = np.linspace(-1, 1, 9), np.linspace(-2, 2, 7)
    A, B = a[:, None], b[None, :]
    for cost, least in ((A**2 + 3 * B**2, 2.0), (A * B, -1.0), (A**2 + A * B, 1 - np.sqrt(2))):
        found = planes.least_curvature(cost, a, b)
        assert found.shape == (7, 5)
        np.testing.assert_allclose(found, least, atol=1e-12)


def test_random_directions():
    """Every array is as long as the network's own."""
    w = fn.FiniteNetwork(circle.limiting_network(), (2, 5, 4, 3, 1), dtype="float64")
    u, v = planes.random_directions(w, 1)
    assert not np.allclose(u, v)
    for direction in (u, v):
        like = w.copy()
        like.flat = direction
        for pair, own in zip(like.parameters, w.parameters, strict=True):
            for array, of in zip(pair, own, strict=True):
                assert np.linalg.norm(array) == pytest.approx(np.linalg.norm(of))


def test_the_plane_of_training():
    """It holds the start, the end and the point between; the network is trained."""
    X, y = circle.data()
    w = fn.FiniteNetwork(circle.limiting_network(), (2, 9, 9, 9, 1), dtype="float64")
    start, middle = w.flat.copy(), w.copy()
    along, across, path = planes.of_training(w, X, y, 40, 10)
    np.testing.assert_allclose(w.flat - along, start)
    np.testing.assert_allclose(path[[0, -1]], [[-1, 0], [0, 0]], atol=1e-12)
    assert abs(along @ across) < 1e-12 * (along @ along)
    middle.train(X, y, circle.LEARNING_RATE, 10)
    a, b = path[5]
    np.testing.assert_allclose(w.flat + a * along + b * across, middle.flat, atol=1e-12)


def test_costs_over_a_plane():
    """At points of it, against the network and its Jacobian themselves."""
    X, y = circle.data()
    w = fn.FiniteNetwork(circle.limiting_network(), (2, 9, 9, 9, 1), dtype="float64")
    u, v = planes.random_directions(w, 0)
    before = w.flat.copy()
    plane = planes.Plane(w, u, v, X, y)
    a, b = np.array([-0.5, 0.3]), np.array([0.2])
    J = w.jacobian(X).to_dense()
    for i in range(2):
        moved = w.copy()
        moved.flat = w.flat + a[i] * u + b[0] * v
        expected = np.mean((moved(X)[:, 0] - y) ** 2) / 2
        assert plane.in_parameters(a, b)[i, 0] == pytest.approx(expected)
        f = w(X)[:, 0] + J @ (a[i] * u + b[0] * v)
        assert plane.in_functions(a, b)[i, 0] == pytest.approx(np.mean((f - y) ** 2) / 2)
    np.testing.assert_array_equal(w.flat, before)


def test_landscape(tmp_path, monkeypatch):
    """A run of tiny networks is sound, and drawn."""
    monkeypatch.setattr(landscape, "_QUICK_WIDTHS", (6, 60))
    monkeypatch.setattr(landscape, "_QUICK_CELLS", 9)
    parts = Parts(tmp_path)
    found = landscape.EXPERIMENT.run(quick=True, seed=0, parts=parts, progress=None, device="cpu")
    assert found.faults == []
    assert len(found.checks) == 8
    assert found.arrays["60_training_parameters"].shape == (9, 9)
    # Along the way the cost is that of the training's start and end.
    X, y = circle.data()
    w = fn.FiniteNetwork(
        circle.limiting_network(), (2, 60, 60, 60, 1), networks=[0], dtype="float64"
    )[0]
    run = w.train(X, y, circle.LEARNING_RATE, circle.STEPS)
    a, cost = found.arrays["60_training_a"], found.arrays["60_training_parameters"][:, 4]
    near = np.interp([-1, 0], a, cost)
    assert near[1] < 0.1 * near[0]
    assert found.arrays["60_random_parameters"][4, 4] == pytest.approx(run.cost[-1])
    assert [claim.holds for claim in found.claims][:2] == [True, True]
    # Eight panels and two bars.
    assert len(landscape.draw(found).axes) == 10
