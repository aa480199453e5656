# SPDX-License-Identifier: Apache-2.0
"""Which library an array is of, and where it lies: NumPy's in the host's memory, CuPy's on a GPU.

CuPy is not imported here: who has one of its arrays has it already.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

HOST = "cpu"


def on_device(array: object) -> bool:
    """Return whether an array is CuPy's."""
    # NumPy's first: calls with few rows ask several times.
    if isinstance(array, np.ndarray):
        return False
    return type(array).__module__.partition(".")[0] == "cupy"


def array_namespace(array: Any) -> Any:
    """Return the library of an array, or of an operator's arrays (its attribute ``xp``)."""
    if isinstance(array, np.ndarray):
        return np
    return sys.modules["cupy"] if on_device(array) else getattr(array, "xp", np)


def place_of(array: Any) -> str:
    """Return the device that an array is on, as in "cuda:0"; "cpu" for the host's memory."""
    return f"cuda:{array.device.id}" if on_device(array) else HOST


def beside(array: Any) -> contextlib.AbstractContextManager[Any]:
    """Make the device of an array CuPy's current one: new arrays are where it is."""
    device: contextlib.AbstractContextManager[Any] = (
        array.device if on_device(array) else contextlib.nullcontext()
    )
    return device


def kind_of(array: Any) -> str:
    """Return what an array is, for messages."""
    if on_device(array):
        return f"a CuPy array on {place_of(array)}"
    return "a NumPy array" if isinstance(array, np.ndarray) else type(array).__name__


def to_host(array: Any) -> Any:
    """Return an array in the host's memory; waits for the device where it comes from one."""
    return array.get() if on_device(array) else array


def in_library(array: Any, xp: Any) -> Any:
    """Return an array as one of NumPy or CuPy, on CuPy's current device."""
    return to_host(array) if xp is np else xp.asarray(array)


def may_share_memory(array: Any, other: object) -> bool:
    """Return whether two arrays of one library may overlap; False for anything else."""
    if on_device(array):
        return on_device(other) and bool(array_namespace(array).may_share_memory(array, other))
    return isinstance(other, np.ndarray) and np.may_share_memory(array, other)


def is_aligned(array: Any) -> bool:
    """Return whether entries lie where their type wants them; CuPy's always do."""
    return on_device(array) or bool(array.flags.aligned)
