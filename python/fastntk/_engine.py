# SPDX-License-Identifier: Apache-2.0
"""What computes: the CPU here, a GPU in `fastntk._cuda_engine`.

An engine's native module has classes ``LimitingKernel32`` and ``LimitingKernel64``, which make tile
sources, and functions that store one.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastntk import _cpu
from fastntk._arrays import HOST
from fastntk._memory import Budget, available_for, budget_bytes


class Engine(ABC):
    """The CPU, or one GPU.

    Attributes
    ----------
    name : str
        "cpu", or as in "cuda:0".
    xp : module
        NumPy or CuPy: whose arrays are read and written.
    """

    name: str
    xp: Any

    @property
    @abstractmethod
    def description(self) -> str:
        """What computes, for people."""

    @abstractmethod
    def limiting_kernel(
        self,
        dtype: np.dtype[Any],
        X: Any,
        Y: Any,
        *arguments: Any,
        threads: int = 0,
        batch: int = 1,
    ) -> Any:
        """Return the tile source of a limiting kernel; arguments are the native class's.

        ``batch`` problems lie one after the other; only a GPU takes more than one.
        """

    @abstractmethod
    def pack_triangle(self, source: Any, threads: int = 0, progress: Any = None) -> Any:
        """Return a symmetric source as a stored triangle."""

    @abstractmethod
    def dense_source(self, K: Any) -> Any:
        """Return a symmetric matrix, an array of this engine, as a tile source."""

    @abstractmethod
    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
        """Return an array for results; its values are what the memory held before."""

    @abstractmethod
    def asarray(self, array: Any) -> Any:
        """Return an array that the engine reads; copied if it lies elsewhere."""

    @abstractmethod
    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device CuPy's current one; its lack of memory becomes a MemoryError."""

    @abstractmethod
    def wait(self) -> None:
        """Return when what was queued on CuPy's current stream of the device is done."""

    @abstractmethod
    def room(self, needed: int) -> Budget:
        """Return what a request of so many bytes may take of what is available."""

    @abstractmethod
    def budget_bytes(self, memory: int | str | None) -> int:
        """Return the budget that the public argument ``memory`` stands for."""


class CpuEngine(Engine):
    """The CPU."""

    name = HOST
    xp = np
    native = _cpu
    description = "the CPU"

    def limiting_kernel(
        self,
        dtype: np.dtype[Any],
        X: Any,
        Y: Any,
        *arguments: Any,
        threads: int = 0,
        batch: int = 1,
    ) -> Any:
        """Return the tile source of a limiting kernel."""
        assert batch == 1
        kernel: Any = _cpu.LimitingKernel32 if dtype == np.float32 else _cpu.LimitingKernel64
        return kernel(X, Y, *arguments, threads)

    def pack_triangle(self, source: Any, threads: int = 0, progress: Any = None) -> Any:
        """Return a symmetric source as a stored triangle."""
        return _cpu.pack_triangle(source, threads, progress)

    def dense_source(self, K: Any) -> Any:
        """Return a symmetric matrix as a tile source that views it."""
        return _cpu.dense_source(K)

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
        """Return an array for results, which begins with a cache line."""
        return _cpu.empty(shape, dtype)

    def asarray(self, array: Any) -> Any:
        """Return the array."""
        return array

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Do nothing."""
        return contextlib.nullcontext()

    def wait(self) -> None:
        """Do nothing: calls return when they are done."""

    def room(self, needed: int) -> Budget:
        """Return what is available; small requests are granted unasked."""
        return Budget(available_for(needed))

    def budget_bytes(self, memory: int | str | None) -> int:
        """Return the budget; half of what is available by default."""
        return budget_bytes(memory)
