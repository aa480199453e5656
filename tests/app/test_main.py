# SPDX-License-Identifier: Apache-2.0
"""The entry point, the help, and ``fastntk info``."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import fastntk
from fastntk.app import cli


def test_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "fastntk", "--version"],
        env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"fastntk {fastntk.__version__}\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_missing_extra_names_the_command(monkeypatch, capsys, missing):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == missing else name)
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 1
    message = capsys.readouterr().err
    assert f"needs {missing}, not installed" in message
    assert '-m pip install "fastntk[app]"' in message


def test_missing_matplotlib_is_said_before_computing(run, monkeypatch):
    monkeypatch.setattr("fastntk.app.kpca_files.find_spec", lambda _: None)
    outcome = run("kpca", "--data", "not read")
    assert outcome.code == 1
    assert 'the picture needs matplotlib: pip install "fastntk[app]"' in outcome.output


def test_no_command_prints_the_help(run):
    outcome = run()
    assert outcome.code == 0
    for command in ("kpca", "gram", "info"):
        assert command in outcome.output


def test_help_of_kpca_names_every_option(run):
    output = run("kpca", "--help").output
    for option in (
        "data", "components", "hidden-layers", "activation", "weight-std", "bias-std", "init-std",
        "samples", "seed", "seeds", "dtype", "storage", "memory", "threads", "centered",
        "normalize", "tol", "kernel", "method", "out",
    ):  # fmt: skip
        assert f"--{option}" in output
    assert "Examples" in output
    assert "FASTNTK_DATA" in output


def test_info_as_json(run, monkeypatch):
    monkeypatch.setenv("FASTNTK_DATA", "/some/[folder]")
    facts = json.loads(run("info", "--json").output)
    assert facts["versions"]["fastntk"] == fastntk.__version__
    assert facts["processor"]["instruction set used"] in facts["processor"]["instruction sets here"]
    assert facts["processor"]["threads by default"] >= 1
    assert facts["memory"]["available"] > 0
    assert facts["data"]["$FASTNTK_DATA"] == "/some/[folder]"


def test_info_as_a_table(run, monkeypatch):
    monkeypatch.setenv("FASTNTK_DATA", "/some/[folder]")
    output = run("info").output
    assert "/some/[folder]/mnist" in output
    assert "instruction set used" in output


def test_info_survives_a_wrong_instruction_set(run, monkeypatch):
    monkeypatch.setenv("FASTNTK_ISA", "mmx")
    assert "FASTNTK_ISA" in run("info").output


def test_gpu_is_asked_for_only_where_cupy_sees_one(run, monkeypatch):
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 1, getDeviceProperties=lambda _: {"name": b"Some GPU"}
    )
    cupy = SimpleNamespace(is_available=lambda: True, cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert json.loads(run("info", "--json").output)["gpu"]["devices"] == ["Some GPU"]
    cupy.is_available = lambda: False
    del cupy.cuda
    assert json.loads(run("info", "--json").output)["gpu"]["available"] is False
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "not installed" in json.loads(run("info", "--json").output)["gpu"]["reason"]
