# SPDX-License-Identifier: Apache-2.0
"""Limiting kernels with their derivatives by weight_std and bias_std."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fastntk import _backend, _validate
from fastntk._progress import of_stage
from fastntk.gram import limiting
from fastntk.gram.problem import Problem, present, row_numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk._tiles import LimitingSource
    from fastntk.gram.program import LayerProgram

# Of each of the two derivatives the engine keeps per row what it keeps for the layers, and others.
# The variance that they come of is one number more.
_OTHER_NUMBERS = 5


class KernelGradients(NamedTuple):
    """A kernel and its derivatives by the parameters of the forward map.

    Attributes
    ----------
    kernel : ndarray of shape (n, m)
        K itself.
    weight_std, bias_std : ndarray of shape (n, m)
        dK / d weight_std and dK / d bias_std.
    """

    kernel: NDArray[Any]
    weight_std: NDArray[Any]
    bias_std: NDArray[Any]


@dataclass(frozen=True)
class GradientProblem(Problem):
    """One kernel of a network and its derivatives."""

    nngp: bool = False

    def bytes_for(self, engine: Engine, rows: NDArray[Any], columns: NDArray[Any] | None) -> int:
        """Bytes that a source takes."""
        needed = super().bytes_for(engine, rows, columns)
        numbers = 2 * (row_numbers(self.program) + _OTHER_NUMBERS) + 1
        edge = _backend.tile_edge()
        tiles = sum(-(-side.shape[0] // edge) for side in present(rows, columns))
        return needed + int(8 * numbers * tiles * edge)

    def native(
        self, engine: Engine, X: Any, Y: Any, network: tuple[Any, ...], batch: int
    ) -> LimitingSource:
        """Return the engine's source of arrays that it reads."""
        source: LimitingSource = engine.limiting_gradients(
            self.dtype, X, Y, *network, self.nngp, self.program.factors, threads=self.threads
        )
        return source


def gradients(
    program: LayerProgram,
    X: ArrayLike,
    Y: ArrayLike | None,
    kernel: str,
    scale: float,
    dtype: DTypeLike | None,
    device: str,
    threads: int | None,
    progress: Progress | None,
) -> KernelGradients:
    """Return a kernel and its derivatives; see `FullyConnected.gradients`."""
    _validate.choice(kernel, "kernel", ("ntk", "nngp"))
    program.require_gradients(kernel)
    workers = _validate.thread_count(threads)
    rows, columns = limiting.both_sides(X, Y)
    result: np.dtype[Any] = _validate.result_dtype(dtype, *present(rows, columns))
    others = rows if columns is None else columns
    stack = (3, rows.shape[0], others.shape[0])
    problem = GradientProblem(
        program, [], scale, result, workers, kernel == "nngp", progress=progress
    )
    stage = of_stage(progress, "kernel")
    planes = limiting.planes_of(problem, rows, columns, stack, device, stage)
    return KernelGradients(*(_backend.like(plane, X) for plane in planes))
