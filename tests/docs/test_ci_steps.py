# SPDX-License-Identifier: Apache-2.0
"""CONTRIBUTING explains the steps of .ci/run, all of them and no others."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "run"


def steps():
    return re.search(r"^all_steps=\((.+)\)$", SCRIPT.read_text(), re.MULTILINE)[1].split()


def test_contributing_explains_every_step_in_order():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.split("| step |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == steps()


def test_the_script_names_and_runs_every_step():
    text = SCRIPT.read_text()
    assert f"({' '.join(steps())})" in text.split("set -euo pipefail", 1)[0]
    assert re.findall(r"^    (\w+)\) step ", text, re.MULTILINE) == steps()


def test_system_packages_are_for_steps_that_there_are():
    lines = (ROOT / ".ci" / "debian-packages.txt").read_text().splitlines()
    packages = [line.split() for line in lines if not line.startswith("#")]
    assert packages
    assert {step for _, step in packages} <= set(steps())


def test_an_unknown_step_is_refused(tmp_path):
    done = subprocess.run(
        ["bash", SCRIPT, "lint", "tests"],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"unknown step: tests ({' '.join(steps())})\n"
    assert list(tmp_path.iterdir()) == []


ALONE = {"usepdb": False, "trace": False, "collectonly": False, "capture": "fd"}


@pytest.mark.parametrize(
    ("asked", "source", "processes"),
    [
        ({}, "TESTPATHS", 2),
        ({}, "ARGS", None),
        ({"usepdb": True}, "TESTPATHS", None),
        ({"capture": "no"}, "TESTPATHS", None),
        ({"numprocesses": 0}, "TESTPATHS", 0),
        ({"numprocesses": 5}, "TESTPATHS", 5),
    ],
)
def test_the_whole_suite_runs_in_two_processes(asked, source, processes, request, monkeypatch):
    plugins = request.config.pluginmanager
    hook = plugins.get_plugin(str(ROOT / "tests" / "conftest.py")).pytest_cmdline_main
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    option = SimpleNamespace(**{**ALONE, "numprocesses": None, "dist": "no", **asked})
    whence = pytest.Config.ArgsSource[source]
    config = SimpleNamespace(option=option, args_source=whence, pluginmanager=WithXdist())
    hook(config)
    assert option.numprocesses == processes
    assert option.dist == ("loadgroup" if processes == 2 else "no")


class WithXdist:
    def hasplugin(self, name):
        return name == "xdist"
