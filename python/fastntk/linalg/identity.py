# SPDX-License-Identifier: Apache-2.0
"""What a stored Gram matrix is of: enough to tell that it is the one asked for, as plain values.

The instruction set is no part of it, nor is the version: entries computed with another differ by
roundings, within the same error bounds.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastntk.gram.kernel_maker import KernelMaker

# Plain values by name, as JSON gives them back.
Identity = dict[str, Any]


def matrix_identity(maker: KernelMaker, X: NDArray[Any], dtype: np.dtype[Any]) -> Identity:
    """Return what decides the entries of a Gram matrix.

    Parameters
    ----------
    maker : KernelMaker
        The kernel.
    X : ndarray of shape (N, d)
        C-contiguous; its bytes, shape and dtype count.
    dtype : dtype
        Of the entries.

    Returns
    -------
    dict
        rows, dtype, data (shape, dtype, SHA-256) and what the kernel says of itself.
    """
    return {
        "rows": X.shape[0] * maker.rows_per_point,
        "dtype": str(dtype),
        "data shape": list(X.shape),
        "data dtype": str(X.dtype),
        "data SHA-256": hashlib.sha256(X.data).hexdigest(),
        **maker.identity(),
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
