# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on: processor, memory, versions, commit, command."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from fastntk import _cpu

_ROOT = Path(__file__).resolve().parents[1]
_ISA = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
        "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "sve")  # fmt: skip
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTNTK_ISA")


def describe() -> dict[str, object]:
    """Return everything that the figures depend on, ready for JSON."""
    return {
        "cpu": _cpu_model(),
        "cpu_features": _cpu_features(),
        "cores": cores(),
        "isa": _cpu.selected_isa(),
        "memory_bytes": _memory_bytes(),
        "load_average": _load(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("fastntk", "numpy", "scipy")},
        "blas": _blas(),
        "environment": {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ},
        "commit": commit(),
        "command": " ".join(["python", "-m", _module(), *map(_without_folders, sys.argv[1:])]),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def cores() -> int:
    """Return the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str:
    """Return the short commit, "-dirty" added where tracked files differ, or "unknown"."""
    head = _git("rev-parse", "--short=10", "HEAD")
    if not head:
        return "unknown"
    return head + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _module() -> str:
    """Return the name that `python -m` was given; "bench" where it was started in another way."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else ""
    return name if name.split(".")[0] == "bench" else "bench"


def _without_folders(argument: str) -> str:
    """Return an argument of the command; of a path its name alone, as records are published."""
    return Path(argument).name if os.sep in argument else argument


def _git(*args: str) -> str:
    try:
        command = ("git", *args)
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    found = re.search(rf"^{field}\s*:\s*(.+)$", path.read_text(), re.MULTILINE)
    return found.group(1).strip() if found else ""


def _cpu_model() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpu_features() -> list[str]:
    present = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return [name for name in _ISA if name in present]


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _blas() -> str:
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
