# SPDX-License-Identifier: Apache-2.0
"""What a stored Gram matrix is of: enough to tell that it is the one asked for, as plain values.

The instruction set is no part of it, nor is the version: entries computed with another differ by
roundings, within the same error bounds.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _validate

if TYPE_CHECKING:
    from fastntk.gram.program import Network

# Plain values by name, as JSON gives them back.
Identity = dict[str, Any]


def matrix_identity(
    net: Network, X: NDArray[Any], kernel: str, scale: float, dtype: np.dtype[Any]
) -> Identity:
    """Return what decides the entries of a Gram matrix.

    Parameters
    ----------
    net : FullyConnected
        The architecture.
    X : ndarray of shape (N, d)
        C-contiguous; its bytes, shape and dtype count.
    kernel : {"ntk", "nngp"}
        Which kernel.
    scale : float
        Multiplies X.
    dtype : dtype
        Of the entries.

    Returns
    -------
    dict
        rows, dtype, kernel, scale, data (shape, dtype, SHA-256) and the network's layers.
    """
    program = asdict(net.program())
    return {
        "rows": X.shape[0],
        "dtype": str(dtype),
        "kernel": _validate.choice(kernel, "kernel", ("ntk", "nngp")),
        "scale": _validate.positive(scale, "scale"),
        "data shape": list(X.shape),
        "data dtype": str(X.dtype),
        "data SHA-256": hashlib.sha256(X.data).hexdigest(),
        **{name: list(v) if isinstance(v, tuple) else v for name, v in program.items()},
    }


def differences(there: Identity, wanted: Identity) -> str:
    """Return, for people, what of two identities differs; empty where nothing does."""
    return "; ".join(
        f"{name} {_spelt(there.get(name))}, asked for {_spelt(value)}"
        for name, value in wanted.items()
        if there.get(name) != value
    )


def _spelt(value: object) -> str:
    """Return a value for one glance: repetitions are counted, hashes cut."""
    if isinstance(value, list) and len(value) > 2 and all(one == value[0] for one in value):
        return f"{len(value)} x {value[0]}"
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    text = str(value)
    return f"{text[:12]}..." if len(text) == hashlib.sha256().digest_size * 2 else text
