# SPDX-License-Identifier: Apache-2.0
"""``fastntk gram``: the file is the kernel, whichever way it was computed."""

import json
import shutil
from collections import namedtuple
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

import fastntk
from fastntk.app.gram_command import gram
from fastntk.app.kpca_command import kpca

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("memory", ["1 GB", "1 kB"])
@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_file_holds_the_kernel(run, here, memory, kernel, dtype):
    outcome = run(
        "gram", "--samples", 60, "--seed", 1, "--kernel", kernel, "--dtype", dtype,
        "--memory", memory, "--out", "K.npy",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    assert sorted(path.name for path in here.iterdir()) == ["K.json", "K.npy"]
    data = fastntk.datasets.load("digits", samples=60, seed=1)
    net = fastntk.FullyConnected()
    expected = getattr(net, kernel)(data.X, scale=data.scale, dtype=dtype)
    K = np.load(here / "K.npy")
    assert K.dtype == dtype
    np.testing.assert_array_equal(K, expected)
    made = json.loads((here / "K.json").read_text())["matrix"]
    assert made["memory_mapped"] is (memory == "1 kB")
    assert made["bytes"] == K.nbytes


def test_float64_data_give_float64(run, here, rng):
    np.save(here / "X.npy", rng.standard_normal((5, 3)))
    run("gram", "--data", "X.npy")
    assert np.load(here / "gram.npy").dtype == np.float64


def test_disk_space_is_checked_before_computing(run, here, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6, 1000))
    monkeypatch.setattr(fastntk.FullyConnected, "ntk", None)  # not reached
    outcome = run("gram", "--samples", 100)
    assert outcome.code == 1
    assert "needs 106 kB (105536 bytes) on disk" in outcome.output
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("memory", ["1 GB", "1 kB"])
def test_interrupt_leaves_the_old_file(run, here, monkeypatch, memory):
    (here / "gram.npy").write_bytes(b"old")

    def interrupted(*_, out, **__):
        out[:] = 1
        raise KeyboardInterrupt

    monkeypatch.setattr(fastntk.FullyConnected, "ntk", interrupted)
    assert run("gram", "--samples", 30, "--memory", memory).code == 130
    assert [path.name for path in here.iterdir()] == ["gram.npy"]
    assert (here / "gram.npy").read_bytes() == b"old"


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("name", ["results", "K.d", "deep/results", "folder.npy"])
def test_out_may_be_a_folder(run, here, name, made):
    if made or name.endswith(".npy"):
        (here / name).mkdir(parents=True)
    outcome = run("gram", "--samples", 20, "--out", name)
    assert outcome.code == 0, outcome.output
    assert sorted(path.name for path in (here / name).iterdir()) == ["gram.json", "gram.npy"]
    assert f"wrote {name}/gram.npy and gram.json" in outcome.output


def test_scale_multiplies_the_data(run, here):
    run("gram", "--samples", 20, "--scale", 0.5)
    data = fastntk.datasets.load("digits", samples=20, seed=0)
    np.testing.assert_array_equal(
        np.load(here / "gram.npy"), fastntk.FullyConnected().ntk(data.X, scale=0.5)
    )
    report = json.loads((here / "gram.json").read_text())
    assert report["parameters"]["scale"] == report["data"]["scale"] == 0.5


def test_git_ignores_the_results_of_a_default_run():
    lines = (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
    file = signature(gram).parameters["out"].default
    folder = signature(kpca).parameters["out"].default
    assert {f"/{file}", f"/{file.with_suffix('.json')}", f"/{folder}/"} <= set(lines)
