# SPDX-License-Identifier: Apache-2.0
"""Subsets and normalisations."""

import numpy as np
import pytest

from fastntk.datasets import Dataset


@pytest.fixture
def data(rng):
    # More rows than one block of the conversion.
    X = rng.integers(0, 256, (2500, 6), dtype=np.uint8)
    X[:, 0] |= 1
    return Dataset(X=X, y=np.arange(2500), scale=1 / 255, name="bytes")


def test_same_seed_same_rows_without_repetition(data):
    first, second = data.subset(500, 7), data.subset(500, 7)
    np.testing.assert_array_equal(first.indices, second.indices)
    assert len(set(first.indices)) == 500
    np.testing.assert_array_equal(first.y, first.indices)
    assert not np.array_equal(first.indices, data.subset(500, 8).indices)


def test_subset_of_a_subset_knows_the_original_rows(data):
    twice = data.subset(500, 0).subset(20, 1)
    np.testing.assert_array_equal(twice.X, data.X[twice.indices])


@pytest.mark.parametrize("samples", [0, -1, 2501])
def test_subset_size_must_be_possible(data, samples):
    with pytest.raises(ValueError, match=f"between 1 and the 2500 rows of bytes, got {samples}"):
        data.subset(samples, 0)


def test_negative_seed_is_refused(data):
    with pytest.raises(ValueError, match="seed must be an integer >= 0, got -1"):
        data.subset(3, -1)


def test_none_keeps_the_bytes(data):
    assert data.normalized("none") is data


def test_center_subtracts_the_mean_image(data):
    centred = data.normalized("center")
    assert centred.X.dtype == np.float32
    assert centred.scale == 1
    mean = (data.X / 255).mean(axis=0)
    np.testing.assert_allclose(centred.mean, mean, rtol=1e-14)
    np.testing.assert_array_equal(centred.X, (data.X / 255 - mean).astype(np.float32))


def test_sphere_puts_rows_at_norm_sqrt_d(data):
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        sphere = data.normalized("sphere", dtype)
        assert sphere.X.dtype == dtype
        squares = (sphere.X.astype(np.float64) ** 2).sum(axis=1)
        np.testing.assert_allclose(squares / 6, 1, rtol=tolerance)


def test_float64_data_stay_float64(rng):
    data = Dataset(X=rng.standard_normal((5, 3)), y=None, scale=1.0, name="floats")
    assert data.normalized("center").X.dtype == np.float64


def test_zero_row_cannot_be_put_on_the_sphere(data):
    data.X[2300] = 0
    with pytest.raises(ValueError, match="row 2300 of bytes is"):
        data.normalized("sphere")


def test_normalising_twice_is_refused(data):
    with pytest.raises(ValueError, match=r"already normalised \(center\)"):
        data.normalized("center").normalized("sphere")
