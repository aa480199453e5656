# SPDX-License-Identifier: Apache-2.0
"""Libraries to compare with that need an interpreter of their own: a process per contestant.

Their pins exclude each other and ours (an old jax needs an old NumPy), so each runs where it is
installed and answers over pipes; see peer_server.py.  The kernel stays in that process: only a
run's end and sampled entries come back, so that a call costs its time and a tenth of a millisecond.
"""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parents[1]


class PeerFailed(RuntimeError):
    """The other process ended without an answer; the message has what it printed."""


class Peer:
    """A process in which one library holds one problem.

    Parameters
    ----------
    python : str
        The interpreter.
    library : str
        One of `peer_server.LIBRARIES`.
    problem : dict of arrays
        What `peer_server` reads: X, W0, b0, W1, ..., layers, weight_std, bias_std.
    """

    def __init__(self, python: str, library: str, problem: dict[str, Any]) -> None:
        self._python, self._library = python, library
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "problem.npz"
            np.savez(path, **problem)
            self._process = subprocess.Popen(
                [python, "-m", "bench.peer_server", library, str(path)],
                cwd=_ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            )  # fmt: skip
            try:
                first = self._answer()
                if "missing" in first:
                    raise PeerFailed(f"{library} is missing: {first['missing']}")
            except PeerFailed:
                self.close()
                raise

    def run(self) -> RemoteMatrix:
        """Compute the kernel, and return a handle to it."""
        self._ask(do="run")
        return RemoteMatrix(self)

    def entries(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return entries of the kernel computed last."""
        answer = self._ask(do="entries", rows=rows.tolist(), columns=columns.tolist())
        return np.asarray(answer["values"], np.float64)

    def peak_bytes(self) -> int:
        """Compute the kernel, and return by how much the process grew."""
        return int(self._ask(do="peak")["peak_bytes"])

    def close(self) -> None:
        """End the process."""
        with self._process as process:  # closes its pipes and waits
            process.stdin.close()  # type: ignore[union-attr]
        self._errors.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):  # the reader sees its end, with the reason
            print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise PeerFailed(f"{self._library} in {self._python} ended:\n{self._errors.read()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True)
class RemoteMatrix:
    """The kernel computed last in a peer's process."""

    peer: Peer

    def __getitem__(self, at: tuple[NDArray[np.intp], NDArray[np.intp]]) -> NDArray[np.float64]:
        """Return sampled entries."""
        return self.peer.entries(*at)


@dataclass(frozen=True)
class Found:
    """Where a library was found, or why it was not."""

    python: str | None
    remark: str  # its version, or the reasons


@functools.cache
def find(library: str, pythons: tuple[str, ...]) -> Found:
    """Look for a library in this interpreter and then in `pythons`."""
    reasons = []
    for python in dict.fromkeys((sys.executable, *pythons)):
        command = [python, "-m", "bench.peer_server", library]
        try:
            done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        except OSError as error:
            reasons.append(f"{python}: {error}")
            continue
        answer = json.loads(done.stdout) if done.stdout else {"missing": done.stderr[-200:]}
        if "version" in answer:
            return Found(python, str(answer["version"]))
        reasons.append(str(answer["missing"]))
    return Found(None, "; ".join(dict.fromkeys(reasons)))
