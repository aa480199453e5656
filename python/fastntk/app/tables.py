# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables from finished results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from fastntk._memory import format_bytes

if TYPE_CHECKING:
    from fastntk.app.kpca_run import KpcaRun

_ROWS = 10


def eigenvalue_table(run: KpcaRun) -> Table:
    """Return the first eigenvalues with their residuals."""
    matrix = "HKH" if run.centered else "K"
    table = Table(title=f"Eigenvalues, {len(run.data):,} samples of {escape(run.data.name)}")
    table.add_column("component", justify="right")
    table.add_column(f"of {matrix}/N", justify="right", style="bold")
    table.add_column(f"of {matrix}", justify="right")
    table.add_column("residual / first", justify="right")
    rows = zip(run.values_over_n, run.values, run.relative_residuals, strict=True)
    for i, (over_n, value, residual) in enumerate(rows):
        if i == _ROWS:
            break
        table.add_row(str(i + 1), f"{over_n:.6g}", f"{value:.6g}", f"{residual:.1e}")
    if len(run.values) > _ROWS:
        table.caption = f"and {len(run.values) - _ROWS} more in result.json"
    return table


def seeds_table(summary: dict[str, Any]) -> Table:
    """Return mean and spread of the first three eigenvalues of K/N over seeds."""
    seeds = summary["seeds"]
    table = Table(title=f"Eigenvalues of K/N over seeds {seeds[0]}..{seeds[-1]}")
    table.add_column("component", justify="right")
    table.add_column("mean ± std", justify="right", style="bold")
    table.add_column("min", justify="right")
    table.add_column("max", justify="right")
    for i in range(min(3, len(summary["mean"]))):
        mean, std = summary["mean"][i], summary["std"][i]
        low, high = summary["min"][i], summary["max"][i]
        table.add_row(str(i + 1), f"{mean:.6f} ± {std:.6f}", f"{low:.6f}", f"{high:.6f}")
    return table


def cost_line(content: dict[str, Any]) -> str:
    """Return the times and peak memory of a result file in one line."""
    peak = content["peak_memory_bytes"]
    whose = "" if content["device"]["name"] == "cpu" else " of the host"
    times = ", ".join(f"{step} {value:.2f} s" for step, value in content["seconds"].items())
    return times + (f"; peak memory{whose} {format_bytes(peak)}" if peak else "")


def info_table(facts: dict[str, Any]) -> Table:
    """Return versions and machine facts as name and value."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    for group, content in facts.items():
        for i, (name, value) in enumerate(content.items()):
            table.add_row(f"[cyan]{group}[/]" if i == 0 else "", escape(name), _spell(name, value))
    return table


def _spell(name: str, value: Any) -> str:
    if value is None:
        return "[dim]not installed[/]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return escape("\n".join(str(item) for item in value)) or "none"
    if isinstance(value, int) and name in {"total", "available", "peak"}:
        return format_bytes(value)
    return escape(str(value))
