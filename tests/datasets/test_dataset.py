# SPDX-License-Identifier: Apache-2.0
"""Subsets and normalisations."""

import re

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


@pytest.mark.parametrize(
    ("samples", "bound"),
    [(0, "at least 1"), (-1, "at least 1"), (2501, "at most the 2500 rows of bytes")],
)
def test_subset_size_must_be_possible(data, samples, bound):
    with pytest.raises(ValueError, match=f"samples must be {bound}, got {samples}"):
        data.subset(samples, 0)


@pytest.mark.parametrize("wrong", [True, 2.5, "5", [3]])
def test_subset_size_and_seed_are_integers(data, wrong):
    with pytest.raises(
        TypeError, match=f"samples must be an integer, got {re.escape(repr(wrong))}"
    ):
        data.subset(wrong, 0)
    with pytest.raises(TypeError, match=f"seed must be an integer, got {re.escape(repr(wrong))}"):
        data.subset(3, wrong)
    assert len(data.subset(np.int64(3), np.uint8(1))) == 3


def test_negative_seed_is_refused(data):
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
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


@pytest.mark.parametrize("normalize", ["center", "sphere"])
@pytest.mark.parametrize("dtype", ["int8", "float16", "complex64", "O", "no such"])
def test_normalised_rows_are_float32_or_float64(data, normalize, dtype):
    with pytest.raises(TypeError, match="dtype must be 'float32' or 'float64', got"):
        data.normalized(normalize, dtype)


@pytest.mark.parametrize("size", [1e300, 1e-200, 5e-324])
def test_sphere_holds_for_rows_of_any_size(rng, size):
    rows = rng.standard_normal((6, 3)) if size > 1e-300 else rng.integers(1, 9, (6, 3))
    extreme = np.vstack([rows[:3] * size, rows[3:]])
    sphere = Dataset(X=extreme, y=None, scale=1.0, name="floats").normalized("sphere").X
    expected = rows * np.sqrt(3) / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(sphere, expected, rtol=1e-14)


def test_mean_of_huge_values_does_not_overflow():
    X = np.array([[1.5e308, 1.0], [1.5e308, 2.0], [1.2e308, 3.0]])
    centred = Dataset(X=X, y=None, scale=1.0, name="huge").normalized("center")
    np.testing.assert_allclose(centred.X[:, 0], [1e307, 1e307, -2e307], rtol=1e-13)
    np.testing.assert_allclose(centred.X[:, 1], [-1, 0, 1], atol=1e-12)


def test_mean_keeps_small_values_beside_huge_ones():
    X = np.array([[1e308, 1e-3], [1e308, 3e-3]])
    centred = Dataset(X=X, y=None, scale=1.0, name="huge").normalized("center")
    np.testing.assert_allclose(centred.X[:, 1], [-1e-3, 1e-3], rtol=1e-12)


def test_centred_values_beyond_float32_are_refused_with_their_row(rng):
    X = rng.standard_normal((2500, 3))
    X[2400, 1] = 1e39
    data = Dataset(X=X, y=None, scale=1.0, name="floats")
    message = r"within the range of float32, row 2400 of floats is not; use dtype='float64'"
    with pytest.raises(ValueError, match=message):
        data.normalized("center", "float32")
    assert np.isfinite(data.normalized("center").X).all()


@pytest.mark.parametrize("normalize", ["center", "sphere"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_rows_that_are_not_finite_are_named_as_in_the_file(rng, normalize, value):
    X = rng.standard_normal((2500, 3))
    X[2300, 2] = value
    data = Dataset(X=X, y=None, scale=1.0, name="floats").subset(2500, 0)
    with pytest.raises(
        ValueError, match=f"floats must be finite, got {value} in row 2300, column 2"
    ):
        data.normalized(normalize)


def test_zero_row_of_a_subset_is_named_as_in_the_file(data):
    data.X[2300] = 0
    with pytest.raises(ValueError, match="row 2300 of bytes is"):
        data.subset(2500, 1).normalized("sphere")
