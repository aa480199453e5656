# SPDX-License-Identifier: Apache-2.0
"""Linear algebra with Gram matrices: operators, ways to store them, eigenpairs."""

from fastntk.linalg.centering import CenteredOperator
from fastntk.linalg.eigen import ConvergenceWarning, eigenpairs, select_method
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import Eigenpairs

__all__ = [
    "CenteredOperator",
    "ConvergenceWarning",
    "Eigenpairs",
    "GramOperator",
    "SymmetricOperator",
    "eigenpairs",
    "select_method",
]
