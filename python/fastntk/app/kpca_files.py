# SPDX-License-Identifier: Apache-2.0
"""The files of a kernel PCA: eigenpairs and picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk import _ink as ink
from fastntk._component_plane import component_plane
from fastntk.app.kpca_run import KpcaRun


def write_pairs(path: Path, run: KpcaRun) -> None:
    """Write values, vectors, residuals and what is known of the rows to an ``.npz`` file."""
    arrays: dict[str, NDArray[Any]] = {
        "values": run.values,
        "values_over_n": run.values_over_n,
        "vectors": run.vectors,
        "residuals": run.residuals,
    }
    if run.data.y is not None:
        arrays["labels"] = run.data.y
    if run.data.indices is not None:
        arrays["rows"] = run.data.indices
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # stubs confuse the keywords


def draw(path: Path, run: KpcaRun, net: fastntk.FullyConnected) -> bool:
    """Draw the samples in the plane of two components, if there are enough of them.

    The uncentred kernel's first component is nearly constant, so its plane is that of the second
    and third; the centred kernel's is that of the first and second.

    Returns
    -------
    bool
        Whether a picture was made.
    """
    i, j = (0, 1) if run.centered else (1, 2)
    if j >= len(run.values):
        return False
    kernel = "NNGP" if run.kernel == "nngp" else "NTK"
    centred = ", centred" if run.centered else ""
    matrix = "HKH" if run.centered else "K"
    figure = component_plane(
        np.column_stack([run.scores(i), run.scores(j)]),
        run.values_over_n[[i, j]],
        run.data.y,
        (i + 1, j + 1),
        matrix=matrix,
        title=f"{kernel} kernel PCA of {len(run.data):,} samples of {run.data.name}",
        subtitle=ink.network_words(net) + centred,
    )
    ink.save(figure, path)
    return True
