# SPDX-License-Identifier: Apache-2.0
"""What is computed of some data: arguments checked, memory asked for, the engine's source made."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace
from fastntk.gram.program import LayerProgram, Shares
from fastntk.gram.tables import tables_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk._tiles import LimitingSource

_SMALLEST = 1e-70
# Columns of uint8 whose products the engine forms in 32 bits.
_INTEGER_COLUMNS = 33025
# Layouts of bytes hold whole runs of this many columns; bytes of a value there, by its own size:
# one per pixel, three per float32.
_RUN = 64
_RUN_BYTES = {1: 1, 4: 3, 8: 0}
# What the engine keeps per row: numbers per layer (mixing, an activation's own), bytes besides.
_ROW_NUMBERS = {"relu": 7, "erf": 8}
_MOST_ROW_NUMBERS = 36
_ROW_BYTES = 160


@dataclass(frozen=True)
class Problem:
    """A network's matrices, their scale and type: all but the data."""

    program: LayerProgram
    outputs: list[Shares]
    scale: float
    dtype: np.dtype[Any]
    threads: int
    _: KW_ONLY
    progress: Progress | None = None  # of tables that are made

    def bytes_for(self, engine: Engine, rows: NDArray[Any], columns: NDArray[Any] | None) -> int:
        """Bytes that a source takes: prepared data, and the data where the engine copies them."""
        needed = prepared_bytes(rows, self.program)
        if columns is not None:
            needed += prepared_bytes(columns, self.program)
        if engine.xp is not array_namespace(rows):
            needed += sum(side.nbytes for side in present(rows, columns))
        return needed

    def source(
        self,
        engine: Engine,
        rows: NDArray[Any],
        columns: NDArray[Any] | None,
        room: Budget,
        batch: int = 1,
        needed: int | None = None,
    ) -> LimitingSource:
        """Prepare the data, those of ``batch`` problems one after the other.

        ``needed`` is what `bytes_for` said of them, where it has been asked.
        """
        factor = _validate.positive(self.scale, "scale")
        program = self.program
        # Pixels are scaled in the first layer, other data row by row.
        if rows.dtype == np.uint8:
            _require_moderate(factor * program.weight_std[0], "scale times weight_std")
        for std in program.weight_std[rows.dtype == np.uint8 :]:
            _require_moderate(std, "weight_std")
        if max(program.bias_std) > 1 / _SMALLEST:
            largest = max(program.bias_std)
            raise ValueError(f"bias_std must be at most {1 / _SMALLEST:g}, got {largest:g}")
        if needed is None:
            needed = self.bytes_for(engine, rows, columns)
        room.require(needed, "preparing data of shape {}", rows.shape)
        try:
            tables = tables_for(program, engine, rows, columns, factor, self.dtype, self.progress)
            source = self.native(
                engine,
                engine.asarray(rows),
                None if columns is None else engine.asarray(columns),
                (factor, tables.natives, program.maps),
                batch,
            )
        except ValueError:
            # Data on a GPU are looked at by its engine, which does not say where they are bad.
            _validate.require_finite(rows, "X")
            if columns is not None:
                _validate.require_finite(columns, "Y")
            raise
        limit = float(np.finfo(self.dtype).max)
        if not source.largest_diagonal <= limit:
            raise ValueError(
                f"scale, weight_std and X must keep the kernel within {self.dtype}, whose largest "
                f"number is {limit:.3g}; got {source.largest_diagonal:.3g} on the diagonal"
            )
        return source

    def native(
        self, engine: Engine, X: Any, Y: Any, network: tuple[Any, ...], batch: int
    ) -> LimitingSource:
        """Return the engine's source of arrays that it reads."""
        source: LimitingSource = engine.limiting_kernel(
            self.dtype, X, Y, *network, self.outputs, threads=self.threads, batch=batch
        )
        return source


def prepared_bytes(data: NDArray[Any], program: LayerProgram) -> int:
    """Return the bytes of one side: two layouts of its values, numbers per row and layer."""
    edge = _backend.tile_edge()
    rows: int = -(-data.shape[0] // edge) * edge
    exact_in_32_bits = data.itemsize == 1 and data.shape[1] <= _INTEGER_COLUMNS
    value = 2 if exact_in_32_bits else 8
    runs = -(-data.shape[1] // _RUN) * _RUN
    layout = max(value * data.shape[1], _RUN_BYTES[data.itemsize] * runs)
    per_layer = row_numbers(program) * 8  # the recursion may run in float64
    return int(rows * (2 * layout + per_layer + _ROW_BYTES))


def row_numbers(program: LayerProgram) -> int:
    """Return how many numbers the engine keeps of a row for its layers, at most."""
    return sum(_ROW_NUMBERS.get(one.name, _MOST_ROW_NUMBERS) for one in program.activations)


def present(*arrays: NDArray[Any] | None) -> list[NDArray[Any]]:
    """Return those that are not None."""
    return [array for array in arrays if array is not None]


def _require_moderate(value: float, name: str) -> None:
    """Refuse factors whose squares, and the ratios of those, leave the range of float64."""
    if not _SMALLEST <= value <= 1 / _SMALLEST:
        raise ValueError(f"{name} must be in [{_SMALLEST:g}, {1 / _SMALLEST:g}], got {value:g}")
