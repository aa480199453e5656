# SPDX-License-Identifier: Apache-2.0
"""The cases on a GPU: contestants on device arrays, timed by events with a flushed L2 cache.

A contestant's seconds are those between two events on the stream, with everything that the call
makes the GPU wait for: launches, the one read-back of a preparation, memory from CuPy's pool.
"""

from __future__ import annotations

import importlib
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench import activations, data, empirical, report
from bench.baselines import cupy_ntk, numpy_empirical
from bench.baselines.numpy_ntk import Parameters
from bench.cases import Case
from bench.contestant import Contestant, Run
from bench.contestants import network
from bench.measure import checked_and_timed, exact_answer

BASELINE = "cupy"
_SLOT_SECONDS = 0.05  # of device time: short calls are repeated, their median counts
_BLOCKS_BYTES = 8e9  # temporaries of the baselines
_QUERIES = ("driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit")


def cupy_or_reason() -> Any:
    """Return the module cupy where this build can use a GPU by it; else why not, as text."""
    try:
        importlib.import_module("fastntk._cuda")
    except ImportError as error:
        return f"this build of fastntk has no CUDA engine ({error})"
    try:
        cupy = importlib.import_module("cupy")
    except Exception as error:  # a CuPy of another CUDA version fails in many ways
        return f"CuPy does not load ({type(error).__name__}: {error})"
    return cupy if cupy.is_available() else "CuPy sees no GPU"


def describe(cupy: Any) -> dict[str, object]:
    """Return what the figures depend on, ready for JSON."""
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    native = importlib.import_module("fastntk._cuda")
    return {
        "name": properties["name"].decode(),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "memory_bytes": properties["totalGlobalMem"],
        "l2_bytes": properties["l2CacheSize"],
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
        "torch": getattr(_torch(), "__version__", None),
        "architectures": str(native.architectures),
        "state": _state(),
    }


def measure(cupy: Any, case: Case, images: np.ndarray) -> dict[str, Any]:
    """Return one case's part of the record; raises `WrongAnswer` and times nothing."""
    _require_memory(cupy, case)
    problem = data.problem(case, images)
    clock = Clock(cupy)
    if case.operation == "activations":
        return activations.measure(case, problem, cupy, clock.slot)
    truth = exact_answer(case, problem)
    entrants = contestants(cupy, case, problem)
    figures = checked_and_timed(case, truth, entrants, clock.slot)
    ours = next(entrant for entrant in entrants if entrant.is_product)
    figures[0].peak_bytes = _peak_bytes(cupy, ours)
    cupy.get_default_memory_pool().free_all_blocks()
    return report.record(case, figures, BASELINE)


class Clock:
    """Time between two events, the L2 cache flushed before the first."""

    def __init__(self, cupy: Any) -> None:
        self._cuda = cupy.cuda
        l2_bytes = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["l2CacheSize"]
        self._flush = cupy.empty(max(1, 2 * l2_bytes), np.uint8)

    def seconds(self, run: Callable[[], object]) -> float:
        """Return the seconds of one call."""
        self._flush.fill(0)
        start, end = self._cuda.Event(), self._cuda.Event()
        start.record()
        result = run()
        end.record()
        end.synchronize()
        del result
        return float(self._cuda.get_elapsed_time(start, end)) / 1e3

    def slot(self, run: Callable[[], object]) -> float:
        """Return the median of the calls of one slot."""
        seconds: list[float] = []
        while sum(seconds) < _SLOT_SECONDS:
            seconds.append(self.seconds(run))
        return statistics.median(seconds)


def contestants(cupy: Any, case: Case, problem: data.Problem) -> list[Contestant]:
    """Return everything that competes in `case`, fastntk first."""
    if case.operation == "empirical":
        return _empirical_contestants(cupy, case, problem)
    product = {"gram": _product_gram, "matmat": _product_matmat, "kpca": _product_kpca}
    ours = Contestant("fastntk", True, lambda: product[case.operation](cupy, case, problem))
    if not case.baselines:
        return [ours]
    library = _cupy_library(cupy)
    others = [Contestant(BASELINE, False, lambda: _baseline(library, case, problem))]
    if case.operation == "gram":
        others.append(Contestant("cupy fused", False, lambda: _fused(cupy, case, problem)))
    torch = _torch()
    if torch is not None and torch.cuda.is_available():
        other = _torch_library(cupy, torch)
        others.append(Contestant("torch", False, lambda: _baseline(other, case, problem)))
    return [ours, *others]


def _empirical_contestants(cupy: Any, case: Case, problem: data.Problem) -> list[Contestant]:
    w, X = empirical.network(case), cupy.asarray(problem.X)
    net = numpy_empirical.Network(w.parameters, case.weight_std, case.bias_std)
    if case.vectors:
        return _empirical_products(cupy, case, problem, w, net)
    found = [
        Contestant("fastntk", True, lambda: lambda: w.ntk(X, scale=problem.scale)),
        Contestant(BASELINE, False, lambda: lambda: numpy_empirical.empirical_ntk(X, net, cupy)),
    ]
    torch = _torch()
    if torch is not None and torch.cuda.is_available():
        from bench.baselines import torch_empirical

        points = torch_empirical.points(X)
        other = torch_empirical.network(w.parameters, case.weight_std, case.bias_std)

        def run() -> Any:
            return cupy.from_dlpack(torch_empirical.layer_by_layer(points, other))

        found.append(Contestant("torch.func", False, lambda: run))
    return found


def _empirical_products(
    cupy: Any, case: Case, problem: data.Problem, w: fn.FiniteNetwork, net: numpy_empirical.Network
) -> list[Contestant]:
    """Return who multiplies vectors: from passes done once, and without K; CuPy does all of it."""
    X, V = cupy.asarray(problem.X), cupy.asarray(problem.V)

    def ours() -> Run:
        assert case.storage is not None
        op = fn.GramOperator(w, X, storage=case.storage, scale=problem.scale)
        return lambda: op @ V

    return [
        Contestant("fastntk", True, ours),
        Contestant(
            BASELINE, False, lambda: lambda: numpy_empirical.empirical_ntk(X, net, cupy) @ V
        ),
    ]


def _product_gram(cupy: Any, case: Case, problem: data.Problem) -> Run:
    net, X = network(case), cupy.asarray(problem.X)
    return lambda: net.ntk(X, scale=problem.scale, dtype=case.dtype)


def _product_matmat(cupy: Any, case: Case, problem: data.Problem) -> Run:
    X, V = cupy.asarray(problem.X), cupy.asarray(problem.V)
    assert case.storage is not None
    op = fn.GramOperator(
        network(case), X, storage=case.storage, scale=problem.scale, dtype=case.dtype, device="cuda"
    )
    return lambda: op @ V


def _product_kpca(cupy: Any, case: Case, problem: data.Problem) -> Run:
    X = cupy.asarray(problem.X)
    model = fn.KernelPCA(
        network(case), case.vectors, scale=problem.scale, dtype=case.dtype, copy_X=False
    )
    return lambda: model.fit(X)


def _parameters(case: Case) -> Parameters:
    return Parameters(case.hidden_layers, case.weight_std, case.bias_std, 1.0, np.dtype(case.dtype))


def _scaled(case: Case, problem: data.Problem) -> NDArray[Any]:
    return np.asarray(problem.X.astype(case.dtype) * np.dtype(case.dtype).type(problem.scale))


@dataclass(frozen=True)
class _Library:
    """What CuPy and PyTorch spell differently."""

    xp: Any
    asarray: Callable[[np.ndarray], Any]  # to the device
    empty: Callable[[tuple[int, ...], Any], Any]  # of a shape, with the type of an array
    result: Callable[[Any], Any]  # as a CuPy array


def _cupy_library(cupy: Any) -> _Library:
    return _Library(
        cupy, cupy.asarray, lambda shape, like: cupy.empty(shape, like.dtype), lambda array: array
    )


def _torch_library(cupy: Any, torch: Any) -> _Library:
    return _Library(
        torch,
        lambda array: torch.from_numpy(array).cuda(),
        lambda shape, like: torch.empty(shape, dtype=like.dtype, device=like.device),
        cupy.from_dlpack,
    )


def _baseline(library: _Library, case: Case, problem: data.Problem) -> Run:
    """Return the straight formulas in CuPy or PyTorch."""
    net, A, xp = _parameters(case), library.asarray(_scaled(case, problem)), library.xp
    if case.operation == "matmat":
        assert problem.V is not None
        V = library.asarray(problem.V)
        return lambda: library.result(
            cupy_ntk.matmat(xp, A, V, library.empty((case.rows, case.vectors), V), net)
        )
    # Each call fills fresh memory of the library's pool, as fastntk's does.
    return lambda: library.result(
        cupy_ntk.limiting_ntk(xp, A, library.empty((case.rows, case.columns), A), net)
    )


def _fused(cupy: Any, case: Case, problem: data.Problem) -> Run:
    net, A = _parameters(case), cupy.asarray(_scaled(case, problem))
    return lambda: cupy_ntk.limiting_ntk_fused(
        A, cupy.empty((case.rows, case.columns), A.dtype), net
    )


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


def _require_memory(cupy: Any, case: Case) -> None:
    """Raise MemoryError where the matrix, or its recursion by blocks, has no room."""
    cupy.get_default_memory_pool().free_all_blocks()
    free = cupy.cuda.runtime.memGetInfo()[0]
    whole = case.operation in ("gram", "activations")
    # PyTorch's pool keeps a matrix of its own beside CuPy's; the blocks of baselines come on top.
    needed = (
        (2.1 if whole and _torch() else 1.1) * whole * case.entries * np.dtype(case.dtype).itemsize
    )
    needed += _BLOCKS_BYTES if case.baselines else 0
    if free < needed:
        raise MemoryError(
            f"{case.name} needs {needed / 1e9:.0f} GB of device memory, {free / 1e9:.0f} are free"
        )


def _peak_bytes(cupy: Any, contestant: Contestant) -> int:
    """Return the bytes by which one set-up and one call make CuPy's pool grow."""
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    before = pool.total_bytes()
    run = contestant.setup()
    result = run()
    del run, result
    return int(pool.total_bytes() - before)


def _state() -> dict[str, str]:
    """Return driver, clocks and power limit as nvidia-smi has them; nothing without it."""
    query = f"--query-gpu={','.join(_QUERIES)}"
    command = ["nvidia-smi", query, "--format=csv,noheader", "--id=0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(_QUERIES, done.stdout.strip().split(", "), strict=False))
