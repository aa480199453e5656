# SPDX-License-Identifier: Apache-2.0
"""A Gram matrix computed into a file: tiles, or ``.npy`` through memory if it fits, else a map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fastntk
from fastntk import _validate
from fastntk._memory import budget_bytes
from fastntk.app.results import new_npy, require_disk

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset

# Room for the header of an .npy file and the report beside it.
_SLACK = 2**16


def write_gram(
    path: Path,
    net: fastntk.FullyConnected,
    data: Dataset,
    *,
    kernel: str,
    dtype: str | None,
    memory: str | None,
    threads: int | None,
    device: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute K on the rows of ``data`` into a new ``.npy`` file.

    Parameters
    ----------
    path : Path
        A file that does not exist yet, in an existing folder.
    kernel : {"ntk", "nngp"}
        Which kernel.
    dtype : {"float32", "float64"} or None
        None as in ``FullyConnected.ntk``: float32 for uint8 and float32 data, else float64.
    memory : str or None
        Budget of the host; a larger matrix is mapped from the file and never held.
    device : str
        Where it is computed, as in ``FullyConnected.ntk``.

    Returns
    -------
    dict
        shape, dtype, bytes and whether the matrix was memory-mapped.

    Raises
    ------
    OSError
        Not enough disk space, said before anything is computed.
    """
    n = len(data)
    X = _validate.samples(data.X)
    target = _validate.result_dtype(dtype, X)
    needed = n * n * target.itemsize
    require_disk(path.parent, needed + _SLACK)
    mapped = needed > budget_bytes(memory)
    K = new_npy(path, (n, n), target) if mapped else np.empty((n, n), dtype=target)
    compute = net.ntk if kernel == "ntk" else net.nngp
    compute(
        X,
        scale=data.scale,
        dtype=target,
        # A plain array on the same memory: the mapped type stays out of the computation.
        out=np.asarray(K),
        threads=threads,
        device=device,
        progress=progress,
    )
    if isinstance(K, np.memmap):
        K.flush()
    else:
        with path.open("wb") as stream:
            np.save(stream, K)
    return {"shape": [n, n], "dtype": str(target), "bytes": needed, "memory_mapped": mapped}


def write_tiles(
    path: Path,
    net: fastntk.FullyConnected,
    data: Dataset,
    *,
    kernel: str,
    dtype: str | None,
    memory: str | None,
    threads: int | None,
    device: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute K on the rows of ``data`` into a file of tiles, or what such a file lacks of it.

    Arguments and result are those of `write_gram`, errors those of `fastntk.GramOperator`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    op = fastntk.GramOperator(
        net,
        data.X,
        kernel,
        path,
        scale=data.scale,
        dtype=dtype,
        memory=memory,
        threads=threads,
        device=device,
        copy_X=False,  # nobody else holds the data
        progress=progress,
    )
    return {
        "shape": list(op.shape),
        "dtype": str(op.dtype),
        "bytes": path.stat().st_size,
        "memory_mapped": False,
    }
