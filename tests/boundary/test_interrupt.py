# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C during a long native call: KeyboardInterrupt, promptly, and a process that goes on."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT of a POSIX system")

# A minute of work and more; an interrupted call returns after the tiles it has begun, each a
# fraction of a second.
SCRIPT = """
import sys
import numpy as np
import fastntk as fn
from fastntk.gram.limiting import limiting_source

X = np.random.default_rng(61).integers(0, 256, (10_000, 8), dtype=np.uint8)
net = fn.FullyConnected(600)
small = fn.FullyConnected(2)
expected = small.ntk(X[:50])
{setup}
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("finished", flush=True)
assert np.array_equal(small.ntk(X[:50]), expected)
print("works", flush=True)
"""
PROMPT = 10  # seconds: far less than the work, far more than a tile


def interrupt(tmp_path, call, setup=""):
    """Start a long call, press Ctrl-C once it runs, and return what the process says."""
    script = tmp_path / "long.py"
    script.write_text(SCRIPT.format(call=call, setup=textwrap.dedent(setup)), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "FASTNTK_ISA": "portable"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            # Not to be caught before the native call: it is entered within a fraction of this.
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PROMPT)
        finally:
            process.kill()
    assert process.returncode == 0, err
    return out.split()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "call",
    ["net.ntk(X, threads={})", "net.nngp(X, X[:9000], threads={})"],
    ids=["square", "rectangular"],
)
def test_gram(tmp_path, call, threads):
    """Square and rectangular, alone and with helpers; the next call is as good as ever."""
    assert interrupt(tmp_path, call.format(threads)) == ["interrupted", "works"]


def test_gram_with_progress(tmp_path):
    """A progress callable changes nothing about it."""
    call = "net.ntk(X, progress=lambda *_: None)"
    assert interrupt(tmp_path, call) == ["interrupted", "works"]


def test_operator_product(tmp_path):
    """K @ V of a source that computes its tiles as it goes."""
    setup = """
    source = limiting_source(net, X)
    V, out = np.ones((10_000, 4), np.float32), np.empty((10_000, 4))
    """
    assert interrupt(tmp_path, "source.matmat(V, out)", setup) == ["interrupted", "works"]


@pytest.mark.parametrize("memory", ["None", "250_000_000"], ids=["whole", "blocks"])
def test_empirical_kernel(tmp_path, memory):
    """Of a finite network, in one piece and by blocks of points."""
    setup = """
    w = fn.FiniteNetwork(fn.FullyConnected(1), (8, 3000, 1))
    points = X[:6000]
    """
    call = f"w.ntk(points, memory={memory}, threads=1)"
    assert interrupt(tmp_path, call, setup) == ["interrupted", "works"]
