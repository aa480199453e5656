# SPDX-License-Identifier: Apache-2.0
"""What regressions and dynamics print: tables from finished results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from fastntk.app.regress_run import Regression
    from fastntk.datasets import Split


def regression_table(runs: list[Regression], split: Split) -> Table:
    """Return quality, residuals and times, one column per kernel."""
    table = Table(
        title=f"Regression of {len(split.train):,} samples of {escape(split.train.name)}, tested "
        f"on {len(split.test):,}"
    )
    table.add_column("")
    for run in runs:
        table.add_column(run.kernel.upper(), justify="right")
    for name, cells in _rows(runs).items():
        table.add_row(name, *cells, style="bold" if name in _MAIN else None)
    return table


_MAIN = ("test accuracy", "test R²")


def _rows(runs: list[Regression]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    if "accuracy" in runs[0].quality:
        rows["test accuracy"] = [f"{run.quality['accuracy']:.2%}" for run in runs]
        rows["test errors"] = [f"{run.quality['errors']:,}" for run in runs]
    else:
        fits = [run.quality["r_squared"] for run in runs]
        rows["test R²"] = ["-" if fit is None else f"{fit:.4f}" for fit in fits]
        rows["test RMSE"] = [f"{run.quality['rmse']:.4g}" for run in runs]
    if any(run.ridge for run in runs):
        rows["ridge"] = [f"{run.ridge:.4g}" for run in runs]
    rows[f"residual, {runs[0].dtype} K"] = [f"{run.residual:.1e}" for run in runs]
    steps = max(len(run.residuals_float64) for run in runs)
    for i in range(steps):
        name = "residual, float64 K" if i == 0 else f"  refined, pass {i}"
        rows[name] = [
            f"{run.residuals_float64[i]:.1e}" if i < len(run.residuals_float64) else ""
            for run in runs
        ]
    rows["solver"] = [f"{run.method}, {run.passes} passes" for run in runs]
    for step in runs[0].seconds:
        rows[f"seconds, {step}"] = [f"{run.seconds[step]:.2f}" for run in runs]
    return rows
