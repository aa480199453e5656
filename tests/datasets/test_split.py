# SPDX-License-Identifier: Apache-2.0
"""Parts to train on and to test on: where they come from, and that they belong together."""

import gzip
import struct

import numpy as np
import pytest

from fastntk.datasets import load, load_split


def npz(path, n=30, m=8, d=4, dtype=np.float64, **changes):
    rng = np.random.default_rng(3)
    arrays = {
        "x_train": rng.standard_normal((n, d)).astype(dtype),
        "y_train": np.arange(n) % 3,
        "x_test": rng.standard_normal((m, d)).astype(dtype),
        "y_test": np.arange(m) % 3,
    } | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return arrays


def idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_a_fifth_of_the_rows_is_held_out_whatever_the_number_of_training_rows():
    whole = load("digits")
    train, test = load_split("digits", seed=4)
    assert (len(train), len(test)) == (1438, 359)
    together = np.concatenate([train.indices, test.indices])
    np.testing.assert_array_equal(np.sort(together), np.arange(1797))
    np.testing.assert_array_equal(whole.X[test.indices], test.X)
    np.testing.assert_array_equal(whole.y[train.indices], train.y)
    fewer = load_split("digits", seed=4, samples=100)
    np.testing.assert_array_equal(fewer.test.indices, test.indices)
    assert len(fewer.train) == 100
    assert set(fewer.train.indices) <= set(train.indices)
    assert set(load_split("digits", seed=5).test.indices) != set(test.indices)


def test_the_test_part_of_an_npz_file_is_used(tmp_path):
    arrays = npz(tmp_path / "both.npz")
    train, test = load_split(tmp_path / "both.npz")
    np.testing.assert_array_equal(train.X, arrays["x_train"])
    np.testing.assert_array_equal(test.X, arrays["x_test"])
    np.testing.assert_array_equal(test.y, arrays["y_test"])


def test_idx_images_have_their_test_part_beside_them(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("t10k", 5)):
        images = rng.integers(0, 256, (count, 2, 3)).astype(np.uint8)
        idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images)
        idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8) % 2)
    train, test = load_split(tmp_path / "train-images-idx3-ubyte.gz")
    assert (train.X.shape, test.X.shape) == ((12, 6), (5, 6))
    np.testing.assert_array_equal(test.y, np.arange(5) % 2)


def test_mnist_is_tested_on_its_test_digits(mnist):  # skipped without the files
    train, test = load_split("mnist", samples=10)
    assert (len(train), len(test), test.name) == (10, 10_000, "MNIST test")
    np.testing.assert_array_equal(train.X, mnist.images[train.indices])


def test_both_parts_lose_the_mean_of_the_training_rows(tmp_path):
    arrays = npz(tmp_path / "both.npz")
    train, test = load_split(tmp_path / "both.npz", normalize="center", samples=20, seed=1)
    mean = arrays["x_train"][train.indices].mean(axis=0)
    np.testing.assert_allclose(train.X, arrays["x_train"][train.indices] - mean, atol=1e-15)
    np.testing.assert_allclose(test.X, arrays["x_test"] - mean, atol=1e-15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "both.npz has no labels"),
        ({"y_train": None}, "both.npz has no labels"),
        ({"x_test": np.ones((8, 5))}, "must have both.npz's 4 columns, got shape"),
        ({"x_test": np.ones((8, 4), np.uint8)}, "one scale, got 1 for float64 and 0.00392157"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tmp_path, changes, message):
    npz(tmp_path / "both.npz", **changes)
    with pytest.raises(ValueError, match=message):
        load_split(tmp_path / "both.npz")


def test_too_few_rows_to_hold_some_out(tmp_path):
    np.savez(tmp_path / "two.npz", X=np.ones((2, 3)), y=np.arange(2))
    with pytest.raises(ValueError, match=r"two\.npz has 2 rows, too few to hold some out"):
        load_split(tmp_path / "two.npz")
