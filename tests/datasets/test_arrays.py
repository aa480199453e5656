# SPDX-License-Identifier: Apache-2.0
"""NumPy files: the keys found, and damaged files refused by name."""

import io
import zipfile

import numpy as np
import pytest

from fastntk import datasets


def test_npy_keeps_values_and_type(tmp_path, rng):
    for name, X in {
        "float": rng.standard_normal((6, 4)),
        "fortran": np.asfortranarray(rng.standard_normal((6, 4)).astype(np.float32)),
        "swapped": rng.standard_normal((6, 4)).astype(">f8"),
        "bytes": rng.integers(0, 256, (6, 4), dtype=np.uint8),
    }.items():
        np.save(tmp_path / f"{name}.npy", X)
        data = datasets.load(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(data.X, X)
        assert data.X.dtype == X.dtype.newbyteorder("=")
        assert data.X.flags.c_contiguous
        assert data.y is None
        assert data.scale == (1 / 255 if X.dtype == np.uint8 else 1)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"y": 1, "X": 0}, (0, 1)),
        ({"x_test": 2, "x_train": 0, "y_train": 1}, (0, 1)),
        ({"x": 0, "y": 1}, (0, 1)),
        ({"pixels": 0, "other": 2}, (0, None)),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_keys(tmp_path, rng, keys, expected, save):
    arrays = [rng.standard_normal((5, 3)), np.arange(5), rng.standard_normal((2, 3))]
    save(tmp_path / "data.npz", **{key: arrays[i] for key, i in keys.items()})
    data = datasets.load(tmp_path / "data.npz")
    np.testing.assert_array_equal(data.X, arrays[expected[0]])
    if expected[1] is None:
        assert data.y is None
    else:
        np.testing.assert_array_equal(data.y, arrays[expected[1]])


@pytest.mark.parametrize("keep", [6, 9, 11, 60, 128, 200])
def test_truncated_npy_is_refused(tmp_path, rng, keep):
    path = tmp_path / "short.npy"
    np.save(path, rng.standard_normal((6, 4)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"short\.npy: .*truncated"):
        datasets.load(path)


@pytest.mark.parametrize("keep", [4, 50, 300, -30, -1])
def test_truncated_npz_is_refused(tmp_path, rng, keep):
    path = tmp_path / "short.npz"
    np.savez(path, X=rng.standard_normal((6, 4)), y=np.arange(6))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"short\.npz: truncated or damaged"):
        datasets.load(path)


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, X=np.zeros((6, 4)))
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # inside the array
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"bad\.npz: truncated or damaged .*CRC"):
        datasets.load(path)


def test_absurd_npy_header_allocates_nothing(tmp_path):
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "huge.npy").write_bytes(stream.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"huge\.npy: truncated: shape \(1000000000, 1000000000\)"):
        datasets.load(tmp_path / "huge.npy")
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("X.npy", stream.getvalue() + bytes(64))
    with pytest.raises(ValueError, match=r"huge\.npz\[X\]: truncated"):
        datasets.load(tmp_path / "huge.npz")


def test_objects_and_records_are_not_unpickled(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[1, "a"]], dtype=object))
    np.save(tmp_path / "records.npy", np.zeros((2, 2), dtype=[("a", "f8")]))
    for name in ("objects", "records"):
        with pytest.raises(ValueError, match=rf"{name}\.npy: expected an array of numbers"):
            datasets.load(tmp_path / f"{name}.npy")


def test_npz_without_arrays_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(ValueError, match="no array in it"):
        datasets.load(tmp_path / "empty.npz")
