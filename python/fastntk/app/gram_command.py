# SPDX-License-Identifier: Apache-2.0
"""``fastntk gram``: parse, call, write, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastntk import _validate, datasets
from fastntk._memory import budget_bytes
from fastntk.app import gram_file, kpca_run, options, tables
from fastntk.app.progress_bar import ProgressBar
from fastntk.app.results import existing_folder, staged, write_json
from fastntk.app.resumable import resumable
from fastntk.app.shared import Clock, circumstances, engine_for, network, stderr


def gram(
    *,
    data: options.Data = "digits",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    normalize: options.Normalize = options.Normalization.NONE,
    scale: options.Scale = None,
    hidden_layers: options.HiddenLayers = 4,
    activation: options.Activation = "relu",
    weight_std: options.WeightStd = 1.0,
    bias_std: options.BiasStd = 0.1,
    init_std: options.InitStd = None,
    kernel: options.KernelChoice = options.Kernel.NTK,
    dtype: options.Dtype = None,
    memory: options.Memory = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            rich_help_panel="Output",
            help="FILE.npy, with FILE.json beside it; FILE.gram, half as large, which can be "
            "interrupted and gone on with; or a folder, made if missing, for gram.npy and "
            "gram.json.",
        ),
    ] = Path("gram.npy"),
) -> None:
    """Compute and write a Gram matrix."""
    tiled = out.suffix == ".gram" and not out.is_dir()
    if not tiled and (out.suffix != ".npy" or out.is_dir()):
        out /= "gram.npy"
    factor = None if scale is None else _validate.positive(scale, "scale")
    budget_bytes(memory)  # a size that cannot be read is said before the data are loaded
    net = network(hidden_layers, activation, weight_std, bias_std, init_std)
    tiles = out if tiled else None
    engine = engine_for(device, tiles)
    folder = out.absolute().parent
    existing_folder(folder, out)
    precision = dtype.value if dtype else None
    clock = Clock()
    with resumable(tiles, device), ProgressBar(stderr()) as bar:
        loaded = clock(
            "load",
            lambda: datasets.load(
                data,
                samples=samples,
                seed=seed,
                normalize=normalize.value,
                scale=factor,
                dtype=precision,
                progress=bar,
            ),
        )
        with staged(folder) as stage:
            write = gram_file.write_tiles if tiled else gram_file.write_gram
            made = clock(
                "gram",
                lambda: write(
                    out if tiled else stage / out.name,
                    net,
                    loaded,
                    kernel=kernel.value,
                    dtype=precision,
                    memory=memory,
                    threads=threads,
                    device=engine.name,
                    progress=bar,
                ),
            )
            content = {
                "parameters": {
                    "network": kpca_run.network_parameters(net),
                    "kernel": kernel.value,
                    "samples": samples,
                    "seed": seed,
                    "normalize": normalize.value,
                    "scale": factor,
                    "dtype": precision,
                    "memory": memory,
                    "threads": threads,
                    "device": device,
                },
                "data": kpca_run.data_parameters(loaded),
                "matrix": made,
            }
            content |= circumstances(clock, engine)
            write_json((stage / out.name).with_suffix(".json"), content)
    how = "through a memory map" if made["memory_mapped"] else "in memory"
    how = "tile by tile" if tiled else how
    what = f"{made['shape'][0]} x {made['shape'][1]}, {made['dtype']}"
    print(f"{what}, computed {how}, on {engine.description}")
    print(tables.cost_line(content))
    print(f"wrote {out} and {out.with_suffix('.json').name}")
