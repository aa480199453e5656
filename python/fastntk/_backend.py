# SPDX-License-Identifier: Apache-2.0
"""Where things are computed: the one place that decides between the native modules."""

from __future__ import annotations

from types import ModuleType

from fastntk import _cpu

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
