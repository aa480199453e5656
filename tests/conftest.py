# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by all tests: result dtypes, instruction sets, seeded generators, real MNIST."""

import gzip
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run, nothing written to the working directory.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.load_profile("fixed")

# Where there is a GPU, tests without one of their own run on the CPU all the same.
os.environ["FASTNTK_DEVICE"] = "cpu"

ROOT = Path(__file__).resolve().parent.parent


class Digits(NamedTuple):
    """MNIST's training set: images (60000, 784) uint8 and labels (60000,) uint8, read-only."""

    images: np.ndarray
    labels: np.ndarray


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run the whole suite in two processes; a part of it, or a debugger, stays in one.

    Never more than two, so that a machine with many cores needs no more memory; `-n` overrides it.
    The engine keeps its threads, which are tested, while each process has a share of those of BLAS.
    """
    option = config.option
    ours = config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput")
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    alone = option.usepdb or option.trace or option.collectonly or option.capture == "no"
    if ours and whole and not alone and option.numprocesses is None and option.dist == "no":
        option.numprocesses = 2
        option.dist = "loadgroup"
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))


def pytest_generate_tests(metafunc):
    """Run every test with the fixture `isa` once per instruction set of this machine."""
    if "isa" in metafunc.fixturenames:
        from fastntk import _cpu

        metafunc.parametrize("isa", list(_cpu.isa_supported()), indirect=True)


@pytest.fixture
def isa(request, monkeypatch):
    """Name of the instruction set that the native module is forced to use."""
    monkeypatch.setenv("FASTNTK_ISA", request.param)
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Result dtype."""
    return request.param


@pytest.fixture
def rng(request):
    """Generator seeded by the test's own name and parameters."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


def _read_idx(path, header):
    """Bytes of a gzip-compressed IDX file after its header."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


@pytest.fixture(scope="session")
def mnist():
    """Real MNIST from $FASTNTK_DATA/mnist, or from shared/data beside the repository."""
    folder = Path(os.environ.get("FASTNTK_DATA", ROOT.parent / "shared" / "data")) / "mnist"
    files = [folder / f"train-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    if not all(file.is_file() for file in files):
        pytest.skip("no MNIST files: set FASTNTK_DATA to the folder that holds mnist/")
    return Digits(_read_idx(files[0], 16).reshape(-1, 784), _read_idx(files[1], 8))
