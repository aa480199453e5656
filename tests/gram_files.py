# SPDX-License-Identifier: Apache-2.0
"""Damage to a file of tiles, by its layout: see csrc/cpu/tile_file.h."""

import struct
from pathlib import Path

PAGE = 4096
FIXED = 28  # magic 8, byte order 4, layout 4, length of the text 8, CRC-32 4


def header_bytes(path):
    """Length of the header with its text, in whole pages."""
    (text,) = struct.unpack("=Q", Path(path).read_bytes()[16:24])
    return -(-(FIXED + text) // PAGE) * PAGE


def forget(path, tiles):
    """Take the marks of some tiles away: they are not there any more."""
    marks = header_bytes(path)
    with Path(path).open("r+b") as file:
        for tile in tiles:
            file.seek(marks + 8 * tile)
            file.write(bytes(8))


def change_byte(path, at):
    """Invert one byte; negative positions count from the end."""
    content = bytearray(Path(path).read_bytes())
    content[at] ^= 0xFF
    Path(path).write_bytes(content)
