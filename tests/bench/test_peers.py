# SPDX-License-Identifier: Apache-2.0
"""A library in another interpreter answers over pipes; its absence and its end have a reason."""

import os
import stat
import sys

import numpy as np
import pytest

# Stands in for an interpreter with a library: the server itself, with a library of its own.
_PYTHON = """#!{python}
import os, sys
sys.path.insert(0, os.getcwd())
from bench import peer_server

def load(problem):
    if {missing}:
        raise ImportError("no such library")
    if problem is None:
        return peer_server.Library("1.2", lambda _: None, lambda *_: None)
    X = problem["X"]
    def compute(points):
        print("noise on the output")
        if X[0, 0] < 0:
            sys.exit("out of patience")
        return X[:points] @ X[:points].T
    return peer_server.Library("1.2", compute, lambda K, i, j: K[i, j].tolist())

peer_server.LIBRARIES = {{"library": load}}
sys.argv = sys.argv[2:]  # -m, the module, and what it gets
peer_server.main()
"""


@pytest.fixture
def interpreter(tmp_path):
    def interpreter(name, missing=False):
        path = tmp_path / name
        path.write_text(_PYTHON.format(python=sys.executable, missing=missing))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return interpreter


def test_a_peer_computes_and_shows_entries(interpreter, rng):
    from bench import peers

    X = rng.random((700, 3))
    peer = peers.Peer(interpreter("python"), "library", {"X": X})
    try:
        K = peer.run()
        i, j = np.array([0, 3, 699]), np.array([5, 3, 1])
        np.testing.assert_array_equal(K[i, j], (X @ X.T)[i, j])
        # The kernel of 700 points is 3.9 MB; whatever else a first call loads has been loaded.
        assert 3.5e6 < peer.peak_bytes() < 8e6
    finally:
        peer.close()


def test_a_peer_that_ends_says_why(interpreter):
    from bench import peers

    peer = peers.Peer(interpreter("python"), "library", {"X": -np.ones((2, 2))})
    try:
        with pytest.raises(peers.PeerFailed, match="out of patience"):
            peer.run()
    finally:
        peer.close()


def test_a_peer_without_its_library_is_refused(interpreter):
    from bench import peers

    with pytest.raises(peers.PeerFailed, match="no such library"):
        peers.Peer(interpreter("python", missing=True), "library", {"X": np.ones((2, 2))})


def test_a_library_is_looked_for_in_every_interpreter(interpreter, monkeypatch):
    from bench import peers

    without, having = interpreter("without", missing=True), interpreter("with")
    monkeypatch.setattr(sys, "executable", without)
    found = peers.find("library", (os.devnull, having))
    assert found == peers.Found(having, "1.2")
    found = peers.find("library", (os.devnull,))
    assert found.python is None
    assert "no such library" in found.remark
    assert os.devnull in found.remark
