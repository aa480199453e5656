# SPDX-License-Identifier: Apache-2.0
"""The one face of everything that competes in a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Run = Callable[[], Any]  # an array, or for kernel PCA the fitted estimator


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Contestant:
    """One way to compute the answer of a case."""

    name: str
    is_product: bool
    setup: Callable[[], Run]  # what is not timed: networks, operators, buffers, processes
    close: Callable[[], None] = _nothing  # gives back what the set-up holds beside memory
    version: str = ""  # of a library in another interpreter
    weigh: Callable[[], int] | None = None  # its peak memory; None: as memory.py does it
