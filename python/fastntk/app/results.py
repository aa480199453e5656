# SPDX-License-Identifier: Apache-2.0
"""Result files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastntk._memory import format_bytes

_SCRATCH = ".fastntk-"
# A list over several lines; text in JSON never holds a line break.
_NUMBERS = re.compile(r"\[\n([-+.,\deE\s]+)\]")


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Collect files in a scratch folder and move them into ``folder`` when all are complete.

    An exception, Ctrl-C included, leaves ``folder`` as it was: not even created.

    Parameters
    ----------
    folder : Path
        Destination, created on success; files of the same names are replaced.

    Yields
    ------
    Path
        The scratch folder, on the same file system.
    """
    parent = existing_folder(folder)
    scratch = Path(tempfile.mkdtemp(dir=parent, prefix=_SCRATCH))
    try:
        yield scratch
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(scratch.iterdir()):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def existing_folder(folder: Path, wanted: Path | None = None) -> Path:
    """Return ``folder`` or its nearest existing ancestor, once it is known to be writable.

    Parameters
    ----------
    folder : Path
        Where files are to be written.
    wanted : Path, optional
        What messages say cannot be created, ``folder`` by default.

    Raises
    ------
    NotADirectoryError
        A file stands where a folder is needed.
    PermissionError
        Nothing can be created there.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"--out needs a folder, {place} is a file")
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=_SCRATCH):
            return place
    except OSError as error:
        # Whatever the reason is called, what is wrong is the place, not a missing file.
        target = (wanted or folder).absolute()
        what = "" if target == place else f"cannot create {target}: "
        raise PermissionError(f"{what}cannot write to {place}: {error.strerror}") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write strict JSON (no NaN), NumPy values included, a list of numbers on one line."""
    text = json.dumps(content, indent=2, default=_plain, allow_nan=False, ensure_ascii=False)
    text = _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def require_disk(folder: Path, needed: int) -> None:
    """Raise unless the file system of ``folder`` has ``needed`` bytes free.

    Raises
    ------
    OSError
        With the bytes needed and those free.
    """
    place = existing_folder(folder)
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OSError(
            f"the result needs {format_bytes(needed)} ({needed} bytes) on disk, "
            f"{place} has {format_bytes(free)} free"
        )


def new_npy(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Create an ``.npy`` file and return its array, mapped into memory.

    The blocks are reserved at once: a disk that fills up later cannot kill the process by SIGBUS.

    Raises
    ------
    OSError
        The disk does not have the room.
    """
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as stream:
            try:
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
            except OSError as error:
                # Some file systems cannot reserve; the check of free space has to do there.
                if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
                    raise OSError(f"no room for {path.stat().st_size:,} bytes: {error}") from error
    return mapped
