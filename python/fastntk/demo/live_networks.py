# SPDX-License-Identifier: Apache-2.0
"""Finite networks that are trained on a state's points while the page is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastntk.demo.state import DemoState

Array = NDArray[np.float64]


# Arrays have no single truth value: results are compared by identity.
@dataclass(frozen=True, eq=False)
class NetworkCurves:
    """What finite networks compute at a time.

    Attributes
    ----------
    x : ndarray of shape (M,)
        Ascending, as of `fastntk.demo.regression.curves` for the same state.
    outputs : ndarray of shape (count, M)
        A curve of each network.
    t : float
        Their time: of the snapshot nearest to the one asked for, among those there are by now.
    """

    x: Array
    outputs: Array
    t: float


@dataclass(frozen=True)
class Status:
    """How far the networks are, and a sentence about it for the user.

    Attributes
    ----------
    stage : {"off", "training", "done", "failed"}
        "done" at the time that was asked for, or where nothing more is to be learnt, or at the end
        of what is trained live; "failed" after an error, which the sentence says.
    reached : float
        The latest time there is a snapshot of.
    text : str
        Plain text, not HTML; "" where there is nothing to say.
    """

    stage: str
    reached: float
    text: str


class LiveNetworks:
    """The networks of one page, trained by one thread in the background.

    Parameters
    ----------
    on_change : callable, optional
        Called without arguments, in the background thread, whenever there are new snapshots or
        another status, about ten times a second at most. It must return soon, and hand over to the
        page's own thread.
    """

    def __init__(self, on_change: Callable[[], None] | None = None) -> None:
        self._on_change = on_change

    def show(self, state: DemoState) -> None:
        """Train the networks of a state, instead of those before; returns at once.

        A state that differs from the last one in t or in the band goes on with the same networks;
        one with ``networks`` False, or without points, stops them. Networks of some states before
        are kept, and are there again at once.
        """

    def curves(self, state: DemoState) -> NetworkCurves | None:
        """Return the snapshot for a state's time; None where there is none by now."""
        return None

    def status(self) -> Status:
        """Return how far the networks of the last state are."""
        return Status("off", 0.0, "")

    def close(self) -> None:
        """Stop the thread for good: the page is gone. Later calls do nothing."""
