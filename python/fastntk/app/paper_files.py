# SPDX-License-Identifier: Apache-2.0
"""What an experiment leaves behind: figure, arrays, the table of claims; and the printed table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from fastntk import _ink as ink
from fastntk.app.results import write_json
from fastntk.paper import registry
from fastntk.paper.experiment import Experiment, Outcome

_VERDICTS = {True: "yes", False: "no", None: "-"}
# The tables of all experiments whose results are in the folder.
ALL = "paper.md"
_COLUMNS = ("", "the paper says", "we get", "holds")


def names(experiment: str) -> list[str]:
    """Return the files of an experiment."""
    return [f"{experiment}.{end}" for end in ("png", "svg", "npz", "json", "md")]


def draw(folder: Path, experiment: Experiment, outcome: Outcome) -> None:
    """Draw the figure, as PNG and as SVG."""
    figure = experiment.draw(outcome)
    for end in ("png", "svg"):
        ink.save(figure, folder / f"{outcome.name}.{end}")


def write(folder: Path, outcome: Outcome, facts: dict[str, Any]) -> None:
    """Write arrays, facts, and the table as Markdown."""
    with (folder / f"{outcome.name}.npz").open("wb") as stream:
        np.savez(stream, **outcome.arrays)
    # A check of what is not a number is one that fails; JSON has no such number.
    for check in facts["checks"]:
        check["error"] = check["error"] if math.isfinite(check["error"]) else str(check["error"])
    write_json(folder / f"{outcome.name}.json", facts)
    (folder / f"{outcome.name}.md").write_text(markdown(outcome, facts), encoding="utf-8")


def write_all(stage: Path, folder: Path) -> None:
    """Put the tables of the folder into one file: those of this run, and those of runs before it.

    Parameters
    ----------
    stage : Path
        Has the tables that will replace the folder's; the file is written here.
    folder : Path
        Of all results; it need not exist yet.
    """
    pages = []
    for name in registry.NAMES:
        places = [place / f"{name}.md" for place in (stage, folder)]
        pages += [path.read_bytes() for path in places if path.is_file()][:1]
    (stage / ALL).write_bytes(b"\n".join(pages))


def markdown(outcome: Outcome, facts: dict[str, Any]) -> str:
    """Return the claims, the checks and the notes."""
    lines = [
        f"# {outcome.name}: {outcome.title}",
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|---" * 4 + "|",
    ]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in _rows(outcome)
    ]
    lines += ["", *(f"- {note}" for note in outcome.notes)]
    lines += [
        f"- Check: {check.text}: {check.error:.3g}, at most {check.bound:.3g}"
        + ("" if check.holds else ". **It is not: this run is not sound.**")
        for check in outcome.checks
    ]
    quick = "quick settings, " if facts["quick"] else ""
    earlier = sum(facts["part_seconds"][name] for name in facts["parts_found"])
    seconds = facts["seconds"]["total"] + earlier
    lines.append(f"- {quick}seed {outcome.settings.get('seed')}, {seconds:.0f} s")
    return "\n".join(lines) + "\n"


def table(outcome: Outcome) -> Table:
    """Return what the paper says and what we get."""
    found = Table(show_lines=True)
    for column, width in zip(_COLUMNS, (18, 18, None, None), strict=True):
        found.add_column(column, max_width=width, justify="center" if column == "holds" else "left")
    for row in _rows(outcome):
        found.add_row(*map(escape, row))
    return found


def summary(done: dict[str, Outcome], failed: dict[str, str]) -> Table:
    """Return how many claims of each experiment hold, and which runs are to be trusted in that.

    Parameters
    ----------
    done : dict of str to Outcome
        By experiment.
    failed : dict of str to str
        Why others have no outcome.
    """
    found = Table()
    for column in ("experiment", *_VERDICTS.values(), "the run"):
        found.add_column(column, justify="right" if column in _VERDICTS.values() else "left")
    for name in registry.NAMES:
        if name in failed:
            found.add_row(name, *[""] * len(_VERDICTS), "failed")
        elif name in done:
            verdicts = [claim.holds for claim in done[name].claims]
            counts = (str(verdicts.count(verdict)) for verdict in _VERDICTS)
            found.add_row(name, *counts, "not sound" if done[name].faults else "sound")
    return found


def _rows(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [(c.text, c.paper, c.found, _VERDICTS[c.holds]) for c in outcome.claims]
