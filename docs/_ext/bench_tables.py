# SPDX-License-Identifier: Apache-2.0
"""Tables of the benchmark records in ``bench/results``, made when the documentation is built.

The directive ``bench-table`` takes the name of a record and shows what it holds, with the machine,
the commit and the command; no figure is copied by hand. A record that no page shows is a warning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
RESULTS = Path(__file__).parents[2] / "bench" / "results"
Rows = list[list[str]]


class BenchTable(SphinxDirective):
    """``.. bench-table:: NAME.json``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table and the sentence below it."""
        path = RESULTS / self.arguments[0]
        self.env.note_dependency(str(path))
        record = json.loads(path.read_text())
        shown = self.env.metadata[self.env.current_document.docname]
        shown["bench_records"] = f"{shown.get('bench_records', '')} {path.name}"
        wrapper = nodes.container(classes=["bench"])
        wrapper += table(rows_of(record))
        return [wrapper, provenance(record["machine"], path.name)]


def rows_of(record: dict[str, Any]) -> Rows:
    """Return the headings and the lines of a record, whichever kind it is."""
    if "cases" in record:
        cases = record["cases"]
        of_activations = [part for part in cases if part["case"]["operation"] == "activations"]
        return activation_rows(cases) if of_activations == cases else case_rows(cases)
    if "claims" in record:
        claims = record["claims"]
        lines = [
            [c["name"], c["expected"], c["found"], "yes" if c["holds"] else "no"] for c in claims
        ]
        return [["quantity", "expected", "found", "holds"], *lines]
    return contestant_rows(record)


def case_rows(cases: list[dict[str, Any]]) -> Rows:
    """Return each case's name, then a line for each contestant; ratios are to its baseline."""
    rows = [["", "seconds", "ns per entry", "x baseline (band)", "peak MB", "largest error"]]
    for part in cases:
        case = part["case"]
        rows.append([f"{case['name']}, {case['rows']:,} x {case['columns']:,}"])
        for line in part["contestants"]:
            ratio = line.get("ratio") or line.get("ratio_to_numpy")
            band = f"{ratio['median']:.3g} ({ratio['low']:.3g} to {ratio['high']:.3g})"
            baseline = line["contestant"] == part.get("baseline", "numpy")
            rows.append(
                [
                    line["contestant"],
                    f"{line['median_seconds']:.3g}",
                    f"{line['ns_per_entry']:.3g}",
                    "1" if baseline else band,
                    megabytes(line["peak_bytes"]),
                    f"{line['max_relative_error']:.1e}",
                ]
            )
    return rows


def activation_rows(cases: list[dict[str, Any]]) -> Rows:
    """Return a line for each activation: ns per entry, and times ReLU's, in every case."""
    names = [part["case"]["name"].removeprefix("activations-") for part in cases]
    rows = [["ns per entry (x ReLU)", *names, "goal", "largest error"]]
    for lines in zip(*(part["contestants"] for part in cases), strict=True):
        cells = [f"{x['ns_per_entry']:.3g} ({1 / x['ratio']['median']:.2f})" for x in lines]
        goal = lines[0]["goal"]
        error = max(x["max_relative_error"] for x in lines)
        rows.append([lines[0]["contestant"], *cells, f"{goal:.0f}" if goal else "", f"{error:.1e}"])
    return rows


def contestant_rows(record: dict[str, Any]) -> Rows:
    """Return a line for each contestant of one problem in function space."""
    rows = [[f"{record['samples']:,} digits", "seconds", "peak MB", "what it found"]]
    for line in record["contestants"]:
        facts = (f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                 for name, value in line["answer"].items())  # fmt: skip
        seconds = f"{line['median_seconds']:.3g}"
        rows.append([line["name"], seconds, megabytes(line["peak_bytes"]), ", ".join(facts)])
    return rows


def megabytes(count: int | None) -> str:
    """Return bytes in MB, or nothing where they were not measured."""
    return "" if count is None else f"{count / 1e6:,.0f}"


def table(rows: Rows) -> nodes.table:
    """Return rows of text, the headings first, as a table."""
    group = nodes.tgroup(cols=len(rows[0]))
    group += [nodes.colspec(colwidth=1) for _ in rows[0]]
    for part, lines in ((nodes.thead(), rows[:1]), (nodes.tbody(), rows[1:])):
        for cells in lines:
            row = nodes.row()
            row += [nodes.entry("", nodes.paragraph(text=cell)) for cell in cells]
            if len(cells) == 1 < len(rows[0]):  # a heading within the table
                row[0]["morecols"] = len(rows[0]) - 1
                row["classes"].append("bench-case")
            part.append(row)
        group += part
    return nodes.table("", group, classes=["colwidths-auto"])


def provenance(machine: dict[str, Any], name: str) -> nodes.paragraph:
    """Return where the figures come from."""
    said = nodes.paragraph(classes=["bench-source"])
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v and k != "fastntk")
    said += nodes.Text(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['isa']}, "
        f"load {machine['load_average']}; {versions}; "
        f"commit {machine['commit']}, {machine['time'][:10]}: "
    )
    said += nodes.literal(text=machine["command"])
    said += nodes.Text(" (")
    said += nodes.literal(text=f"bench/results/{name}")
    said += nodes.Text(")")
    return said


def every_record_is_shown(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of records that no page shows."""
    shown = " ".join(page.get("bench_records", "") for page in env.metadata.values()).split()
    for path in sorted(RESULTS.glob("*.json")):
        if path.name not in shown:
            logger.warning("no page shows bench/results/%s", path.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("bench-table", BenchTable)
    app.connect("env-check-consistency", every_record_is_shown)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
