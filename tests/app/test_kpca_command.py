# SPDX-License-Identifier: Apache-2.0
"""``fastntk kpca``: numbers, files, and what happens when it cannot finish."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

import fastntk
from fastntk._component_plane import component_plane
from fastntk.linalg.storage import storage_names

PNG = b"\x89PNG\r\n\x1a\n"
FILES = ["components.png", "eigenpairs.npz", "result.json"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def points(here, rng):
    """An .npz file of 40 float64 points in two classes."""
    X = rng.standard_normal((40, 5))
    np.savez(here / "points.npz", X=X, y=np.arange(40) % 2)
    return X


def test_three_files_agree_with_the_kernel(run, here, points):
    outcome = run(
        "kpca", "--data", "points.npz", "-k", 4, "--hidden-layers", 2, "--bias-std", 0.3,
        "--out", "out",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    assert names(here / "out") == FILES
    K = fastntk.FullyConnected(hidden_layers=2, bias_std=0.3).ntk(points)
    values = np.linalg.eigvalsh(K)[::-1][:4]
    result = json.loads((here / "out" / "result.json").read_text())
    np.testing.assert_allclose(result["eigenvalues"], values, rtol=1e-9)
    np.testing.assert_allclose(result["eigenvalues_over_n"], values / 40, rtol=1e-9)
    assert max(result["residuals_relative"]) <= 1e-6
    with np.load(here / "out" / "eigenpairs.npz") as pairs:
        assert pairs["vectors"].shape == (40, 4)
        np.testing.assert_allclose(K @ pairs["vectors"], pairs["vectors"] * values, atol=1e-7)
        np.testing.assert_array_equal(pairs["labels"], np.arange(40) % 2)
        assert "rows" not in pairs
    assert (here / "out" / "components.png").read_bytes().startswith(PNG)


def test_result_names_everything_needed_to_repeat(run, here):
    run("kpca", "--samples", 30, "--seed", 5, "--kernel", "nngp", "--dtype", "float64", "-k", 3)
    result = json.loads((here / "fastntk-kpca" / "result.json").read_text())
    assert result["parameters"] == {
        "network": {
            "hidden_layers": 4,
            "activation": "relu",
            "weight_std": 1.0,
            "bias_std": 0.1,
            "init_std": None,
        },
        "components": 3,
        "centered": False,
        "kernel": "nngp",
        "storage": "auto",
        "method": "auto",
        "dtype": "float64",
        "memory": None,
        "threads": None,
        "device": "auto",
        "tol": 1e-6,
        "seed": 5,
        "samples": 30,
        "normalize": "none",
        "scale": None,
    }
    assert result["solver"]["dtype"] == "float64"
    assert result["solver"]["converged"] is True
    assert result["data"]["samples"] == 30
    assert result["data"]["scale"] == 1 / 16
    assert {"load", "kernel", "eigenpairs", "figure", "total"} <= set(result["seconds"])
    assert result["peak_memory_bytes"] > 0
    assert result["versions"]["fastntk"] == fastntk.__version__
    with np.load(here / "fastntk-kpca" / "eigenpairs.npz") as pairs:
        rows = np.random.default_rng(5).choice(1797, 30, replace=False)
        np.testing.assert_array_equal(pairs["rows"], rows)


def test_table_shows_eigenvalues_and_cost(run):
    output = run("kpca", "--samples", 50, "-k", 12).output
    assert "Eigenvalues, 50 samples of digits" in output
    assert "and 2 more in result.json" in output
    assert "peak memory" in output


def test_seeds_give_mean_and_spread(run, here):
    outcome = run("kpca", "--samples", 40, "--seeds", 3, "--seed", 2, "-k", 3)
    assert "over seeds 2..4" in outcome.output
    summary = json.loads((here / "fastntk-kpca" / "result.json").read_text())["over_seeds"]
    assert summary["seeds"] == [2, 3, 4]
    values = np.array(summary["eigenvalues_over_n"])
    digits = fastntk.datasets.load("digits")
    for seed, found in zip(summary["seeds"], values, strict=True):
        K = fastntk.FullyConnected().ntk(digits.subset(40, seed).X, scale=digits.scale)
        expected = np.linalg.eigvalsh(K.astype(np.float64))[::-1][:3] / 40
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(summary["mean"], values.mean(axis=0))
    np.testing.assert_allclose(summary["std"], values.std(axis=0, ddof=1))
    assert f"{summary['mean'][0]:.6f} ± {summary['std'][0]:.6f}" in outcome.output
    with np.load(here / "fastntk-kpca" / "eigenpairs.npz") as pairs:
        np.testing.assert_allclose(pairs["values_over_n"], values[0])


def test_centred_kernel_removes_the_mean(run, here):
    assert run("kpca", "--samples", 40, "-k", 2, "--centered").code == 0
    assert names(here / "fastntk-kpca") == FILES
    with np.load(here / "fastntk-kpca" / "eigenpairs.npz") as pairs:
        np.testing.assert_allclose(pairs["vectors"].sum(axis=0), 0, atol=1e-6)


def test_normalised_data_are_used(run, here, points):
    run("kpca", "--data", "points.npz", "--normalize", "sphere", "-k", 3, "--out", "out")
    X = points * np.sqrt(5) / np.linalg.norm(points, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(fastntk.FullyConnected().ntk(X))[::-1][:3]
    result = json.loads((here / "out" / "result.json").read_text())
    np.testing.assert_allclose(result["eigenvalues"], values, rtol=1e-9)


def test_scale_is_applied_before_the_mean_is_taken(run, here, points):
    run("kpca", "--data", "points.npz", "--normalize", "center", "--scale", 3, "-k", 3)
    values = np.linalg.eigvalsh(fastntk.FullyConnected().ntk(3 * (points - points.mean(axis=0))))
    result = json.loads((here / "fastntk-kpca" / "result.json").read_text())
    np.testing.assert_allclose(result["eigenvalues"], values[::-1][:3], rtol=1e-9)
    assert result["parameters"]["scale"] == 3


@pytest.mark.parametrize("centered", [False, True])
def test_components_at_rounding_level_are_zero_as_in_kernel_pca(
    run, here, rng, monkeypatch, centered
):
    X = rng.standard_normal((40, 2))
    np.save(here / "plane.npy", X)
    runs = []
    monkeypatch.setattr("fastntk.app.kpca_files.draw", lambda _, run, __: bool(runs.append(run)))
    outcome = run(
        "kpca", "--data", "plane.npy", "--hidden-layers", 0, "--bias-std", 0, "-k", 4,
        *["--centered"] * centered,
    )  # fmt: skip
    assert "components from number 3 on are 0 up to rounding" in outcome.output
    scores = np.column_stack([runs[0].scores(i) for i in range(4)])
    net = fastntk.FullyConnected(hidden_layers=0, bias_std=0)
    expected = fastntk.KernelPCA(net, 4, centered=centered).fit_transform(X)
    assert not scores[:, 2:].any()
    np.testing.assert_allclose(scores, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "said", "axis"),
    [
        ((), "weight std 1, bias std 0.1", "K/N"),
        (("--init-std", 1.5), "relu, init std 1.5, bias std 0.1", "K/N"),
        (("--centered",), "centred", "HKH/N"),
    ],
)
def test_picture_says_what_was_computed(run, monkeypatch, options, said, axis):
    drawn = {}
    monkeypatch.setattr(
        "fastntk.app.kpca_files.component_plane",
        lambda *args, **words: drawn.update(words) or component_plane(*args, **words),
    )
    assert run("kpca", "--samples", 30, "-k", 3, *options).code == 0
    assert said in drawn["subtitle"]
    assert ("weight std" in drawn["subtitle"]) == ("--init-std" not in options)
    assert f"{drawn['matrix']}/N" == axis


def test_dense_takes_the_memory_that_the_help_says(run):
    text = " ".join(run("kpca", "--help").output.replace("│", " ").split())
    per_entry = int(re.search(r"dense: LAPACK, (\d+) N\^2 bytes", text)[1])
    outcome = run("kpca", "--method", "dense", "--storage", "lazy", "--memory", "4 MB")
    needed = int(re.search(r"1797 matrix needs .*? \((\d+) bytes\)", outcome.output)[1])
    assert outcome.code == 1
    assert needed == per_entry * 1797**2


def test_help_names_every_storage(run):
    text = run("kpca", "--help").output
    assert all(f"{name}:" in text for name in ("auto", *storage_names()))


def test_too_few_components_for_a_picture_leave_no_old_one(run, here):
    run("kpca", "--samples", 30, "-k", 3)
    outcome = run("kpca", "--samples", 30, "-k", 2)
    assert outcome.code == 0
    assert "no picture" in outcome.output
    assert names(here / "fastntk-kpca") == FILES[1:]


def test_unconverged_pairs_are_written_and_said(run, here, monkeypatch):
    solve = fastntk.eigenpairs
    monkeypatch.setattr(
        fastntk, "eigenpairs", lambda *a, **k: replace(solve(*a, **k), converged=False)
    )
    outcome = run("kpca", "--samples", 30)
    assert outcome.code == 0
    assert "not converged" in outcome.output
    result = json.loads((here / "fastntk-kpca" / "result.json").read_text())
    assert result["solver"]["converged"] is False


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("solver broke"), MemoryError])
@pytest.mark.parametrize("step", ["eigenpairs", "savefig"])
def test_no_partial_files_whatever_happens(run, here, monkeypatch, error, step):
    def fail(*_, **__):
        raise error

    if step == "eigenpairs":
        monkeypatch.setattr(fastntk, "eigenpairs", fail)
    else:
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    if isinstance(error, RuntimeError):
        with pytest.raises(AssertionError):  # a defect of the program is shown as one
            run("kpca", "--samples", 30)
    else:
        outcome = run("kpca", "--samples", 30)
        assert outcome.code == (130 if error is KeyboardInterrupt else 1)
        assert outcome.output.startswith("fastntk: ")
    assert names(here) == []


def test_interrupt_keeps_earlier_results(run, here, monkeypatch):
    run("kpca", "--samples", 30)
    before = {path.name: path.read_bytes() for path in (here / "fastntk-kpca").iterdir()}
    monkeypatch.setattr("fastntk.app.kpca_files.draw", lambda *_: signal.raise_signal(2))
    outcome = run("kpca", "--samples", 31)
    assert outcome.code == 130
    assert "interrupted" in outcome.output
    assert {path.name: path.read_bytes() for path in (here / "fastntk-kpca").iterdir()} == before


def test_signal_in_a_process_of_its_own(tmp_path):
    program = textwrap.dedent("""
        import os, signal, time, fastntk
        def eigenpairs(*_, **__):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        fastntk.eigenpairs = eigenpairs
        from fastntk.app.cli import main
        main(["kpca", "--samples", "30", "--out", "out"])
    """)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "fastntk: interrupted; no file was left half written\n"
    assert names(tmp_path) == []
