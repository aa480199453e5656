# SPDX-License-Identifier: Apache-2.0
"""Files of tiles at the command line: `gram --out K.gram`, `kpca --storage K.gram`, and resumed."""

import json
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

import fastntk
from fastntk.linalg import tile_file
from gram_files import forget

Usage = namedtuple("Usage", "total used free")
TILES = 36  # of 1,797 digits


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gram_writes_tiles(run, here, kernel, dtype):
    outcome = run(
        "gram", "--samples", 60, "--seed", 1, "--kernel", kernel, "--dtype", dtype,
        "--out", "made/K.gram",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    assert f"60 x 60, {dtype}, computed tile by tile" in outcome.output
    assert "wrote made/K.gram and K.json" in outcome.output
    assert sorted(path.name for path in (here / "made").iterdir()) == ["K.gram", "K.json"]
    data = fastntk.datasets.load("digits", samples=60, seed=1)
    expected = getattr(fastntk.FullyConnected(), kernel)(data.X, scale=data.scale, dtype=dtype)
    op = fastntk.GramOperator.from_file(here / "made" / "K.gram")
    np.testing.assert_array_equal(op.to_dense(), expected)
    made = json.loads((here / "made" / "K.json").read_text())["matrix"]
    assert made["bytes"] == (here / "made" / "K.gram").stat().st_size
    assert (made["shape"], made["dtype"]) == ([60, 60], dtype)


@pytest.mark.parametrize("command", ["gram --out K.gram", "kpca -k 3 --storage K.gram"])
def test_what_is_there_is_said(run, here, command):
    outcome = run(*command.split())
    assert (outcome.code, "tiles are there" in outcome.output) == (0, False)
    assert f"all {TILES} tiles are there in K.gram" in run(*command.split()).output
    forget(here / "K.gram", [1, 30])
    outcome = run(*command.split())
    assert f"resuming: {TILES - 2} of {TILES} tiles are there in K.gram" in outcome.output
    assert tile_file.tiles_there(here / "K.gram") == (TILES, TILES)


def test_kpca_of_a_file_is_that_of_the_packed_triangle(run, here):
    run("gram", "--out", "K.gram")
    for storage in ("K.gram", "packed"):
        outcome = run("kpca", "-k", 4, "--storage", storage, "--out", f"of-{storage}")
        assert f"{storage} storage, float32" in outcome.output
    with (
        np.load(here / "of-K.gram" / "eigenpairs.npz") as found,
        np.load(here / "of-packed" / "eigenpairs.npz") as wanted,
    ):
        for name in ("values", "vectors", "residuals"):
            np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize("command", ["gram --out K.gram", "kpca --storage K.gram"])
def test_an_interrupt_says_how_far_it_came(run, here, monkeypatch, command):
    run("gram", "--out", "K.gram")
    forget(here / "K.gram", range(7, TILES))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tile_file, "_fill", interrupted)
    outcome = run(*command.split())
    assert outcome.code == 130
    message = f"fastntk: interrupted; 7 of {TILES} tiles are in K.gram, and the next run goes on"
    assert message in outcome.output
    (here / "K.gram").unlink()
    monkeypatch.setattr(tile_file, "_create", interrupted)
    assert "interrupted; no file was left half written" in run(*command.split()).output


def test_another_matrix_is_refused(run, here):
    run("gram", "--samples", 50, "--out", "K.gram")
    before = (here / "K.gram").read_bytes()
    for command in ("gram --samples 50 --out K.gram --seed 1", "kpca --storage K.gram"):
        outcome = run(*command.split())
        assert outcome.code == 2
        assert "fastntk: K.gram holds another matrix (" in outcome.output
        assert "data SHA-256" in outcome.output
    assert (here / "K.gram").read_bytes() == before


@pytest.mark.parametrize("command", ["gram --out K.gram", "kpca --storage K.gram"])
def test_disk_space_is_checked_before_computing(run, here, monkeypatch, command):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6, 1000))
    outcome = run(*command.split())
    assert outcome.code == 1
    assert "the Gram matrix needs 9.45 MB (9445376 bytes) more on disk" in outcome.output
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("kpca --data unread --storage missing/K.gram", "there is no such folder"),
        ("kpca --data unread --storage ./", "a Gram matrix is stored in a file, not in: '.'"),
        ("kpca --data unread --storage taken.npy", "taken.npy is not a Gram matrix of fastntk"),
        ("gram --data unread --out taken.gram", "taken.gram is not a Gram matrix of fastntk"),
        ("kpca --samples 9 --seeds 2 --storage K.gram", "--storage K.gram holds one matrix"),
    ],
)
def test_one_line_and_exit_code_2(run, here, arguments, message):
    for name in ("taken.npy", "taken.gram"):
        (here / name).write_text("a file")
    outcome = run(*arguments.split())
    assert outcome.code == 2
    assert message in outcome.output
    assert outcome.output.startswith("fastntk: ")
    assert outcome.output.count("\n") == 1
    assert sorted(os.listdir(here)) == ["taken.gram", "taken.npy"]


def test_a_folder_named_like_a_file_is_a_folder(run, here):
    (here / "K.gram").mkdir()
    run("gram", "--samples", 20, "--out", "K.gram")
    assert sorted(os.listdir(here / "K.gram")) == ["gram.json", "gram.npy"]
