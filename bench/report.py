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
from bench.contestants import BASELINE
from bench.timing import Ratio, ratio

RESULTS = Path(__file__).parent / "results"
FORMAT = 1
_HEADINGS = (
    "case",
    "contestant",
    "seconds",
    "ns per entry",
    "x NumPy (band)",
    "peak MB",
    "max rel. error",
)


@dataclass(frozen=True)
class Measured:
    """One contestant's figures in one case."""

    contestant: str
    seconds: list[float]
    setup_seconds: float
    peak_bytes: int | None  # None: not measured
    max_relative_error: float


def record(case: Case, figures: list[Measured]) -> dict[str, Any]:
    """Return one case's part of the JSON record."""
    baseline = next((f.seconds for f in figures if f.contestant == BASELINE), None)
    rows = []
    for figure in figures:
        median = statistics.median(figure.seconds)
        rows.append(
            asdict(figure)
            | {
                "median_seconds": median,
                "ns_per_entry": 1e9 * median / case.entries,
                "ratio_to_numpy": asdict(ratio(baseline, figure.seconds)) if baseline else None,
            }
        )
    return {"case": asdict(case), "contestants": rows}


def write(path: Path, machine: dict[str, object], data: str, records: list[dict[str, Any]]) -> None:
    """Write the whole run to `path`, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"format": FORMAT, "machine": machine, "data": data, "cases": records}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(whole, indent=1) + "\n")
    partial.replace(path)


def default_path(machine: dict[str, object]) -> Path:
    """Return bench/results/<processor>-<cores>-<commit>.json."""
    slug = re.sub(r"[^a-z0-9]+", "-", str(machine["cpu"]).lower().replace("(r)", "")).strip("-")
    return RESULTS / f"{slug}-{machine['cores']}cores-{machine['commit']}.json"


def table(records: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table, aligned for the eye too."""
    lines = [list(_HEADINGS)]
    for part in records:
        case = part["case"]
        for row in part["contestants"]:
            lines.append(
                [
                    f"{case['name']} {case['rows']:,} x {case['columns']:,}",
                    row["contestant"],
                    f"{row['median_seconds']:.4g}",
                    f"{row['ns_per_entry']:.3g}",
                    _ratio_text(row),
                    _memory_text(row["peak_bytes"]),
                    f"{row['max_relative_error']:.1e}",
                ]
            )
    widths = [max(len(line[c]) for line in lines) for c in range(len(_HEADINGS))]
    lines.insert(1, ["-" * width for width in widths])
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _memory_text(peak_bytes: int | None) -> str:
    return "" if peak_bytes is None else f"{peak_bytes / 1e6:,.0f}"


def _ratio_text(row: dict[str, Any]) -> str:
    if row["contestant"] == BASELINE:
        return "1"
    if row["ratio_to_numpy"] is None:
        return ""
    band = Ratio(**row["ratio_to_numpy"])
    text = f"{band.median:.3g} ({band.low:.3g}-{band.high:.3g})"
    return text if band.decided else text + " undecided"
