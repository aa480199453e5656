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

# An activation's name and parameters.
Native = tuple[str, Sequence[float]]
# Activations and signals of each linear map.
Terms = Sequence[tuple[Any, Any]]


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
    def limiting_activations(self) -> frozenset[str]:
        """Return the names of functions whose limiting kernels the engine has formulas for."""

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
    def limiting_gradients(
        self, dtype: np.dtype[Any], X: Any, Y: Any, *arguments: Any, threads: int = 0
    ) -> Any:
        """Return the source of a kernel's tiles and of its derivatives' by weight_std, bias_std.

        Arguments are the native class's.
        """

    @abstractmethod
    def empirical_kernel(
        self,
        dtype: np.dtype[Any],
        rows: Terms,
        cols: Terms | None,
        factors: Sequence[tuple[float, float]],
        outputs: int,
        threads: int = 0,
    ) -> Any:
        """Return the tile source of an empirical kernel, a sum over linear maps.

        With S the products of signals, or 1 for equal outputs and 0 for others where there are no
        signals, and A the products of activations::

            K[(i, k), (j, k')] = sum_terms S[(i, k), (j, k')] (alpha A[i, j] + beta)

        Parameters
        ----------
        dtype : dtype
            Of the arrays and the kernel: float32 or float64.
        rows : sequence of (activations, signals)
            Arrays of shapes (n, n_l) and (n * outputs, m_l), C-contiguous, row i * outputs + k for
            output k of point i. Activations may be None where alpha is 0.
        cols : sequence of (activations, signals), or None
            The same of the other points; None: the kernel is symmetric.
        factors : sequence of (alpha, beta)
        outputs : int
        """

    @abstractmethod
    def activate(
        self, activation: Native, z: Any, factor: float, shift: Any, out: Any, threads: int = 0
    ) -> None:
        """Set z (n, w) to factor * z + shift, and out (n, w) to f(z).

        shift (w,) may be None: none; out may be None: only z is wanted.
        """

    @abstractmethod
    def apply_slope(
        self, activation: Native, z: Any, signals: Any, factor: float, threads: int = 0
    ) -> None:
        """Multiply rows i * C + k of signals (n * C, w), k < C, by factor * f'(z[i]); z is (n, w).

        The slope of ReLU at 0 is 0.
        """

    def rows_product(self, A: Any, B: Any) -> Any:
        """Return A @ B.T of two matrices."""
        return A @ B.T

    def product(self, A: Any, B: Any) -> Any:
        """Return A @ B of two matrices."""
        return A @ B

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

    def limiting_activations(self) -> frozenset[str]:
        """Return the names of functions with limiting kernels."""
        return frozenset(_cpu.activations())

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

    def limiting_gradients(
        self, dtype: np.dtype[Any], X: Any, Y: Any, *arguments: Any, threads: int = 0
    ) -> Any:
        """Return the source of a kernel's tiles and of its derivatives'."""
        single = dtype == np.float32
        gradients: Any = _cpu.LimitingGradients32 if single else _cpu.LimitingGradients64
        return gradients(X, Y, *arguments, threads)

    def empirical_kernel(
        self,
        dtype: np.dtype[Any],
        rows: Terms,
        cols: Terms | None,
        factors: Sequence[tuple[float, float]],
        outputs: int,
        threads: int = 0,
    ) -> Any:
        """Return the tile source of an empirical kernel, a sum over linear maps."""
        kernel: Any = _cpu.EmpiricalKernel32 if dtype == np.float32 else _cpu.EmpiricalKernel64
        return kernel(rows, cols, factors, outputs, threads)

    def activate(
        self, activation: Native, z: Any, factor: float, shift: Any, out: Any, threads: int = 0
    ) -> None:
        """Set z to factor * z + shift, and out to f(z)."""
        _cpu.activate(activation, z, factor, shift, out, threads)

    def apply_slope(
        self, activation: Native, z: Any, signals: Any, factor: float, threads: int = 0
    ) -> None:
        """Multiply signals by factor * f'(z)."""
        _cpu.apply_slope(activation, z, signals, factor, threads)

    def rows_product(self, A: Any, B: Any) -> Any:
        """Return A @ B.T, natively where that is faster than BLAS; see `_native_product`."""
        native = _native_product(A, B, transposed=False)
        return super().rows_product(A, B) if native is None else native

    def product(self, A: Any, B: Any) -> Any:
        """Return A @ B, natively where that is faster than BLAS; see `_native_product`."""
        native = _native_product(A, B, transposed=True)
        return super().product(A, B) if native is None else native

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


def takes_matrix_unit(rows: int, cols: int, inner: int) -> bool:
    """Return whether a matrix unit forms float32 (rows, inner) @ (inner, cols) sooner than BLAS.

    Measured with AMX against OpenBLAS on AVX-512, two cores: 2.4 times as fast for three edges of
    2048, 1.7 for 1024, 1.2 for 512; slower where there are too few rows to pay for packing the
    other matrix. Small products count for more than their own time: OpenBLAS's threads wait busily
    for some 20 ms after each, in the way of what comes next.
    """
    return min(rows, cols, inner) >= 128 and rows * cols * inner >= 2**26


def is_skinny(rows: int, cols: int, inner: int) -> bool:
    """Return whether (rows, inner) by (inner, cols) takes longer in BLAS than reading the latter.

    Measured against OpenBLAS on AVX-512, two cores, float32: 8 rows by 10,000 x 10,000 in 0.4
    (A @ B.T) and 0.6 (A @ B) of its time, 16 in 0.5 and 0.7. One row is BLAS's own case, as are
    matrices that fit a cache.
    """
    return 2 <= rows <= 24 and cols * inner >= 2**23 and min(cols, inner) >= 128


def has_few_columns(rows: int, cols: int, inner: int) -> bool:
    """Return whether (rows, inner) by (inner, cols) is a large matrix by a few vectors.

    Such a product takes as long as reading the matrix, in BLAS too, whose threads then wait.
    """
    return cols <= 24 and rows * inner >= 2**17 and min(rows, inner) >= 128


def _native_product(A: Any, B: Any, *, transposed: bool) -> Any:
    """Return A @ B.T, or A @ B if transposed, or None if that is better left to BLAS.

    Few rows of A, or of B, meet a large B, or A, as it is read. Large float32 matrices go to a
    matrix unit as 24-bit fixed-point numbers: an entry errs by at most 9.4e-7 of the norms of its
    row and column and 3 + inner / 512 roundings of 2^-24, by 3e-8 for Gaussian ones; rows with
    numbers so much larger than their others that these would lose more are BLAS's.
    """
    if not all(_is_plain_matrix(array) and array.dtype == A.dtype for array in (A, B)):
        return None
    (rows, inner), cols = A.shape, B.shape[1 if transposed else 0]
    if B.shape[0 if transposed else 1] != inner:
        return None  # BLAS's message
    if is_skinny(rows, cols, inner):
        out = np.empty((rows, cols), A.dtype)
        _cpu.skinny_product(A, B, out, transposed)
        return out
    if not transposed and has_few_columns(rows, cols, inner):
        turned = np.empty((cols, rows), A.dtype)
        _cpu.skinny_product(B, A, turned, False)
        return np.ascontiguousarray(turned.T)
    single = A.dtype == np.float32
    if not single or not takes_matrix_unit(rows, cols, inner) or not _cpu.has_fast_product():
        return None
    out = _cpu.empty((rows, cols), A.dtype)
    return out if _cpu.rows_product(A, B, out, transposed) else None


def _is_plain_matrix(array: Any) -> bool:
    """Return whether the native module reads an array as it is."""
    plain: bool = array.flags.c_contiguous and array.flags.aligned
    return array.ndim == 2 and plain and array.dtype in (np.float32, np.float64)
