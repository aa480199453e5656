# SPDX-License-Identifier: Apache-2.0
"""A stand-in for CuPy: arrays in ordinary memory that behave as if they were on one of two GPUs.

It has what fastntk uses, under the same names, and is never more lenient: NumPy arrays do not mix
with its arrays, nothing converts them implicitly, and arrays of another device than the current one
are refused. `log` lists what waits: reads by the host, and events between streams.
"""

import contextlib
import ctypes
import itertools
import threading
import types
import weakref

import numpy as np

__version__ = "0 (stand-in)"

GIB = 2**30
DEVICES = 2
# ("sync", what), ("record", stream, event), ("wait", stream, event), ("copy", stream, address), in
# the order of the calls.
log = []
_current = threading.local()


class OutOfMemoryError(MemoryError):
    pass


class _Pool:
    """One pool per device; `capacity` is the device's memory, `peak` the most that was used."""

    def __init__(self):
        self.used = [0] * DEVICES
        self.kept = [0] * DEVICES
        self.capacity = [4 * GIB] * DEVICES
        self.limit = 0
        self.peak = 0

    def take(self, count, device):
        new = max(0, count - self.kept[device])
        limit = self.limit or self.capacity[device]
        if self.used[device] + self.kept[device] + new > min(self.capacity[device], limit):
            raise OutOfMemoryError(f"Out of memory allocating {count:,} bytes.")
        self.kept[device] -= count - new
        self.used[device] += count
        self.peak = max(self.peak, self.used[device])

    def give(self, count, device):
        self.used[device] -= count
        self.kept[device] += count

    def free_all_blocks(self):
        self.kept[_device()] = 0

    def used_bytes(self):
        return self.used[_device()]

    def free_bytes(self):
        return self.kept[_device()]

    def get_limit(self):
        return self.limit


_pool = _Pool()


def get_default_memory_pool():
    return _pool


def reset():
    """Forget streams, memory and the log."""
    _pool.__init__()
    log.clear()
    _current.__dict__.clear()


def _device():
    return getattr(_current, "device", 0)


class Device:
    def __init__(self, device=None):
        self.id = _device() if device is None else int(device)
        self._before = []

    def __enter__(self):
        if self.id >= DEVICES:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self._before.append(_device())
        _current.device = self.id
        return self

    def __exit__(self, *_):
        _current.device = self._before.pop()

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None


class Stream:
    _numbers = itertools.count(1)

    def __init__(self, null=False, non_blocking=False, ptr=None):
        self.ptr = next(self._numbers) if ptr is None else ptr
        self.device_id = _device()
        self._before = []

    def __enter__(self):
        streams = _streams()
        self._before.append(streams.get(_device()))
        streams[_device()] = self
        return self

    def __exit__(self, *_):
        _streams()[_device()] = self._before.pop()

    def wait_event(self, event):
        assert event.recorded, "an event that was not recorded orders nothing"
        log.append(("wait", self.ptr, event.number))

    def synchronize(self):
        log.append(("sync", "stream"))


Stream.null = Stream(ptr=0)


def _streams():
    if not hasattr(_current, "streams"):
        _current.streams = {}
    return _current.streams


def get_current_stream(device_id=-1):
    return _streams().get(_device() if device_id < 0 else device_id) or Stream.null


class Event:
    _numbers = itertools.count(1)

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.number, self.recorded = next(self._numbers), False

    def record(self, stream=None):
        self.recorded = True
        log.append(("record", (stream or get_current_stream()).ptr, self.number))

    def synchronize(self):
        log.append(("sync", self.number))


class MemoryPointer:
    """Device memory, filled with what no result may show."""

    def __init__(self, count):
        device = _device()
        _pool.take(count, device)
        self._bytes = (ctypes.c_ubyte * (count + 512))()
        ctypes.memset(self._bytes, 0xFF, count + 512)
        self.ptr = -(-ctypes.addressof(self._bytes) // 512) * 512
        weakref.finalize(self, _pool.give, count, device)


def alloc(count):
    return MemoryPointer(count)


class PinnedMemory(bytearray):
    """Host memory that a device copies from by itself."""


def _properties(index):
    assert 0 <= index < DEVICES
    return {"name": b"stand-in", "major": 9, "minor": 0}


def _memory_info():
    device = _device()
    total = _pool.capacity[device]
    return total - _pool.used[device] - _pool.kept[device], total


cuda = types.SimpleNamespace(
    Device=Device,
    Event=Event,
    Stream=Stream,
    alloc=alloc,
    alloc_pinned_memory=lambda count: PinnedMemory(b"\xff" * count),
    get_current_stream=get_current_stream,
    memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    runtime=types.SimpleNamespace(
        getDeviceCount=lambda: DEVICES,
        getDeviceProperties=_properties,
        memGetInfo=_memory_info,
    ),
)


def is_available():
    return True


class _Flags:
    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata = flags.owndata


class ndarray:
    __array_ufunc__ = None

    def __init__(self, values, memory, device):
        self._values, self._memory, self.device = values, memory, Device(device)

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)
    itemsize = property(lambda self: self._values.itemsize)
    strides = property(lambda self: self._values.strides)
    flags = property(lambda self: _Flags(self._values.flags))
    T = property(lambda self: self._view(self._values.T))

    @property
    def __cuda_array_interface__(self):
        _here(self)
        fields = dict(self._values.__array_interface__)
        contiguous = self._values.flags.c_contiguous
        return {
            "shape": self.shape,
            "typestr": fields["typestr"],
            "data": (fields["data"][0], False),
            "strides": None if contiguous else self.strides,
            "version": 3,
        }

    def __dlpack_device__(self):
        return (2, self.device.id)

    def __array__(self, *_, **__):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to "
            "construct a NumPy array explicitly."
        )

    def get(self, stream=None, order="C", out=None, blocking=True):
        log.append(("sync", "get"))
        if out is None:
            return self._values.copy(order)
        assert out.shape == self.shape
        assert out.dtype == self.dtype
        assert out.flags.c_contiguous
        out[...] = self._values
        return out

    def set(self, arr, stream=None):
        assert isinstance(arr, np.ndarray)
        assert (arr.shape, arr.dtype) == (self.shape, self.dtype)
        assert arr.flags.c_contiguous
        assert self._values.flags.c_contiguous
        if stream is None:
            log.append(("sync", "set"))
        else:
            assert _is_pinned(arr), "a copy from other memory waits"
            log.append(("copy", stream.ptr, self._values.ctypes.data))
        _here(self)[...] = arr

    def item(self):
        log.append(("sync", "item"))
        return self._values.item()

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return repr(self._values)

    def __getitem__(self, index):
        found = self._values[_index(index)]
        if isinstance(found, np.ndarray) and np.may_share_memory(found, self._values):
            return self._view(found)
        if not isinstance(found, np.ndarray) and not _fancy(index):
            return self._view(self._values[(*_tuple(index), ...)])
        return _new(found)

    def __setitem__(self, index, value):
        if isinstance(value, np.ndarray):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        self._values[_index(index)] = _plain(value)

    def _view(self, values):
        return ndarray(values, self._memory, self.device.id)

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return _new(_here(self).astype(dtype, order=order))

    def reshape(self, *shape):
        return self._view(self._values.reshape(*shape))


def _is_pinned(array):
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner.obj if isinstance(owner, memoryview) else owner, PinnedMemory)


def _tuple(index):
    return index if isinstance(index, tuple) else (index,)


def _fancy(index):
    return any(isinstance(one, ndarray) for one in _tuple(index))


def _index(index):
    for one in _tuple(index):
        allowed = (int, np.integer, slice, ndarray, type(None), type(...))
        if not isinstance(one, allowed):
            raise IndexError(f"Unsupported type {type(one)}")
    found = tuple(_here(i) if isinstance(i, ndarray) else i for i in _tuple(index))
    return found if isinstance(index, tuple) else found[0]


def _here(array):
    """Values of an array, which has to be on the current device."""
    if array.device.id != _device():
        raise ValueError(
            "Array device must be same as the current device: "
            f"array device = {array.device.id} while current = {_device()}"
        )
    return array._values


def _plain(value):
    """Values of an operand: one of these arrays, or a scalar."""
    if isinstance(value, ndarray):
        return _here(value)
    if isinstance(value, (bool, int, float, np.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _new(values, order="K"):
    """Return new device memory with these values."""
    values = np.asarray(values)
    if order == "K":
        order = "F" if values.flags.f_contiguous and not values.flags.c_contiguous else "C"
    result = _allocated(values.shape, values.dtype, order)
    result._values[...] = values
    return result


def _allocated(shape, dtype, order="C"):
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=object)) * dtype.itemsize
    memory = MemoryPointer(count)
    buffer = (ctypes.c_ubyte * count).from_address(memory.ptr)
    values = np.frombuffer(buffer, np.uint8).view(dtype) if count else np.empty(0, dtype)
    return ndarray(values.reshape(shape, order=order), memory, _device())


def _operator(name):
    def operate(self, other):
        left, right = _here(self), _plain(other)
        result = getattr(left, name)(right)
        assert result is not NotImplemented
        if not name.startswith("__i"):
            return _new(result)
        return self

    return operate


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    for _form in ("__{}__", "__r{}__", "__i{}__"):
        setattr(ndarray, _form.format(_name), _operator(_form.format(_name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
ndarray.__hash__ = None


def _method(name):
    def method(self, *arguments, **options):
        return _new(getattr(_here(self), name)(*arguments, **options))

    return method


for _name in ("sum", "max", "min", "mean", "argmax", "argmin", "all", "any", "copy"):
    setattr(ndarray, _name, _method(_name))
for _name in ("__neg__", "__abs__", "__invert__"):
    setattr(ndarray, _name, _method(_name))


def _function(function):
    def call(*arguments, **options):
        result = function(*(_plain(argument) for argument in arguments), **options)
        return tuple(map(_new, result)) if isinstance(result, tuple) else _new(result)

    return call


isfinite, where, sqrt = map(_function, (np.isfinite, np.where, np.sqrt))
abs = _function(np.abs)
linalg = types.SimpleNamespace(
    cholesky=_function(lambda a: _or_garbage(np.linalg.cholesky, a)),
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
    return _allocated(shape if isinstance(shape, tuple) else (shape,), dtype, order)


def zeros(shape, dtype=float, order="C"):
    return full(shape, 0, dtype)


def full(shape, value, dtype=None, order="C"):
    return _new(np.full(shape, value, dtype))


def arange(*arguments):
    return _new(np.arange(*arguments))


def array(values, dtype=None, copy=True, order="K"):
    """Copies to the current device, from wherever."""
    plain = values._values if isinstance(values, ndarray) else np.asarray(values)
    return _new(plain.astype(dtype or plain.dtype), "C" if order == "C" else "K")


def asarray(values, dtype=None, order=None):
    if not isinstance(values, ndarray) and hasattr(values, "__cuda_array_interface__"):
        fields = values.__cuda_array_interface__
        interface = {key: fields[key] for key in ("shape", "typestr", "data")} | {"version": 3}
        plain = np.asarray(types.SimpleNamespace(__array_interface__=interface))
        return ndarray(plain, values, _device())
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
