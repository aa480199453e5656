# SPDX-License-Identifier: Apache-2.0
"""NumPy files: ``.npy`` (X) and ``.npz`` (X and y), read without pickle.

A header's size is compared with the bytes behind it before anything is allocated.
"""

from __future__ import annotations

import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

# Keys of an .npz in order of preference; with none of them the first array is X.
_KEYS = (("X", "y"), ("X_train", "y_train"), ("x_train", "y_train"), ("x", "y"))
_TEST_KEYS = (("X_test", "y_test"), ("x_test", "y_test"))


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of an ``.npy`` file.

    Raises
    ------
    ValueError
        A damaged or truncated file, or an array of Python objects.
    """
    with path.open("rb") as stream:
        return _read_array(stream, path.stat().st_size, str(path))


def read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read X and, where there is one, y of an ``.npz`` file.

    Keys: ``X`` and ``y``, or ``X_train`` (or ``x_train``) and ``y_train``, or ``x`` and ``y``; else
    the first array is X and there is no y.

    Raises
    ------
    ValueError
        A damaged or truncated file, no array in it, or an array of Python objects.
    """
    found = _read(path, _KEYS)
    assert found is not None  # there is a first array, or an error
    return found


def read_npz_test(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None] | None:
    """Read ``X_test`` (or ``x_test``) and ``y_test`` of an ``.npz`` file; None without the first.

    Raises
    ------
    ValueError
        As `read_npz`.
    """
    return _read(path, _TEST_KEYS, first=False)


def _read(
    path: Path, wanted: tuple[tuple[str, str], ...], *, first: bool = True
) -> tuple[NDArray[Any], NDArray[Any] | None] | None:
    """Read the first pair of keys whose X is there, else, if ``first``, the first array."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            if not members:
                raise ValueError(f"{path}: an .npz file with no array in it")
            fallback = (next(iter(members)) if first else "", "")
            X_key, y_key = next((keys for keys in wanted if keys[0] in members), fallback)
            if not X_key:
                return None

            def member(key: str) -> NDArray[Any]:
                with archive.open(members[key]) as stream:
                    return _read_array(stream, members[key].file_size, f"{path}[{key}]")

            return member(X_key), member(y_key) if y_key in members else None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path}: truncated or damaged .npz file ({error})") from error


def _read_array(stream: IO[bytes], size: int, label: str) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = npy.read_magic(stream)
            read_header = (
                npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            )
            shape, fortran, dtype = read_header(stream)
    except (ValueError, SyntaxError, UnicodeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{label}: damaged or truncated .npy header ({reason})") from error
    if dtype.hasobject or dtype.names is not None:
        raise ValueError(f"{label}: expected an array of numbers, got dtype {dtype}")
    expected = math.prod(shape) * dtype.itemsize
    # The header is at least 10 bytes; the exact comparison follows once the bytes are read.
    if expected > size:
        raise ValueError(
            f"{label}: truncated: shape {shape} of {dtype} needs {expected:,} bytes of data, "
            f"the file holds {size:,} bytes in all"
        )
    body = stream.read(expected)
    if len(body) != expected:
        raise ValueError(
            f"{label}: truncated: shape {shape} of {dtype} needs {expected:,} bytes of data, "
            f"{len(body):,} came"
        )
    values = np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(values, dtype=dtype.newbyteorder("=")).reshape(shape)
