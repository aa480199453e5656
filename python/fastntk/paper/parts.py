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

_SETTINGS, _SECONDS = "_settings", "_seconds"
# Hexadecimal digits of the settings' SHA-256 in a file's name; the file has the settings whole.
_DIGITS = 16


@dataclass
class Parts:
    """A folder of parts, each an ``.npz`` file named after what it is a part of and its settings.

    A part is found again only under exactly the settings it was computed with. It appears whole or
    not at all; one that cannot be read, or does not pass its checksums, is computed again.

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
            Everything it depends on, as JSON can hold it.
        compute : callable () -> dict of str to array
            Called if there is no such part.

        Raises
        ------
        OSError
            The folder cannot be written.
        """
        text = json.dumps({**self.common, **settings, "part": name}, sort_keys=True)
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
        if not path.exists():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}  # reading compares the checksums
            if str(arrays.pop(_SETTINGS)) != text:
                raise ValueError("it is of other settings")
            float(arrays[_SECONDS])
        # Damage shows as almost anything: the zip format's own errors, lengths, header syntax.
        except Exception as error:
            self.say(f"{path} is computed again, it cannot be used: {error}")
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
