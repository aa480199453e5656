# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one contestant: one set-up and one call in a fresh process.

A fresh process, because a forked child, and the ``ru_maxrss`` of an executed one, start from the
parent's high-water mark.  The figure is the growth over what the inputs and the libraries hold: the
result, what the set-up stores, and every temporary.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench import cases, data
from bench.contestants import contestants

if sys.platform != "win32":
    import resource

_ROOT = Path(__file__).resolve().parents[1]
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # written to clear_refs, sets the high-water mark back to the present size


def peak_bytes(case: cases.Case, contestant: str, images: Path, *, quick: bool) -> int:
    """Return the bytes by which `contestant` grows a process, measured in a child."""
    command = [sys.executable, "-m", "bench.memory", case.name, contestant, str(images)]
    done = subprocess.run(
        command + ["--quick"] * quick, cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"memory of {contestant} in {case.name} not measured:\n{done.stderr}")
    return int(json.loads(done.stdout)["peak_bytes"])


def _resident(field: str) -> int:
    """Return VmRSS or VmHWM of this process in bytes."""
    if not _STATUS.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no {field}")


def _reset_peak() -> None:
    # Where that is refused the mark may include the loading of the images, small beside any kernel.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def main() -> None:
    """Run one contestant once and print its peak as JSON: the child's side of `peak_bytes`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("contestant")
    parser.add_argument("images")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    case = cases.find(args.case)
    if args.quick:
        case = case.quick()
    problem = data.problem(case, np.load(args.images))
    chosen = next(c for c in contestants(case, problem) if c.name == args.contestant)
    _reset_peak()
    before = _resident("VmRSS")
    run = chosen.setup()
    result = run()
    print(json.dumps({"peak_bytes": max(0, _resident("VmHWM") - before), "shape": result.shape}))


if __name__ == "__main__":
    main()
