# SPDX-License-Identifier: Apache-2.0
"""The Gaussian process that a network is at initialisation, on training points and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import kind_of
from fastntk._memory import Budget
from fastntk.dynamics.new_points import NewPoints
from fastntk.gram.user_kernel import PairwiseKernel
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
    prior : network, GramOperator, three matrices, or None
        A network with an NNGP kernel, by default the operator's own; its NNGP on the training
        points as an operator; or Sigma(X, X), Sigma(Z, X) and Sigma(Z, Z).
    new : NewPoints or None
        The other points; None where only the training points are asked for.
    room : Budget
        For Sigma, where a network computes it.
    progress : callable or None
        Told of its computation.

    Attributes
    ----------
    eps : float
        Rounding of its entries.
    """

    def __init__(
        self,
        op: SymmetricOperator,
        prior: Any,
        new: NewPoints | None,
        room: Budget,
        progress: Progress | None,
    ) -> None:
        self._op, self._room, self._progress = op, room, progress
        self._ZZ: GramOperator | None = None
        matrices = prior if isinstance(prior, (tuple, list)) else None
        if matrices is not None and len(matrices) != 3:
            raise ValueError(
                "prior must be the three matrices Sigma(X, X), Sigma(Z, X) and Sigma(Z, Z), "
                f"got {len(matrices)}"
            )
        if matrices is not None:
            self._XX: Any = self._matrix(matrices, 0)
        else:
            self._XX = prior if isinstance(prior, SymmetricOperator) else self._operator(prior)
        if self._XX.shape != op.shape:
            raise ValueError(
                f"prior must be a kernel of the {op.shape[0]} training points, "
                f"got shape {self._XX.shape}"
            )
        self.eps = float(np.finfo(self._XX.dtype).eps)
        if new is None:
            return
        if matrices is not None:
            self._new = NewPoints(self._XX, None, matrices[1])
            self._ZZ = self._matrix(matrices, 2)
            if not self._new.rows == self._ZZ.shape[0] == new.rows:
                raise ValueError(
                    f"prior must be matrices of {new.rows} new points, got Sigma(Z, X) of "
                    f"{self._new.rows} rows and Sigma(Z, Z) of {self._ZZ.shape[0]}"
                )
        elif new.Z is None or getattr(self._XX, "maker", None) is None:
            raise ValueError(
                "prior must be three matrices where there are no points Z, or no network: the "
                f"kernel at new points is asked of it, got {self._XX!r}"
            )
        else:
            self._new = NewPoints(self._XX, new.Z)

    @property
    def largest(self) -> float:
        """The largest entry of Sigma, which is on its diagonal, by what has been asked for."""
        found = [self._XX.diagonal()] + ([] if self._ZZ is None else [self._ZZ.diagonal()])
        return max(float(diagonal.max()) for diagonal in found)

    def times(self, W: Any) -> Any:
        """Return Sigma(X, X) @ W."""
        return self._op.xp.asarray(self._XX.matmat(W))

    def training_matrix(self) -> Any:
        """Return Sigma(X, X) in float64."""
        return self._XX.to_dense(self._op.xp.empty(self._op.shape))

    def new_to_training(self) -> Any:
        """Return Sigma(X, Z) in float64, (N, M)."""
        return self._new.matrix(self._room).T

    def new(self, covariance: bool) -> Any:
        """Return Sigma(Z, Z) in float64, or its diagonal."""
        if self._ZZ is None:
            self._ZZ = self._of(self._XX.net, self._new.Z, self._XX, "lazy")
        found = self._ZZ.to_dense() if covariance else self._ZZ.diagonal()
        return self._op.xp.asarray(found).astype("float64")

    def _operator(self, prior: Any) -> GramOperator:
        op = self._op
        points = getattr(op, "X", None)
        net = getattr(op, "net", None) if prior is None else prior
        if points is None or (prior is None and isinstance(net, PairwiseKernel)):
            raise ValueError(
                "prior must be given as matrices or as an operator: "
                "the kernel is not one of a network and data"
            )
        if not any(callable(getattr(net, name, None)) for name in ("program", "kernel_maker")):
            raise TypeError(
                f"prior must be a network, an operator or three matrices, got {kind_of(prior)}"
            )
        return self._of(net, points, op, "auto")

    def _of(self, net: Any, points: Any, like: Any, storage: str) -> GramOperator:
        """Return Sigma on points, as far as the network, or what an operator is of, says it."""
        own = like is not self._op
        return GramOperator(
            net,
            points,
            like.kernel if own else "nngp",
            storage,
            scale=1.0 if like.scale is None else like.scale,
            outputs=like.outputs if own else "full",
            dtype=like.dtype,
            device=like.place,
            memory=max(self._room.left, 1),
            progress=self._progress,
        )

    def _matrix(self, matrices: Any, which: int) -> GramOperator:
        try:
            return GramOperator.from_matrix(matrices[which], device=self._op.place)
        except (TypeError, ValueError) as error:
            raise type(error)(f"prior[{which}]: {error}") from None
