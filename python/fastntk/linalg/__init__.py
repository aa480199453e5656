# SPDX-License-Identifier: Apache-2.0
"""Linear algebra with Gram matrices: operators, ways to store them, eigenpairs."""

from fastntk.linalg.centering import CenteredOperator
from fastntk.linalg.eigen import ConvergenceWarning, Eigenpairs, eigenpairs, select_method
from fastntk.linalg.operator import GramOperator, SymmetricOperator

__all__ = [
    "CenteredOperator",
    "ConvergenceWarning",
    "Eigenpairs",
    "GramOperator",
    "SymmetricOperator",
    "eigenpairs",
    "select_method",
]
