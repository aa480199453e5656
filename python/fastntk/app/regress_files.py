# SPDX-License-Identifier: Apache-2.0
"""The files of a regression: predictions and picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _ink as ink
from fastntk.app import outcome_plots

if TYPE_CHECKING:
    import fastntk
    from fastntk.app.regress_run import Regression
    from fastntk.app.targets import Targets
    from fastntk.datasets import Split

# Of classes and of values; a folder holds the one that belongs to its result.
PICTURES = ("confusion.png", "agreement.png")


def write_predictions(path: Path, runs: list[Regression], split: Split, targets: Targets) -> None:
    """Write what each kernel says of the test rows to an ``.npz`` file."""
    arrays: dict[str, NDArray[Any]] = {"labels": targets.labels(targets.y_test)}
    if targets.classes is not None:
        arrays["classes"] = targets.classes
    if split.test.indices is not None:
        arrays["rows"] = split.test.indices
    for run in runs:
        arrays[f"{run.kernel}_scores"] = run.outputs + targets.offset
        arrays[f"{run.kernel}_predicted"] = targets.labels(targets.predicted(run.outputs))
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # stubs confuse the keywords


def draw(
    folder: Path,
    runs: list[Regression],
    net: fastntk.FullyConnected,
    split: Split,
    targets: Targets,
) -> str:
    """Draw what is predicted against what is true; return the name of the file."""
    words = {
        "title": f"Kernel regression of {len(split.train):,} samples of {split.train.name}, tested "
        f"on {len(split.test):,}",
        "subtitle": f"{ink.network_words(net)}, ridge {runs[0].ridge:.3g}",
    }
    panels = [outcome_plots.Panel(_heading(run), targets.predicted(run.outputs)) for run in runs]
    if targets.classes is None:
        figure, name = outcome_plots.agreement(targets.y_test, panels, **words), PICTURES[1]
    else:
        names = [str(label) for label in targets.classes]
        figure, name = outcome_plots.confusion(targets.y_test, panels, names, **words), PICTURES[0]
    ink.save(figure, folder / name)
    return name


def _heading(run: Regression) -> str:
    quality = run.quality
    if "accuracy" in quality:
        return f"{run.kernel.upper()}: accuracy {quality['accuracy']:.2%}"
    fit = "" if quality["r_squared"] is None else f"R² {quality['r_squared']:.4f}, "
    return f"{run.kernel.upper()}: {fit}RMSE {quality['rmse']:.4g}"
