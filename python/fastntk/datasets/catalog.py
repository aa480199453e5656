# SPDX-License-Identifier: Apache-2.0
"""``load``: a data set by name, or by file, whose kind is recognised by its first bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _validate
from fastntk.datasets.arrays import read_npy, read_npz, read_npz_test
from fastntk.datasets.dataset import NORMALIZATIONS, Dataset, checked_subset
from fastntk.datasets.idx import read_idx
from fastntk.datasets.mnist import mnist

if TYPE_CHECKING:
    from fastntk._progress import Progress


def load(
    name_or_path: str | os.PathLike[str] = "digits",
    *,
    samples: int | None = None,
    seed: int | None = None,
    normalize: str = "none",
    scale: float | None = None,
    dtype: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name_or_path : str or path
        "digits" (scikit-learn's 1,797 digits of 8 x 8 pixels, no download), "mnist" (60,000
        training digits), "mnist-test" (10,000), or a file: ``.npy`` (X), ``.npz`` (keys ``X`` and
        ``y``, ``X_train`` and ``y_train``, ``x`` and ``y``, else the first array) or IDX, plain or
        gzip (labels come from the "labels" file beside an "images" file). Samples with more than
        one axis are images; their pixels become columns.
    samples : int, optional
        Keep a random subset of this many rows, without replacement.
    seed : int, optional
        Seed of the subset.
    normalize : {"none", "center", "sphere"}
        "none" leaves the stored values, with ``scale`` beside them. "center" scales and subtracts
        the mean image of the rows kept. "sphere" gives each row the norm ``sqrt(d)``.
    scale : float, optional
        Factor of the stored values, > 0. Default: 1/16 for digits, 1/255 for other uint8 data,
        else 1.
    dtype : {"float32", "float64"}, optional
        Type of normalised rows. Default: float32 for uint8 and float32 data, else float64.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` during a download.

    Returns
    -------
    Dataset
        ``X`` (n, d), ``y`` (n,) or None, ``scale``, ``name``, ``image_shape``.

    Raises
    ------
    FileNotFoundError
        Neither a known name nor a file; or MNIST that is not here and cannot be downloaded.
    TypeError
        An argument of the wrong type.
    ValueError
        A damaged file, values that are not finite, X and y that do not belong together, or an
        argument out of range.

    Notes
    -----
    The environment variable ``FASTNTK_DATA`` names a folder that holds ``mnist/``.

    Examples
    --------
    >>> import fastntk as fn
    >>> data = fn.datasets.load("digits", samples=100, seed=0)
    >>> data.X.shape, data.X.dtype, data.scale
    ((100, 64), dtype('uint8'), 0.0625)
    """
    if normalize not in NORMALIZATIONS:
        raise ValueError(f"normalize must be one of {', '.join(NORMALIZATIONS)}, got {normalize!r}")
    if samples is not None:
        samples, seed = checked_subset(samples, seed)
    if dtype is not None:
        _validate.result_dtype(dtype)
    factor = None if scale is None else _validate.positive(scale, "scale")
    text = os.fspath(name_or_path)
    data = _NAMED[text](progress) if text in _NAMED else _from_file(Path(text))
    if factor is not None:
        data = replace(data, scale=factor)
    if samples is not None:
        data = data.subset(samples, seed)
    return data.normalized(normalize, dtype)


def _digits(_: Progress | None) -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'the digits come with scikit-learn: pip install "fastntk[app]"'
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    return Dataset(
        X=pixels.astype(np.uint8),
        y=labels.astype(np.int64),
        scale=1 / 16,
        name="digits",
        source="scikit-learn",
        image_shape=(8, 8),
    )


_NAMED: dict[str, Callable[[Progress | None], Dataset]] = {
    "digits": _digits,
    "mnist": lambda progress: mnist("train", progress=progress),
    "mnist-test": lambda progress: mnist("t10k", progress=progress),
}

#: Data sets that have a name; anything else is a file.
NAMES = tuple(_NAMED)


def companion(
    name_or_path: str | os.PathLike[str], progress: Progress | None = None
) -> Dataset | None:
    """Return the samples that a data set brings along for tests, or None.

    "mnist" has "mnist-test", an ``.npz`` file its ``X_test`` (or ``x_test``) and ``y_test``, and an
    IDX file of images called "train-..." the one called "t10k-..." beside it.
    """
    text = os.fspath(name_or_path)
    if text in _NAMED:
        return mnist("t10k", progress=progress) if text == "mnist" else None
    path = Path(text)
    beside = path.with_name(path.name.replace("train-images", "t10k-images"))
    if beside != path and beside.is_file():
        return _from_file(beside)
    with path.open("rb") as stream:
        archive = stream.read(2) == b"PK"
    found = read_npz_test(path) if archive else None
    return None if found is None else _checked(*found, path)


def _from_file(path: Path) -> Dataset:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is neither a file nor a known name"
        raise FileNotFoundError(
            f"data {str(path)!r} {what}: expected {', '.join(NAMES)}, "
            "or an .npy, .npz or IDX file (IDX may be gzip-compressed)"
        )
    with path.open("rb") as stream:
        start = stream.read(6)
    y: NDArray[Any] | None = None
    if start == b"\x93NUMPY":
        X = read_npy(path)
    elif start[:2] == b"PK":
        X, y = read_npz(path)
    elif start[:2] in {b"\x1f\x8b", b"\0\0"}:
        X, y = read_idx(path), _idx_labels(path)
    else:
        raise ValueError(
            f"{path}: expected an .npy, .npz or IDX file, "
            + (f"its first bytes are {start.hex(' ')}" if start else "it is empty")
        )
    return _checked(X, y, path)


def _idx_labels(images: Path) -> NDArray[Any] | None:
    """Read the labels beside an IDX file of images, if its name says where they are."""
    if "images" not in images.name:
        return None
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [images.with_name(name) for name in (stem, f"{stem}.gz")]
    return next((read_idx(path) for path in beside if path.is_file()), None)


def _checked(X: NDArray[Any], y: NDArray[Any] | None, path: Path) -> Dataset:
    if X.dtype.kind not in "buif":
        raise ValueError(f"{path}: X must hold real numbers, got dtype {X.dtype}")
    if X.ndim < 2 or 0 in X.shape:
        raise ValueError(
            f"{path}: X must be (samples, features) and not empty, got shape {X.shape}"
        )
    if y is not None:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1 or len(y) != len(X):
            raise ValueError(
                f"{path}: {len(X)} samples need as many labels, got labels of shape {y.shape}"
            )
    try:
        values = _validate.samples(X.reshape(len(X), -1))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error  # the file is at fault, not an argument
    return Dataset(
        X=values,
        y=y,
        scale=1 / 255 if X.dtype == np.uint8 else 1.0,
        name=path.name,
        source=str(path),
        image_shape=X.shape[1:] if X.ndim == 3 else None,
    )
