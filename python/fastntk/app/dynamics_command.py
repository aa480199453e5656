# SPDX-License-Identifier: Apache-2.0
"""``fastntk dynamics``: parse, call, write, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from fastntk import _validate, datasets
from fastntk._ink import require_matplotlib
from fastntk._memory import budget_bytes
from fastntk.app import (
    dynamics_files,
    dynamics_problem,
    dynamics_run,
    function_tables,
    options,
    tables,
)
from fastntk.app.progress_bar import ProgressBar
from fastntk.app.results import existing_folder, staged, write_json
from fastntk.app.resumable import resumable
from fastntk.app.shared import Clock, circumstances, engine_for, network, stderr, warn
from fastntk.linalg.storage import storage_path
from fastntk.linalg.tile_file import require_place


def dynamics(
    *,
    data: options.Data = "digits",
    test_data: options.TestData = None,
    targets: options.TargetChoice = options.Targets.AUTO,
    samples: options.Samples = None,
    holdout: Annotated[
        float,
        typer.Option(
            metavar="FRACTION",
            rich_help_panel="Data",
            help="Share of the training rows that is held out: early stopping is where their cost "
            "is least. 0: none.",
        ),
    ] = 0.1,
    label_noise: Annotated[
        float,
        typer.Option(
            metavar="FRACTION",
            rich_help_panel="Data",
            help="Share of the training labels, held-out ones included, that is replaced by labels "
            "of rows drawn by --seed. 1: random labels. Test labels stay.",
        ),
    ] = 0.0,
    seed: options.Seed = 0,
    normalize: options.Normalize = options.Normalization.NONE,
    scale: options.Scale = None,
    hidden_layers: options.HiddenLayers = 4,
    activation: options.Activation = "relu",
    weight_std: options.WeightStd = 1.0,
    bias_std: options.BiasStd = 0.1,
    init_std: options.InitStd = None,
    kernel: options.KernelChoice = options.Kernel.NTK,
    components: Annotated[
        int | None,
        typer.Option(
            "--components",
            "-k",
            min=1,
            metavar="K",
            rich_help_panel="Computation",
            help="Eigenvalues to compute for the picture of the spectrum. Default: 50; all of them "
            "up to 3,000 samples.",
        ),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            rich_help_panel="Computation",
            help="Times, learning rate times steps, separated by commas: numbers, inf, and "
            "FIRST:LAST:COUNT for a logarithmic row. Default: 20 from 0.1 to 1e5 times the first "
            "time constant.",
        ),
    ] = None,
    tol: Annotated[
        float,
        typer.Option(
            metavar="TOL",
            rich_help_panel="Computation",
            help="Bound of the error of f_t at the training rows, relative to the targets, where "
            "f_t comes from a Krylov space.",
        ),
    ] = 1e-4,
    storage: options.Storage = "auto",
    dtype: options.Dtype = None,
    memory: options.Memory = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", rich_help_panel="Output", help="Folder for the results; made if missing."
        ),
    ] = Path("fastntk-dynamics"),
) -> None:
    """Compute, write and print the training of a wide network over time."""
    if not 0 <= holdout < 1:
        raise ValueError(f"--holdout must be at least 0 and below 1, got {holdout}")
    if not 0 <= label_noise <= 1:
        raise ValueError(f"--label-noise must be between 0 and 1, got {label_noise}")
    if not 0 < tol < 1:
        raise ValueError(f"--tol must be between 0 and 1, got {tol}")
    if times is not None:
        dynamics_problem.parsed_times(
            times
        )  # what cannot be read is said before the data are loaded
    file = storage_path(storage)
    if file is not None:
        require_place(file)
    factor = None if scale is None else _validate.positive(scale, "scale")
    budget_bytes(memory)  # so is a size
    net = network(hidden_layers, activation, weight_std, bias_std, init_std)
    settings = dynamics_problem.DynamicsSettings(
        kernel=kernel.value,
        components=components,
        times=times,
        tol=tol,
        holdout=holdout,
        label_noise=label_noise,
        storage=storage,
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
        problem = dynamics_problem.prepared(split, settings)
        run = dynamics_run.dynamics(net, problem, settings, engine, bar)
        clock.seconds |= run.seconds
        content = dynamics_run.report(run, net, problem, settings)
        with staged(out) as stage:
            dynamics_files.write_curves(stage / "curve.npz", run, problem)
            bar("drawing", 0, 0)
            picture = stage / "dynamics.png"
            clock("figure", lambda: dynamics_files.draw(picture, run, net, problem, settings))
            content |= circumstances(clock, engine)
            write_json(stage / "result.json", content)
    Console().print(function_tables.dynamics_table(run, problem))
    for line in function_tables.dynamics_lines(run):
        print(line)
    print(f"{run.storage} storage, {run.dtype}, on {engine.description}")
    print(tables.cost_line(content))
    print(f"wrote to {out}: dynamics.png, curve.npz, result.json")
    for note in run.notes:
        warn(escape(note))
    if not run.converged:
        late = run.times[run.error > tol]
        warn(
            f"f_t is known to {run.error.max():.1e} of the targets only from t = {late[0]:.3g} on, "
            f"where --tol is {tol:g}: try a larger --tol, or --dtype float64"
        )
