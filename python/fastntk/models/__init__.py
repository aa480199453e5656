# SPDX-License-Identifier: Apache-2.0
"""Models on top of Gram operators, as scikit-learn estimators.

Names are imported at their first use: scikit-learn is optional.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastntk.models.kpca import KernelPCA

__all__ = ["KernelPCA"]


def __getattr__(name: str) -> Any:
    if name == "KernelPCA":
        from fastntk.models.kpca import KernelPCA

        return KernelPCA
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
