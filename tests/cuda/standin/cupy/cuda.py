# SPDX-License-Identifier: Apache-2.0
"""Two devices that are none: their memory, streams and events, and a log of what waits."""

import ctypes
import itertools
import threading
import types
import weakref

GIB = 2**30
DEVICES = 2
# ("sync", what), ("record", stream, event), ("wait", stream, event), ("copy", stream, address), in
# the order of the calls.


class _Log(list):
    """What waits for what; called, CuPy's logarithm, which has the same name."""

    function = None

    def __call__(self, *arguments):
        return self.function(*arguments)


log = _Log()
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
        self.kept[current()] = 0

    def used_bytes(self):
        return self.used[current()]

    def free_bytes(self):
        return self.kept[current()]

    def get_limit(self):
        return self.limit


pool = _Pool()


def current():
    return getattr(_current, "device", 0)


class Device:
    def __init__(self, device=None):
        self.id = current() if device is None else int(device)
        self._before = []

    def __enter__(self):
        if self.id >= DEVICES:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self._before.append(current())
        _current.device = self.id
        return self

    def __exit__(self, *_):
        _current.device = self._before.pop()

    @property
    def compute_capability(self):
        properties = runtime.getDeviceProperties(self.id)
        return f"{properties['major']}{properties['minor']}"

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None


class Stream:
    _numbers = itertools.count(1)

    def __init__(self, null=False, non_blocking=False, ptr=None):
        self.ptr = next(self._numbers) if ptr is None else ptr
        self.device_id = current()
        self._before = []

    def __enter__(self):
        streams = _streams()
        self._before.append(streams.get(current()))
        streams[current()] = self
        return self

    def __exit__(self, *_):
        _streams()[current()] = self._before.pop()

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
    return _streams().get(current() if device_id < 0 else device_id) or Stream.null


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
        device = current()
        pool.take(count, device)
        self._bytes = (ctypes.c_ubyte * (count + 512))()
        ctypes.memset(self._bytes, 0xFF, count + 512)
        self.ptr = -(-ctypes.addressof(self._bytes) // 512) * 512
        weakref.finalize(self, pool.give, count, device)


def alloc(count):
    return MemoryPointer(count)


class PinnedMemory(bytearray):
    """Host memory that a device copies from by itself."""


def alloc_pinned_memory(count):
    return PinnedMemory(b"\xff" * count)


def _properties(index):
    assert 0 <= index < DEVICES
    return {"name": b"stand-in", "major": 9, "minor": 0}


def _memory_info():
    device = current()
    total = pool.capacity[device]
    return total - pool.used[device] - pool.kept[device], total


memory = types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
runtime = types.SimpleNamespace(
    getDeviceCount=lambda: DEVICES,
    getDeviceProperties=_properties,
    memGetInfo=_memory_info,
)
