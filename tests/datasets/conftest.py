# SPDX-License-Identifier: Apache-2.0
"""Small files in the formats of the data sets."""

import gzip
import struct

import numpy as np
import pytest

IDX_TYPES = {
    "uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E,
}  # fmt: skip


def idx_bytes(values, shape=None):
    """Bytes of an IDX file; a false ``shape`` makes a false header."""
    values = np.asarray(values)
    shape = values.shape if shape is None else shape
    header = bytes([0, 0, IDX_TYPES[values.dtype.name], len(shape)])
    header += struct.pack(f">{len(shape)}I", *shape)
    return header + values.astype(values.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write_idx(tmp_path):
    """Write an array as an IDX file and return its path."""

    def write(name, values, *, folder=tmp_path, packed=False, shape=None):
        folder.mkdir(parents=True, exist_ok=True)
        content = idx_bytes(values, shape)
        path = folder / name
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        return path

    return write


@pytest.fixture
def images(rng):
    """Seven images of 3 x 4 pixels."""
    return rng.integers(0, 256, (7, 3, 4), dtype=np.uint8)
