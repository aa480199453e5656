# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the native module ``_cuda``: the same names, computed by ``_cpu``.

Like the real one it reads arrays by their interface for device memory, ignores NaN in the vectors
of a product (sums in fixed point know none), and allocates by the context. `calls` lists what was
called, with the device and the stream.
"""

from types import SimpleNamespace

import numpy as np

from fastntk import _cpu
from fastntk._backend import CudaError

emulated = True
architectures = ["stand-in"]
calls = []
# Set by a test: the next call fails with it.
failure = []


def device_count():
    return 2


class Context:
    def __init__(self, device, stream, allocate):
        self.device, self.stream, self.allocate = device, stream, allocate

    def called(self, name):
        calls.append((name, self.device, self.stream))
        if failure:
            raise CudaError(failure.pop())
        assert self.allocate(1000).ptr % 256 == 0


def _host(array):
    """View device memory, which has to be C-contiguous."""
    fields = array.__cuda_array_interface__
    assert fields["strides"] is None
    interface = {key: fields[key] for key in ("shape", "typestr", "data")} | {"version": 3}
    return np.asarray(SimpleNamespace(__array_interface__=interface))


class _Source:
    def __init__(self, source, *kept):
        self._source, self._kept = source, kept
        self.shape, self.dtype = source.shape, source.dtype
        self.symmetric, self.nbytes = source.symmetric, source.nbytes

    def diagonal(self, out, context):
        context.called("diagonal")
        _host(out)[...] = self._source.diagonal()

    def to_dense_all(self, outs, context):
        context.called("to_dense")
        if isinstance(self, _LimitingKernel):
            several = len(self._problems) > 1
            for b, problem in enumerate(self._problems):
                problem.to_dense_all([_host(out)[b] if several else _host(out) for out in outs])
        else:
            (out,) = outs
            self._source.to_dense(_host(out))

    def matmat(self, V, out, context):
        context.called("matmat")
        self._source.matmat(np.nan_to_num(_host(V)), _host(out))


def limiting_activations():
    """Return those that the kernels of GPUs have formulas for."""
    return _cpu.activations()


class _LimitingKernel(_Source):
    def __init__(self, X, Y, *arguments):
        *arguments, context, batch = arguments
        context.called("prepare")
        held = context.allocate(max(_host(X).nbytes, 256))
        sides = (_host(X), None if Y is None else _host(Y))
        if not all(np.isfinite(side).all() for side in sides if side is not None):
            raise ValueError("X must be finite, got NaN or infinity")
        parts = zip(*(self._parts_of(side, batch) for side in sides), strict=True)
        self._problems = [self.kernel(*part, *arguments) for part in parts]
        super().__init__(self._problems[0], X, Y, held)
        self.largest_diagonal = max(one.largest_diagonal for one in self._problems)

    @staticmethod
    def _parts_of(side, batch):
        return [None] * batch if side is None else np.split(side, batch)

    @property
    def route(self):
        found = self._source.route
        del found["isa"]
        return found


class LimitingKernel32(_LimitingKernel):
    kernel = _cpu.LimitingKernel32


class LimitingKernel64(_LimitingKernel):
    kernel = _cpu.LimitingKernel64


class _LimitingGradients(_Source):
    def __init__(self, X, Y, *arguments):
        *arguments, context = arguments
        context.called("prepare")
        source = self.gradients(_host(X), _host_or_none(Y), *arguments)
        super().__init__(source, X, Y)
        self.largest_diagonal = source.largest_diagonal

    def to_dense_all(self, outs, context):
        context.called("to_dense")
        self._source.to_dense_all([_host(out) for out in outs])


class LimitingGradients32(_LimitingGradients):
    gradients = _cpu.LimitingGradients32


class LimitingGradients64(_LimitingGradients):
    gradients = _cpu.LimitingGradients64


class _EmpiricalKernel(_Source):
    def __init__(self, rows, cols, factors, outputs, context):
        context.called("prepare")
        sides = [
            None if side is None else [tuple(map(_host_or_none, pair)) for pair in side]
            for side in (rows, cols)
        ]
        super().__init__(self.kernel(*sides, factors, outputs), rows, cols)
        self.largest_diagonal = self._source.largest_diagonal
        self.route = {"product": "stand-in", "parts": 1}


class EmpiricalKernel32(_EmpiricalKernel):
    kernel = _cpu.EmpiricalKernel32


class EmpiricalKernel64(_EmpiricalKernel):
    kernel = _cpu.EmpiricalKernel64


def _host_or_none(array):
    return None if array is None else _host(array)


def activate(activation, z, factor, shift, out, context):
    context.called("activate")
    _cpu.activate(activation, _host(z), factor, _host_or_none(shift), _host_or_none(out))


def apply_slope(activation, z, signals, factor, context):
    context.called("apply_slope")
    _cpu.apply_slope(activation, _host(z), _host(signals), factor)


def pack_triangle(source, largest_magnitude, context):
    context.called("pack")
    assert largest_magnitude == (source.largest_diagonal or 1.0)
    held = context.allocate(source.shape[0] ** 2 // 2 * source.dtype.itemsize)
    return _Source(_cpu.pack_triangle(source._source), held)


class _DenseBlock(_Source):
    def __init__(self, K):
        self.symmetric, self.shape, self.nbytes, self._K = False, K.shape, K.nbytes, K
        self.dtype = K.dtype

    def matmat(self, V, out, context):
        context.called("matmat")
        _host(out)[...] = _host(self._K).astype(float) @ np.nan_to_num(_host(V)).astype(float)


def dense_block(K, largest_magnitude):
    assert np.abs(_host(K)).max() <= largest_magnitude
    return _DenseBlock(K)


def dense_source(K, largest_magnitude):
    values = _host(K)
    assert largest_magnitude == (np.abs(values).max() or 1.0)
    source = _Source(_cpu.dense_source(values), K)
    source.largest_diagonal = largest_magnitude  # of a Gram matrix, which may be packed
    return source
