# SPDX-License-Identifier: Apache-2.0
"""Models on top of Gram operators, as scikit-learn estimators.

Names are imported at their first use: scikit-learn is optional.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastntk.models.classifier import KernelClassifier
    from fastntk.models.gaussian_process import GaussianProcess
    from fastntk.models.kpca import KernelPCA
    from fastntk.models.regression import KernelRidge

__all__ = ["GaussianProcess", "KernelClassifier", "KernelPCA", "KernelRidge"]

_ORIGINS = {
    "GaussianProcess": "fastntk.models.gaussian_process",
    "KernelClassifier": "fastntk.models.classifier",
    "KernelPCA": "fastntk.models.kpca",
    "KernelRidge": "fastntk.models.regression",
}


def __getattr__(name: str) -> Any:
    if name not in _ORIGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_ORIGINS[name]), name)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(
            f"{name} needs scikit-learn 1.6 or later: pip install 'fastntk[app]'"
        ) from error
