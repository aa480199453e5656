# SPDX-License-Identifier: Apache-2.0
"""What a training is of: settings, parts of the data, noise in the labels, times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk.app.targets import Targets, targets_of

if TYPE_CHECKING:
    from fastntk.datasets import Dataset, Split


@dataclass(frozen=True)
class DynamicsSettings:
    """Everything that decides the result, in the words of the command line."""

    kernel: str
    components: int | None
    times: str | None
    tol: float
    holdout: float
    label_noise: float
    storage: str
    dtype: str | None
    memory: str | None
    threads: int | None
    device: str
    seed: int
    samples: int | None
    test_data: str | None
    targets: str
    normalize: str
    scale: float | None


@dataclass(frozen=True)
class Problem:
    """Rows to train on, rows held out to stop by (none where there are none), rows to test on."""

    fit: Dataset
    held: Dataset | None
    test: Dataset
    targets: Targets  # y_train belongs to ``fit``
    y_held: NDArray[Any]
    noisy: int  # training labels, held-out ones included, that are drawn at random


def prepared(split: Split, settings: DynamicsSettings) -> Problem:
    """Return the parts of the data, with label noise in the training rows.

    Label noise gives that share of the training rows the labels of rows drawn at random: all of
    them where it is 1. The held-out rows are taken from the training rows after that.

    Raises
    ------
    ValueError
        Labels that are no targets, or nothing left of a part.
    """
    rng = np.random.default_rng(settings.seed)
    n = len(split.train)
    labels, noisy = np.array(split.train.y), round(settings.label_noise * n)
    labels[rng.permutation(n)[:noisy]] = labels[rng.integers(0, n, noisy)]
    train = replace(split.train, y=labels)
    targets = targets_of(split._replace(train=train), settings.targets)
    count = round(settings.holdout * n)
    if settings.holdout > 0 and not 0 < count < n:
        raise ValueError(
            f"--holdout {settings.holdout:g} of {n} training rows leaves a part without rows"
        )
    order = rng.permutation(n)
    held, fit = np.sort(order[:count]), np.sort(order[count:])
    return Problem(
        fit=train.take(fit),
        held=train.take(held) if count else None,
        test=split.test,
        targets=replace(targets, y_train=targets.y_train[fit]),
        y_held=targets.y_train[held],
        noisy=noisy,
    )


def parsed_times(text: str) -> NDArray[np.float64]:
    """Return times from text: numbers, "inf", and FIRST:LAST:COUNT for a logarithmic row of them.

    Raises
    ------
    ValueError
        Text that is none of these, a negative time, or a row that does not ascend from above 0.
    """
    times: list[float] = []
    for part in text.split(","):
        try:
            ends = [float(number) for number in part.split(":")]
        except ValueError:
            ends = []
        if len(ends) == 1 and ends[0] >= 0:
            times += ends
        elif len(ends) == 3 and 0 < ends[0] < ends[1] < np.inf and ends[2] in range(2, 100_001):
            times += np.geomspace(ends[0], ends[1], int(ends[2])).tolist()
        else:
            raise ValueError(
                "--times must be non-negative numbers, inf, or FIRST:LAST:COUNT, separated by "
                f"commas, got {part!r}"
            )
    return np.unique(times)
