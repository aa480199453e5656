# SPDX-License-Identifier: Apache-2.0
"""IDX files: what is written is read, and a damaged file is refused by name."""

import gzip
import hashlib
import re

import numpy as np
import pytest

from fastntk.datasets import read_idx

from .conftest import IDX_TYPES, idx_bytes


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", list(IDX_TYPES))
def test_read_gives_what_was_written(write_idx, rng, dtype, packed):
    values = rng.integers(0, 100, (5, 2, 3)).astype(dtype)
    read = read_idx(write_idx("data", values, packed=packed))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


def test_compression_is_recognised_by_content(write_idx, images):
    np.testing.assert_array_equal(read_idx(write_idx("plain.gz", images)), images)
    np.testing.assert_array_equal(read_idx(write_idx("packed", images, packed=True)), images)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("keep", [0, 3, 4, 9, 16, 20, 99])
def test_truncated_file_is_named_with_what_is_missing(tmp_path, images, keep, packed):
    content = idx_bytes(images)[:keep]
    path = tmp_path / "short"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: truncated"):
        read_idx(path)


@pytest.mark.parametrize("keep", [5, 15, 30, -9, -4])
def test_truncated_gzip_stream_is_refused(write_idx, images, keep):
    path = write_idx("data.gz", images, packed=True)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="truncated"):
        read_idx(path)


def test_damaged_gzip_stream_is_refused(write_idx, images):
    path = write_idx("data.gz", images, packed=True)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the checksum of the uncompressed bytes
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"data\.gz: truncated or damaged gzip file"):
        read_idx(path)


@pytest.mark.parametrize("magic", [b"\1\0\x08\3", b"\0\0\x07\3", b"\0\0\x08\0", b"<htm"])
def test_wrong_magic_is_shown(tmp_path, magic):
    path = tmp_path / "page"
    path.write_bytes(magic + bytes(100))
    with pytest.raises(ValueError, match=rf"not an IDX file.*got {magic.hex(' ')}"):
        read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
def test_absurd_header_allocates_nothing(write_idx, images, packed):
    path = write_idx("huge", images, packed=packed, shape=(2**32 - 1, 2**32 - 1, 2**32 - 1))
    with pytest.raises(ValueError, match="its header announces shape"):
        read_idx(path)


def test_file_longer_than_its_header_is_refused(write_idx, images):
    path = write_idx("long", images, shape=(6, 3, 4))
    with pytest.raises(ValueError, match="longer than its header says"):
        read_idx(path)


def test_checksum_is_that_of_the_uncompressed_bytes(write_idx, images):
    sha256 = hashlib.sha256(idx_bytes(images)).hexdigest()
    for packed in (False, True):
        path = write_idx("data", images, packed=packed)
        np.testing.assert_array_equal(read_idx(path, sha256=sha256), images)
    with pytest.raises(ValueError, match=f"expected SHA-256 {'0' * 64}.*got {sha256}"):
        read_idx(path, sha256="0" * 64)


def test_empty_dimension_is_an_empty_array(write_idx):
    assert read_idx(write_idx("none", np.zeros((0, 3), np.uint8))).shape == (0, 3)
