# SPDX-License-Identifier: Apache-2.0
"""Where things are computed: the one place that imports native modules and decides between them.

Every native module offers the same names: ``LimitingKernel32`` and ``LimitingKernel64`` make tile
sources, ``pack_triangle`` and ``dense_source`` store them in memory, ``TileFile32`` and
``TileFile64`` in a file. A further backend is a case of `native_module`; what holds or multiplies a
matrix asks `module_of` who made it.
"""

from __future__ import annotations

import sys
from types import ModuleType

from fastntk import _cpu
from fastntk._cpu import activations, default_threads, tile_edge

__all__ = [
    "DEVICES",
    "activations",
    "default_threads",
    "module_of",
    "native_module",
    "tile_edge",
]

DEVICES = ("auto", "cpu")


def native_module(device: str) -> ModuleType:
    """Return the native module that computes on ``device``.

    Parameters
    ----------
    device : {"auto", "cpu"}
        "auto" takes the best device of this build.

    Raises
    ------
    ValueError
        This build has no such device.
    """
    if device not in DEVICES:
        known = ", ".join(repr(name) for name in DEVICES)
        raise ValueError(f"device must be one of {known} in this build, got {device!r}")
    return _cpu


def module_of(source: object) -> ModuleType:
    """Return the native module that made a tile source."""
    return sys.modules[type(source).__module__]
