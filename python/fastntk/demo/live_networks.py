# SPDX-License-Identifier: Apache-2.0
"""Finite networks that are trained on a state's points while the page is used."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastntk._stops import DivergenceError
from fastntk.demo.network_training import MOST_PARAMETERS, Snapshot, parameters, trained
from fastntk.demo.regression import evaluation_grid
from fastntk.demo.state import DemoState

Array = NDArray[np.float64]

# Courses that are kept, of at most 20 networks and some 150 snapshots: 6 MB each.
_KEPT = 8
# Seconds: without another change before a training begins, between two calls of on_change, and
# without work before the thread ends.
_SETTLED, _TOLD, _IDLE = 0.1, 0.1, 5.0


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


class Status(NamedTuple):
    """How far networks are, and a sentence about it for the user.

    Attributes
    ----------
    stage : {"off", "training", "done", "failed"}
        "done" where there is nothing more to learn, or at the end of what is trained live; "failed"
        where they cannot be trained, for the reason in the sentence.
    reached : float
        The latest time that there is a snapshot of.
    text : str
        Plain text, not HTML; "" where there is nothing to say.
    """

    stage: str
    reached: float
    text: str


class _Cancelled(Exception):
    """Another state's networks are wanted."""


@dataclass
class _Course:
    """The training of one state: tuples that are replaced, never changed."""

    state: DemoState
    snapshots: tuple[Snapshot, ...] = ()
    failure: str = ""

    @property
    def ended(self) -> bool:
        return bool(self.failure or (self.snapshots and self.snapshots[-1].end))


class LiveNetworks:
    """The networks of one page, trained by at most one thread in the background.

    Parameters
    ----------
    on_change : callable, optional
        Called without arguments, in the background thread, whenever there are new snapshots or
        another status, about ten times a second at most. It must return soon, raise nothing, and
        hand over to the page's own thread.

    Notes
    -----
    All methods return at once. A training that is no longer wanted stops within a step of descent
    or a tenth of a second; a thread without work ends by itself.
    """

    def __init__(self, on_change: Callable[[], None] | None = None) -> None:
        self._on_change = on_change
        self._changed = threading.Condition()
        # All of these are read and written under the condition's lock.
        self._wanted: _Course | None = None
        self._kept: OrderedDict[DemoState, _Course] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    def show(self, state: DemoState) -> None:
        """Train the networks of a state, instead of those before.

        A state that differs from the last one in t or in the band has the same networks, and their
        training goes on; one with ``networks`` False stops it. Without points they are shown as
        they are drawn. Networks whose training has ended are there again at once when their state
        comes back.
        """
        with self._changed:
            if self._closed:
                return
            before = self._wanted
            if not state.networks:
                self._wanted = None
            elif self._wanted is None or self._wanted.state != _key(state):
                self._wanted = self._kept.get(_key(state)) or _begun(_key(state))
            if self._wanted is not None and not self._wanted.ended and self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="fastntk demo networks", daemon=True
                )
                self._thread.start()
            if self._wanted is not before:  # or moving the time would put off a beginning
                self._changed.notify_all()

    def curves(self, state: DemoState) -> NetworkCurves | None:
        """Return the snapshot for a state's time; None where there is none by now."""
        with self._changed:
            course = self._wanted
        if course is None or course.state != _key(state) or not course.snapshots:
            return None
        nearest = _nearest(course.snapshots, state.t)
        return NetworkCurves(evaluation_grid(state), nearest.outputs, nearest.t)

    def status(self) -> Status:
        """Return how far the networks of the last state are."""
        with self._changed:
            course = self._wanted
        if course is None:
            return Status("off", 0.0, "")
        reached = course.snapshots[-1].t if course.snapshots else 0.0
        if course.failure:
            return Status("failed", reached, course.failure)
        several = f"{course.state.count} networks of width {course.state.width}"
        end = course.snapshots[-1].end if course.snapshots else ""
        if end == "nothing":
            text = f"{several}, as they are drawn: there is nothing that they could learn."
        elif end == "learnt":
            text = (
                f"{several} have learnt the points: after t = {reached:.3g} they stay as they are."
            )
        elif end:
            text = f"{several} were trained until t = {reached:.3g}, where live training ends."
        else:
            text = f"{several} are being trained: t = {reached:.3g} by now."
        return Status("done" if end else "training", reached, text)

    def close(self) -> None:
        """Stop for good, the page being gone; later calls do nothing."""
        with self._changed:
            self._closed, self._wanted = True, None
            self._kept.clear()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the thread of closed networks has ended, a number of seconds at most."""
        with self._changed:
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _work(self) -> None:
        """Train what is wanted until there has been nothing for some time."""
        try:
            while (course := self._next()) is not None:
                try:
                    self._train(course)
                except _Cancelled:
                    continue
                except Exception as error:  # the thread has no other way to tell the user
                    course.failure = _sentence(error)
                self._keep(course)
                self._tell()
        finally:
            with self._changed:
                if self._thread is threading.current_thread():  # on_change raised
                    self._thread = None

    def _next(self) -> _Course | None:
        """Return a course to train once the state stays as it is; None: the thread has to end."""
        with self._changed:
            idle = time.monotonic() + _IDLE
            while not self._closed:
                course = self._wanted
                if course is None or course.ended:
                    left = idle - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)
                elif not self._changed.wait(_SETTLED) and course is self._wanted:
                    return course
            self._thread = None
            return None

    def _train(self, course: _Course) -> None:
        course.snapshots = ()
        told = 0.0

        def progress(stage: str, done: int, total: int) -> None:
            if course is not self._wanted:
                raise _Cancelled

        for snapshot in trained(course.state, progress):
            progress("", 0, 0)
            course.snapshots = (*course.snapshots, snapshot)
            if not snapshot.end and time.monotonic() - told >= _TOLD:
                told = time.monotonic()
                self._tell()

    def _keep(self, course: _Course) -> None:
        with self._changed:
            if not self._closed:
                self._kept[course.state] = course
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)

    def _tell(self) -> None:
        if self._on_change is not None and not self._closed:
            self._on_change()


def _key(state: DemoState) -> DemoState:
    """Return a state without what its networks do not depend on."""
    return replace(state, t=0.0, band="trained", networks=True)


def _begun(state: DemoState) -> _Course:
    count = parameters(state)
    if count <= MOST_PARAMETERS:
        return _Course(state)
    return _Course(
        state,
        failure=f"These networks have {count / 1e6:.0f} million parameters, and at most "
        f"{MOST_PARAMETERS / 1e6:.0f} million are trained live: choose fewer, narrower or "
        "shallower ones.",
    )


def _nearest(snapshots: tuple[Snapshot, ...], t: float) -> Snapshot:
    """Return the snapshot nearest to a time: by ratios, and linearly before the first step."""
    if t >= snapshots[-1].t:
        return snapshots[-1]
    unit = snapshots[1].t
    return min(snapshots, key=lambda one: abs(math.log((one.t + unit) / (t + unit))))


def _sentence(error: Exception) -> str:
    if isinstance(error, DivergenceError):
        return (
            f"Training diverged after t = {error.run.reached:.3g}: such networks are too far from "
            "infinite width. Choose wider or shallower ones, or smaller weights."
        )
    return f"The networks could not be trained: {error}"
