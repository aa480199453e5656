# SPDX-License-Identifier: Apache-2.0
"""Budgets hold for all memory of a process, native memory included: its resident peak is read."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak of a process is read from /proc"
)

# What no budget counts: each thread's tiles in the native engine (256 x 256 entries of 8 bytes, and
# scratch of a few times that: 2 MB for each of two threads), BLAS buffers and the interpreter.
SLACK = 6e6

SCRIPT = """
import sys
import numpy as np
import fastntk as fn
from fastntk.models import KernelPCA

def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))

def growth(work):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts again at what is resident now
    before = status("VmRSS")
    result = work()
    return status("VmHWM") - before, result

net = fn.FullyConnected(hidden_layers=2)
rng = np.random.default_rng(0)
# Libraries start their threads and fill their caches at the first call.
warm = KernelPCA(net, 3, storage="lazy", method="krylov", threads=2).fit(rng.random((300, 4)))
warm.transform(rng.random((300, 4)))
"""


def growth(body):
    """Peak of a new process, in bytes above what it had before the work; what it prints after."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + body],
        capture_output=True,
        text=True,
        check=False,
        # glibc gives back what is freed: otherwise memory of an earlier step would serve unseen.
        env={
            "PYTHONPATH": ":".join(sys.path),
            "OPENBLAS_NUM_THREADS": "2",
            "MALLOC_MMAP_THRESHOLD_": "65536",
            "MALLOC_TRIM_THRESHOLD_": "65536",
        },
    )
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


@pytest.mark.parametrize(("storage", "budget"), [("packed", 240e6), ("lazy", 24e6)])
def test_an_operator_and_its_product_stay_within_the_budget(storage, budget):
    # 10,000 rows: 400 MB dense, 210 MB packed, 22 MB of prepared data and of their copy.
    peak, held = growth(f"""
X = rng.integers(0, 256, (10_000, 400)).astype(np.uint8)
V = rng.standard_normal((10_000, 8)).astype(np.float32)

def work():
    op = fn.GramOperator(net, X, storage="{storage}", memory={budget:.0f}, threads=2)
    op @ V
    return op

peak, op = growth(work)
print(peak, op.nbytes)
""")
    assert peak <= budget + SLACK
    # Pages that are held have been seen: the measure is of something.
    assert peak >= 0.5 * held


def test_a_file_is_written_and_read_within_the_budget(tmp_path):
    # 10,000 rows: a file of 210 MB; 22 MB of prepared data and of their copy while it is written.
    peak, read = growth(f"""
X = rng.integers(0, 256, (10_000, 400)).astype(np.uint8)
V = rng.standard_normal((10_000, 8)).astype(np.float32)
path = "{tmp_path}/K.gram"
print(growth(lambda: fn.GramOperator(net, X, storage=path, memory=24_000_000, threads=2) @ V)[0])
print(growth(lambda: fn.GramOperator.from_file(path, threads=2) @ V)[0])
""")
    assert peak <= 24e6 + SLACK
    # The product, vectors in float32 and a mark per tile are a megabyte.
    assert read <= 1e6 + SLACK


def test_eigenpairs_stay_within_the_budget():
    budget = 60e6
    (peak,) = growth(f"""
X = rng.integers(0, 256, (5000, 20)).astype(np.uint8)

def work():
    op = fn.GramOperator(net, X, storage="lazy", memory={budget:.0f}, threads=2)
    return fn.eigenpairs(op, 10, method="krylov")

print(growth(work)[0])
""")
    assert peak <= budget + SLACK


@pytest.mark.parametrize("kind", ["uint8", "float64"])
def test_transform_stays_within_the_budget(kind):
    # K(Z, X) has 480 MB in float32; all of Z prepared at once, 38 MB and, as float64, 100 MB.
    budget = 20e6
    (peak,) = growth(f"""
X = rng.integers(0, 256, (3000, 100)).astype(np.uint8)
Z = rng.integers(0, 256, (40_000, 100)).astype("{kind}")
model = KernelPCA(net, 3, scale=1 / 255, storage="lazy", threads=2).fit(X)
model.set_params(memory={budget:.0f})
print(growth(lambda: model.transform(Z))[0])
""")
    assert peak <= budget + SLACK


def test_the_measure_sees_native_memory():
    (peak,) = growth("print(growth(lambda: net.ntk(rng.random((2000, 4)), threads=2))[0])")
    assert peak >= 2000 * 2000 * 8
