# SPDX-License-Identifier: Apache-2.0
"""What is computed at one place: whose arrays it takes and returns, and within which budget."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk import _backend, _validate
from fastntk._arrays import HOST, array_namespace, beside, in_library, kind_of, on_device, place_of
from fastntk._memory import Budget


class Placed:
    """A linear map known by its products, on one device.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns.
    dtype : numpy.dtype
        Type of the entries, float32 or float64.
    nbytes : int
        Bytes held.
    budget : int
        Bytes that the map and what is computed with it may take together.
    place : str
        Where it is computed: "cpu", or as in "cuda:0".
    xp : module
        NumPy or CuPy, by ``place``: whose arrays algorithms use with the map.
    host : bool
        Whether results are NumPy arrays where no argument says otherwise: also for data in the
        host's memory whose map is on a GPU.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    nbytes: int
    budget: int
    place: str = HOST
    xp: Any = np
    host: bool = True

    @property
    def room(self) -> Budget:
        """The budget, with what the map holds."""
        return Budget(self.budget, self.nbytes, self.place)

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the map's device CuPy's current one, if it has one."""
        return contextlib.nullcontext()

    def _checked(self, V: ArrayLike, rows: int, name: str = "V") -> Any:
        """V as a C-contiguous (rows, k) array of a type and place that products take."""
        columns = float_columns(V, name)
        if columns.ndim != 2 or columns.shape[0] != rows:
            raise ValueError(f"{name} must have shape ({rows}, columns), got shape {columns.shape}")
        self._check_place(columns, name)
        if not on_device(columns) and not np.isfinite(columns).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
        dtype = np.result_type(self.dtype, columns.dtype)
        with self.here():
            return self.xp.ascontiguousarray(self.xp.asarray(columns), dtype=dtype)

    def _returned(self, array: Any, V: ArrayLike | None = None) -> Any:
        """Return a result in the library of V; without V, in that of the map's results."""
        if V is None:
            return in_library(array, np) if self.host else array
        return in_library(array, array_namespace(_backend.as_array(V)))

    def _check_place(self, array: Any, name: str) -> None:
        """Require that an array is in the host's memory or on the map's device."""
        if on_device(array) and place_of(array) != self.place:
            raise TypeError(
                f"{name} must be where the operator is, on {self.place}, got {kind_of(array)}"
            )


def float_columns(V: ArrayLike, name: str = "V") -> NDArray[Any]:
    """Return an argument as an aligned native float32 or float64 array of any shape."""
    array = _validate.real_array(V, name)
    dtype = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
    if not on_device(array):
        return np.require(array, dtype, "A")
    with beside(array):
        return array.astype(dtype, copy=False)
