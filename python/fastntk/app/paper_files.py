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
from fastntk.paper.experiment import Experiment, Outcome

_VERDICTS = {True: "yes", False: "no", None: "-"}
# All tables of a run of several experiments.
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


def write(folder: Path, outcome: Outcome, facts: dict[str, Any]) -> str:
    """Write arrays, facts, and the table as Markdown, which is returned."""
    with (folder / f"{outcome.name}.npz").open("wb") as stream:
        np.savez(stream, **outcome.arrays)
    # A check of what is not a number is one that fails; JSON has no such number.
    for check in facts["checks"]:
        check["error"] = check["error"] if math.isfinite(check["error"]) else str(check["error"])
    write_json(folder / f"{outcome.name}.json", facts)
    page = markdown(outcome, facts)
    (folder / f"{outcome.name}.md").write_text(page, encoding="utf-8")
    return page


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


def summary(done: dict[str, Outcome]) -> Table:
    """Return how many claims of each experiment hold."""
    found = Table()
    for column in ("experiment", *_VERDICTS.values()):
        found.add_column(column, justify="left" if column == "experiment" else "right")
    for name, outcome in done.items():
        verdicts = [claim.holds for claim in outcome.claims]
        found.add_row(name, *(str(verdicts.count(verdict)) for verdict in _VERDICTS))
    return found


def _rows(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [(c.text, c.paper, c.found, _VERDICTS[c.holds]) for c in outcome.claims]
