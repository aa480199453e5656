# SPDX-License-Identifier: Apache-2.0
"""``fastntk regress``: parse, call, write, print."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fastntk import _validate, datasets
from fastntk._ink import require_matplotlib
from fastntk._memory import budget_bytes
from fastntk.app import function_tables, options, regress_files, regress_run, tables
from fastntk.app.progress_bar import ProgressBar
from fastntk.app.results import existing_folder, staged, write_json
from fastntk.app.resumable import resumable
from fastntk.app.shared import Clock, circumstances, engine_for, network, stderr, warn
from fastntk.app.targets import targets_of
from fastntk.linalg.storage import storage_path
from fastntk.linalg.tile_file import require_place


class Kernels(str, Enum):
    """Which limiting kernels."""

    NTK = "ntk"
    NNGP = "nngp"
    BOTH = "both"


class Solver(str, Enum):
    """How the linear system is solved."""

    AUTO = "auto"
    CHOLESKY = "cholesky"
    CG = "cg"


def regress(
    *,
    data: options.Data = "digits",
    test_data: options.TestData = None,
    targets: options.TargetChoice = options.Targets.AUTO,
    samples: options.Samples = None,
    seed: options.Seed = 0,
    normalize: options.Normalize = options.Normalization.NONE,
    scale: options.Scale = None,
    hidden_layers: options.HiddenLayers = 4,
    activation: options.Activation = "relu",
    weight_std: options.WeightStd = 1.0,
    bias_std: options.BiasStd = 0.1,
    init_std: options.InitStd = None,
    kernel: Annotated[
        Kernels,
        typer.Option(
            rich_help_panel="Network",
            help="[bold]ntk[/]: networks trained to the end; [bold]nngp[/]: the mean of the "
            "Bayesian posterior; [bold]both[/]: one after the other.",
        ),
    ] = Kernels.BOTH,
    ridge: options.Ridge = 0.0,
    ridge_units: options.RidgeUnitsChoice = options.RidgeUnits.ABSOLUTE,
    storage: options.Storage = "auto",
    method: Annotated[
        Solver,
        typer.Option(
            rich_help_panel="Computation",
            help="[bold]cholesky[/]: 8 to 12 N^2 bytes besides the storage; [bold]cg[/]: "
            "preconditioned conjugate gradients, at most 9,000 N bytes; [bold]auto[/]: cholesky "
            "up to 4,000 samples, or 300 per output, where it fits the memory budget; else cg.",
        ),
    ] = Solver.AUTO,
    tol: Annotated[
        float,
        typer.Option(
            metavar="TOL",
            rich_help_panel="Computation",
            help="Stop when the residual of every output is below TOL times its targets' norm.",
        ),
    ] = 1e-6,
    refine: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="COUNT",
            rich_help_panel="Computation",
            help="Refine the solution of a float32 K at most so many times, until the residuals "
            "for K in float64, computed again each time and never stored, are below TOL too. "
            "Default: 2. K in float64 needs none.",
        ),
    ] = None,
    dtype: options.Dtype = None,
    memory: options.Memory = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", rich_help_panel="Output", help="Folder for the results; made if missing."
        ),
    ] = Path("fastntk-regress"),
) -> None:
    """Compute, write and print kernel regressions."""
    if not 0 < tol < 1:
        raise ValueError(f"--tol must be between 0 and 1, got {tol}")
    kernels = ("ntk", "nngp") if kernel is Kernels.BOTH else (kernel.value,)
    file = storage_path(storage)
    if file is not None:
        require_place(file)
        if len(kernels) > 1:
            raise ValueError(
                f"--storage {file} holds one matrix: give a name, or --kernel ntk or nngp"
            )
    factor = None if scale is None else _validate.positive(scale, "scale")
    budget_bytes(memory)  # a size that cannot be read is said before the data are loaded
    net = network(hidden_layers, activation, weight_std, bias_std, init_std)
    settings = regress_run.RegressSettings(
        kernel=kernel.value,
        ridge=_validate.non_negative(ridge, "ridge"),
        ridge_units=ridge_units.value,
        storage=storage,
        method=method.value,
        tol=tol,
        refine=refine,
        dtype=dtype.value if dtype else None,
        memory=memory,
        threads=threads,
        device=device,
        seed=seed,
        samples=samples,
        test_data=test_data,
        targets=targets.value,
        normalize=normalize.value,
        scale=factor,
    )
    engine = engine_for(device, file)
    existing_folder(out)
    require_matplotlib()
    clock = Clock()
    with resumable(file, device), ProgressBar(stderr()) as bar:
        split = clock(
            "load",
            lambda: datasets.load_split(
                data,
                test_data,
                samples=samples,
                seed=seed,
                normalize=normalize.value,
                scale=factor,
                dtype=settings.dtype,
                progress=bar,
            ),
        )
        learnt = targets_of(split, targets.value)
        runs = [
            clock(
                name,
                partial(regress_run.regress, net, split, learnt, name, settings, engine, bar),
            )
            for name in kernels
        ]
        content = regress_run.report(runs, net, split, learnt, settings)
        with staged(out) as stage:
            regress_files.write_predictions(stage / "predictions.npz", runs, split, learnt)
            bar("drawing", 0, 0)
            picture = clock("figure", lambda: regress_files.draw(stage, runs, net, split, learnt))
            content |= circumstances(clock, engine)
            write_json(stage / "result.json", content)
    for name in regress_files.PICTURES:
        if name != picture:
            (out / name).unlink(missing_ok=True)
    Console().print(function_tables.regression_table(runs, split))
    print(f"{runs[0].storage} storage, {runs[0].dtype}, on {engine.description}")
    print(tables.cost_line(content))
    print(f"wrote to {out}: {picture}, predictions.npz, result.json")
    for run in runs:
        if not run.converged:
            warn(
                f"{run.kernel.upper()} not converged: see the residuals; try a larger --tol or "
                "--ridge, or --dtype float64"
            )
