# SPDX-License-Identifier: Apache-2.0
"""``fastntk kpca`` and ``fastntk gram`` on a GPU: the files of the CPU's run, within the bounds."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastntk as fn

# Two kernels, each within its gate of the exact one.
RTOL = 2 * 6e-7
# Entries are positive, so the kernels differ by RTOL of the first eigenvalue; and two residuals.
OF_THE_FIRST = RTOL + 2 * 1e-6


def pairs_of(folder):
    with np.load(folder / "eigenpairs.npz") as pairs:
        return dict(pairs)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--centered --method krylov --storage packed",
        "--storage lazy --method krylov --kernel nngp",
        "--seeds 2 --method dense",
    ],
)
def test_kpca(gpu, run, here, options):
    command = ["kpca", "--samples", 150, "-k", 3, *options.split()]
    assert run(*command, "--device", "cpu", "--out", "cpu").code == 0
    outcome = run(*command, "--out", "gpu")
    assert outcome.code == 0, outcome.output
    assert "passes, on cuda:0 (" in outcome.output
    assert "peak memory of the host" in outcome.output
    assert (here / "gpu" / "components.png").stat().st_size > 1000
    found, want = pairs_of(here / "gpu"), pairs_of(here / "cpu")
    first = pairs_of(here / "cpu")["values"][0]
    np.testing.assert_allclose(found["values"], want["values"], atol=OF_THE_FIRST * first, rtol=0)
    assert found["vectors"].shape == (150, 3)
    result = json.loads((here / "gpu" / "result.json").read_text())
    assert result["parameters"]["device"] == "auto"
    assert result["device"]["name"] == "cuda:0"
    assert "compute capability" in result["device"]["description"]
    on_cpu = json.loads((here / "cpu" / "result.json").read_text())
    assert on_cpu["device"] == {"name": "cpu", "description": "the CPU"}


def test_regress_and_dynamics(gpu, run, here, monkeypatch):
    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))
    # A ridge far above the kernel's rounding: both engines give the same function.
    for command, file, key, tolerance in (
        ("regress --ridge 0.1 --method cg", "predictions.npz", "ntk_scores", 1e-5),
        ("dynamics --times 1,1000", "curve.npz", "test_outputs", 1e-4),
    ):
        arguments = [*command.split(), "--samples", 100]
        assert run(*arguments, "--device", "cpu", "--out", "cpu").code == 0
        outcome = run(*arguments, "--out", "gpu")
        assert outcome.code == 0, outcome.output
        assert "on cuda:0 (" in outcome.output
        with np.load(here / "gpu" / file) as found, np.load(here / "cpu" / file) as want:
            np.testing.assert_allclose(found[key], want[key], atol=tolerance)


@pytest.mark.parametrize(("memory", "how"), [("1 GB", "in memory"), ("1 kB", "through a memory")])
def test_gram(gpu, run, here, memory, how):
    command = ["gram", "--samples", 300, "--memory", memory]
    run(*command, "--device", "cpu", "--out", "cpu.npy")
    outcome = run(*command, "--device", "cuda", "--out", "gpu.npy")
    assert outcome.code == 0, outcome.output
    assert f"computed {how}" in outcome.output
    assert ", on cuda:0 (" in outcome.output
    np.testing.assert_allclose(np.load(here / "gpu.npy"), np.load(here / "cpu.npy"), rtol=RTOL)
    made = json.loads((here / "gpu.json").read_text())
    assert made["parameters"]["device"] == "cuda"
    assert made["device"]["name"] == "cuda:0"


@pytest.mark.parametrize("command", ["kpca", "gram"])
def test_another_device(standin, run, command):
    assert "on cuda:1 (stand-in" in run(command, "--samples", 30, "--device", "cuda:1").output
    assert {device for _, device, _ in standin.native.calls} == {1}
    standin.native.calls.clear()
    assert "on the CPU" in run(command, "--samples", 30, "--device", "cpu").output
    assert standin.native.calls == []


FILES = ["kpca --storage K.gram", "gram --out K.gram"]


@pytest.mark.parametrize("command", FILES)
def test_files_of_tiles_are_the_cpu_s(standin, run, here, command):
    outcome = run(*command.split(), "--samples", 30)
    assert outcome.code == 0, outcome.output
    note = "note: a file of tiles is the CPU's to compute: cuda:0 is not used"
    assert note in outcome.output
    assert ", on the CPU" in outcome.output
    assert note not in run("gram", "--out", "L.gram", "--device", "cpu").output
    assert standin.native.calls == []
    before = sorted(path.name for path in here.iterdir())
    outcome = run(*command.split(), "--samples", 30, "--device", "cuda")
    reason = "a file of tiles (K.gram) is the CPU's to compute"
    assert outcome == (2, f"fastntk: --device cuda: {reason}\n")
    assert sorted(path.name for path in here.iterdir()) == before


def test_the_budget_is_the_device_s(standin, run, here):
    outcome = run("kpca", "--storage", "dense", "--memory", "5 MB")
    assert outcome.code == 1
    assert "of the memory budget of 5.00 MB (5000000 bytes) on cuda:0" in outcome.output
    assert "--storage lazy" in outcome.output
    assert list(here.iterdir()) == []


def test_seconds_of_the_kernel_are_the_device_s(standin, run, monkeypatch):
    """What the device still computes when its calls return is waited for."""
    waited = []
    monkeypatch.setattr(standin.cupy.cuda.Stream, "synchronize", lambda _: waited.append("kernel"))
    monkeypatch.setattr("fastntk.eigenpairs", lambda *_, **__: waited.append("eigenpairs") or 1 / 0)
    with pytest.raises(AssertionError):  # a defect of the program is shown as one
        run("kpca", "--samples", 30)
    assert waited == ["kernel", "eigenpairs"]


def _interrupt(*_, **__):
    raise KeyboardInterrupt


def test_interrupt(standin, run, here, monkeypatch):
    monkeypatch.setattr(standin.cupy.cuda.Stream, "synchronize", _interrupt)
    outcome = run("kpca", "--samples", 30)
    assert outcome == (130, "fastntk: interrupted; no file was left half written\n")
    monkeypatch.setattr(standin.cupy.ndarray, "get", _interrupt)
    assert run("gram", "--samples", 30).code == 130
    assert list(here.iterdir()) == []


def test_progress_is_told(standin, run, monkeypatch):
    told = []
    for command in ("kpca", "gram"):
        monkeypatch.setattr(
            f"fastntk.app.{command}_command.ProgressBar.__call__",
            lambda _, *step: told.append(step),
        )
        assert (
            run(command, "--samples", 300, *["--method", "krylov"] * (command == "kpca")).code == 0
        )
    stages = {stage for stage, _, _ in told}
    assert {"Gram matrix", "eigenpairs, pass 1", "kernel"} <= stages


@pytest.mark.parametrize("command", ["kpca", "gram"])
@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("fastntk._cuda", "this build of fastntk has no CUDA engine (it is built where nvcc is"),
        ("cupy", "CuPy is not installed, or does not load (pip install cupy-cuda13x)"),
        ("device", "CuPy sees no CUDA device"),
    ],
)
def test_no_gpu(standin, run, here, monkeypatch, command, missing, reason):
    if missing == "device":
        blind = SimpleNamespace(is_available=lambda: False)
        monkeypatch.setitem(sys.modules, "cupy", blind)
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    # "unread": the device is asked for before the data.
    outcome = run(command, "--data", "unread", "--device", "cuda:1")
    assert outcome.code == 2
    assert outcome.output.startswith(f"fastntk: --device cuda:1 needs a GPU: {reason}")
    assert list(here.iterdir()) == []
    assert "on the CPU" in run(command, "--samples", 30).output


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:2", "--device must be one of 'cuda:0', 'cuda:1' on this machine, got 'cuda:2'"),
        ("gpu", "--device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'"),
    ],
)
def test_no_such_device(standin, run, here, device, message):
    assert run("gram", "--device", device) == (2, f"fastntk: {message}\n")
    assert list(here.iterdir()) == []


def test_an_error_of_cupy_is_one_line(standin, run, monkeypatch):
    error = type("CUDARuntimeError", (RuntimeError,), {"__module__": "cupy_backends.cuda"})

    def fails(_):
        raise error("cudaErrorLaunchFailure: unspecified launch failure")

    monkeypatch.setattr(standin.cupy.cuda.Stream, "synchronize", fails)
    message = "fastntk: cudaErrorLaunchFailure: unspecified launch failure\n"
    assert run("kpca", "--samples", 30) == (1, message)


def test_paper(gpu, run, here, monkeypatch):
    from fastntk.paper import fig1, fig2, frequency

    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))
    monkeypatch.setattr(fig1, "_QUICK_WIDTHS", (6, 12))
    monkeypatch.setattr(fig1, "_NETWORKS", 2)
    monkeypatch.setattr(fig1, "_ANGLES", 21)
    monkeypatch.setattr(fig1, "_STEPS", 20)
    monkeypatch.setattr(fig2, "_QUICK", fig2._Plan({6: 2, 12: 2}, 2, 30))
    monkeypatch.setattr(fig2, "_STEPS", 20)
    monkeypatch.setattr(fig2, "_LEFT", 10.0)
    monkeypatch.setattr(fig2, "_ANGLES", 20)
    monkeypatch.setattr(frequency, "_GRID", 2**10)
    command = ["paper", "fig1", "fig2", "frequency", "--quick"]
    assert run(*command, "--device", "cpu", "--out", "cpu").code == 0
    outcome = run(*command, "--out", "gpu")
    assert outcome.code == 0, outcome.output
    for name, keys in (("fig1", ("limit", "theta_12")), ("fig2", ("f_12", "exact", "empirical"))):
        with (
            np.load(here / "gpu" / f"{name}.npz") as found,
            np.load(here / "cpu" / f"{name}.npz") as want,
        ):
            for key in keys:
                # float32 through 20 steps.
                np.testing.assert_allclose(found[key], want[key], atol=1e-4, err_msg=key)


def test_paper_on_digits(gpu, run, here, monkeypatch):
    from fastntk.paper import circle, digits, landscape, straight_line, table
    from fastntk.paper.courses import Plan, Trial

    monkeypatch.setattr("fastntk._ink.save", lambda _, path: path.write_bytes(b""))
    source = digits.Digits(fn.datasets.load("digits"), ["They are few."])
    monkeypatch.setattr(digits, "load", lambda quick, progress: source)
    monkeypatch.setattr(digits, "POINTS", 20)
    monkeypatch.setattr(table, "_QUICK_WIDTH", 12)
    monkeypatch.setattr(table, "_QUICK_BATCHES", 2)
    trials = [(6, 0, 2.0), (6, 1, 2.0), (12, 0, 4.0), (12, 1, 4.0), (12, 0, 2.0)]
    plan = Plan(tuple(Trial(*trial) for trial in trials), 20.0)
    monkeypatch.setattr(straight_line, "plan", lambda quick: plan)
    monkeypatch.setattr(landscape, "_QUICK_WIDTHS", (6, 12))
    monkeypatch.setattr(landscape, "_QUICK_CELLS", 5)
    monkeypatch.setattr(circle, "STEPS", 20)
    command = ["paper", "table", "fig3a", "fig3b", "fig3c", "landscape", "--quick"]
    assert run(*command, "--device", "cpu", "--out", "cpu").code == 0
    outcome = run(*command, "--out", "gpu")
    assert outcome.code == 0, outcome.output
    for name, keys in (
        ("table", ("limit_4", "empirical")),
        ("fig3a", ("functions",)),
        ("fig3b", ("n12_network1_rate2_h", "n12_network1_rate2_inflation")),
        ("fig3c", ("n6_network0_rate1_g",)),
        ("landscape", ("12_random_parameters", "12_training_functions", "12_training_path")),
    ):
        with (
            np.load(here / "gpu" / f"{name}.npz") as found,
            np.load(here / "cpu" / f"{name}.npz") as want,
        ):
            for key in keys:
                # float32 through 20 steps.
                np.testing.assert_allclose(found[key], want[key], rtol=1e-4, atol=1e-4, err_msg=key)
