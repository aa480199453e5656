# SPDX-License-Identifier: Apache-2.0
"""What a command says of a file of tiles: before it goes on with one, and when it is stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rich.markup import escape

from fastntk import _backend
from fastntk.app.shared import warn
from fastntk.linalg import tile_file


@contextlib.contextmanager
def resumable(path: Path | None, device: str) -> Iterator[None]:
    """Say what is there of a file of tiles, and after a Ctrl-C what will be.

    A GPU that "auto" leaves unused, because such files are the CPU's to compute, is said too.

    Parameters
    ----------
    path : Path or None
        None does nothing.
    device : str
        The option's value.

    Raises
    ------
    OSError, ValueError
        No such file can be made there, or another file is there.
    """
    if path is None:
        yield
        return
    there, total = tile_file.tiles_there(path)
    if there < total:
        warn(f"resuming: {there} of {total} tiles are there in {escape(str(path))}")
    elif total:
        warn(f"all {total} tiles are there in {escape(str(path))}")
    if device == "auto" and (gpu := _backend.engine(device)) is not _backend.CPU:
        warn(f"a file of tiles is the CPU's to compute: {gpu.name} is not used")
    try:
        yield
    except KeyboardInterrupt:
        there, total = tile_file.tiles_there(path)
        if total == 0:
            raise
        raise KeyboardInterrupt(
            f"interrupted; {there} of {total} tiles are in {path}, and the next run goes on there"
        ) from None
