# SPDX-License-Identifier: Apache-2.0
"""``load``: names, file kinds by content, X and y that belong together."""

import numpy as np
import pytest

from fastntk import datasets


def test_digits_are_bytes_with_their_scale():
    data = datasets.load("digits")
    assert data.X.shape == (1797, 64)
    assert data.X.dtype == np.uint8
    assert data.X.max() == 16
    assert data.scale == 1 / 16
    assert data.image_shape == (8, 8)
    assert set(data.y) == set(range(10))
    assert datasets.load().name == data.name


def test_samples_and_seed_select_rows():
    data = datasets.load("digits", samples=100, seed=3)
    rows = np.random.default_rng(3).choice(1797, 100, replace=False)
    np.testing.assert_array_equal(data.indices, rows)
    np.testing.assert_array_equal(data.X, datasets.load("digits").X[rows])
    np.testing.assert_array_equal(data.y, datasets.load("digits").y[rows])


def test_subset_is_taken_before_the_mean():
    data = datasets.load("digits", samples=50, seed=0, normalize="center", dtype="float64")
    np.testing.assert_allclose(data.X.mean(axis=0), 0, atol=1e-15)


def test_idx_images_find_their_labels(write_idx, images):
    labels = np.arange(7, dtype=np.uint8)
    path = write_idx("train-images-idx3-ubyte.gz", images, packed=True)
    assert datasets.load(path).y is None
    write_idx("train-labels-idx1-ubyte", labels)
    data = datasets.load(path)
    np.testing.assert_array_equal(data.X, images.reshape(7, 12))
    np.testing.assert_array_equal(data.y, labels)
    assert data.image_shape == (3, 4)
    assert data.scale == 1 / 255


def test_count_of_labels_must_match(write_idx, tmp_path, images):
    path = write_idx("a-images-idx3-ubyte", images)
    write_idx("a-labels-idx1-ubyte", np.arange(6, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"7 samples need as many labels, .* shape \(6,\)"):
        datasets.load(path)
    np.savez(tmp_path / "data.npz", X=images, y=np.zeros((7, 2)))
    with pytest.raises(ValueError, match=r"as many labels, got labels of shape \(7, 2\)"):
        datasets.load(tmp_path / "data.npz")


@pytest.mark.parametrize("shape", [(7,), (0, 4), (4, 0), ()])
def test_samples_are_in_rows(tmp_path, shape):
    np.save(tmp_path / "X.npy", np.zeros(shape))
    with pytest.raises(ValueError, match=r"X\.npy: X must be \(samples, features\)"):
        datasets.load(tmp_path / "X.npy")


def test_complex_values_are_refused(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((2, 2), complex))
    with pytest.raises(ValueError, match="real numbers, got dtype complex128"):
        datasets.load(tmp_path / "X.npy")


def test_unknown_names_say_what_is_known(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'minst' is neither .* digits, mnist, mnist-test"):
        datasets.load("minst")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        datasets.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "came"), [(b"", "it is empty"), (b"a,b\n1,2\n", "its first bytes are 61 2c 62")]
)
def test_other_files_are_refused(tmp_path, content, came):
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"data\.csv: expected an .npy, .npz or IDX file, {came}"):
        datasets.load(tmp_path / "data.csv")


def test_unknown_normalisation_is_refused_before_loading():
    with pytest.raises(ValueError, match="normalize must be one of none, center, sphere, got 'l2'"):
        datasets.load("minst", normalize="l2")


def test_scale_replaces_that_of_the_data(tmp_path, images):
    np.save(tmp_path / "bytes.npy", images)
    np.save(tmp_path / "floats.npy", images.astype(np.float32))
    assert datasets.load(tmp_path / "bytes.npy").scale == 1 / 255
    assert datasets.load(tmp_path / "floats.npy").scale == 1
    assert datasets.load(tmp_path / "bytes.npy", scale=1).scale == 1
    centred = datasets.load(tmp_path / "floats.npy", scale=0.5, normalize="center")
    flat = images.reshape(7, 12) / 2
    np.testing.assert_allclose(centred.X, flat - flat.mean(axis=0), rtol=1e-6, atol=1e-5)
    assert centred.scale == 1


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"samples": True}, TypeError, "samples must be an integer, got True"),
        ({"samples": 2.5}, TypeError, "samples must be an integer, got 2.5"),
        ({"samples": "5"}, TypeError, "samples must be an integer, got '5'"),
        ({"samples": 5, "seed": 1.0}, TypeError, "seed must be an integer, got 1.0"),
        ({"dtype": "int8"}, TypeError, "dtype must be 'float32' or 'float64', got int8"),
        ({"dtype": "float16", "normalize": "center"}, TypeError, "got float16"),
        ({"scale": 0}, ValueError, "scale must be positive and finite, got 0"),
        ({"scale": "1"}, TypeError, "scale must be a number, got '1'"),
    ],
)
def test_arguments_are_checked_before_loading(words, error, message):
    with pytest.raises(error, match=message):
        datasets.load("not there", **words)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_found_on_loading(tmp_path, value):
    X = np.ones((5, 2, 3), np.float32)
    X[3, 1, 0] = value
    np.savez(tmp_path / "bad.npz", X=X)
    with pytest.raises(ValueError, match=rf"bad\.npz: X must be finite, got {value} at \[3, 3\]"):
        datasets.load(tmp_path / "bad.npz", samples=2, seed=0, normalize="sphere")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((2, 2), 2**60 + 1), "integers that float64 represents"),
        (np.ones((2, 2), np.longdouble), "at most 64-bit floats"),
    ],
)
def test_numbers_beyond_float64_are_the_file_s_fault(tmp_path, X, message):
    np.save(tmp_path / "X.npy", X)
    with pytest.raises(ValueError, match=rf"X\.npy: X must hold .*{message}"):
        datasets.load(tmp_path / "X.npy")
