# SPDX-License-Identifier: Apache-2.0
"""``fastntk paper``: run experiments, write figures, print what the paper says and we get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

import fastntk
from fastntk import _backend
from fastntk._ink import require_matplotlib
from fastntk._memory import format_bytes
from fastntk.app import options, paper_files, tables
from fastntk.app.errors import OUT_OF_RANGE
from fastntk.app.progress_bar import ProgressBar
from fastntk.app.results import existing_folder, staged
from fastntk.app.shared import Clock, circumstances, stderr, warn
from fastntk.paper import registry
from fastntk.paper.experiment import Experiment, Outcome
from fastntk.paper.parts import Parts

_ALL = "all"
_OUT = "fastntk-paper"
_PARTS = "parts"


def paper(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help=f"[bold]{_ALL}[/], or one or more of {', '.join(registry.NAMES)}.",
            show_default=False,
        ),
    ],
    *,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            rich_help_panel="Computation",
            help="Narrower and fewer networks: everything in a few minutes.",
        ),
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            rich_help_panel="Computation",
            help="Seed of the networks and of everything else that is random.",
        ),
    ] = 0,
    device: options.Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel="Output",
            help=f"Folder for the results; made if missing. Default: {_OUT}, and {_OUT}-quick with "
            "--quick.",
        ),
    ] = None,
) -> None:
    """Run, write and print."""
    experiments = _chosen(names)
    folder = out or Path(_OUT + ("-quick" if quick else ""))
    engine = _backend.engine(device)
    existing_folder(folder)
    existing_folder(folder / _PARTS)
    require_matplotlib()
    for experiment in experiments:  # what the last one lacks is said before the first one runs
        _require_memory(experiment, quick, engine)
    done: dict[str, Outcome] = {}
    failed: dict[str, str] = {}
    for number, experiment in enumerate(experiments, 1):
        place = f" ({number} of {len(experiments)})" if len(experiments) > 1 else ""
        needed = format_bytes(experiment.memory(quick))
        print(f"{experiment.name}{place}: {experiment.title}; allocates up to {needed}", flush=True)
        clock = Clock()
        parts = Parts(
            folder / _PARTS,
            {"fastntk": fastntk.__version__, "device": engine.name},
            say=lambda text: warn(escape(text)),
        )
        try:
            outcome = _run(experiment, parts, clock, quick=quick, seed=seed, device=device)
        except OUT_OF_RANGE as error:  # of this experiment; those after it do not need it
            failed[experiment.name] = str(error)
            warn(f"{experiment.name} has no result: {escape(str(error))}")
            continue
        facts = _facts(outcome, parts, quick)
        done[experiment.name] = outcome
        with staged(folder) as stage:
            _draw(stage, experiment, outcome, clock)
            facts |= circumstances(clock, engine)
            paper_files.write(stage, outcome, facts)
            paper_files.write_all(stage, folder)
        Console().print(paper_files.table(outcome))
        for note in outcome.notes:
            print(note)
        print(tables.cost_line(facts))
        print(f"wrote to {folder}: {', '.join(paper_files.names(outcome.name))}\n", flush=True)
    if len(experiments) > 1:
        Console().print(paper_files.summary(done, failed))
    if done:
        print(f"all tables: {folder / paper_files.ALL}")
    _require_sound(done, failed)


def _chosen(names: list[str]) -> list[Experiment]:
    """Return the experiments named, in their own order, each once."""
    unknown = [name for name in names if name not in (*registry.NAMES, _ALL)]
    if unknown:
        raise ValueError(
            f"NAME must be {_ALL} or one of {', '.join(registry.NAMES)}, got {unknown[0]!r}"
        )
    wanted = registry.NAMES if _ALL in names else names
    return [registry.experiment(name) for name in registry.NAMES if name in wanted]


def _require_memory(experiment: Experiment, quick: bool, engine: _backend.Engine) -> None:
    needed = experiment.memory(quick)
    engine.room(needed).require(needed, f"the experiment {experiment.name}")


def _run(experiment: Experiment, parts: Parts, clock: Clock, **settings: Any) -> Outcome:
    try:
        with ProgressBar(stderr()) as bar:
            return clock("run", lambda: experiment.run(parts=parts, progress=bar, **settings))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; {len(parts.seconds)} finished parts of {experiment.name} are in "
            f"{parts.folder}, and the same command goes on there"
        ) from None


def _draw(stage: Path, experiment: Experiment, outcome: Outcome, clock: Clock) -> None:
    clock("figure", lambda: paper_files.draw(stage, experiment, outcome))


def _facts(outcome: Outcome, parts: Parts, quick: bool) -> dict[str, Any]:
    return {
        "experiment": outcome.name,
        "quick": quick,
        "settings": outcome.settings,
        "claims": [vars(claim) for claim in outcome.claims],
        "checks": [vars(check) | {"holds": check.holds} for check in outcome.checks],
        "notes": outcome.notes,
        "part_seconds": parts.seconds,
        "parts_found": parts.found,
    }


def _require_sound(done: dict[str, Outcome], failed: dict[str, str]) -> None:
    """End with code 1 if a run is broken or failed; a claim that does not hold is none of that."""
    faults = [f"{name}: {fault}" for name, outcome in done.items() for fault in outcome.faults]
    for fault in faults:
        warn(f"this run is not sound: {escape(fault)}")
    if faults or failed:
        raise typer.Exit(1)
