# SPDX-License-Identifier: Apache-2.0
"""The Jacobian of any function, by a user's callbacks."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from fastntk import _backend, _validate
from fastntk.networks.jacobian import Jacobian

if TYPE_CHECKING:
    from fastntk._progress import Meter

Callback = Callable[[Any], Any]


class CallbackJacobian(Jacobian):
    """The Jacobian of a function whose products with vectors are given.

    Parameters
    ----------
    jvp : callable
        ``jvp(v)`` returns J v, (N C,), of a direction v (P,) in the space of parameters.
    vjp : callable
        ``vjp(u)`` returns J^T u, (P,), of weights u (N C,) of the outputs, sample-major.
    shape : tuple of int
        ``(N * C, P)``.
    outputs : int
        C.
    dtype : {"float64", "float32"}
        Type of the vectors that the callbacks are given: what they compute in. A callback in
        float32 behind float64 vectors does not pass the check.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB", for what the library allocates; half of what is
        available by default.
    device : {"cpu", "cuda", "cuda:N"}
        Whose arrays the callbacks are given: NumPy's, or CuPy's of that GPU. What they return may
        be of any library that knows DLPack, on that device.
    check : bool
        Whether to see that the two callbacks belong together: ``<u, J v> = <J^T u, v>`` for a
        random pair, to the square root of the precision.

    Raises
    ------
    TypeError
        ``jvp`` or ``vjp`` is not callable, or returns what is not an array of real numbers.
    ValueError
        ``shape`` is no multiple of ``outputs``; a callback returns another shape or what is not
        finite; the two are not each other's transpose.

    Notes
    -----
    A product with k columns calls back k times.

    Examples
    --------
    >>> import numpy as np
    >>> J = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    >>> jacobian = CallbackJacobian(lambda v: J @ v, lambda u: J.T @ u, J.shape)
    >>> jacobian.T @ [1.0, 1.0]
    array([1., 3., 3.])
    """

    def __init__(
        self,
        jvp: Callback,
        vjp: Callback,
        shape: tuple[int, int],
        *,
        outputs: int = 1,
        dtype: DTypeLike = "float64",
        memory: int | str | None = None,
        device: str = "cpu",
        check: bool = True,
    ) -> None:
        for name, function in (("jvp", jvp), ("vjp", vjp)):
            if not callable(function):
                raise TypeError(f"{name} must be callable, got {function!r}")
        if not isinstance(shape, tuple) or len(shape) != 2:
            raise ValueError(f"shape must be (rows, parameters), got {shape!r}")
        rows, parameters = (_validate.integer(n, "shape", at_least=1) for n in shape)
        self.outputs = _validate.integer(outputs, "outputs", at_least=1)
        self.samples, rest = divmod(rows, self.outputs)
        if rest:
            raise ValueError(
                f"shape must have a multiple of outputs={self.outputs} rows, got {rows}"
            )
        self.shape, self.dtype = (rows, parameters), _validate.result_dtype(dtype)
        self._engine = _backend.engine(device)
        self.place, self.xp = self._engine.name, self._engine.xp
        self.host = self.xp is np
        self.nbytes, self.budget = 0, self._engine.budget_bytes(memory)
        self._jvp, self._vjp = jvp, vjp
        if check:
            with self.here():
                self._require_transposes()

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device CuPy's current one, if the callbacks are given CuPy's arrays."""
        return self._engine.here()

    def pushforward(self, V: Any, meter: Meter) -> Any:
        """Return J v of each row of V; see `Jacobian.pushforward`."""
        return self._each(self._jvp, "jvp", V, self.shape[0], meter)

    def pullback(self, U: Any, meter: Meter) -> Any:
        """Return J^T u of each row of U; see `Jacobian.pushforward`."""
        return self._each(self._vjp, "vjp", U, self.shape[1], meter)

    def _each(self, function: Callback, name: str, vectors: Any, length: int, meter: Meter) -> Any:
        products = self.xp.empty((len(vectors), length), vectors.dtype)
        for product, vector in zip(products, vectors, strict=True):
            product[...] = self._called(function, name, vector, length)
            meter.add(self.samples)
        return products

    def _called(self, function: Callback, name: str, vector: Any, length: int) -> Any:
        returned = function(vector.astype(self.dtype, copy=False))
        result = _validate.real_array(returned, f"the result of {name}")
        if result.shape != (length,):
            raise ValueError(f"{name} must return shape ({length},), got {result.shape}")
        self._check_place(result, f"the result of {name}")
        return self.xp.asarray(result)

    def _require_transposes(self) -> None:
        """Require <u, J v> = <J^T u, v> for a random pair."""
        rng, (rows, parameters) = np.random.default_rng(0), self.shape
        v, u = (
            self.xp.asarray(rng.standard_normal(n), dtype=self.dtype) for n in (parameters, rows)
        )
        pushed = self._called(self._jvp, "jvp", v, rows).astype(np.float64)
        pulled = self._called(self._vjp, "vjp", u, parameters).astype(np.float64)
        for name, result in (("jvp", pushed), ("vjp", pulled)):
            if not bool(self.xp.isfinite(result).all()):
                raise ValueError(f"{name} must return finite numbers, got NaN or infinity")
        forward, backward = float(u @ pushed), float(pulled @ v)
        # With random vectors the products are about as large as a term is, not as their sum may be.
        size = math.sqrt(float(pushed @ pushed)) + math.sqrt(float(pulled @ pulled))
        allowed = math.sqrt(float(np.finfo(self.dtype).eps)) * size
        if abs(forward - backward) > allowed:
            raise ValueError(
                "jvp and vjp must be products with one matrix and its transpose, but for a random "
                f"pair <u, jvp(v)> = {forward:.6g} and <vjp(u), v> = {backward:.6g}, which may "
                f"differ by {allowed:.1g} in {self.dtype}"
            )
