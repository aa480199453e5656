# SPDX-License-Identifier: Apache-2.0
"""``load_split``: a data set in two parts, to train on and to test on."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastntk import _validate
from fastntk.datasets.catalog import companion, load
from fastntk.datasets.dataset import Dataset, checked_subset

if TYPE_CHECKING:
    from fastntk._progress import Progress

# Share of the rows held out for tests where the data bring no test part.
_HELD_OUT = 0.2


class Split(NamedTuple):
    """Samples to train on and samples to test on, in the same coordinates."""

    train: Dataset
    test: Dataset


def load_split(
    name_or_path: str | os.PathLike[str] = "digits",
    test: str | os.PathLike[str] | None = None,
    *,
    samples: int | None = None,
    seed: int = 0,
    normalize: str = "none",
    scale: float | None = None,
    dtype: str | None = None,
    progress: Progress | None = None,
) -> Split:
    """Load labelled samples to train on and others to test on.

    Parameters
    ----------
    name_or_path : str or path
        As in `load`.
    test : str or path, optional
        Another data set to test on. By default the test part that the data bring along ("mnist",
        ``.npz`` files with ``x_test`` and ``y_test``, IDX files called "train-..."), else a fifth
        of the rows, drawn by ``seed`` and taken away from the training rows.
    samples : int, optional
        Keep a random subset of this many training rows. The test rows stay the same.
    seed : int
        Seed of both draws.
    normalize, scale, dtype, progress
        As in `load`; "center" takes the mean image of the training rows from both parts.

    Returns
    -------
    Split
        ``train`` and ``test``.

    Raises
    ------
    FileNotFoundError, TypeError
        As in `load`.
    ValueError
        As in `load`; or no labels, or parts with different numbers of columns or scales.

    Examples
    --------
    >>> import fastntk as fn
    >>> train, test = fn.datasets.load_split("digits", seed=0)
    >>> len(train), len(test)
    (1438, 359)
    """
    seed = _validate.integer(seed, "seed", at_least=0)
    if samples is not None:
        samples, _ = checked_subset(samples, seed)
    train = load(name_or_path, scale=scale, progress=progress)
    other = load(test, progress=progress) if test is not None else companion(name_or_path, progress)
    if other is None:
        train, other = _held_out(train, seed)
    elif scale is not None:
        other = replace(other, scale=train.scale)
    _require_alike(train, other)
    if samples is not None:
        train = train.subset(samples, seed)
    train = train.normalized(normalize, dtype)
    return Split(train, other.normalized(normalize, dtype, train.mean))


def _held_out(data: Dataset, seed: int) -> Split:
    count = round(_HELD_OUT * len(data))
    if count == 0:
        raise ValueError(
            f"{data.name} has {len(data)} rows, too few to hold some out: give test data"
        )
    order = np.random.default_rng(seed).permutation(len(data))
    return Split(data.take(np.sort(order[count:])), data.take(np.sort(order[:count])))


def _require_alike(train: Dataset, test: Dataset) -> None:
    for part in (train, test):
        if part.y is None:
            raise ValueError(
                f"{part.name} has no labels: expected an .npz file with X and y, or an IDX file of "
                "images with its labels beside it"
            )
    _validate.same_columns(test.X, train.X, f"the test data {test.name}", train.name)
    if test.scale != train.scale:
        raise ValueError(
            f"training and test data must have one scale, got {train.scale:g} for {train.X.dtype} "
            f"and {test.scale:g} for {test.X.dtype}: store both alike, or give scale"
        )
