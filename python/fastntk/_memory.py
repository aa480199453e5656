# SPDX-License-Identifier: Apache-2.0
"""Memory budgets: how many bytes may be used, and a refusal before anything is allocated.

A budget is a number of bytes. It limits what the library itself allocates (a stored Gram matrix,
the basis of an eigensolver, a block of new points), not what the caller already holds.
"""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from fastntk._arrays import HOST

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*")

# The other half stays for the caller's data, BLAS buffers and the page cache.
_DEFAULT_SHARE = 0.5
# Requests up to here are granted unasked: to ask the system takes 0.2 ms, often longer than to
# serve them.
UNASKED = 64 * 10**6
# Assumed where the system does not say what is available.
_FALLBACK_AVAILABLE = 4 * 2**30


def parse_bytes(size: int | str) -> int:
    """Return a size in bytes from a number or from text with a unit.

    Parameters
    ----------
    size : int or str
        Bytes, or for instance ``"8 GB"``, ``"512 MiB"``, ``"1.5gb"``. GB is 10^9 bytes, GiB 2^30.

    Returns
    -------
    int
        A positive number of bytes.

    Raises
    ------
    TypeError
        ``size`` is neither an integer nor text.
    ValueError
        The text is not a size, or the size is not positive.
    """
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError(
                f"memory must be a number of bytes or text like '8 GB' or '512 MiB', got {size!r}"
            )
        count = int(float(match[1]) * _UNITS[match[2].lower()])
    elif isinstance(size, bool):
        raise TypeError(f"memory must be an int or a str, got {size!r}")
    else:
        try:
            count = operator.index(size)
        except TypeError:
            raise TypeError(
                f"memory must be an int (bytes) or a str such as '8 GB', got {type(size).__name__}"
            ) from None
    if count <= 0:
        raise ValueError(f"memory must be positive, got {size!r}")
    return count


def format_bytes(count: int) -> str:
    """Return a byte count for people, in powers of ten: ``"7.20 GB"``.

    Parameters
    ----------
    count : int
        Number of bytes, not negative.

    Returns
    -------
    str
        Three significant digits and a unit.
    """
    if count < 1000:
        return f"{count} bytes"
    value, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {units[0]}"


def available_bytes(proc: str | Path = "/proc", cgroup: str | Path = "/sys/fs/cgroup") -> int:
    """Return the memory that this process can still take without swapping or being killed.

    The smaller of what the system has available and what the control groups of the process
    (version 1 or 2, every ancestor) leave; page cache that can be dropped counts as available.

    Parameters
    ----------
    proc, cgroup : path
        Where the two file systems are mounted.

    Returns
    -------
    int
        Bytes, at least 1.
    """
    limits = [_system_available(Path(proc))]
    limits += _cgroup_available(Path(proc), Path(cgroup))
    return max(1, min(limits))


def available_for(needed: int) -> int:
    """Return the bytes that a request may take.

    Parameters
    ----------
    needed : int
        Bytes of the request.

    Returns
    -------
    int
        `available_bytes`; for requests of up to 64 MB that number, without asking the system.
    """
    return UNASKED if needed <= UNASKED else available_bytes()


def budget_bytes(memory: int | str | None = None) -> int:
    """Return the budget that the public argument ``memory`` stands for.

    Parameters
    ----------
    memory : int, str or None
        As in `parse_bytes`; None is half of `available_bytes`.

    Returns
    -------
    int
        Bytes.
    """
    if memory is None:
        return max(1, int(available_bytes() * _DEFAULT_SHARE))
    return parse_bytes(memory)


@dataclass(frozen=True)
class Budget:
    """A budget, part of which an operator already holds.

    Attributes
    ----------
    total, held : int
        Bytes.
    place : str
        The device, as in "cuda:0", whose memory this is; "cpu" for the host's.
    """

    total: int
    held: int = 0
    place: str = HOST

    @property
    def left(self) -> int:
        """Bytes that can still be taken, not negative."""
        return max(0, self.total - self.held)

    def holding(self, more: int) -> Budget:
        """Return the budget of which ``more`` bytes are held too."""
        return replace(self, held=self.held + more)

    def require(self, needed: int, what: str, *details: object) -> None:
        """Refuse an allocation that does not fit, before it is made.

        Parameters
        ----------
        needed : int
            Bytes.
        what : str
            What the bytes are for; starts the message.
        *details : object
            What ``what`` is formatted with, which takes longer than a small request itself.

        Raises
        ------
        MemoryError
            ``needed > left``; the message gives all sizes.
        """
        if needed <= self.left:
            return
        total = f"{format_bytes(self.total)} ({self.total} bytes)"
        what = what.format(*details) if details else what
        raise MemoryError(
            f"{what} needs {format_bytes(needed)} ({needed} bytes), "
            + (
                f"of the memory budget of {total}{self._on} the operator holds "
                f"{format_bytes(self.held)}"
                if self.held
                else f"the memory budget{self._on} is {total}"
            )
            + self.hint
        )

    @property
    def hint(self) -> str:
        """What to do where a GPU has too little memory."""
        if self.place == HOST:
            return ""
        return "; take blocks of rows, storage='lazy', dtype='float32' or device='cpu'"

    @property
    def _on(self) -> str:
        return "" if self.place == HOST else f" on {self.place}"


def _system_available(proc: Path) -> int:
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _FALLBACK_AVAILABLE


def _cgroup_available(proc: Path, cgroup: Path) -> list[int]:
    """Bytes left in each memory-limited control group above the process."""
    left = []
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = cgroup, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = cgroup / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may name a group of the host that is not visible here; its
        # visible ancestors, down to the mount itself, still hold the container's limit.
        group = root / path.strip("/")
        for folder in (group, *group.parents):
            limit, used = _number(folder / names[0]), _number(folder / names[1])
            if limit is not None and used is not None:
                left.append(limit - used + _statistic(folder / "memory.stat", names[2]))
            if folder == root:
                break
    return left


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """Return the integer in a file; None where there is none ("max", or no such file)."""
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def _statistic(path: Path, name: str) -> int:
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
