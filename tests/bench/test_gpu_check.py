# SPDX-License-Identifier: Apache-2.0
"""The check of a GPU machine says what it finds, and what is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_WITHOUT_GPU = {"PATH": "", "CUDA_HOME": "/nonexistent"}


def _check(tmp_path, *options, path=""):
    environment = {**os.environ, **_WITHOUT_GPU, "PATH": path}
    command = [sys.executable, "-m", "bench.gpu_check", "--out", str(tmp_path / "out"), *options]
    done = subprocess.run(
        command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done, json.loads((tmp_path / "out" / "gpu_check.json").read_text())


def test_without_a_gpu_it_says_so_and_fails(tmp_path):
    done, record = _check(tmp_path)
    assert done.returncode == 1
    assert "there is no GPU here" in done.stdout
    assert record["failed"] is True
    assert [step["status"] for step in record["steps"]] == ["FAIL"] + ["SKIPPED"] * 10


def test_a_gpu_without_tools_is_named_with_what_is_missing(tmp_path):
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho 'Some GPU, 9.0, 1.2'\n")
    driver.chmod(0o755)
    done, record = _check(tmp_path, "--step", "tools", path=str(driver.parent))
    assert done.returncode == 1
    assert record["steps"][0]["remark"].startswith("missing: ")
    assert "nvcc" in record["steps"][0]["remark"]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.006, "met"), (0.0065, "met"), (0.007, "missed")]
)
def test_times_are_printed_beside_their_goals(tmp_path, seconds, verdict):
    from bench import gpu_check

    path = tmp_path / "bench.json"
    cases = [
        {"case": {"name": "a", "goal": 0.0065}, "contestants": [{"median_seconds": seconds}]},
        {"case": {"name": "b", "goal": None}, "contestants": [{"median_seconds": 1.0}]},
    ]
    path.write_text(json.dumps({"cases": cases}))
    assert gpu_check.goals(path) == [f"a {1e3 * seconds:.4g} ms (goal 6.5: {verdict})"]
