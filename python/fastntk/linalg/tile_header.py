# SPDX-License-Identifier: Apache-2.0
"""The header of a file of tiles: a fixed part that checks it, and JSON that people can read.

It is written once and never changes. The version of fastntk that wrote it is noted, and is no part
of what the matrix is of.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

from fastntk._version import __version__

LAYOUT = 1
_MAGIC = b"FASTNTK\0"
_BYTE_ORDER = 0x01020304
# Magic, byte order, layout, bytes of text; the CRC-32 of these and the text follows.
_FIXED = struct.Struct("=8sIIQ")
_CHECKSUM = struct.Struct("=I")
_PAGE = 4096
_LONGEST_TEXT = 2**30


def packed_header(content: dict[str, Any]) -> bytes:
    """Return the header of plain values, in whole pages."""
    text = json.dumps(content | {"fastntk": __version__}, allow_nan=False).encode()
    fixed = _FIXED.pack(_MAGIC, _BYTE_ORDER, LAYOUT, len(text))
    checksum = _CHECKSUM.pack(zlib.crc32(fixed + text))
    header = fixed + checksum + text
    return header + bytes(-len(header) % _PAGE)


def read_header(descriptor: int, path: Path) -> tuple[dict[str, Any], int]:
    """Return the values in a file's header, and its bytes.

    Raises
    ------
    ValueError
        Not such a header, or a damaged one: the message names ``path``.
    """
    start = os.pread(descriptor, _FIXED.size + _CHECKSUM.size, 0)
    if not start.startswith(_MAGIC):
        raise ValueError(f"{path} is not a Gram matrix of fastntk; it is left as it is")
    if len(start) < _FIXED.size + _CHECKSUM.size:
        raise ValueError(f"{path} is truncated: it ends in its header")
    fixed, checksum = start[: _FIXED.size], start[_FIXED.size :]
    _, byte_order, layout, length = _FIXED.unpack(fixed)
    if byte_order != _BYTE_ORDER:
        raise ValueError(f"{path} was written on a machine of the other byte order")
    if layout != LAYOUT:
        raise ValueError(f"{path} has layout {layout}; this version of fastntk reads {LAYOUT}")
    text = os.pread(descriptor, length, len(start)) if length <= _LONGEST_TEXT else b""
    if _CHECKSUM.pack(zlib.crc32(fixed + text)) != checksum:
        raise ValueError(f"{path} is damaged: its header does not have its checksum")
    content: dict[str, Any] = json.loads(text)
    return content, -(-(len(start) + length) // _PAGE) * _PAGE
