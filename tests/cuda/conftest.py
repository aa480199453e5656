# SPDX-License-Identifier: Apache-2.0
"""GPUs for tests: a stand-in that needs none, the emulated engine where it is built, and real ones.

Tests with the fixture `gpu` run on all three; those with `standin` ask for what only it has, as a
second device, a limit of memory, or a record of who waits for whom.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from command_line import here, run

__all__ = ["here", "run"]

STANDIN = Path(__file__).resolve().parent / "standin"


@pytest.fixture(autouse=True)
def _no_device_named(monkeypatch):
    """Let "auto" find the GPUs of these tests."""
    monkeypatch.delenv("FASTNTK_DEVICE")


def _native():
    """Load the stand-in for the native module."""
    spec = importlib.util.spec_from_file_location("fastntk._cuda", STANDIN / "native.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _built():
    """Return the native module of this build, or None."""
    try:
        return importlib.import_module("fastntk._cuda")
    except ImportError:
        return None


def _install(monkeypatch, native):
    for name in ("cupy", "cupy.cuda", "cupy._core"):
        # What is there, or not, is there again after the test; each test has a stand-in of its own.
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    monkeypatch.syspath_prepend(STANDIN)
    cupy = importlib.import_module("cupy")
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(errstate=cupy.errstate))
    monkeypatch.setitem(sys.modules, "fastntk._cuda", native)
    return SimpleNamespace(cupy=cupy, native=native)


@pytest.fixture
def standin(monkeypatch):
    """Two GPUs that are none: `cupy` and `native` are the stand-ins."""
    return _install(monkeypatch, _native())


# One process has the real GPU: tests look at its memory.
ON_GPU = [pytest.mark.cuda, pytest.mark.xdist_group("gpu")]


@pytest.fixture(params=["stand-in", "emulated", pytest.param("gpu", marks=ON_GPU)])
def gpu(request, monkeypatch):
    """CuPy and the native module: stand-ins, the emulated engine, or those of a real GPU."""
    if request.param == "stand-in":
        return _install(monkeypatch, _native())
    native = _built()
    if native is None or native.emulated != (request.param == "emulated"):
        pytest.skip(f"this build has no engine of this kind ({request.param})")
    if request.param == "emulated":
        return _install(monkeypatch, native)
    cupy = pytest.importorskip("cupy")
    if not cupy.is_available():
        pytest.skip("CuPy sees no CUDA device")
    return SimpleNamespace(cupy=cupy, native=native)


@pytest.fixture
def X(rng):
    """Pixels, some rows alike."""
    rows = rng.integers(0, 256, (300, 20)).astype(np.uint8)
    rows[7] = rows[3]
    return rows
