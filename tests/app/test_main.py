# SPDX-License-Identifier: Apache-2.0
"""The entry point, the help, and ``fastntk info``."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
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


def python(program, folder):
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=os.environ, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_nothing_heavy_is_imported_before_the_guard(tmp_path):
    program = "import sys, fastntk.app.cli; print({'numpy', 'scipy', 'rich'} & set(sys.modules))"
    done = python(program, tmp_path)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("module", ["typer", "numpy"])
def test_interrupt_during_the_imports_is_one_line(tmp_path, module):
    program = f"""if True:
        import os, signal, sys
        class Slow:
            def find_spec(self, name, *_):
                if name == {module!r} and "fastntk.app.commands" in sys.modules:
                    try:
                        signal.raise_signal(signal.SIGINT)
                    except KeyboardInterrupt:
                        pass  # as in a callback of the import system, which loses it
        sys.meta_path.insert(0, Slow())
        import runpy
        sys.argv = ["fastntk", "info"]
        runpy.run_module("fastntk", run_name="__main__", alter_sys=True)
    """
    done = python(program, tmp_path)
    assert done.returncode == 130
    assert done.stderr == "fastntk: interrupted\n"


def test_interrupt_while_parsing_is_said(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastntk.app.commands.app.info.cls.parse_args", interrupted)
    assert run("info") == (130, "fastntk: interrupted\n")


def test_ctrl_c_is_given_back_to_the_commands():
    with cli._ending_at_once():
        assert signal.getsignal(signal.SIGINT) is cli._end
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_public_names_are_listed_and_there(tmp_path):
    program = """if True:
        import fastntk as fn
        assert set(fn.__all__) | {"gram", "linalg", "models"} <= set(dir(fn)), dir(fn)
        for name in dir(fn):
            assert getattr(fn, name) is getattr(fn, name), name
        assert fn.FullyConnected().hidden_layers == 4
        assert fn.datasets.load and fn.linalg.eigen and fn.models.KernelPCA is fn.KernelPCA
        from fastntk import *
        assert KernelPCA is fn.KernelPCA
        try:
            fn.nothing
        except AttributeError as error:
            assert str(error) == "module 'fastntk' has no attribute 'nothing'"
        else:
            raise AssertionError
    """
    done = python(program, tmp_path)
    assert done.returncode == 0, done.stderr


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
    monkeypatch.setattr("fastntk._ink.find_spec", lambda _: None)
    outcome = run("kpca", "--data", "not read")
    assert outcome.code == 1
    assert 'the picture needs matplotlib: pip install "fastntk[app]"' in outcome.output


def test_no_command_prints_the_help(run):
    outcome = run()
    assert outcome.code == 0
    for command in ("kpca", "regress", "dynamics", "gram", "info"):
        assert command in outcome.output


def test_help_of_kpca_names_every_option(run):
    output = run("kpca", "--help").output
    for option in (
        "data", "components", "hidden-layers", "activation", "weight-std", "bias-std", "init-std",
        "samples", "seed", "seeds", "dtype", "storage", "memory", "threads", "centered",
        "normalize", "scale", "tol", "kernel", "method", "out",
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


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("leaky_relu(0.1)", {"Lipschitz": True, "smooth": False, "NTK": True}),
        ("tanh", {"Lipschitz": True, "smooth": True, "NTK": True}),
        ("sign", {"Lipschitz": False, "smooth": False, "NTK": False}),
    ],
)
def test_info_of_an_activation(run, text, known):
    facts = json.loads(run("info", "--activation", text, "--json").output)["activation"]
    f = fastntk.Activation(text) if "(" not in text else fastntk.Activation.leaky_relu(0.1)
    assert facts["name"] == text
    assert {key: facts[key] for key in known} == known
    assert facts["kernels"].startswith("tabulated" if text == "tanh" else "closed form")
    assert facts["E[f(u)^2], u ~ N(0, 1)"] == f.dual(1, 1, 1)[0]
    assert ("E[f'(u)^2], u ~ N(0, 1)" in facts) == f.has_ntk
    table = run("info", "--activation", "gelu").output
    assert "Theorem 1" in table
    assert "E[f'(u)^2]" in table


def test_info_of_no_activation(run):
    outcome = run("info", "--activation", "tan")
    assert outcome.code == 2
    assert outcome.output.startswith("fastntk: --activation must be one of 'relu', ")


def test_info_survives_a_wrong_instruction_set(run, monkeypatch):
    monkeypatch.setenv("FASTNTK_ISA", "mmx")
    assert "FASTNTK_ISA" in run("info").output


@pytest.mark.parametrize("name", ["cupy-cuda13x", "cupy-cuda12x", "cupy"])
def test_cupy_has_a_version_whatever_it_is_called(run, monkeypatch, name):
    def version(package):
        if package != name:
            raise PackageNotFoundError(package)
        return "14.0.1"

    monkeypatch.setattr("fastntk.app.machine.version", version)
    found = json.loads(run("info", "--json").output)["versions"]
    assert (found["cupy"], found["scipy"]) == ("14.0.1", None)


def test_gpu_is_asked_for_only_where_cupy_sees_one(run, monkeypatch):
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 1,
        getDeviceProperties=lambda _: {"name": b"Some GPU", "major": 9, "minor": 0},
    )
    cupy = SimpleNamespace(is_available=lambda: True, cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert json.loads(run("info", "--json").output)["gpu"]["devices"] == [
        "cuda:0 (Some GPU, compute capability 9.0)"
    ]
    cupy.is_available = lambda: False
    del cupy.cuda
    assert json.loads(run("info", "--json").output)["gpu"]["available"] is False
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "not installed" in json.loads(run("info", "--json").output)["gpu"]["reason"]
