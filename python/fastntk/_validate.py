# SPDX-License-Identifier: Apache-2.0
"""Checks of the Python boundary: one place for what is accepted and what is said otherwise."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastntk import _backend
from fastntk._arrays import (
    array_namespace,
    beside,
    is_aligned,
    kind_of,
    may_share_memory,
    on_device,
)

if TYPE_CHECKING:
    from fastntk._memory import Budget

MOST_THREADS = 4096
RESULT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
_NATIVE_DTYPES = (np.dtype(np.uint8), *RESULT_DTYPES)


def samples(
    X: ArrayLike, name: str = "X", *, copy: bool = False, room: Budget | None = None
) -> NDArray[Any]:
    """Return data as a C-contiguous 2-D array of uint8, float32 or float64, copied if it must be.

    Arrays on a GPU stay there, and that they are finite is left to `require_finite`: to look would
    be to wait.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Other real types (bool, integers, half precision) become float64, exactly: their kernels
        are float64 by default.
    name : str
        What messages call it.
    copy : bool
        Whether to copy what need not be converted.
    room : Budget, optional
        What a copy must fit.

    Raises
    ------
    TypeError
        Not an array of real numbers.
    ValueError
        Not 2-D, empty, not finite, or with masked entries.
    MemoryError
        A copy does not fit.
    """
    array = real_array(X, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must be 2-D (samples, features), got shape {array.shape}")
    if array.size == 0:
        raise ValueError(
            f"{name} must have at least one sample and one feature, got shape {array.shape}"
        )
    dtype = array.dtype.newbyteorder("=")
    dtype = dtype if dtype in _NATIVE_DTYPES else np.dtype(np.float64)
    native = array.dtype == dtype and array.flags.c_contiguous and is_aligned(array)
    copy = copy or not native
    if room is not None and copy:
        room.require(array.size * dtype.itemsize, f"a copy of {name} in {dtype}")
    if copy:
        with beside(array):
            array = array_namespace(array).array(array, dtype, order="C")
    if not on_device(array):
        require_finite(array, name)
    return array


def copied_bytes(array: NDArray[Any], original: object) -> int:
    """Return the bytes of an array that is not, or not part of, what the caller gave."""
    return 0 if may_share_memory(array, original) else array.nbytes


def not_masked(X: object, name: str) -> None:
    """Require that no entry is masked: what lies under a mask is not data."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        count = int(np.ma.getmaskarray(X).sum())
        raise ValueError(f"{name} must not have masked entries, got {count}")


def real_array(X: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array of any shape and any real type that float64 holds exactly, not copied."""
    not_masked(X, name)
    try:
        array: NDArray[Any] = _backend.as_array(X)
    except ValueError:  # rows of different lengths
        raise TypeError(
            f"{name} must be an array of real numbers, got nested sequences of unequal lengths"
        ) from None
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        raise TypeError(f"{name} must hold at most 64-bit floats, got dtype {array.dtype}")
    if array.dtype.kind in "ui" and array.dtype.itemsize == 8:
        with beside(array):
            largest = max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0
        if largest > 2**53:
            raise TypeError(f"{name} must hold integers that float64 represents, got {largest}")
    return array


def require_finite(array: NDArray[Any], name: str) -> None:
    """Require that all entries are finite; waits for a GPU that holds them."""
    if array.dtype.kind != "f":
        return
    with beside(array):
        # A sum is finite whenever all entries are, unless it overflows: then look closer.
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(float(array.sum())):
                return
        finite = array_namespace(array).isfinite(array)
        if finite.all():
            return
        row, column = divmod(int(finite.argmin()), array.shape[1])
        raise ValueError(
            f"{name} must be finite, got {array[row, column].item()} at [{row}, {column}] "
            f"({array.size - int(finite.sum())} such entries)"
        )


def same_columns(Y: NDArray[Any], X: NDArray[Any], name: str = "Y", of: str = "X") -> None:
    """Require that Y has as many features as X; messages call them ``name`` and ``of``."""
    if Y.shape[1] != X.shape[1]:
        raise ValueError(f"{name} must have {of}'s {X.shape[1]} columns, got shape {Y.shape}")


def result_dtype(dtype: DTypeLike | None, *data: NDArray[Any]) -> np.dtype[Any]:
    """Return the type of the result: as asked for, else float64 for float64 data, else float32."""
    if dtype is None:
        return np.dtype(np.result_type(np.float32, *(array.dtype for array in data)))
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be 'float32' or 'float64', got {dtype!r}") from None
    if wanted not in RESULT_DTYPES:
        raise TypeError(f"dtype must be 'float32' or 'float64', got {wanted}")
    return wanted


def output(
    out: NDArray[Any] | None, shape: tuple[int, ...], dtype: np.dtype[Any], *data: NDArray[Any]
) -> NDArray[Any] | None:
    """Check an array that results are written into; None passes.

    Raises
    ------
    TypeError
        Not an array, or of another dtype.
    ValueError
        Another shape, not C-contiguous, not writeable, or sharing memory with the data.
    """
    if out is None:
        return None
    if not isinstance(out, np.ndarray) and not on_device(out):
        raise TypeError(f"out must be a NumPy or CuPy array, got {kind_of(out)}")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, got {out.shape}")
    if not out.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous, got strides {out.strides}")
    if not is_aligned(out):
        raise ValueError("out must be aligned to its dtype, got an array that is not")
    if not getattr(out.flags, "writeable", True):
        raise ValueError("out must be writeable, got a read-only array")
    if any(may_share_memory(out, array) for array in data):
        raise ValueError("out must not overlap the data, got an array that shares memory with it")
    return out


def positive(value: float, name: str) -> float:
    """Return a finite number above zero."""
    number = _number(value, name)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return number


def non_negative(value: float, name: str) -> float:
    """Return a finite number that is not below zero."""
    number = _number(value, name)
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{name} must be non-negative and finite, got {value!r}")
    return number


def truth(value: bool, name: str) -> bool:
    """Return a truth value; numbers are none."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def finite(value: float, name: str) -> float:
    """Return a finite number."""
    number = _number(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def fraction(value: float, name: str) -> float:
    """Return a number between 0 and 1, neither of them."""
    number = _number(value, name)
    if not 0 < number < 1:
        raise ValueError(f"{name} must be in (0, 1), got {value!r}")
    return number


def integer(value: int, name: str, *, at_least: int | None = None) -> int:
    """Return an integer that is not below a bound."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if at_least is not None and number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    return number


def thread_count(threads: int | None) -> int:
    """Return the native module's count: 0 stands for its own choice."""
    if threads is None:
        return 0
    count = integer(threads, "threads", at_least=1)
    if count > MOST_THREADS:
        raise ValueError(f"threads must be at most {MOST_THREADS}, got {count}")
    return count


def choice(value: str, name: str, known: tuple[str, ...]) -> str:
    """Return one of the known names."""
    if not isinstance(value, str) or value not in known:
        names = ", ".join(repr(one) for one in known)
        raise ValueError(f"{name} must be one of {names}, got {value!r}")
    return value


def generator(seed: int | np.random.Generator, name: str = "seed") -> np.random.Generator:
    """Return a generator as it is, or a new one from an integer."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(integer(seed, name, at_least=0))


def several(values: Any, name: str) -> tuple[Any, ...]:
    """Return what a sequence of numbers holds, which is not looked at; a text is none."""
    try:
        if not isinstance(values, (str, bytes)):
            return tuple(values)
    except TypeError:
        pass
    raise TypeError(f"{name} must be a sequence of numbers, got {values!r}")


def callback(value: object, name: str = "progress") -> None:
    """Require a callable or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable, got {value!r}")


def network(net: object) -> None:
    """Require an architecture: an object with a layer program."""
    if isinstance(net, type) or not callable(getattr(net, "program", None)):
        raise TypeError(
            f"net must be a FullyConnected or have a layer program like one, got {net!r}"
        )


def _number(value: float, name: str) -> float:
    if isinstance(value, (bool, np.bool_, str)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
