# SPDX-License-Identifier: Apache-2.0
"""Kernels that are no network's: any function of two sets of points, and the Gaussian one.

They take the place of a network in `fastntk.GramOperator`, and so in everything that is computed
with one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, kind_of, place_of
from fastntk._memory import Budget
from fastntk.gram.kernel_blocks import KernelBlocks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._backend import Engine
    from fastntk.gram.empirical import Outputs

# Rows of a block: products of blocks run at the machine's rate, and a call costs little beside it.
_BLOCK_ROWS = 1024
_LEAST_POINTS = 64
# A block, what a function makes on its way to it, and its copy in another type, in float64.
_BLOCK_COPIES = 4
# Points on which a function is checked.
_SAMPLE = 64


class PairwiseKernel(ABC):
    """A kernel k(x, x') that a function evaluates on arrays.

    ``rows_per_point`` is R where its values are R x R matrices, else 1.
    """

    rows_per_point: int = 1

    @abstractmethod
    def evaluate(self, X: Any, Y: Any) -> Any:
        """Return the kernel between points (n, d) and (m, d), (n R, m R)."""

    def kernel_maker(
        self, kernel: str, scale: float, outputs: Outputs, *, copy: bool = False
    ) -> PairwiseMaker:
        """Return what `fastntk.GramOperator` asks for; "ntk" and "nngp" both name this kernel."""
        _validate.choice(kernel, "kernel", ("ntk", "nngp"))
        if outputs != "full" and (outputs != "trace" or self.rows_per_point > 1):
            raise ValueError(f"outputs must be 'full' for a user's kernel, got {outputs!r}")
        return PairwiseMaker(self, _validate.positive(scale, "scale"))

    def __call__(self, X: ArrayLike, Y: ArrayLike | None = None) -> Any:
        """Return the kernel as a matrix.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Points.
        Y : array_like of shape (m, d), optional
            Others; X by default.

        Returns
        -------
        ndarray of shape (n R, m R)
            float64 for float64 points, else float32; of the library of X, checked as by
            `fastntk.GramOperator`.

        Raises
        ------
        MemoryError
            It does not fit what is available.
        """
        rows = _validate.samples(X)
        columns = None if Y is None else _validate.samples(Y, "Y")
        if columns is not None:
            _validate.same_columns(columns, rows)
        engine = _backend.engine(place_of(rows), X=rows, Y=columns)
        dtype = _validate.result_dtype(None, rows, *([] if columns is None else [columns]))
        R = self.rows_per_point
        shape = (len(rows) * R, len(rows if columns is None else columns) * R)
        needed = shape[0] * shape[1] * dtype.itemsize
        with engine.here():
            room = engine.room(needed)
            room.require(needed, "a kernel of {} entries", shape)
            source = self.kernel_maker("ntk", 1.0, "full").source(
                rows,
                columns,
                dtype=dtype,
                device=engine.name,
                threads=None,
                budget=room.left - needed,
            )
            out = engine.empty(shape, dtype)
            source.to_dense(out)
        return out


@dataclass(frozen=True)
class UserKernel(PairwiseKernel):
    """A kernel from a function: it takes the place of a network wherever operators are made.

    Parameters
    ----------
    function : callable (X, Y) -> array of shape (n R, m R)
        The kernel between points X (n, d) and Y (m, d), for n and m of any size: value (i, j) must
        depend on X[i] and Y[j] only. It is given new arrays, of the type of the operator's entries
        and of the library (NumPy or CuPy) that the operator computes with, scaled, and returns an
        array of that library: where there is a GPU, operators of a function that knows NumPy only
        need ``device="cpu"``. Symmetric in its two points, and positive semi-definite where an
        algorithm wants that, as `fastntk.solve` by Cholesky does.
    rows_per_point : int
        R, for a kernel whose values are R x R matrices: rows i R + k belong to point i.
    name : str, optional
        What messages call it; the function's own name by default.

    Raises
    ------
    TypeError
        ``function`` is not callable, ``name`` no text. Later, what the function returns is no array
        of real numbers, or is of another library than its arguments.
    ValueError
        ``rows_per_point`` is not positive. Later, what the function returns has another shape, is
        not finite, is not symmetric on 64 of the points, or depends there on what other points are
        in the call; 'full' is the only choice of ``outputs``.

    Notes
    -----
    `fastntk.GramOperator` calls the function with blocks of up to 1024 rows and columns, fewer
    where the budget asks for it, each on or above the diagonal once: dense, packed and lazy storage
    work, and every `fastntk` function of an operator does. A file, ``storage=path``, is refused: it
    says what it is of, and a function has no name that would tell it from another. Every block is
    looked at for numbers that are not finite, which on a GPU waits for it.

    Examples
    --------
    >>> import numpy as np
    >>> import fastntk as fn
    >>> kernel = UserKernel(lambda X, Y: (1 + X @ Y.T) ** 2, name="quadratic")
    >>> op = fn.GramOperator(kernel, np.array([[0.0], [1.0], [2.0]]))
    >>> op.to_dense().tolist()
    [[1.0, 1.0, 1.0], [1.0, 4.0, 9.0], [1.0, 9.0, 25.0]]
    """

    function: Callable[[Any, Any], Any]
    rows_per_point: int = 1
    name: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be callable, got {self.function!r}")
        _validate.integer(self.rows_per_point, "rows_per_point", at_least=1)
        if self.name is not None and not isinstance(self.name, str):
            raise TypeError(f"name must be a str, got {self.name!r}")
        if self.name is None:
            name = getattr(self.function, "__name__", type(self.function).__name__)
            object.__setattr__(self, "name", name)

    def evaluate(self, X: Any, Y: Any) -> Any:
        """Return the function's values, checked but for their symmetry."""
        n, m = len(X) * self.rows_per_point, len(Y) * self.rows_per_point
        points = (X.shape, Y.shape)
        array = _validate.real_array(self.function(X, Y), f"the result of {self.name}")
        xp = array_namespace(X)
        if array_namespace(array) is not xp:
            raise TypeError(
                f"{self.name} must return an array of the library of its arguments, "
                f"{xp.__name__}, got {kind_of(array)}"
            )
        if array.shape != (n, m):
            raise ValueError(
                f"{self.name} must return shape ({n}, {m}) for points of shapes {points[0]} and "
                f"{points[1]} and rows_per_point={self.rows_per_point}, got {array.shape}"
            )
        # A copy: the function may return an array that it fills anew in every call.
        with np.errstate(over="ignore"):
            array = array.astype(X.dtype)
        if not bool(xp.isfinite(array).all()):
            raise ValueError(
                f"{self.name} must return finite numbers in {X.dtype}, got NaN or infinity"
            )
        return array


@dataclass(frozen=True)
class RBF(PairwiseKernel):
    r"""The Gaussian kernel, :math:`k(x, x') = \exp(-|x - x'|^2 / (2 \ell^2))`.

    Parameters
    ----------
    length_scale : float
        :math:`\ell`, in units of the scaled points.

    Raises
    ------
    ValueError
        ``length_scale`` is not positive. Later, squared distances overflow in units of it.

    Notes
    -----
    Squared distances come from a product of matrices, in float64 and about the mean of the points
    in a block: they err by some 1e-16 of the squared distances to it. See `UserKernel` for what is
    done by blocks.

    Examples
    --------
    >>> import numpy as np
    >>> RBF(length_scale=2.0)(np.array([[0.0], [2.0]])).round(4).tolist()
    [[1.0, 0.6065], [0.6065, 1.0]]
    """

    length_scale: float = 1.0

    def __post_init__(self) -> None:
        _validate.positive(self.length_scale, "length_scale")

    def evaluate(self, X: Any, Y: Any) -> Any:
        """Return the kernel between points."""
        xp = array_namespace(X)
        A, B = X.astype(np.float64), Y.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            origin = B.mean(axis=0)
            A, B = (A - origin) / self.length_scale, (B - origin) / self.length_scale
            a, b = (A * A).sum(axis=1), (B * B).sum(axis=1)
            largest = float(a.max() + b.max())
        if not math.isfinite(largest):
            raise ValueError(
                f"points must have finite squared distances in units of {self}, got {largest}"
            )
        return xp.exp(-xp.maximum(a[:, None] / 2 + b / 2 - A @ B.T, 0.0))


@dataclass(frozen=True)
class PairwiseMaker:
    """The maker of a `PairwiseKernel`; see `fastntk.gram.kernel_maker.KernelMaker`.

    Attributes
    ----------
    kernel : PairwiseKernel
        Which one.
    scale : float
        Multiplies the points.
    """

    kernel: PairwiseKernel
    scale: float
    place = None
    nbytes = 0

    @property
    def net(self) -> PairwiseKernel:
        """The kernel, which takes the place of a network."""
        return self.kernel

    @property
    def rows_per_point(self) -> int:
        """Rows of the Gram matrix for each point."""
        return self.kernel.rows_per_point

    def source(
        self,
        X: NDArray[Any],
        columns: Any = None,
        *,
        dtype: DTypeLike | None,
        device: str,
        threads: int | None,
        budget: int,
    ) -> KernelBlocks:
        """Return the Gram matrix as a tile source, having checked the kernel where it is one."""
        result = self.result_dtype(dtype, X)
        engine = _backend.engine(device, X=X, columns=columns)
        room = Budget(budget, 0, engine.name)
        points = max(1, _BLOCK_ROWS // self.rows_per_point)
        while points > _LEAST_POINTS and self._block_bytes(points, X) > room.left:
            points //= 2
        points = min(points, max(len(X), 0 if columns is None else len(columns)))
        needed = self._block_bytes(points, X)
        room.require(needed, "a block of a user's kernel, of {} points,", points)

        def values(A: Any, B: Any) -> Any:
            return self.kernel.evaluate(self._scaled(A, result), self._scaled(B, result))

        if columns is None:
            with engine.here():
                _require_kernel(values, X, engine, self.rows_per_point, result)
        return KernelBlocks(engine, values, X, columns, result, self.rows_per_point, points, needed)

    def prepared(self, X: NDArray[Any], threads: int | None) -> Any:
        """Return the points: nothing is computed once."""
        return X

    def prepared_bytes(self, X: NDArray[Any]) -> int:
        """Return the bytes of the smallest block, whatever the number of points."""
        return self._block_bytes(_LEAST_POINTS, X)

    def result_dtype(self, dtype: DTypeLike | None, X: NDArray[Any]) -> np.dtype[Any]:
        """Return the type asked for, or that of the data."""
        return _validate.result_dtype(dtype, X)

    def identity(self) -> dict[str, Any]:
        """Refuse: see `UserKernel`."""
        raise ValueError(
            f"storage in a file needs a network's kernel, which the file names, got {self.kernel}: "
            "use storage='dense', 'packed' or 'lazy'"
        )

    def _block_bytes(self, points: int, X: NDArray[Any]) -> int:
        rows = points * self.rows_per_point
        return 8 * (_BLOCK_COPIES * rows * rows + 2 * points * int(X.shape[1]))

    def _scaled(self, points: Any, dtype: np.dtype[Any]) -> Any:
        """Return a copy of points that a function may change."""
        copied = points.astype(dtype)
        if self.scale != 1:
            copied *= dtype.type(self.scale)
        return copied


def _require_kernel(
    values: Callable[[Any, Any], Any], X: Any, engine: Engine, R: int, dtype: np.dtype[Any]
) -> None:
    """Require, on some of the points, values that are symmetric, and of pairs of points only."""
    # One of each of so many ranges of rows.
    some = np.unique(np.linspace(0, len(X) - 1, min(len(X), _SAMPLE)).astype(np.int64))
    sample = X[engine.xp.asarray(some)]
    K = values(sample, sample)
    # A function that errs by roundings passes; what is meant to be found is another formula.
    allowed = float(np.sqrt(np.finfo(dtype).eps)) * float(abs(K).max())
    difference = float(abs(K - K.T).max())
    if difference > allowed:
        raise ValueError(
            "a kernel must be symmetric, k(x, x') = k(x', x) (transposed where its values are "
            f"matrices), but on {len(some)} of the points the two differ by {difference:.3g} where "
            f"the largest value is {float(abs(K).max()):.3g}"
        )
    alone = values(sample[:1], sample)
    difference = float(abs(alone - K[:R]).max())
    if difference > allowed:
        raise ValueError(
            "a kernel must be a function of two points, but the values of a point change by "
            f"{difference:.3g} when it is alone in its argument: scale or centre the data "
            "beforehand"
        )
