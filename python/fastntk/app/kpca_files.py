# SPDX-License-Identifier: Apache-2.0
"""The files of a kernel PCA: eigenpairs and picture."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk.app.kpca_run import KpcaRun
from fastntk.app.plots import component_plane


def require_matplotlib() -> None:
    """Raise ImportError, before anything is computed, if the picture cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise ImportError('the picture needs matplotlib: pip install "fastntk[app]"')


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
    weights = (
        f"weight std {net.weight_std:g}" if net.init_std is None else f"init std {net.init_std:g}"
    )
    layers = f"{net.hidden_layers} hidden layer{'' if net.hidden_layers == 1 else 's'}"
    figure = component_plane(
        np.column_stack([run.scores(i), run.scores(j)]),
        run.values_over_n[[i, j]],
        run.data.y,
        (i + 1, j + 1),
        matrix=matrix,
        title=f"{kernel} kernel PCA of {len(run.data):,} samples of {run.data.name}",
        subtitle=f"{layers}, {net.activation}, {weights}, bias std {net.bias_std:g}{centred}",
    )
    with warnings.catch_warnings():
        # A class name in a script that the font lacks shows boxes; nobody needs to be told twice.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, dpi=200)
    return True
