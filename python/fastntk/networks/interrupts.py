# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C that waits for a whole step."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


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
