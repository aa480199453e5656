# SPDX-License-Identifier: Apache-2.0
"""Eigenpairs of a matrix that is formed in float64, by divide and conquer.

LAPACK's on the host, cuSOLVER's on a GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastntk._arrays import to_host
from fastntk.linalg.pairs import (
    Eigenpairs,
    block_product,
    require_finite,
    spectral_scale,
    with_signs,
)

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

T = TypeVar("T")
# Name of the thread that computes.
BACKGROUND = "fastntk-eigh"
# Seconds between two looks at whether LAPACK is done.
_POLL = 0.1


def dense_bytes(n: int) -> int:
    """Return the bytes that `dense_pairs` takes for N = n rows.

    K, a copy that LAPACK or cuSOLVER reduces, its workspace of 2 N^2 numbers, and N eigenvectors;
    the k that are kept and their product take less, later.
    """
    return 40 * n * n


def dense_pairs(
    op: SymmetricOperator, k: int, tol: float, room: Budget, progress: Progress | None
) -> Eigenpairs:
    """Return the k largest eigenpairs of an operator; arguments are those of `eigenpairs`."""
    n = op.shape[0]
    room.require(dense_bytes(n), f"the dense eigenproblem of a {n} x {n} matrix")

    every, vectors = dense_eigh(op, "eigenpairs, dense", progress)
    values, vectors = every[-k:][::-1].copy(), vectors[:, -k:][:, ::-1].copy()
    product = block_product(op, vectors, "eigenpairs, pass 1", progress)
    difference = product - vectors * values
    values = to_host(values)
    scale = spectral_scale(values)
    relative = np.sqrt(to_host(((difference / scale) ** 2).sum(axis=0)))
    # LAPACK's own rounding grows with n, whatever the tolerance.
    reached = max(tol, n * float(np.finfo(np.float64).eps), op.rounding / scale)
    converged = bool(relative.max() <= reached)
    return Eigenpairs(values, with_signs(vectors), relative * scale, "dense", 1, converged)


def dense_eigh(op: SymmetricOperator, stage: str, progress: Progress | None) -> tuple[Any, Any]:
    """Return all eigenpairs of an operator in float64, values ascending; see `dense_bytes`.

    Progress is told of the stage ten times a second as long as LAPACK runs; Ctrl-C does not wait
    for it.
    """

    def report(done: int) -> None:
        if progress is not None:
            progress(stage, done, 1)

    K = op.to_dense(op.xp.empty(op.shape))
    require_finite(K, "an entry")
    if op.xp is np:
        # NumPy's eigh lets other threads run meanwhile; SciPy's, which can leave out vectors, does
        # not.
        values, vectors = in_background(np.linalg.eigh, K, lambda: report(0))
    else:
        report(0)
        values, vectors = op.xp.linalg.eigh(K)
    report(1)
    require_finite(values, "an eigenvalue")
    require_finite(vectors, "an eigenvector")
    return values, vectors


def in_background(work: Callable[[Any], T], argument: object, poll: Callable[[], None]) -> T:
    """Return ``work(argument)``, done by a thread of its own so that Ctrl-C need not wait.

    ``poll`` is called at once and every tenth of a second. What it raises, and KeyboardInterrupt,
    end the wait; the work itself goes on, and a process that ends waits for it: LAPACK does not
    survive the end of the interpreter.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work(argument))
        except BaseException as error:
            future.set_exception(error)

    poll()
    try:
        threading.Thread(target=run, name=BACKGROUND).start()
    except RuntimeError:  # the system has no thread to give: Ctrl-C waits
        run()
    while not wait([future], timeout=_POLL).done:
        poll()
    return future.result()
