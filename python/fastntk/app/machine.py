# SPDX-License-Identifier: Apache-2.0
"""Facts about this machine and installation, for ``fastntk info`` and for result files."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import fastntk
from fastntk._backend import CPU, cuda_facts
from fastntk._memory import available_bytes
from fastntk.datasets.mnist import DATA_VARIABLE, search_folders

_PACKAGES = ("numpy", "scipy", "scikit-learn", "typer", "rich", "matplotlib", "pooch")
# CuPy's name has that of the CUDA version it was built for; built from source it has none.
_CUPY = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


def facts() -> dict[str, dict[str, Any]]:
    """Return everything ``fastntk info`` shows, group by group."""
    data = {
        f"${DATA_VARIABLE}": os.environ.get(DATA_VARIABLE, "not set"),
        "searched for MNIST": [str(folder) for folder in search_folders()],
    }
    return {
        "versions": versions(),
        "processor": processor(),
        "memory": memory(),
        "gpu": cuda_facts(),
        "data": data,
    }


def versions() -> dict[str, str | None]:
    """Return the versions of fastntk, Python and the packages used; None if not installed."""
    found: dict[str, str | None] = {
        "fastntk": fastntk.__version__,
        "python": platform.python_version(),
    }
    found |= {package: _version(package) for package in _PACKAGES}
    return found | {"cupy": next(filter(None, map(_version, _CUPY)), None)}


def processor() -> dict[str, Any]:
    """Return the processor's name, CPUs, threads and instruction sets."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpu = CPU.native
    facts = {"name": _processor_name(), "machine": platform.machine(), "usable CPUs": usable}
    try:
        selected = cpu.selected_isa()
    except ValueError as error:
        selected = str(error)
    return facts | {
        "threads by default": cpu.default_threads(),
        "instruction sets built": cpu.isa_names(),
        "instruction sets here": cpu.isa_supported(),
        "instruction set used": selected,
    }


def memory() -> dict[str, int | None]:
    """Return bytes of memory: total, available to this process, and its peak so far."""
    try:
        total: int | None = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        total = None
    return {"total": total, "available": available_bytes(), "peak": peak_memory()}


def peak_memory() -> int | None:
    """Return the most bytes that were resident at any time in this process."""
    # ru_maxrss starts at the parent's size after a fork and exec; VmHWM does not.
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, UnicodeError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, UnicodeError):
        pass
    return platform.processor() or platform.machine()
