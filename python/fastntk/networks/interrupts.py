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
    signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, own)
