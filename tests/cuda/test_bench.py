# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of a GPU check their contestants and time them, on any kind of GPU."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

_TICK = 20.0  # milliseconds per call of the stand-in's clock


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let tests import `bench`."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])


@pytest.fixture
def cupy(gpu, monkeypatch):
    """CuPy; a stand-in gets what only benchmarks use, with a clock that goes by calls."""
    cupy = gpu.cupy
    if hasattr(cupy, "ElementwiseKernel"):
        return cupy
    from bench import gpu as on_gpu

    properties = cupy.cuda.runtime.getDeviceProperties
    sizes = {"l2CacheSize": 1000, "multiProcessorCount": 1, "totalGlobalMem": 1000}
    cupy.cuda.runtime.getDeviceProperties = lambda index: properties(index) | sizes
    cupy.cuda.runtime.driverGetVersion = cupy.cuda.runtime.runtimeGetVersion = lambda: 0
    cupy.cuda.get_elapsed_time = lambda start, end: _TICK * (end.number > start.number)
    cupy.Event = cupy.cuda.Event
    cupy.Event.synchronize = lambda event: None
    cupy.ndarray.fill = lambda array, value: array.__setitem__(slice(None), value)
    pool = cupy.get_default_memory_pool()
    type(pool).total_bytes = lambda self: self.used_bytes() + self.free_bytes()
    cupy.clip = cupy._function(np.clip)
    cupy.arccos = cupy._function(np.arccos)
    cupy.maximum = cupy._into(np.maximum)
    monkeypatch.setattr(
        on_gpu, "_fused", lambda c, *more: on_gpu._baseline(on_gpu._cupy_library(c), *more)
    )
    monkeypatch.setattr(on_gpu, "_BLOCKS_BYTES", 0)
    monkeypatch.setattr(on_gpu, "_torch", lambda: None)
    return cupy


def _small(name, rows=150):
    from bench import cases

    case = next(case for case in cases.GPU if case.name == name)
    if case.outputs > 1:
        return replace(case, rows=6, columns=6, width=20, inputs=800, rounds=2)
    width = min(case.width, 32)
    return replace(
        case, rows=rows, columns=rows, rounds=2, vectors=min(case.vectors, 4), width=width
    )


@pytest.mark.parametrize(
    ("name", "contestants"),
    [
        ("gpu-uint8-float32-bias", {"fastntk", "cupy", "cupy fused"}),
        ("gpu-float32-float64-bias", {"fastntk", "cupy", "cupy fused"}),
        ("gpu-matmat-lazy-64", {"fastntk", "cupy"}),
        ("gpu-kpca-50", {"fastntk"}),
        ("gpu-empirical-2048-w2048", {"fastntk", "cupy"}),
        ("gpu-empirical-2048-w2048-float64", {"fastntk", "cupy"}),
        ("gpu-empirical-matmat-8192-w2048", {"fastntk", "cupy"}),
        ("gpu-empirical-16-w2048-8-outputs", {"fastntk", "cupy"}),
    ],
)
def test_every_contestant_is_checked_and_timed(cupy, name, contestants):
    from bench import data, gpu, report

    case = _small(name)
    if case.operation == "kpca":
        pytest.importorskip("sklearn")
    part = gpu.measure(cupy, case, data.synthetic_digits(case.images))
    found = {row["contestant"]: row for row in part["contestants"]}
    assert contestants <= set(found)
    assert found["fastntk"]["max_relative_error"] <= case.gate
    assert found["fastntk"]["peak_bytes"] > 0
    for row in found.values():
        assert row["median_seconds"] > 0
    json.dumps(part)
    lines = report.table([part]).splitlines()
    assert "goal" in lines[0]
    assert len(lines) == 2 + len(found)


def test_every_activation_is_checked_and_timed(cupy):
    from bench import data, gpu, report

    case = replace(_small("gpu-activations-float32", 40), activations=("relu", "gelu", "tanh"))
    part = gpu.measure(cupy, case, data.synthetic_digits(case.images))
    assert [row["contestant"] for row in part["contestants"]] == list(case.activations)
    assert all(row["max_relative_error"] <= case.gate for row in part["contestants"])
    assert "gelu" in report.activations([part])


def test_a_wrong_answer_is_not_timed(cupy, monkeypatch):
    from bench import data, gpu, reference

    case = _small("gpu-uint8-float32-bias0")
    right = gpu._product_gram

    def wrong(*arguments):
        run = right(*arguments)
        return lambda: run() * np.float32(1.00001)

    monkeypatch.setattr(gpu, "_product_gram", wrong)
    monkeypatch.setattr(gpu.Clock, "slot", lambda *_: pytest.fail("timed"))
    with pytest.raises(reference.WrongAnswer, match="relative error"):
        gpu.measure(cupy, case, data.synthetic_digits(case.rows))


def test_too_large_a_matrix_is_refused_with_its_size(cupy):
    from bench import data, gpu

    case = _small("gpu-uint8-float32-bias", rows=10_000_000)
    with pytest.raises(MemoryError, match="GB of device memory"):
        gpu.measure(cupy, case, data.synthetic_digits(10))


def test_the_machine_is_described(cupy):
    from bench import gpu, report

    found = gpu.describe(cupy)
    json.dumps(found)
    where = {"cpu": "x", "cores": 2, "commit": "abc", "gpu": found}
    name = report.default_path(where).name
    assert name.endswith("-abc.json")
    assert "2cores" not in name


def test_the_small_program_compares_both_engines(standin, monkeypatch, capsys):
    from bench import gpu_small

    standin.cupy.cuda.set_allocator = lambda allocator: None
    monkeypatch.setattr(gpu_small, "_ROWS", (33,))
    assert gpu_small.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == ("network (9, 17, 1) erf float64")
    monkeypatch.setattr(gpu_small, "_BOUND", {"float32": -1.0, "float64": -1.0})
    with pytest.raises(AssertionError, match="away from the CPU engine"):
        gpu_small.main()


def test_function_space_is_compared_and_timed(cupy, tmp_path, monkeypatch, capsys):
    from bench import gpu_function_space

    monkeypatch.setattr(gpu_function_space, "_TEST_POINTS", 20)
    out = tmp_path / "record.json"
    assert gpu_function_space.main(["--points", "40", "--large", "50", "--out", str(out)]) == 0
    record = json.loads(out.read_text())["subjects"]
    assert set(record) == set(gpu_function_space.subjects())
    assert all(part["error"] <= 1e-7 and part["seconds"] > 0 for part in record.values())
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in record)


def test_function_space_that_differs_is_named(cupy):
    from bench import gpu_function_space

    def shifted(X, Z, Y):
        return Z + (1 if isinstance(X, cupy.ndarray) else 0)

    with pytest.raises(AssertionError, match=r"shifted: .* away from the CPU"):
        gpu_function_space.compared(cupy, "shifted", shifted, 5)
    with pytest.raises(AssertionError, match="host: CuPy arrays give a ndarray"):
        gpu_function_space.compared(cupy, "host", lambda X, Z, Y: np.ones(3), 5)
