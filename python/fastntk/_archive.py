# SPDX-License-Identifier: Apache-2.0
"""Files of named arrays and one JSON text: they appear whole or not at all, and hold no code.

A file is an uncompressed npz archive: ``fastntk.json``, then ``NAME.npy`` for each array, so that
NumPy reads it, and any tool for zip files. The text has the version of the format, the version of
fastntk that wrote it, and type and shape of each array; the archive has a CRC-32 of each member.
The same content gives the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import stat
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._memory import format_bytes
from fastntk._version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "fastntk"
VERSION = 1
_TEXT = "fastntk.json"
# Of a member beside its bytes: the headers of zip and npy, at most.
_MEMBER_BYTES = 1024
# Read at a time: a signal is answered soon.
_CHUNK = 2**24
# What texts of other content than expected raise.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
# And archives; zipfile's RuntimeError is of encrypted members.
_DAMAGE = (*MALFORMED, EOFError, RuntimeError, struct.error, zipfile.BadZipFile)


def write(
    path: str | os.PathLike[str], content: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Write a file, which replaces the one at the path once it is complete and on the disk.

    A process that is killed before leaves a file ``.fastntk-*`` in the same folder, of no use.

    Parameters
    ----------
    path : path
        Written as it is named; links are followed, and a file that is replaced leaves its
        permissions to the new one.
    content : dict
        Plain values for JSON.
    arrays : dict of str to ndarray
        Of numbers or text, in the host's memory.

    Raises
    ------
    OSError
        No such folder, something else than a file at the path, too little room on the disk (said
        before anything is written), or it cannot be written.
    """
    name = os.fsdecode(path)
    target = Path(os.path.realpath(name))
    kinds = {
        key: {"dtype": array.dtype.str, "shape": list(array.shape)} for key, array in arrays.items()
    }
    head = {"format": FORMAT, "version": VERSION, "fastntk": __version__}
    text = json.dumps(head | content | {"arrays": kinds}, allow_nan=False, indent=1).encode()
    mode = _mode_of_file(target, name)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    needed = len(text) + sum(array.nbytes + _MEMBER_BYTES for array in arrays.values())
    _require_disk(name, target.parent, needed)
    scratch = target.parent / f".fastntk-{secrets.token_hex(8)}"
    try:
        with scratch.open("xb") as stream:
            if mode is not None:
                with contextlib.suppress(OSError):  # a file system without permissions
                    os.fchmod(stream.fileno(), mode)
            with zipfile.ZipFile(stream, "w") as file:
                file.writestr(zipfile.ZipInfo(_TEXT), text)
                for key, array in arrays.items():
                    member = zipfile.ZipInfo(f"{key}.npy")
                    with file.open(member, "w", force_zip64=True) as part:
                        np.lib.format.write_array(part, array, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(target)
        _settle(target.parent)
    except OSError as error:
        error.filename, error.filename2 = name, None  # the one that its user knows
        raise
    finally:
        scratch.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the text, as plain values, and the arrays of a file that `write` made.

    Raises
    ------
    ValueError
        Not such a file, one of a newer format, or a damaged one: the message says which.
    OSError
        It cannot be read.
    """
    name = os.fsdecode(path)
    with open(name, "rb") as stream:
        begun = _begins_as_ours(stream.read(64))
        try:
            file = zipfile.ZipFile(stream)
            members = {member.filename: member for member in file.infolist()}
            if _TEXT not in members and not begun:
                raise _foreign(name)
            content = json.loads(_checked_bytes(file, members[_TEXT]))
            known = isinstance(content, dict) and content.get("format") == FORMAT
        except _DAMAGE as error:
            raise _refusal(name, error, begun) from None
        except OSError as error:
            raise _of_seeking(error, name, begun) from None
        if not known:
            raise _foreign(name)
        _require_version(content, name)
        try:
            arrays = {
                key: _array(file, members[f"{key}.npy"], kind)
                for key, kind in content["arrays"].items()
            }
        except _DAMAGE as error:
            raise _refusal(name, error, True) from None
        except OSError as error:
            raise _of_seeking(error, name, True) from None
    return content, arrays


def _array(file: zipfile.ZipFile, member: zipfile.ZipInfo, kind: dict[str, Any]) -> NDArray[Any]:
    """Return an array, once the archive, its own header and the text agree on what it is."""
    dtype, shape = np.dtype(kind["dtype"]), tuple(int(n) for n in kind["shape"])
    if dtype.hasobject:
        raise ValueError(f"{member.filename} would hold objects")
    size = dtype.itemsize
    for n in shape:
        size *= n
    # Before anything is allocated: a damaged number must not ask for the machine's memory.
    if not size <= member.file_size <= size + _MEMBER_BYTES or _is_squeezed(member):
        raise ValueError(f"{member.filename} has {member.file_size} bytes")
    with file.open(member) as part:
        version = np.lib.format.read_magic(part)
        if version != (1, 0):
            raise ValueError(f"{member.filename} is an npy file of version {version}")
        found, fortran, own = np.lib.format.read_array_header_1_0(part)
        if (found, own) != (shape, dtype):
            raise ValueError(f"{member.filename} is {own} {found}, not {dtype} {shape}")
        array = np.empty(shape, dtype, order="F" if fortran else "C")
        # NumPy's own reader holds a second copy of what is no file of its own.
        view = array.reshape(-1, order="A").view(np.uint8) if size else np.empty(0, np.uint8)
        for start in range(0, size, _CHUNK):
            piece = part.read(min(_CHUNK, size - start))
            view[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
            if len(piece) < min(_CHUNK, size - start):
                raise EOFError(f"{member.filename} is too short")
        if part.read(1):  # at the end the archive compares the CRC-32
            raise ValueError(f"{member.filename} is too long")
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _checked_bytes(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if _is_squeezed(member):
        raise ValueError(f"{member.filename} is compressed")
    return file.read(member)


def _is_squeezed(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is compressed: none of ours is, and one may be without end."""
    stored = member.compress_type == zipfile.ZIP_STORED
    return not stored or member.file_size != member.compress_size


def _require_version(content: dict[str, Any], name: str) -> None:
    version = content.get("version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"{name} is damaged: its version is {version!r}")
    if version > VERSION:
        raise ValueError(
            f"{name} was saved by fastntk {content.get('fastntk')} in format {version}; this is "
            f"fastntk {__version__}, which reads formats up to {VERSION}: install the newer one"
        )


def _begins_as_ours(start: bytes) -> bool:
    """Return whether a file's first bytes are those of an archive whose first member is ours."""
    return start.startswith(b"PK\3\4") and start[30:].startswith(_TEXT.encode())


def _foreign(name: str) -> ValueError:
    return _Foreign(f"{name} is not a file that fastntk saved")


class _Foreign(ValueError):
    """Not to be told as damage."""


def _refusal(name: str, error: BaseException, ours: bool) -> ValueError:
    """Return what is said of a file that cannot be understood."""
    if isinstance(error, _Foreign):
        return error
    if not ours:
        return _foreign(name)
    return ValueError(f"{name} is damaged or truncated ({type(error).__name__}: {error})")


def _of_seeking(error: OSError, name: str, ours: bool) -> Exception:
    """Return damage where an archive's numbers point before its begin; else the error itself."""
    return _refusal(name, error, ours) if error.errno == errno.EINVAL else error


def _mode_of_file(target: Path, name: str) -> int | None:
    """Return a file's permissions, None where there is nothing; refuse what is no file."""
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a file is to be saved, and here is a folder", name)
    if not stat.S_ISREG(mode):
        raise FileExistsError(
            errno.EEXIST, "a file is to be saved, and here is a device, pipe or socket", name
        )
    return mode & 0o777


def _require_disk(name: str, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"the file needs {format_bytes(needed)} ({needed} bytes) on disk, "
            f"{format_bytes(free)} ({free} bytes) are free",
            name,
        )


def _settle(folder: Path) -> None:
    """Write a folder's new name to the disk, where the file system knows of such a thing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
