# SPDX-License-Identifier: Apache-2.0
"""Everything that needs a GPU, on a fresh machine: build, tests, sanitizers, figures.

    python -m bench.gpu_check --out FOLDER [--limit SECONDS] [--install] [--step NAME]...

Each step has a limit of its own, and a failure does not stop the next ones.  The exit code is 1 if
any step failed.  `FOLDER` gets a log per step, the figures, and the outcome as JSON.  Nothing is
downloaded, unless `--install` lets pip bring what is missing.

It needs nvcc, CMake, ninja and a C++ compiler, and in this Python NumPy, CuPy, pybind11, pytest,
hypothesis and mpmath.  The paper's experiments run last, where the extra "app" is installed and
time is left.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import steps
from bench.steps import Shell, Step, StepFailed, StepSkipped

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("numpy", "cupy", "pybind11", "pytest", "hypothesis", "mpmath")
_PAPER_PACKAGES = ("matplotlib", "rich", "scipy", "sklearn", "typer")
_TOOLS = ("nvcc", "cmake", "ninja")
_SANITIZERS = ("memcheck", "racecheck", "synccheck")
_SANITIZER_ERROR = 9


def _tools(shell: Shell, *, install: bool) -> str:
    """The GPU, the tools and the packages, with their versions."""
    if shutil.which("nvidia-smi") is None:
        raise StepFailed("there is no GPU here: no nvidia-smi on PATH")
    gpu = shell.run(
        "nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"
    ).strip()
    if not gpu:
        raise StepFailed("there is no GPU here: nvidia-smi lists none")
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    missing += [name for name in ("cmake", "ninja") if shutil.which(name) is None]
    if missing and install:
        wanted = ["cupy-cuda13x[ctk]" if name == "cupy" else name for name in missing]
        shell.run(sys.executable, "-m", "pip", "install", *wanted)
        missing = []
    missing += [name for name in _TOOLS if shutil.which(name) is None and name not in missing]
    if missing:
        raise StepFailed(f"missing: {', '.join(missing)} (--install lets pip bring what it can)")
    for command in _TOOLS:
        shell.run(command, "--version")
    return gpu.splitlines()[0]


def _build(shell: Shell, build: Path) -> str:
    """Both native modules for the visible GPU, and a folder to import the package from."""
    capability = shell.run("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    architecture = capability.split()[0].replace(".", "")
    architecture += "a-real" if architecture == "90" else "-real"
    pybind11 = shell.run(sys.executable, "-m", "pybind11", "--cmakedir").strip()
    shell.run(
        *("cmake", "-S", _ROOT, "-B", build, "-G", "Ninja", "-DFASTNTK_CUDA=ON"),
        *(f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11}"),
        f"-DCMAKE_CUDA_ARCHITECTURES={architecture}",
    )
    shell.run("cmake", "--build", build)
    site = build / "site"
    shutil.rmtree(site, ignore_errors=True)
    sources = _ROOT / "python" / "fastntk"
    unwanted = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(sources, site / "fastntk", ignore=unwanted)
    shell.run("cmake", "--install", build, "--prefix", site)
    built = sorted((site / "fastntk").glob("_cuda*.so"))
    if not built:
        raise StepFailed("the build has no module _cuda")
    return f"sm_{architecture}, {built[0].stat().st_size / 1e6:.1f} MB"


def _import(shell: Shell) -> str:
    """The package sees the GPU through CuPy."""
    text = shell.run(
        *(sys.executable, "-c"),
        "import json; from fastntk import _backend; print(json.dumps(_backend.cuda_facts()))",
    )
    facts = json.loads(text.splitlines()[-1])
    if not facts["available"]:
        raise StepFailed(f"no GPU for the package: {facts}")
    return ", ".join(facts["devices"])


def _tests(shell: Shell) -> str:
    """The tests that need a GPU."""
    text = shell.run(
        sys.executable, "-m", "pytest", "-m", "cuda", "-q", "-p", "no:cacheprovider", "tests"
    )
    return text.strip().splitlines()[-1]


def _small(shell: Shell) -> str:
    """The program that the sanitizers watch, without them."""
    return f"{len(shell.run(sys.executable, '-m', 'bench.gpu_small').splitlines())} problems"


def _sanitizer(shell: Shell, tool: str) -> str:
    """That program under one tool of compute-sanitizer."""
    if shutil.which("compute-sanitizer") is None:
        raise StepSkipped("no compute-sanitizer on this machine")
    text = shell.run(
        *("compute-sanitizer", "--tool", tool, f"--error-exitcode={_SANITIZER_ERROR}"),
        *(sys.executable, "-m", "bench.gpu_small"),
    )
    summary = [line for line in text.splitlines() if "SUMMARY" in line]
    if not summary:
        raise StepFailed(f"compute-sanitizer {tool} gives no summary")
    return summary[-1].lstrip("= ")


def _function_space(shell: Shell, out: Path) -> str:
    """Dynamics, regression and Gaussian processes on CuPy arrays, beside the CPU's."""
    lines = shell.run(
        *(sys.executable, "-m", "bench.gpu_function_space"),
        *("--out", out / "function_space.json"),
    ).splitlines()
    left_out = [line for line in lines if line.startswith("left out")]
    return "; ".join([f"{len(lines) - len(left_out)} subjects", *left_out])


def _paper(shell: Shell, out: Path) -> str:
    """The paper's experiments, small."""
    missing = [name for name in _PAPER_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise StepSkipped(f"not installed: {', '.join(missing)}")
    options = ("--quick", "--device", "cuda", "--out", out / "paper")
    shell.run(sys.executable, "-m", "fastntk", "paper", "all", *options)
    return f"{len(list((out / 'paper').glob('*.npz')))} experiments"


def _figures(shell: Shell, out: Path) -> str:
    """The benchmarks, answers asserted first."""
    shell.run(sys.executable, "-m", "bench", "--device", "cuda", "--out", out / "bench.json")
    verdicts = goals(out / "bench.json")
    return f"{sum('met' in line for line in verdicts)} of {len(verdicts)} goals met"


def goals(path: Path) -> list[str]:
    """Return fastntk's time beside the goal of every case in a record of the benchmarks."""
    lines = []
    for part in json.loads(path.read_text(encoding="utf-8"))["cases"]:
        ours, goal = part["contestants"][0], part["case"]["goal"]
        if goal:
            seconds = ours["median_seconds"]
            verdict = "met" if seconds <= goal else "missed"
            lines.append(
                f"{part['case']['name']} {1e3 * seconds:.4g} ms (goal {1e3 * goal:.4g}: {verdict})"
            )
    return lines


def all_steps(out: Path, build: Path, *, install: bool) -> list[Step]:
    """Return the steps in their order, with their limits in seconds."""
    ready = ("tools", "build", "import")
    return [
        Step("tools", 60, lambda shell: _tools(shell, install=install)),
        Step("build", 240, lambda shell: _build(shell, build), ("tools",)),
        Step("import", 60, _import, ("tools", "build")),
        Step("small", 60, _small, ready),
        Step("tests", 150, _tests, ready),
        Step("function-space", 90, lambda shell: _function_space(shell, out), ready),
        Step("figures", 180, lambda shell: _figures(shell, out), ready),
        *(
            Step(tool, 90, partial(_sanitizer, tool=tool), (*ready, "small"))
            for tool in _SANITIZERS
        ),
        Step("paper", 120, lambda shell: _paper(shell, out), ready, optional=True),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_check")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--build", type=Path, default=_ROOT / "build" / "gpu-check")
    parser.add_argument("--limit", type=float, default=480, help="seconds of everything")
    parser.add_argument("--install", action="store_true", help="let pip bring missing packages")
    names = [step.name for step in all_steps(Path(), Path(), install=False)]
    parser.add_argument("--step", action="append", choices=names, help="only this; may be repeated")
    return parser.parse_args()


def main() -> int:
    """Run the chosen steps; 1 if any failed."""
    args = _arguments()
    out, build = args.out.resolve(), args.build.resolve()
    chosen = all_steps(out, build, install=args.install)
    if args.step:  # what they need is taken for granted
        chosen = [replace(s, needs=()) for s in chosen if s.name in args.step]
    # Where nvcc and compute-sanitizer are, if they are not on PATH.
    cuda = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin"
    os.environ["PATH"] += f"{os.pathsep}{cuda}"
    (out / "bench.json").unlink(missing_ok=True)  # of an earlier run
    environment = {"PYTHONPATH": os.pathsep.join((str(build / "site"), str(_ROOT)))}
    outcomes = steps.run_steps(chosen, out, args.limit, environment, _ROOT)
    facts: dict[str, Any] = {"command": " ".join(sys.argv), "python": sys.version.split()[0]}
    steps.write(out / "gpu_check.json", outcomes, facts)
    print(steps.table(outcomes))
    if (out / "bench.json").is_file():
        print("\n".join(goals(out / "bench.json")))
    failed = steps.any_failed(outcomes)
    print("FAILED" if failed else "all steps passed, or were skipped for the reasons above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
