# SPDX-License-Identifier: Apache-2.0
"""Finished parts of a long run, kept on disk: a run that was stopped finds them again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Of all that parts are computed with. To be raised with every change of the code that changes what
#: a part holds and shows in none of its settings: parts of before are then computed again.
REVISION = 1
_SETTINGS, _SECONDS = "_settings", "_seconds"
# Hexadecimal digits of a SHA-256: of the settings, in a file's name (the file has them whole), and
# of data, in the settings.
_DIGITS = 16


def digest(*arrays: NDArray[Any]) -> str:
    """Return 16 hexadecimal digits that tell these arrays from others, for a part's settings."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:_DIGITS]


@dataclass
class Parts:
    """A folder of parts, each an ``.npz`` file named after what it is a part of and its settings.

    A part is found again only under exactly the settings it was computed with, and the same
    `REVISION`. It appears whole or not at all; one that cannot be read, or does not pass its
    checksums, is computed again.

    Parameters
    ----------
    folder : Path
        Made with the first part.
    common : dict
        Settings of all parts, such as the version and the device.
    say : callable (str) -> object, optional
        Told a sentence about a damaged part.

    Attributes
    ----------
    seconds : dict of str to float
        What each part that was asked for took when it was computed.
    found : list of str
        Those that were there.
    """

    folder: Path
    common: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], object] = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict, init=False)
    found: list[str] = field(default_factory=list, init=False)

    def of(
        self,
        name: str,
        settings: Mapping[str, Any],
        compute: Callable[[], Mapping[str, Any]],
    ) -> dict[str, NDArray[Any]]:
        """Return the arrays of a part, from its file or computed now and kept.

        Parameters
        ----------
        name : str
            What it is, readable and fit for a file's name: "fig1-n500-network3".
        settings : dict
            Everything it depends on, as JSON can hold it; of data, the `digest`.
        compute : callable () -> dict of str to array
            Called if there is no such part.

        Raises
        ------
        OSError
            The folder cannot be written, or a folder stands where the part is to be.
        """
        whole = {**self.common, **settings, "part": name, "revision": REVISION}
        text = json.dumps(whole, sort_keys=True)
        path = self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}.npz"
        arrays = self._read(path, text)
        if arrays is None:
            start = time.perf_counter()
            arrays = {key: np.asarray(value) for key, value in compute().items()}
            arrays[_SECONDS] = np.asarray(time.perf_counter() - start)
            self._write(path, {**arrays, _SETTINGS: np.asarray(text)})
        else:
            self.found.append(name)
        self.seconds[name] = float(arrays.pop(_SECONDS))
        return arrays

    def _read(self, path: Path, text: str) -> dict[str, NDArray[Any]] | None:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder, where a finished part is to be kept")
        if not path.exists():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}  # reading compares the checksums
            if str(arrays.pop(_SETTINGS)) != text:
                raise ValueError("it is of other settings")
            float(arrays[_SECONDS])
        # Damage shows as almost anything: the zip format's own errors, lengths, header syntax. Of
        # their texts some advise to unpickle the file, and none helps.
        except Exception as error:
            self.say(f"{path} is computed again, it cannot be used ({type(error).__name__})")
            return None
        return arrays

    def _write(self, path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with scratch.open("wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]  # stubs confuse the keywords
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
