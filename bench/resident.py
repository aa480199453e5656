# SPDX-License-Identifier: Apache-2.0
"""Resident memory of this process, and its high-water mark.  Imports nothing of the package."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import resource

_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # written to clear_refs, sets the high-water mark back to the present size


def growth(work: Callable[[], Any]) -> tuple[int, Any]:
    """Return the bytes by which `work` grows this process at most, and its result."""
    # Where that is refused the mark may include the loading of the data, small beside any kernel.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before = _bytes_of("VmRSS")
    result = work()
    return max(0, peak_bytes() - before), result


def peak_bytes() -> int:
    """Return the most that this process has held, or has held since `growth` began."""
    return _bytes_of("VmHWM")


def _bytes_of(field: str) -> int:
    """Return VmRSS or VmHWM of this process in bytes."""
    if not _STATUS.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no {field}")
