# SPDX-License-Identifier: Apache-2.0
"""Arrays in the memory of the stand-in's devices."""

import ctypes

import numpy as np

from cupy.cuda import Device, MemoryPointer, PinnedMemory, current, log


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
        if isinstance(found, np.ndarray) and (
            found.size == 0 or np.may_share_memory(found, self._values)
        ):
            return self._view(found)
        if not isinstance(found, np.ndarray) and not _fancy(index):
            return self._view(self._values[(*_tuple(index), ...)])
        return new(found)

    def __setitem__(self, index, value):
        if isinstance(value, np.ndarray):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        self._values[_index(index)] = plain(value)

    def _view(self, values):
        return ndarray(values, self._memory, self.device.id)

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return new(_here(self).astype(dtype, order=order))

    def reshape(self, *shape):
        return self._view(self._values.reshape(*shape))

    def transpose(self, *axes):
        return self._view(self._values.transpose(*axes))


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
    if array.device.id != current():
        raise ValueError(
            "Array device must be same as the current device: "
            f"array device = {array.device.id} while current = {current()}"
        )
    return array._values


def plain(value):
    """Values of an operand: one of these arrays, or a scalar."""
    if isinstance(value, ndarray):
        return _here(value)
    if isinstance(value, (bool, int, float, np.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def new(values, order="K"):
    """Return new device memory with these values."""
    values = np.asarray(values)
    if order == "K":
        order = "F" if values.flags.f_contiguous and not values.flags.c_contiguous else "C"
    result = allocated(values.shape, values.dtype, order)
    result._values[...] = values
    return result


def allocated(shape, dtype, order="C"):
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=object)) * dtype.itemsize
    memory = MemoryPointer(count)
    buffer = (ctypes.c_ubyte * count).from_address(memory.ptr)
    values = np.frombuffer(buffer, np.uint8).view(dtype) if count else np.empty(0, dtype)
    return ndarray(values.reshape(shape, order=order), memory, current())


def _operator(name):
    def operate(self, other):
        left, right = _here(self), plain(other)
        result = getattr(left, name)(right)
        assert result is not NotImplemented
        if not name.startswith("__i"):
            return new(result)
        return self

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "or"):
    for _form in ("__{}__", "__r{}__", "__i{}__"):
        setattr(ndarray, _form.format(_name), _operator(_form.format(_name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
ndarray.__hash__ = None


def _method(name):
    def method(self, *arguments, **options):
        return new(getattr(_here(self), name)(*arguments, **options))

    return method


for _name in ("sum", "max", "min", "mean", "argmax", "argmin", "all", "any", "copy", "diagonal"):
    setattr(ndarray, _name, _method(_name))
for _name in ("__neg__", "__abs__", "__invert__"):
    setattr(ndarray, _name, _method(_name))
