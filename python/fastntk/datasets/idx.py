# SPDX-License-Identifier: Apache-2.0
"""IDX files, the format of MNIST: a magic number, the sizes, then big-endian values.

Bytes 0 and 1 are zero, byte 2 is the type, byte 3 the number of dimensions; one uint32 per
dimension follows. Nothing is allocated on the word of a header: the size that it announces is
compared with what the file can hold first.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot expand a byte into more than 1032.
_MAX_EXPANSION = 1032


def read_idx(path: str | Path, *, sha256: str | None = None) -> NDArray[Any]:
    """Read an IDX file, plain or gzip-compressed.

    Parameters
    ----------
    path : path
        The file; compression is recognised by content, not by name.
    sha256 : str, optional
        Expected SHA-256 of the uncompressed bytes, in hexadecimal.

    Returns
    -------
    ndarray
        In the shape of the header and native byte order.

    Raises
    ------
    ValueError
        Not an IDX file, truncated, longer than its header says, or of another checksum.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    stored = path.stat().st_size
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        try:
            stream: BufferedIOBase = gzip.open(raw) if zipped else raw  # noqa: SIM115 (raw is closed)
            header, shape, dtype = _read_header(stream, path)
            expected = math.prod(shape) * dtype.itemsize
            most = stored * _MAX_EXPANSION if zipped else stored
            if expected > most:
                held = "can at most hold" if zipped else "holds"
                raise ValueError(
                    f"{path}: truncated or not an IDX file: its header announces shape {shape}, "
                    f"{expected:,} bytes of data, but a file of {stored:,} bytes {held} {most:,}"
                )
            # One byte more than expected shows an overlong file, and makes gzip check its CRC.
            body = stream.read(expected + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: truncated or damaged gzip file ({error})") from error
    if len(body) != expected:
        came = f"{len(body):,} came" if len(body) < expected else "there are more"
        fault = "truncated" if len(body) < expected else "longer than its header says"
        raise ValueError(f"{path}: {fault}: shape {shape} needs {expected:,} bytes of data, {came}")
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(body)
        if digest.hexdigest() != sha256:
            raise ValueError(
                f"{path}: wrong checksum: expected SHA-256 {sha256} of the uncompressed bytes, "
                f"got {digest.hexdigest()}"
            )
    values = np.frombuffer(body, dtype=dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _read_header(
    stream: BufferedIOBase, path: Path
) -> tuple[bytes, tuple[int, ...], np.dtype[Any]]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise ValueError(f"{path}: truncated: an IDX file starts with 4 bytes, {len(magic)} came")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise ValueError(
            f"{path}: not an IDX file: expected the magic bytes 00 00, a type out of "
            f"{', '.join(f'{code:02x}' for code in _TYPES)} and a number of dimensions, "
            f"got {magic.hex(' ')}"
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(
            f"{path}: truncated: the sizes of {magic[3]} dimensions take {4 * magic[3]} bytes, "
            f"{len(sizes)} came"
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    return magic + sizes, shape, np.dtype(_TYPES[magic[2]])
