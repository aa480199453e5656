# SPDX-License-Identifier: Apache-2.0
"""Conjugate gradients as a `System`: one preconditioner for all blocks of right-hand sides.

The search itself is `fastntk.linalg.block_search`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastntk.linalg.block_search import OUT_OF_PASSES, BlockSearch, companions
from fastntk.linalg.equal_rows import contradicting_rows, contradiction, singular_below
from fastntk.linalg.preconditioner import PartialCholesky, preconditioner_bytes, select_rank

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Right-hand sides that search together: more save few passes, and their small problems grow.
_MOST = 256


def gradients_bytes(
    n: int, columns: int, width: int | None = None, *, refined: bool = False
) -> int:
    """Return the bytes that conjugate gradients take beside their preconditioner.

    Parameters
    ----------
    n, columns : int
        Rows and right-hand sides.
    width : int, optional
        How many of them search together; all by default.
    refined : bool
        Whether refinements follow.
    """
    width = columns if width is None else width
    # Solutions, residuals, directions, products, and the temporaries of a step.
    together = 13 * (width + companions(width)) + 6 * width * refined
    return 8 * n * (together + 2 * columns * (columns > width))


def block_width(n: int, columns: int, room: Budget, *, refined: bool = False) -> int:
    """Return how many of the right-hand sides search together: as many as fit, 256 at most."""
    blocks = -(-columns // _MOST)
    while True:
        width = -(-columns // blocks)
        if width == 1 or gradients_bytes(n, columns, width, refined=refined) <= room.left:
            return width
        blocks = min(2 * blocks, columns)


class GradientSystem:
    """(K + ridge I) A = B by conjugate gradients; arguments are those of `fastntk.solve`, checked.

    Parameters
    ----------
    held : int
        Bytes of the search, see `gradients_bytes`.
    room : Budget
        For the preconditioner and the search.
    """

    method, resumes = "cg", True

    def __init__(
        self,
        op: SymmetricOperator,
        ridge: float,
        rng: np.random.Generator,
        *,
        held: int,
        rank: int | None,
        max_passes: int,
        room: Budget,
        progress: Progress | None,
    ) -> None:
        if rank is None:
            rank = select_rank(op, room, held)
        needed = held + preconditioner_bytes(op, rank)
        room.require(needed, "a preconditioner of rank {} for {} rows", rank, op.shape[0])
        precondition = PartialCholesky(op, ridge, rank, rng, progress)
        self.op, self.ridge = op, ridge
        # With a ridge there is a solution, however slowly it is found.
        doubt = (lambda: self._require_consistent(self.search.B)) if ridge == 0 else None
        self.search: BlockSearch = BlockSearch(
            op, ridge, precondition, max_passes, rng, progress, doubt
        )

    @property
    def passes(self) -> int:
        """Products of the operator so far."""
        return self.search.passes

    def solve(
        self, B: Any, tol: float, start: Any, stage: str
    ) -> tuple[Any, NDArray[np.float64], str]:
        """Return A, its residuals, and why they are above ``tol``, or "".

        Raises
        ------
        numpy.linalg.LinAlgError
            Nothing lessens a residual, and rows of K are multiples of each other where those of B
            are not: the message names them.
        """
        search = self.search
        X = None if start is None else start * search.scale
        reason = search.run(B, tol, stage, X)
        if reason and reason != OUT_OF_PASSES and self.ridge < singular_below(self.op):
            self._require_consistent(B)
        return search.X / search.scale, search.errors, reason

    def correct(self, R: Any, tol: float, stage: str) -> Any:
        """Return A for a residual, to few digits."""
        self.search.run(R, tol, stage)
        return self.search.X / self.search.scale

    def partial(self) -> tuple[Any, NDArray[np.float64]] | None:
        """Return A of the call that is interrupted, and the residuals carried along."""
        if self.search.X is None:
            return None
        return self.search.X / self.search.scale, self.search.errors

    def _require_consistent(self, B: Any) -> None:
        pairs = contradicting_rows(self.op, B, self.search.stuck)
        if pairs:
            raise np.linalg.LinAlgError(contradiction(self.op, self.ridge, pairs))
