# SPDX-License-Identifier: Apache-2.0
"""Solutions of many right-hand sides, block by block, by one `System`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk._arrays import array_namespace
from fastntk.linalg.refinement import Block, Refinement, System
from fastntk.linalg.solution import Solution, SolveInterrupted

if TYPE_CHECKING:
    from fastntk._progress import Progress


def solve_blocks(
    system: System,
    B: Any,
    start: Any,
    width: int,
    ridge: float,
    tol: float,
    refinement: Refinement | None,
    progress: Progress | None,
) -> tuple[Solution, str]:
    """Return the solution for right-hand sides of norm 1 or 0, and what to try if it stopped early.

    Parameters
    ----------
    system : System
        Solves blocks.
    B, start : ndarray of shape (N, C)
        Right-hand sides, and solutions to begin with or None.
    width : int
        Columns of a block.

    Raises
    ------
    SolveInterrupted
        Ctrl-C, where the system can go on from what it has by then.
    """
    count = B.shape[1]
    blocks = [
        Block(B[:, i : i + width], None if start is None else start[:, i : i + width])
        for i in range(0, count, width)
    ]
    advice = ""
    try:
        for i, block in enumerate(blocks):
            columns = f", columns {i * width} to {min((i + 1) * width, count) - 1} of {count}"
            stage = "solve" + (columns if len(blocks) > 1 else "")
            reason = block.run(system, ridge, tol, refinement, stage, progress)
            advice = advice or reason
    except KeyboardInterrupt:
        if not system.resumes:
            raise
        solution = _together(system, blocks, converged=False)
        raise SolveInterrupted(
            f"solve was interrupted after {system.passes} passes; solve(..., "
            "start=error.solution.value) goes on",
            solution,
        ) from None
    return _together(system, blocks, converged=not advice), advice


def _together(system: System, blocks: list[Block], converged: bool) -> Solution:
    steps = max(len(block.refined) for block in blocks)
    # A block that needed fewer refinements than others keeps what it had.
    refined = tuple(
        np.concatenate([(block.refined[: step + 1] or [block.residuals])[-1] for block in blocks])
        for step in range(steps)
    )
    return Solution(
        array_namespace(blocks[0].B).concatenate([block.A for block in blocks], axis=1),
        np.concatenate([block.residuals for block in blocks]),
        converged,
        system.method,
        system.passes,
        np.concatenate([block.op_residuals for block in blocks]),
        refined,
    )
