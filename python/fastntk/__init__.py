# SPDX-License-Identifier: Apache-2.0
"""Neural tangent kernels, exact and fast: Gram matrices, operators, eigenpairs, kernel PCA.

>>> import fastntk as fn
>>> net = fn.FullyConnected(hidden_layers=4, bias_std=0.1)

See `FullyConnected` for kernels, `GramOperator` for matrices too large to store, `eigenpairs` and
`KernelPCA` for their principal components, and `fastntk.datasets` for data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastntk._version import __version__
from fastntk.gram.architecture import FullyConnected
from fastntk.linalg import (
    CenteredOperator,
    ConvergenceWarning,
    Eigenpairs,
    GramOperator,
    eigenpairs,
    select_method,
)

if TYPE_CHECKING:
    from fastntk import datasets
    from fastntk.models import KernelPCA

__all__ = [
    "CenteredOperator",
    "ConvergenceWarning",
    "Eigenpairs",
    "FullyConnected",
    "GramOperator",
    "KernelPCA",
    "__version__",
    "datasets",
    "eigenpairs",
    "select_method",
]


def __getattr__(name: str) -> object:
    """Import on first use what needs the extra packages of ``fastntk[app]``."""
    if name == "KernelPCA":
        from fastntk.models import KernelPCA

        return KernelPCA
    if name == "datasets":
        import importlib

        return importlib.import_module("fastntk.datasets")
    raise AttributeError(f"module 'fastntk' has no attribute {name!r}")
