# SPDX-License-Identifier: Apache-2.0
"""The record of a run as JSON, and the same as a table."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.cases import Case
from bench.timing import Ratio, ratio

RESULTS = Path(__file__).parent / "results"
FORMAT = 2
_HEADINGS = (
    "case",
    "contestant",
    "seconds",
    "goal",
    "ns per entry",
    "x baseline (band)",
    "peak MB",
    "max rel. error",
)


@dataclass
class Measured:
    """One contestant's figures in one case."""

    contestant: str
    seconds: list[float]
    setup_seconds: float
    peak_bytes: int | None  # None: not measured
    max_relative_error: float


def record(case: Case, figures: list[Measured], baseline: str) -> dict[str, Any]:
    """Return one case's part of the JSON record; ratios are to the contestant `baseline`."""
    reference = next((f.seconds for f in figures if f.contestant == baseline), None)
    rows = []
    for figure in figures:
        median = statistics.median(figure.seconds)
        rows.append(
            asdict(figure)
            | {
                "median_seconds": median,
                "ns_per_entry": 1e9 * median / case.entries,
                "ratio": asdict(ratio(reference, figure.seconds)) if reference else None,
            }
        )
    return {"case": asdict(case), "baseline": baseline, "contestants": rows}


def write(path: Path, machine: dict[str, object], data: str, records: list[dict[str, Any]]) -> None:
    """Write the whole run to `path`, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"format": FORMAT, "machine": machine, "data": data, "cases": records}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(whole, indent=1) + "\n")
    partial.replace(path)


def default_path(machine: dict[str, object]) -> Path:
    """Return bench/results/<GPU, or processor and its cores>-<commit>.json."""
    gpu = machine.get("gpu")
    name = (
        str(gpu["name"]) if isinstance(gpu, dict) else f"{machine['cpu']} {machine['cores']}cores"
    )
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower().replace("(r)", "")).strip("-")
    return RESULTS / f"{slug}-{machine['commit']}.json"


def table(records: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table, aligned for the eye too."""
    lines = [list(_HEADINGS)]
    for part in records:
        case = part["case"]
        if case["operation"] == "activations":
            continue
        for row in part["contestants"]:
            lines.append(
                [
                    f"{case['name']} {case['rows']:,} x {case['columns']:,}",
                    row["contestant"],
                    f"{row['median_seconds']:.4g}",
                    f"{case['goal']:.3g}" if case["goal"] else "",
                    f"{row['ns_per_entry']:.3g}",
                    _ratio_text(row, part["baseline"]),
                    _memory_text(row["peak_bytes"]),
                    f"{row['max_relative_error']:.1e}",
                ]
            )
    if not any(part["case"]["goal"] for part in records):
        goal = _HEADINGS.index("goal")
        lines = [line[:goal] + line[goal + 1 :] for line in lines]
    return _markdown(lines) if len(lines) > 1 else ""


def comparison(records: list[dict[str, Any]]) -> str:
    """Return the cases of several libraries as one line each: seconds, and peak MB in brackets."""
    parts = [part for part in records if part["case"]["operation"] == "empirical"]
    names = list(dict.fromkeys(row["contestant"] for part in parts for row in part["contestants"]))
    lines = [["case", *names, "x best of the others (band)", "error"]]
    for part in parts:
        rows = {row["contestant"]: row for row in part["contestants"]}
        ours = rows[names[0]]
        lines.append(
            [
                part["case"]["name"].removeprefix("empirical-"),
                *[_seconds_text(rows.get(name)) for name in names],
                _ratio_text(ours, part["baseline"]),
                f"{ours['max_relative_error']:.0e}",
            ]
        )
    return _markdown(lines) if parts else ""


def activations(records: list[dict[str, Any]]) -> str:
    """Return a line for each activation: ns per entry, and times ReLU's, in every case."""
    parts = [part for part in records if part["case"]["operation"] == "activations"]
    names = [part["case"]["name"].removeprefix("activations-") for part in parts]
    lines = [["ns per entry (x ReLU)", *names, "goal", "largest error"]]
    for rows in zip(*(part["contestants"] for part in parts), strict=True):
        goal = rows[0]["goal"]
        cells = [f"{row['ns_per_entry']:.3g} ({1 / row['ratio']['median']:.2f})" for row in rows]
        error = max(row["max_relative_error"] for row in rows)
        lines.append([rows[0]["contestant"], *cells, f"{goal:.0f}" if goal else "", f"{error:.0e}"])
    return _markdown(lines) if parts else ""


def _seconds_text(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    peak = _memory_text(row["peak_bytes"])
    return f"{row['median_seconds']:.3g}" + (f" ({peak})" if peak else "")


def _markdown(lines: list[list[str]]) -> str:
    """Return lines of cells, the headings first, as a table aligned for the eye too."""
    widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in ruled
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _memory_text(peak_bytes: int | None) -> str:
    return "" if peak_bytes is None else f"{peak_bytes / 1e6:,.0f}"


def _ratio_text(row: dict[str, Any], baseline: str) -> str:
    if row["contestant"] == baseline:
        return "1"
    if row["ratio"] is None:
        return ""
    band = Ratio(**row["ratio"])
    text = f"{band.median:.3g} ({band.low:.3g}-{band.high:.3g})"
    return text if band.decided else text + " undecided"
