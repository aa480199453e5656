# SPDX-License-Identifier: Apache-2.0
"""What the commands share: clock, notes to standard error, network, device, circumstances."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

import fastntk
from fastntk import _backend
from fastntk.app import machine

_Result = TypeVar("_Result")


class Clock:
    """Seconds per step, and since the start."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, call: Callable[[], _Result]) -> _Result:
        """Run a step and note its seconds."""
        start = time.perf_counter()
        result = call()
        self.seconds[step] = time.perf_counter() - start
        return result


def circumstances(clock: Clock, engine: _backend.Engine) -> dict[str, Any]:
    """Return what a result file says about time, memory, command, machine and device."""
    return {
        "seconds": clock.seconds | {"total": time.perf_counter() - clock.start},
        "peak_memory_bytes": machine.peak_memory(),
        "command": ["fastntk", *sys.argv[1:]],
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": machine.versions(),
        "processor": machine.processor(),
        "device": {"name": engine.name, "description": engine.description},
    }


def network(
    hidden_layers: int,
    activation: str,
    weight_std: float,
    bias_std: float,
    init_std: float | None,
) -> fastntk.FullyConnected:
    """Return the architecture that the options describe."""
    return fastntk.FullyConnected(
        hidden_layers=hidden_layers,
        activation=activation,
        weight_std=weight_std,
        bias_std=bias_std,
        init_std=init_std,
    )


def engine_for(device: str, tiles: Path | None) -> _backend.Engine:
    """Return what computes.

    Parameters
    ----------
    device : str
        The option's value.
    tiles : Path or None
        A file of tiles to be written or read, which the CPU does.

    Raises
    ------
    ValueError
        There is no such device, or it is a GPU and there is a file of tiles.
    """
    engine = _backend.engine(device)
    if tiles is None:
        return engine
    if device != "auto" and engine is not _backend.CPU:
        raise ValueError(f"--device {device}: a file of tiles ({tiles}) is the CPU's to compute")
    return _backend.CPU


def stderr() -> Console:
    """Return a console for everything that is not the result."""
    return Console(stderr=True)


def warn(message: str) -> None:
    """Print a note to standard error."""
    stderr().print(f"[yellow]note:[/] {message}", highlight=False)
