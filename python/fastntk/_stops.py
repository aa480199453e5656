# SPDX-License-Identifier: Apache-2.0
"""What ends a training early: Ctrl-C, which waits for a whole step, and divergence."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C instead of raising KeyboardInterrupt wherever the program is.

    Yields
    ------
    callable () -> bool
        Whether Ctrl-C was pressed.

    Notes
    -----
    The first Ctrl-C is noted; a second one raises KeyboardInterrupt at once, wherever that is.
    Python raises KeyboardInterrupt in the main thread only, and only by its own handler: elsewhere,
    and where the program has another handler, nothing is changed.
    """
    own = signal.default_int_handler
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not own
    ):
        yield lambda: False
        return
    pressed = threading.Event()

    def note(*_: object) -> None:
        # The next one stops the program, whatever a step is waiting for.
        signal.signal(signal.SIGINT, own)
        pressed.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, own)


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped a training between two steps.

    Attributes
    ----------
    run : Run or DescentRecord
        Up to the last whole step: given back to what was interrupted, it goes on from there.
    """

    def __init__(self, message: str, run: Any) -> None:
        super().__init__(message)
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.run)


class DivergenceError(ArithmeticError):
    """Outputs, cost or direction of a training are not finite, or no step of a flow small enough.

    Attributes
    ----------
    step : int
        The first step, from 0, whose outputs are not finite; steps of the call.
    run : Run or DescentRecord
        Up to the step before.
    suggested_learning_rate : float or None
        Below which least squares decrease; see `FiniteNetwork.train` and `KernelDescent.steps`.
    """

    def __init__(
        self, message: str, step: int, run: Any, suggested_learning_rate: float | None
    ) -> None:
        super().__init__(message)
        self.step, self.run = step, run
        self.suggested_learning_rate = suggested_learning_rate

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.step, self.run, self.suggested_learning_rate)
