# SPDX-License-Identifier: Apache-2.0
"""The Gaussian process that a network is at initialisation, on training points and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastntk._memory import Budget
from fastntk.dynamics.new_points import NewPoints
from fastntk.linalg.gram_operator import GramOperator
from fastntk.linalg.operator import SymmetricOperator

if TYPE_CHECKING:
    from fastntk._progress import Progress


class InitialLaw:
    """Sigma = K(., .) of f_0, from a network, from an operator on the same data, or as matrices.

    Parameters
    ----------
    op : SymmetricOperator
        The NTK of the training points.
    prior : network, GramOperator, tuple of three matrices, or None
        A network with an NNGP kernel, by default the operator's own; its NNGP on the training
        points as an operator; or Sigma(X, X), Sigma(Z, X) and Sigma(Z, Z).
    Z : array_like or None
        New points; with matrices None.
    room : Budget
        For Sigma on the training points, where a network computes it.
    progress : callable or None
        Told of its computation.
    """

    def __init__(
        self, op: SymmetricOperator, prior: Any, Z: Any, room: Budget, progress: Progress | None
    ) -> None:
        self._op, self._Z, self._room = op, Z, room
        if isinstance(prior, tuple):
            if len(prior) != 3:
                raise ValueError(
                    "prior must be the three matrices Sigma(X, X), Sigma(Z, X) and Sigma(Z, Z), "
                    f"got {len(prior)}"
                )
            self._XX: Any = GramOperator.from_matrix(prior[0])
            self._new = NewPoints(self._XX, None, prior[1])
            self._ZZ = GramOperator.from_matrix(prior[2])
        else:
            self._XX = prior if isinstance(prior, SymmetricOperator) else self._operator(prior)
            known = getattr(self._XX, "maker", None) is not None
            if Z is not None and not known:
                raise ValueError(
                    "prior must be a network, an operator from data, or three matrices: the kernel "
                    f"at new points is asked of it, got {self._XX!r}"
                )
            if Z is not None:
                self._new = NewPoints(self._XX, Z)
                self._ZZ = self._like(self._XX, Z)
        if self._XX.shape != op.shape:
            raise ValueError(
                f"prior must be a kernel of the {op.shape[0]} training points, "
                f"got shape {self._XX.shape}"
            )

    def times(self, W: Any) -> Any:
        """Return Sigma(X, X) @ W."""
        return self._op.xp.asarray(self._XX.matmat(W))

    def training_matrix(self) -> Any:
        """Return Sigma(X, X) in float64."""
        n = self._op.shape[0]
        self._room.require(8 * n * n, f"the {n} x {n} kernel at initialisation")
        return self._XX.to_dense(self._op.xp.empty((n, n)))

    def new_to_training(self) -> Any:
        """Return Sigma(X, Z) in float64, (N, M)."""
        return self._new.matrix(self._room).T

    def new(self, covariance: bool) -> Any:
        """Return Sigma(Z, Z) in float64, or its diagonal."""
        xp = self._op.xp
        found = self._ZZ.to_dense() if covariance else self._ZZ.diagonal()
        return xp.asarray(found).astype("float64")

    def _operator(self, prior: Any) -> GramOperator:
        op = self._op
        net = getattr(op, "net", None) if prior is None else prior
        if net is None or not isinstance(op, GramOperator) or op.X is None:
            raise ValueError(
                "prior must be given as matrices or as an operator: "
                "the kernel is not one of a network and data"
            )
        return GramOperator(
            net,
            op.X,
            kernel="nngp",
            scale=1.0 if op.scale is None else op.scale,
            dtype=op.dtype,
            device=op.place,
            memory=self._room.left,
        )

    def _like(self, gram: Any, Z: Any) -> GramOperator:
        return GramOperator(
            gram.net,
            Z,
            kernel=gram.kernel,
            scale=gram.scale,
            outputs=gram.outputs,
            dtype=gram.dtype,
            device=gram.place,
            memory=self._room.left,
        )
