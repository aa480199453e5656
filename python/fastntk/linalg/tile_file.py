# SPDX-License-Identifier: Apache-2.0
"""A Gram matrix in a file of tiles, filled by one process, resumed by the next, read by any.

The file is a header (`fastntk.linalg.tile_header`), a mark for each tile that is there, and the
tiles (``csrc/cpu/tile_file.h``). It appears under its name with its header, before the first tile;
a file with other content than asked for is refused, and never written to.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fastntk import _backend
from fastntk._memory import Budget, format_bytes
from fastntk.linalg.identity import Identity, differences
from fastntk.linalg.tile_header import packed_header, read_header

if TYPE_CHECKING:
    from fastntk._cpu import TileFile32, TileFile64
    from fastntk._tiles import TileProgress, TileSource

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What a file system answers that has no locks, or no second names for a file.
_UNSUPPORTED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOLCK}


def require_place(path: Path) -> None:
    """Raise unless a file can be, or is, at ``path``.

    Raises
    ------
    FileNotFoundError
        No such folder.
    IsADirectoryError
        ``path`` is a folder.
    ValueError
        Something else than a file is there.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.absolute().parent.is_dir():
            folder = str(path.absolute().parent)
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder) from None
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(
            errno.EISDIR, "a Gram matrix is stored in a file, not in", str(path)
        )
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a regular file")


def tiles_there(path: Path) -> tuple[int, int]:
    """Return how many tiles a file holds, and of how many; (0, 0) if it does not exist."""
    if not path.exists():
        return 0, 0
    require_place(path)
    with _opened(path, os.O_RDONLY) as descriptor:
        file, _ = _read(descriptor, path)
        return file.finished, file.tiles


def finished(path: Path, wanted: Identity | None = None) -> tuple[TileSource, Identity] | None:
    """Return the matrix in a finished file and what it is of; None for an unfinished or no file.

    Parameters
    ----------
    path : Path
        Read permission is enough.
    wanted : dict, optional
        What the matrix has to be of; anything by default.

    Raises
    ------
    ValueError
        Another matrix, or no matrix that this version can read: the message says what is wrong.
    OSError
        The file cannot be read.
    """
    require_place(path)
    if not path.exists():
        return None
    with _opened(path, os.O_RDONLY) as descriptor:
        file, content = _read(descriptor, path, wanted)
        return (file, content) if file.finished == file.tiles else None


def required(path: Path) -> tuple[TileSource, Identity]:
    """Return the matrix in a finished file and what it is of; see `finished` for other errors.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not finished.
    """
    complete = finished(path)
    if complete is None:
        done, total = tiles_there(path)
        if total == 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        raise ValueError(
            f"{path} is not finished, {done} of {total} tiles are there: "
            "GramOperator(net, X, storage=path) or the command that began it goes on"
        )
    return complete


def stored(
    path: Path,
    content: Identity,
    make: Callable[[], TileSource],
    threads: int,
    room: Budget,
    progress: TileProgress | None,
) -> TileSource:
    """Return the matrix in a file, having computed what the file lacked.

    Whatever ends this (Ctrl-C, an error, kill -9) leaves a file that another call goes on with.

    Parameters
    ----------
    path : Path
        A file of the same content, or none.
    content : dict
        What the matrix is of.
    make : callable
        Returns what computes it; not called for a finished file.
    threads, progress
        As for the native module; progress counts the tiles that were missing.
    room : Budget
        For what computes the matrix, and each thread's tile.

    Raises
    ------
    BlockingIOError
        Another process, or thread, is filling the file.
    OSError
        The disk has not the room (said before anything is computed), or cannot be written.
    MemoryError
        What computes the matrix does not fit.
    ValueError
        As for `finished`.
    """
    complete = finished(path, content)
    if complete is None:
        source = make()
        room.require(_building_bytes(source, threads), f"computing {path}")
        if not path.exists():
            _create(path, content)
        _fill(path, content, source, threads, progress)
        complete = finished(path, content)
        if complete is None:
            raise FileNotFoundError(f"{path} was removed while it was filled")
    return complete[0]


def _building_bytes(source: TileSource, threads: int) -> int:
    """Bytes held while a source is written: its own, a mark per tile, a tile per thread."""
    edge = _backend.tile_edge()
    blocks = -(-source.shape[0] // edge)
    tiles = blocks * (blocks + 1) // 2
    workers = min(threads or _backend.default_threads(), tiles)
    return source.nbytes + 8 * tiles + workers * edge * edge * source.dtype.itemsize


def _fill(
    path: Path,
    content: Identity,
    source: TileSource,
    threads: int,
    progress: TileProgress | None,
) -> None:
    with _opened(path, os.O_RDWR) as descriptor, _locked(descriptor, path):
        file, _ = _read(descriptor, path, content)
        if file.finished == file.tiles:
            return
        status = os.fstat(descriptor)
        _require_disk(path, status.st_size - 512 * status.st_blocks)
        try:
            file.fill(source, threads, progress)
        except OSError as error:
            if error.errno in _NO_ROOM and file.finished == 0:
                path.unlink()  # it holds nothing but the room that was too small
            raise


def _create(path: Path, content: Identity) -> None:
    """Make a file without tiles; it appears under its name with its header and length, or not."""
    header = packed_header(content | _geometry())
    length = _length(content, len(header))
    _require_disk(path, length)
    scratch = path.absolute().parent / f".fastntk-{secrets.token_hex(8)}"
    try:
        with scratch.open("xb") as stream:
            stream.write(header)
            stream.truncate(length)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(scratch, path)
        except FileExistsError:
            return  # another process was faster: its file is as good
        except OSError as error:
            if error.errno not in _UNSUPPORTED | {errno.EPERM}:
                raise
            scratch.rename(path)
        with _opened(path.absolute().parent, os.O_RDONLY) as folder:
            os.fsync(folder)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # the name that its user knows
        raise
    finally:
        scratch.unlink(missing_ok=True)


def _read(
    descriptor: int, path: Path, wanted: Identity | None = None
) -> tuple[TileFile32 | TileFile64, Identity]:
    """Check everything that can be checked without reading a tile."""
    content, header_bytes = read_header(descriptor, path)
    other = differences(content, _geometry() | (wanted or {}))
    if other:
        raise ValueError(
            f"{path} holds another matrix ({other}); it is left as it is: give another path"
        )
    length, there = _length(content, header_bytes), os.fstat(descriptor).st_size
    if there != length:
        what = "truncated" if there < length else "too long"
        raise ValueError(f"{path} is {what}: it has {there} bytes and not {length}")
    native = _backend.CPU.native
    kind = native.TileFile32 if content["dtype"] == "float32" else native.TileFile64
    name = os.fsencode(path).decode("utf-8", "backslashreplace")  # for messages
    return kind(descriptor, name, content["rows"], header_bytes), content


def _geometry() -> Identity:
    return {"tile edge": _backend.tile_edge(), "tile order": "upper triangle, row by row"}


def _length(content: Identity, header_bytes: int) -> int:
    itemsize = 4 if content["dtype"] == "float32" else 8
    native = _backend.CPU.native
    return int(native.tile_file_bytes(content["rows"], itemsize, header_bytes))


def _require_disk(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.absolute().parent).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"the Gram matrix needs {format_bytes(needed)} ({needed} bytes) more on disk, "
            f"{format_bytes(free)} ({free} bytes) are free",
            str(path),
        )


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(descriptor: int, path: Path) -> Iterator[None]:
    """Hold the file's lock, which ends with the process at the latest."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = "another process is computing this Gram matrix; wait for it, or give another path"
        raise BlockingIOError(errno.EAGAIN, message, str(path)) from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    try:
        yield
    finally:
        # The native object may live on in a traceback, and its descriptor with it.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
