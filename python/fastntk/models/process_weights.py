# SPDX-License-Identifier: Apache-2.0
"""How the values at the training points enter predictions: phi(K), dense or by iterations.

A Gaussian process predicts ``K_ZX phi(K) y``: phi is ``1 / (lambda + ridge)``, or for networks
trained for a finite time phi_t. Dense, phi(K) is a Cholesky factor or all eigenpairs, which `fit`
keeps; else it is computed from products with K as often as it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastntk import _validate
from fastntk._arrays import to_host
from fastntk.dynamics.evolution import Evolution
from fastntk.dynamics.flow_method import select_flow_method
from fastntk.dynamics.gradient_flow import GradientFlow
from fastntk.linalg.cholesky import CholeskyFactor, cholesky_bytes
from fastntk.linalg.conjugate_gradients import gradients_bytes
from fastntk.linalg.dense import dense_bytes, dense_eigh
from fastntk.linalg.null_space import null_value
from fastntk.linalg.solver import solve

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk.linalg.operator import SymmetricOperator

METHODS = ("auto", "dense", "iterative")
# Up to here N^3 / 3 operations take seconds.
_DENSE_ROWS = 10_000
# Vectors for each column, with their products, that a Krylov space is expected to need.
_KRYLOV_VECTORS = 50


class SpectralFunction:
    """phi_t(K) by all eigenpairs.

    Parameters
    ----------
    op : SymmetricOperator of shape (N, N)
        K.
    t : float
        Training time, not infinite.
    """

    def __init__(self, op: SymmetricOperator, t: float) -> None:
        values, self._vectors = dense_eigh(op, "Gaussian process, eigenpairs", None)
        values = to_host(values)
        phi = Evolution(len(values), None).phi(values, t, null_value(op, values))
        self._phi = op.xp.asarray(phi)[:, None]

    def parts(self) -> dict[str, Any]:
        """Return what files have of it."""
        return {"vectors": self._vectors, "phi": self._phi}

    @classmethod
    def from_parts(cls, parts: dict[str, Any], engine: Engine) -> SpectralFunction:
        """Return the function of such parts, where an engine reads them."""
        new = cls.__new__(cls)
        new._vectors, new._phi = engine.asarray(parts["vectors"]), engine.asarray(parts["phi"])
        return new

    def __call__(self, R: Any) -> Any:
        """Return phi_t(K) R."""
        return self._vectors @ (self._phi * (self._vectors.T @ R))


def select_process_method(method: str, op: SymmetricOperator, columns: int, t: float) -> str:
    """Return "dense" or "iterative"; "auto" is the first where it fits and takes seconds."""
    _validate.choice(method, "method", METHODS)
    if method != "auto":
        return method
    if not math.isinf(t):
        return "dense" if select_flow_method(op, op.room.left) == "dense" else "iterative"
    fits = cholesky_bytes(op, columns) <= op.room.left
    return "dense" if fits and op.shape[0] <= _DENSE_ROWS else "iterative"


def dense_weights(
    op: SymmetricOperator, ridge: float, t: float, columns: int
) -> tuple[Callable[[Any], Any], CholeskyFactor | None]:
    """Return R -> phi(K) R for the price of a factorisation, and the factor if t is infinite.

    Raises
    ------
    MemoryError
        It does not fit the operator's budget.
    numpy.linalg.LinAlgError
        At infinite time K + ridge I is singular to rounding: the message names the rows.
    """
    n = op.shape[0]
    needed = cholesky_bytes(op, columns) if math.isinf(t) else dense_bytes(n)
    op.room.require(needed, f"a dense Gaussian process of {n} points")
    if not math.isinf(t):
        return SpectralFunction(op, t), None
    factor = CholeskyFactor(op, ridge, None)
    return factor.solve, factor


def weights_parts(
    weights: Callable[[Any], Any] | None, factor: CholeskyFactor | None
) -> dict[str, Any] | None:
    """Return what files have of dense weights; None where there are none."""
    if factor is not None:
        return factor.parts()
    return weights.parts() if isinstance(weights, SpectralFunction) else None


def weights_from_parts(
    parts: dict[str, Any] | None, n: int, engine: Engine
) -> tuple[Callable[[Any], Any] | None, CholeskyFactor | None]:
    """Return what `dense_weights` returned for n points; None and None for no parts."""
    if parts is None:
        return None, None
    rows = len(parts["vectors" if "vectors" in parts else "diagonal"])
    if rows != n:
        raise ValueError(f"weights has {rows} rows for {n} samples")
    if "vectors" in parts:
        return SpectralFunction.from_parts(parts, engine), None
    factor = CholeskyFactor.from_parts(parts, engine)
    return factor.solve, factor


def iterative_weights(
    op: SymmetricOperator, ridge: float, t: float, tol: float, seed: int
) -> Callable[[Any], Any]:
    """Return R -> phi(K) R from products with K.

    They are conjugate gradients to a relative residual of ``tol``, or at a finite time a Krylov
    space in which training has this error.
    """

    def solved(R: Any) -> Any:
        return solve(op, R, ridge, method="cg", tol=tol, seed=seed).value

    def trained(R: Any) -> Any:
        return GradientFlow(op, R, method="krylov", tol=tol, seed=seed).coefficients(t)

    return solved if math.isinf(t) else trained


def iterative_column_bytes(n: int, t: float) -> int:
    """Return the bytes that `iterative_weights` takes for each column."""
    return gradients_bytes(n, 1) if math.isinf(t) else 16 * _KRYLOV_VECTORS * n
