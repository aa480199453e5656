# SPDX-License-Identifier: Apache-2.0
"""The files of a training: curves and picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _ink as ink
from fastntk.app import dynamics_plots

if TYPE_CHECKING:
    import fastntk
    from fastntk.app.dynamics_problem import DynamicsSettings, Problem
    from fastntk.app.dynamics_run import Dynamics


def write_curves(path: Path, run: Dynamics, problem: Problem) -> None:
    """Write times, costs, errors, eigenvalues and f_t at the test rows to an ``.npz`` file."""
    targets = problem.targets
    arrays: dict[str, NDArray[Any]] = {
        "times": run.times,
        "eigenvalues_over_n": run.eigenvalues_over_n,
        "error_bound": run.error,
        "test_error_estimate": run.test_error,
        "test_outputs": run.test_outputs,
        "test_labels": targets.labels(targets.y_test),
        "train_labels": targets.labels(targets.y_train),
    }
    if targets.classes is not None:
        arrays["classes"] = targets.classes
    for name, part in (("train", problem.fit), ("held_out", problem.held), ("test", problem.test)):
        if part is not None and part.indices is not None:
            arrays[f"{name}_rows"] = part.indices
    for name, curve in run.curves.items():
        key = name.replace("-", "_")
        arrays[f"{key}_cost"] = curve.cost
        if curve.error is not None:
            arrays[f"{key}_error"] = curve.error
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # stubs confuse the keywords


def draw(
    path: Path,
    run: Dynamics,
    net: fastntk.FullyConnected,
    problem: Problem,
    settings: DynamicsSettings,
) -> None:
    """Draw spectrum and curves."""
    noise = f", {settings.label_noise:.0%} of the labels at random" if problem.noisy else ""
    figure = dynamics_plots.dynamics(
        run.times,
        run.curves,
        run.stop,
        run.eigenvalues_over_n,
        title=f"Training on {len(problem.fit):,} samples of {problem.fit.name}{noise}",
        subtitle=f"{settings.kernel.upper()} of {ink.network_words(net)}; tested on "
        f"{len(problem.test):,}",
    )
    ink.save(figure, path)
