# SPDX-License-Identifier: Apache-2.0
"""Kernel regression from a data set to numbers ready to print and to write; no printing here."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk.app.kpca_run import data_parameters, network_parameters
from fastntk.linalg import ConvergenceWarning

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk.app.targets import Targets
    from fastntk.datasets import Split

# Refinements of a float32 solution where nothing else is said: each costs a product with the lazy
# float64 kernel and a few of the float32 one, small beside the passes of the solution itself.
_REFINEMENTS = 2
# With this stage of `fastntk.solve` the solution is done, and its refinement begins.
_REFINING = "residual of refine"


@dataclass(frozen=True)
class RegressSettings:
    """Everything that decides the result, in the words of the command line."""

    kernel: str
    ridge: float
    ridge_units: str
    storage: str
    method: str
    tol: float
    refine: int | None
    dtype: str | None
    memory: str | None
    threads: int | None
    device: str
    seed: int
    samples: int | None
    test_data: str | None
    targets: str
    normalize: str
    scale: float | None


@dataclass(frozen=True)
class Regression:
    """The regression with one kernel: outputs at the test points, and how they came about."""

    kernel: str
    outputs: NDArray[np.float64]  # (M, C), centred
    quality: dict[str, Any]
    ridge: float  # as added to the diagonal
    residual: float  # for the operator itself, largest column
    residuals_float64: list[float]  # for the float64 kernel: before and after each refinement
    passes: int
    converged: bool
    method: str
    storage: str
    dtype: str
    seconds: dict[str, float]


def regress(
    net: fastntk.FullyConnected,
    split: Split,
    targets: Targets,
    kernel: str,
    settings: RegressSettings,
    engine: Engine,
    progress: Progress | None = None,
) -> Regression:
    """Solve (K + ridge I) A = Y on the training rows and evaluate K(Z, X) A at the test rows."""
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[step], clock = now - clock, now

    def tell(stage: str, done: int, total: int) -> None:
        if stage.startswith(_REFINING) and "solve" not in seconds:
            lap("solve")
        if progress is not None:
            progress(f"{kernel.upper()}, {stage}", done, total)

    operator = _operator(
        net, split, kernel, settings, engine, settings.storage, settings.dtype, tell
    )
    engine.wait()  # what a GPU still computes of the kernel is not the solver's time
    lap("kernel")
    ridge = settings.ridge
    if settings.ridge_units == "trace":
        ridge *= float(operator.diagonal().mean())
    refinements = _REFINEMENTS if settings.refine is None else settings.refine
    precise = None
    if operator.dtype == np.float32 and refinements > 0:
        precise = _operator(net, split, kernel, settings, engine, "lazy", "float64", tell)
    with warnings.catch_warnings():
        # The result says it, and so does the report.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            solution = fastntk.solve(
                operator,
                targets.columns(targets.y_train),
                ridge,
                method=settings.method,
                tol=settings.tol,
                refine=precise,
                refinements=max(1, refinements),
                seed=settings.seed,
                progress=tell,
            )
        except fastntk.SolveInterrupted:
            raise KeyboardInterrupt from None  # its message tells how to go on in Python
    lap("refine" if "solve" in seconds else "solve")
    outputs = operator.cross_matmat(split.test.X, solution.value, progress=tell)
    lap("predict")
    return Regression(
        kernel=kernel,
        outputs=outputs,
        quality=targets.quality(outputs, targets.y_test),
        ridge=ridge,
        residual=float(np.max(solution.op_residuals)),
        residuals_float64=[float(np.max(part)) for part in solution.refined],
        passes=int(solution.passes),
        converged=bool(solution.converged),
        method=solution.method,
        storage=operator.storage,
        dtype=str(operator.dtype),
        seconds=seconds,
    )


def _operator(
    net: fastntk.FullyConnected,
    split: Split,
    kernel: str,
    settings: RegressSettings,
    engine: Engine,
    storage: str,
    dtype: str | None,
    progress: Progress | None,
) -> fastntk.GramOperator:
    return fastntk.GramOperator(
        net,
        split.train.X,
        kernel=kernel,
        storage=storage,
        scale=split.train.scale,
        dtype=dtype,
        memory=settings.memory,
        threads=settings.threads,
        device=engine.name,
        copy_X=False,  # nobody else holds the data
        progress=progress,
    )


def report(
    runs: list[Regression],
    net: fastntk.FullyConnected,
    split: Split,
    targets: Targets,
    settings: RegressSettings,
) -> dict[str, Any]:
    """Return what ``result.json`` says about a run, machine and timings apart."""
    content: dict[str, Any] = {
        "parameters": {"network": network_parameters(net), **asdict(settings)},
        "data": data_parameters(split.train),
        "test_data": data_parameters(split.test),
        "targets": "values" if targets.classes is None else "classes",
        "kernels": {run.kernel: _report_of(run) for run in runs},
    }
    if targets.classes is not None:
        content["classes"] = targets.classes
    return content


def _report_of(run: Regression) -> dict[str, Any]:
    content = asdict(run)
    del content["kernel"], content["outputs"]
    content |= content.pop("quality")
    return content
