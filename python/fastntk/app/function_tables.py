# SPDX-License-Identifier: Apache-2.0
"""What regressions and dynamics print: tables from finished results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from fastntk.app.dynamics_problem import Problem
    from fastntk.app.dynamics_run import Dynamics
    from fastntk.app.regress_run import Regression
    from fastntk.datasets import Split


def regression_table(runs: list[Regression], split: Split) -> Table:
    """Return quality, residuals and times, one column per kernel."""
    table = Table(
        title=f"{len(split.train):,} samples of {escape(split.train.name)}, tested on "
        f"{len(split.test):,}"
    )
    # As wide as the title of one kernel's table.
    table.add_column("", min_width=26)
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
        name = "residual, float64 K" if i == 0 else f"  refinement {i}"
        rows[name] = [
            f"{run.residuals_float64[i]:.1e}" if i < len(run.residuals_float64) else ""
            for run in runs
        ]
    rows["solver"] = [f"{run.method}, {run.passes} passes" for run in runs]
    for step in runs[0].seconds:
        rows[f"seconds, {step}"] = [f"{run.seconds[step]:.2f}" for run in runs]
    return rows


def dynamics_table(run: Dynamics, problem: Problem) -> Table:
    """Return cost and accuracy of each part of the data, one row per time."""
    held = f", {len(problem.held):,} held out" if problem.held else ""
    noise = f", {problem.noisy:,} labels of these at random" if problem.noisy else ""
    table = Table(
        title=f"Training on {len(problem.fit):,} samples of {escape(problem.fit.name)}{held}{noise}"
    )
    table.add_column("t", justify="right")
    classes = problem.targets.classes is not None
    for name in run.curves:
        table.add_column(f"{name}\ncost", justify="right")
        if classes and name != "held-out":
            table.add_column(f"{name}\naccuracy", justify="right", style="bold")
    least = int(np.argmin(run.curves["held-out"].cost)) if "held-out" in run.curves else -1
    for i, t in enumerate(run.times):
        cells = [f"{t:.3g}"]
        for name, curve in run.curves.items():
            mark = "*" if name == "held-out" and i == least else ""
            cells.append(f"{mark}{curve.cost[i]:.4g}")
            if curve.error is not None and name != "held-out":
                cells.append(f"{1 - curve.error[i]:.2%}")
        table.add_row(*cells)
    return table


def dynamics_lines(run: Dynamics) -> list[str]:
    """Return what the table does not say: early stopping, time constants, error of the method."""
    test, lines = run.curves["test"], []
    if run.stop is not None:
        lines.append(
            f"early stopping at t = {run.stop.time:.3g}: "
            + _test_words(run.stop.test_cost, run.stop.test_error)
        )
        lines.append(
            f"at the last time, t = {run.times[-1]:.3g}: "
            + _test_words(test.cost[-1], None if test.error is None else test.error[-1])
        )
    rate = run.eigenvalues_over_n[0]
    lines.append(f"first time constant {1 / rate:.4g}, largest stable learning rate {2 / rate:.4g}")
    passes = f", {run.passes} passes" if run.passes else ""
    bound, estimate = run.error.max(), run.test_error.max()
    lines.append(
        f"{run.method} method{passes}; error of f_t at most {bound:.1e}, test about {estimate:.1e}"
    )
    return lines


def _test_words(cost: float, error: float | None) -> str:
    return f"test cost {cost:.4g}" + ("" if error is None else f", accuracy {1 - error:.2%}")
