# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one contestant: one set-up and one call in a fresh process.

A fresh process, because a forked child, and the ``ru_maxrss`` of an executed one, start from the
parent's high-water mark.  The figure is the growth over what the inputs and the libraries hold: the
result, what the set-up stores, and every temporary.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench import cases, data, resident
from bench.contestants import contestants

_ROOT = Path(__file__).resolve().parents[1]


def peak_bytes(case: cases.Case, contestant: str, images: Path, *, quick: bool) -> int:
    """Return the bytes by which `contestant` grows a process, measured in a child."""
    command = [sys.executable, "-m", "bench.memory", case.name, contestant, str(images)]
    done = subprocess.run(
        command + ["--quick"] * quick, cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"memory of {contestant} in {case.name} not measured:\n{done.stderr}")
    return int(json.loads(done.stdout)["peak_bytes"])


def main() -> None:
    """Run one contestant once and print its peak as JSON: the child's side of `peak_bytes`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("contestant")
    parser.add_argument("images")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    (case,) = cases.find(args.case)
    if args.quick:
        case = case.quick()
    problem = data.problem(case, np.load(args.images))
    entrants, _ = contestants(case, problem)
    chosen = next(c for c in entrants if c.name == args.contestant)

    def set_up_and_run() -> Any:
        return chosen.setup()()

    peak, result = resident.growth(set_up_and_run)
    print(json.dumps({"peak_bytes": peak, "shape": result.shape}))


if __name__ == "__main__":
    main()
