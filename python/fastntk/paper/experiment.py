# SPDX-License-Identifier: Apache-2.0
"""What an experiment is, and what it gives: numbers, the paper's claims, checks of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk._progress import Progress
    from fastntk.paper.parts import Parts


@dataclass(frozen=True)
class Claim:
    """What the paper says of an experiment, and what we get.

    A claim that does not hold is a finding, not a failure.

    Parameters
    ----------
    text : str
        The subject, in a few words.
    paper : str
        What the paper says.
    found : str
        What we get, with its spread over seeds where there is one.
    holds : bool or None
        Whether both agree; None where that is not for numbers to decide.
    """

    text: str
    paper: str
    found: str
    holds: bool | None

    def __post_init__(self) -> None:
        if self.holds is not None:
            object.__setattr__(self, "holds", bool(self.holds))  # NumPy's is not one for JSON


@dataclass(frozen=True)
class Check:
    """What must be true of a run that is sound: an identity, or a law with a wide margin.

    Parameters
    ----------
    text : str
        What is compared.
    error : float
        How far off it is.
    bound : float
        How far off it may be.
    """

    text: str
    error: float
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the error is within the bound; NaN is not."""
        return bool(self.error <= self.bound)


@dataclass(frozen=True)
class Outcome:
    """What a run of an experiment gives.

    Parameters
    ----------
    name, title : str
        Of the experiment.
    arrays : dict of str to ndarray
        Everything that the figure shows, and more; all of it finite in a sound run.
    claims : list of Claim
        The paper's.
    settings : dict
        Of this run: what JSON can hold.
    checks : list of Check
        Of the run itself.
    notes : list of str
        Readings of what the paper leaves open, a sentence each.
    """

    name: str
    title: str
    arrays: dict[str, Any]
    claims: list[Claim]
    settings: dict[str, Any]
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What shows that the run itself is broken, a line each; empty if it is sound."""
        lines = [
            f"{name} has values that are not finite"
            for name, array in self.arrays.items()
            if np.asarray(array).dtype.kind in "fc" and not np.isfinite(array).all()
        ]
        return lines + [
            f"{check.text}: off by {check.error:.3g}, at most {check.bound:.3g} expected"
            for check in self.checks
            if not check.holds
        ]


class Runs(Protocol):
    """How an experiment is run."""

    def __call__(
        self, *, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str
    ) -> Outcome:
        """Compute everything.

        Parameters
        ----------
        quick : bool
            Whether in less than a minute, with less than the paper's settings.
        seed : int
            Of the networks and of what else is random.
        parts : Parts
            Keeps what is finished.
        progress : callable or None
            Told (stage, done, total), see `fastntk._progress.Progress`.
        device : str
            Where networks and kernels compute.
        """


@dataclass(frozen=True)
class Experiment:
    """An experiment by name.

    Parameters
    ----------
    name : str
        As on the command line.
    title : str
        One line.
    run : callable
        See `Runs`.
    draw : callable (Outcome) -> matplotlib Figure
        Computes nothing.
    memory : callable (quick) -> int
        Bytes that the run allocates at most, roughly.
    """

    name: str
    title: str
    run: Runs
    draw: Callable[[Outcome], Figure]
    memory: Callable[[bool], int]
