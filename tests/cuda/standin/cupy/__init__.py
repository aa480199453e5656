# SPDX-License-Identifier: Apache-2.0
"""A stand-in for CuPy: arrays in ordinary memory that behave as if they were on one of two GPUs.

It has what fastntk uses, under the same names, and is never more lenient: NumPy arrays do not mix
with its arrays, nothing converts them implicitly, and arrays of another device than the current one
are refused. `log` lists what waits: reads by the host, and events between streams.
"""

import contextlib
import types

import numpy as np

from cupy import cuda
from cupy._core import allocated, ndarray, new, plain

__version__ = "0 (stand-in)"

log = cuda.log


def get_default_memory_pool():
    return cuda.pool


def is_available():
    return True


def _function(function):
    def call(*arguments, **options):
        result = function(*(plain(argument) for argument in arguments), **options)
        return tuple(map(new, result)) if isinstance(result, tuple) else new(result)

    return call


isfinite, where, sqrt = map(_function, (np.isfinite, np.where, np.sqrt))
abs = _function(np.abs)
exp, expm1, logaddexp, square, tanh, tile = map(
    _function, (np.exp, np.expm1, np.logaddexp, np.square, np.tanh, np.tile)
)
log.function = _function(np.log)


def _into(function):
    """A function with an argument ``out``."""

    def call(*arguments, out=None):
        if out is None:
            return new(function(*map(plain, arguments)))
        function(*map(plain, arguments), out=plain(out))
        return out

    return call


add, matmul, maximum, minimum, multiply = map(
    _into, (np.add, np.matmul, np.maximum, np.minimum, np.multiply)
)


def einsum(subscripts, *operands):
    return new(np.einsum(subscripts, *map(plain, operands)))


def diagonal(array):
    return array._view(np.diagonal(plain(array)))


def broadcast_to(array, shape):
    return array._view(np.broadcast_to(plain(array), shape))


def concatenate(arrays, axis=0):
    return new(np.concatenate([plain(one) for one in arrays], axis))


def stack(arrays, axis=0):
    return new(np.stack([plain(one) for one in arrays], axis))


linalg = types.SimpleNamespace(
    cholesky=_function(lambda a: _or_garbage(np.linalg.cholesky, a)),
    eigvalsh=_function(np.linalg.eigvalsh),
    norm=_function(np.linalg.norm),
    eigh=_function(lambda a: tuple(np.linalg.eigh(a))),
    qr=_function(lambda a: tuple(np.linalg.qr(a))),
)
_strict = []


def _or_garbage(function, a):
    """Without `cupyx.errstate`, CuPy returns what cuSOLVER left."""
    try:
        return function(a)
    except np.linalg.LinAlgError:
        if _strict:
            raise
        return np.full_like(a, np.nan)


@contextlib.contextmanager
def errstate(*, linalg=None):
    """What the stand-in for cupyx offers."""
    assert linalg == "raise"
    _strict.append(True)
    try:
        yield
    finally:
        _strict.pop()


def empty(shape, dtype=float, order="C"):
    return allocated(shape if isinstance(shape, tuple) else (shape,), dtype, order)


def empty_like(array, dtype=None):
    return allocated(array.shape, dtype or array.dtype)


def zeros_like(array, dtype=None):
    return zeros(array.shape, dtype or array.dtype)


def zeros(shape, dtype=float, order="C"):
    return full(shape, 0, dtype)


def ones(shape, dtype=float, order="C"):
    return full(shape, 1, dtype)


def eye(n, dtype=float):
    return new(np.eye(n, dtype=dtype))


def full(shape, value, dtype=None, order="C"):
    return new(np.full(shape, value, dtype))


def arange(*arguments):
    return new(np.arange(*arguments))


def array(values, dtype=None, copy=True, order="K"):
    """Copies to the current device, from wherever."""
    found = values._values if isinstance(values, ndarray) else np.asarray(values)
    return new(found.astype(dtype or found.dtype), "C" if order == "C" else "K")


def asarray(values, dtype=None, order=None):
    if not isinstance(values, ndarray) and hasattr(values, "__cuda_array_interface__"):
        fields = values.__cuda_array_interface__
        interface = {key: fields[key] for key in ("shape", "typestr", "data")} | {"version": 3}
        found = np.asarray(types.SimpleNamespace(__array_interface__=interface))
        return ndarray(found, values, cuda.current())
    if isinstance(values, ndarray) and dtype in (None, values.dtype):
        return values
    return array(values, dtype)


def ascontiguousarray(values, dtype=None):
    if isinstance(values, ndarray) and values.flags.c_contiguous:
        return values if dtype in (None, values.dtype) else values.astype(dtype)
    return array(values, dtype, order="C")


def asnumpy(values):
    return values.get() if isinstance(values, ndarray) else np.asarray(values)


def may_share_memory(one, other):
    return np.may_share_memory(one._values, other._values)


def from_dlpack(values):
    """Tensors of the tests hand over an array of this library."""
    found = values.__dlpack__()
    assert isinstance(found, ndarray)
    return found
