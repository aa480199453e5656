# SPDX-License-Identifier: Apache-2.0
"""Linear algebra with Gram matrices: operators, ways to store them, eigenpairs, solutions."""

from fastntk.linalg.centering import CenteredOperator
from fastntk.linalg.convergence import ConvergenceWarning
from fastntk.linalg.eigen import eigenpairs, select_method
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator
from fastntk.linalg.pairs import Eigenpairs
from fastntk.linalg.solution import Solution, SolveInterrupted
from fastntk.linalg.solver import select_solver, solve

__all__ = [
    "CenteredOperator",
    "ConvergenceWarning",
    "Eigenpairs",
    "GramOperator",
    "Solution",
    "SolveInterrupted",
    "SymmetricOperator",
    "eigenpairs",
    "select_method",
    "select_solver",
    "solve",
]
