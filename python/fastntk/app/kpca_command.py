# SPDX-License-Identifier: Apache-2.0
"""``fastntk kpca``: parse, call, write, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from fastntk import _validate, datasets
from fastntk._ink import require_matplotlib
from fastntk._memory import budget_bytes
from fastntk.app import kpca_files, kpca_run, options, tables
from fastntk.app.progress_bar import ProgressBar
from fastntk.app.results import existing_folder, staged, write_json
from fastntk.app.resumable import resumable
from fastntk.app.shared import Clock, circumstances, engine_for, network, stderr, warn
from fastntk.linalg.storage import storage_path
from fastntk.linalg.tile_file import require_place


def kpca(
    *,
    data: options.Data = "digits",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="COUNT",
            rich_help_panel="Data",
            help="Repeat on the subsets of COUNT consecutive seeds, from --seed on, and print mean "
            "and spread of the first eigenvalues of K/N. Needs --samples; the files show the first "
            "seed and list all eigenvalues.",
        ),
    ] = 1,
    normalize: options.Normalize = options.Normalization.NONE,
    scale: options.Scale = None,
    hidden_layers: options.HiddenLayers = 4,
    activation: options.Activation = "relu",
    weight_std: options.WeightStd = 1.0,
    bias_std: options.BiasStd = 0.1,
    init_std: options.InitStd = None,
    kernel: options.KernelChoice = options.Kernel.NTK,
    components: Annotated[
        int,
        typer.Option(
            "--components",
            "-k",
            min=1,
            metavar="K",
            rich_help_panel="Computation",
            help="Eigenpairs to compute.",
        ),
    ] = 10,
    centered: Annotated[
        bool,
        typer.Option(
            "--centered",
            rich_help_panel="Computation",
            help="Centre the kernel in feature space (H K H) first; the paper does not.",
        ),
    ] = False,
    storage: options.Storage = "auto",
    method: Annotated[
        options.Method,
        typer.Option(
            rich_help_panel="Computation",
            help="Eigensolver. [bold]dense[/]: LAPACK, 40 N^2 bytes besides the storage; "
            "[bold]krylov[/]: block Krylov, 16 N bytes for each column of its basis; "
            "[bold]auto[/]: dense where it fits the memory budget, up to 1,500 samples or for a "
            "large share of all N components; else krylov.",
        ),
    ] = options.Method.AUTO,
    tol: Annotated[
        float,
        typer.Option(
            metavar="TOL",
            rich_help_panel="Computation",
            help="Stop when every residual is below TOL times the first eigenvalue.",
        ),
    ] = 1e-6,
    dtype: options.Dtype = None,
    memory: options.Memory = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", rich_help_panel="Output", help="Folder for the results; made if missing."
        ),
    ] = Path("fastntk-kpca"),
) -> None:
    """Compute, write and print a kernel PCA."""
    if seeds > 1 and samples is None:
        raise ValueError("--seeds repeats over random subsets: it needs --samples")
    if not 0 < tol < 1:
        raise ValueError(f"--tol must be between 0 and 1, got {tol}")
    file = storage_path(storage)
    if file is not None:
        require_place(file)
        if seeds > 1:
            raise ValueError(
                f"--storage {file} holds one matrix, and each of the --seeds has its own: give a "
                "name"
            )
    factor = None if scale is None else _validate.positive(scale, "scale")
    budget_bytes(memory)  # a size that cannot be read is said before the data are loaded
    net = network(hidden_layers, activation, weight_std, bias_std, init_std)
    settings = kpca_run.KpcaSettings(
        components=components,
        centered=centered,
        kernel=kernel.value,
        storage=storage,
        method=method.value,
        dtype=dtype.value if dtype else None,
        memory=memory,
        threads=threads,
        device=device,
        tol=tol,
        seed=seed,
        samples=samples,
        normalize=normalize.value,
        scale=factor,
    )
    engine = engine_for(device, file)
    existing_folder(out)
    require_matplotlib()
    clock = Clock()
    over_seeds: dict[str, Any] | None = None
    with resumable(file, device), ProgressBar(stderr()) as bar:
        loaded = clock("load", lambda: datasets.load(data, scale=factor, progress=bar))
        if seeds > 1:
            run, over_seeds = clock(
                "seeds",
                lambda: kpca_run.kpca_over_seeds(
                    net, loaded, settings, engine, range(seed, seed + seeds), bar
                ),
            )
        else:
            rows = clock("prepare", lambda: kpca_run.prepare(loaded, settings, seed))
            run = kpca_run.kpca(net, rows, settings, engine, bar)
            clock.seconds |= run.seconds
        content = kpca_run.report(run, net, settings, over_seeds)
        with staged(out) as stage:
            kpca_files.write_pairs(stage / "eigenpairs.npz", run)
            bar("drawing", 0, 0)
            drawn = clock("figure", lambda: kpca_files.draw(stage / "components.png", run, net))
            content |= circumstances(clock, engine)
            write_json(stage / "result.json", content)
    console = Console()
    console.print(tables.eigenvalue_table(run))
    if over_seeds is not None:
        console.print(tables.seeds_table(over_seeds))
    solver = f"{run.method} solver, {run.passes} passes"
    print(f"{run.storage} storage, {run.dtype}, {solver}, on {engine.description}")
    print(tables.cost_line(content))
    print(f"wrote to {out}: {'components.png, ' if drawn else ''}eigenpairs.npz, result.json")
    if not drawn:
        (out / "components.png").unlink(missing_ok=True)
        warn("no picture: it needs two components, three without --centered")
    zero = np.flatnonzero(run.lengths == 0)
    if len(zero):
        warn(f"components from number {zero[0] + 1} on are 0 up to rounding: no direction in them")
    if not run.converged or (over_seeds and over_seeds["not_converged"]):
        warn("not converged: see the residuals; try a larger --tol or --dtype float64")
