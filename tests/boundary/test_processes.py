# SPDX-License-Identifier: Apache-2.0
"""Threads, forks and pools: each scenario in a process of its own, so that a hang is a failure."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastntk as fn

HANG = 60  # seconds; each scenario takes a few
PREAMBLE = """
import multiprocessing, os, sys, threading, warnings
import numpy as np
import fastntk as fn
# Python 3.12 warns of any fork in a process with threads, NumPy's BLAS has some.
warnings.simplefilter("ignore", DeprecationWarning)
X = np.random.default_rng(51).standard_normal((700, 20))
net = fn.FullyConnected(3)

def compute(_=None):
    return net.ntk(X, threads=2)

def tasks():
    return len(os.listdir("/proc/self/task"))
"""
linux = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc of threads")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


def run(tmp_path, body, **environment):
    """Run a script to its end and return what it wrote; its assertions fail the test."""
    script = tmp_path / "scenario.py"
    script.write_text(PREAMBLE + textwrap.dedent(body), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@forks
def test_fork_after_use(tmp_path):
    """A child of a process that has used threads computes the same bits, again and again."""
    run(
        tmp_path,
        """
        expected = compute()
        for _ in range(3):
            child = os.fork()
            if child == 0:
                same = np.array_equal(compute(), expected)
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(compute(), expected)
        """,
    )


@forks
def test_fork_while_another_thread_computes(tmp_path):
    """No lock of the native module is left held in the child."""
    run(
        tmp_path,
        """
        expected = compute()
        stop = threading.Event()

        def work():
            while not stop.is_set():
                compute()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    same = np.array_equal(compute(), expected)
                    os._exit(0 if same else 1)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            stop.set()
            worker.join()
        """,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path, method):
    """Pools of every start method, after the parent has computed."""
    if sys.platform == "win32" and method != "spawn":
        pytest.skip("no fork on this platform")
    run(
        tmp_path,
        f"""
        if __name__ == "__main__":
            expected = compute()
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                results = pool.map(compute, range(4))
            assert len(results) == 4
            assert all(np.array_equal(K, expected) for K in results)
        """,
    )


@pytest.mark.parametrize("threads", [1, 2, None])
def test_thread_pool(threads):
    """Concurrent calls share nothing: each gives the bits of a call alone."""
    generator = np.random.default_rng(52)
    sets = [generator.standard_normal((n, 12)) for n in (300, 301, 257, 40, 290, 333, 20, 256)]
    net = fn.FullyConnected(3)
    alone = [net.ntk(X) for X in sets]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            together = list(pool.map(lambda X: net.ntk(X, threads=threads), sets))
            for got, expected in zip(together, alone, strict=True):
                np.testing.assert_array_equal(got, expected)


def test_the_interpreter_runs_meanwhile(tmp_path):
    """The GIL is released: another Python thread counts while a kernel is computed."""
    run(
        tmp_path,
        """
        counted = 0
        done = False

        def count():
            global counted
            while not done:
                counted += 1

        X = np.random.default_rng(0).standard_normal((1500, 4))
        thread = threading.Thread(target=count)
        started = threading.Event()
        thread.start()
        before = counted
        fn.FullyConnected(150).ntk(X, threads=1)
        during = counted - before
        done = True
        thread.join()
        # A counter that may take the GIL reaches far beyond this in a tenth of a second.
        assert during > 10_000, during
        """,
        FASTNTK_ISA="portable",
    )


# A few seconds of work on one core, so that progress is called while threads run.
COUNT_THREADS = """
    X = np.random.default_rng(0).standard_normal((1600, 4))
    before = tasks()
    most = 0

    def progress(stage, done, total):
        global most
        most = max(most, tasks())

    fn.FullyConnected(300).ntk(X, progress=progress{argument})
    assert most > 0, "progress was never called"
    assert tasks() == before, "threads are left behind"
    print(most - before)
"""


@linux
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_argument_is_honoured(tmp_path, threads):
    """The caller and threads - 1 others, all gone afterwards."""
    body = COUNT_THREADS.format(argument=f", threads={threads}")
    assert int(run(tmp_path, body, FASTNTK_ISA="portable")) == threads - 1


@linux
@pytest.mark.parametrize(("variable", "extra"), [("1", 0), ("3", 2), ("2,4", 1)])
def test_omp_num_threads_is_honoured(tmp_path, variable, extra):
    """The usual variable limits the automatic number."""
    body = COUNT_THREADS.format(argument="")
    found = int(run(tmp_path, body, FASTNTK_ISA="portable", OMP_NUM_THREADS=variable))
    assert found == extra


@linux
def test_argument_beats_variable(tmp_path):
    """What the call says counts."""
    body = COUNT_THREADS.format(argument=", threads=2")
    assert int(run(tmp_path, body, FASTNTK_ISA="portable", OMP_NUM_THREADS="1")) == 1


@linux
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity")
def test_automatic_threads_stay_on_the_process_cpus(tmp_path):
    """One usable CPU, one thread, however many the machine has."""
    body = "    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    body += COUNT_THREADS.format(argument="")
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["FASTNTK_ISA"] = "portable"
    script = tmp_path / "scenario.py"
    script.write_text(PREAMBLE + textwrap.dedent(body), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 0


@linux
def test_concurrent_automatic_calls_do_not_oversubscribe(tmp_path):
    """Four calls at once, three CPUs wanted: the later ones make do with one thread each."""
    found = run(
        tmp_path,
        """
        X = np.random.default_rng(0).standard_normal((1000, 4))
        net = fn.FullyConnected(300)
        most = 0

        def progress(stage, done, total):
            global most
            most = max(most, tasks())

        callers = [
            threading.Thread(target=lambda: net.ntk(X, progress=progress)) for _ in range(4)
        ]
        before = tasks()
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        print(most - before - len(callers))
        """,
        FASTNTK_ISA="portable",
        OMP_NUM_THREADS="3",
    )
    assert int(found) <= 2  # the first call's helpers
