# SPDX-License-Identifier: Apache-2.0
"""MNIST: found in ``$FASTNTK_DATA/mnist`` or the user's cache, else downloaded; always verified.

The checksums are those of the uncompressed bytes, because gzip files differ by compressor.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk.datasets.dataset import Dataset
from fastntk.datasets.idx import read_idx

if TYPE_CHECKING:
    from fastntk._progress import Progress

#: Environment variable naming the folder that holds ``mnist/``.
DATA_VARIABLE = "FASTNTK_DATA"
#: Where the files are fetched from, in the order tried; ``.gz`` is appended to their names.
URL_BASES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def mnist(split: str = "train", *, progress: Progress | None = None) -> Dataset:
    """Load the 60,000 training digits or the 10,000 test digits of MNIST.

    Parameters
    ----------
    split : {"train", "t10k"}
        Which of the two sets.
    progress : callable, optional
        Called as ``progress(stage, bytes_done, bytes_total)`` while a file is downloaded.

    Returns
    -------
    Dataset
        uint8 pixels with scale 1/255, and the labels.

    Raises
    ------
    ValueError
        A file that is damaged or is not MNIST's.
    FileNotFoundError
        No files here and no download: the message says where to put them.
    """
    names = (f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte")
    found = _find(names) or _fetch(names, progress)
    images, labels = (
        read_idx(path, sha256=_SHA256[name]) for name, path in zip(names, found, strict=True)
    )
    return Dataset(
        X=images.reshape(len(images), -1),
        y=labels.astype(np.int64),
        scale=1 / 255,
        name="MNIST" if split == "train" else "MNIST test",
        source=str(found[0].parent),
        image_shape=(28, 28),
    )


def cache_folder() -> Path | None:
    """Return the user's cache folder for MNIST, or None without pooch."""
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("fastntk")) / "mnist"


def search_folders() -> list[Path]:
    """Return the folders searched for MNIST, in order."""
    named = os.environ.get(DATA_VARIABLE)
    cache = cache_folder()
    return ([Path(named) / "mnist"] if named else []) + ([cache] if cache else [])


def _find(names: tuple[str, ...]) -> list[Path] | None:
    for folder in search_folders():
        found = [
            path
            for name in names
            for path in (folder / name, folder / f"{name}.gz")
            if path.is_file()
        ]
        # A folder counts only if it has both halves; plain wins over .gz when both are there.
        chosen = {path.name.removesuffix(".gz"): path for path in reversed(found)}
        if len(chosen) == len(names):
            return [chosen[name] for name in names]
    return None


def _fetch(names: tuple[str, ...], progress: Progress | None) -> list[Path]:
    cache = cache_folder()
    if cache is None:
        raise FileNotFoundError(
            _offline_help(names, 'downloading needs pooch: pip install "fastntk[app]"')
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Verified in a folder of its own and moved in one step: the cache holds whole files only.
        with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as scratch:
            fetched = [_download(f"{name}.gz", Path(scratch), progress) for name in names]
            for path in fetched:
                path.replace(cache / path.name)
        return [cache / path.name for path in fetched]
    except OSError as error:
        raise FileNotFoundError(_offline_help(names, str(error))) from error


def _download(file: str, folder: Path, progress: Progress | None) -> Path:
    """Fetch one file from the first address that delivers the right bytes."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    reasons = []
    for base in URL_BASES:
        bar = None if progress is None else _DownloadBar(f"downloading {file}", progress)
        try:
            path = Path(
                pooch.retrieve(
                    base + file,
                    known_hash=None,
                    fname=file,
                    path=folder,
                    downloader=pooch.HTTPDownloader(progressbar=bar or False, timeout=30),
                )
            )
            read_idx(path, sha256=_SHA256[file.removesuffix(".gz")])
            return path
        except (OSError, ValueError) as error:
            (folder / file).unlink(missing_ok=True)
            reasons.append(f"{base}: {type(error).__name__}: {str(error).splitlines()[0]}")
    raise ConnectionError("\n  ".join(reasons))


def _offline_help(names: tuple[str, ...], reason: str) -> str:
    folders = search_folders()
    searched = ", ".join(str(folder) for folder in folders) or "no folder"
    cache = next((f"into {folder}, or " for folder in folders[-1:]), "")
    return (
        f"MNIST is not on this machine (searched {searched}) and was not downloaded:\n"
        f"  {reason}\n"
        f"Without a network: fetch {' and '.join(f'{name}.gz' for name in names)} from "
        f"{URL_BASES[0]}\n"
        f"on another machine and put them, packed or unpacked, {cache}into DIR/mnist with "
        f"{DATA_VARIABLE}=DIR set."
    )


class _DownloadBar:
    """What pooch expects of a progress bar, passed on to a progress callable."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self.stage = stage
        self.progress = progress
        self.total = 0
        self.done = 0

    def update(self, size: int) -> None:
        self.done += size
        self.progress(self.stage, min(self.done, self.total), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self, *_: Any) -> None:
        """Nothing is held open."""
