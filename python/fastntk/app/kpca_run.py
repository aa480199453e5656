# SPDX-License-Identifier: Apache-2.0
"""Kernel PCA from a data set to numbers ready to print and to write; no printing here."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk
from fastntk.linalg import CenteredOperator, ConvergenceWarning

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset


@dataclass(frozen=True)
class KpcaSettings:
    """Everything that decides the result, in the words of the command line."""

    components: int
    centered: bool
    kernel: str
    storage: str
    method: str
    dtype: str | None
    memory: str | None
    threads: int | None
    device: str
    tol: float
    seed: int
    samples: int | None
    normalize: str
    scale: float | None


@dataclass(frozen=True)
class KpcaRun:
    """One kernel PCA: eigenpairs of K (or H K H) and how they came about."""

    data: Dataset
    kernel: str
    centered: bool
    values: NDArray[np.float64]
    vectors: NDArray[np.floating[Any]]
    residuals: NDArray[np.float64]
    converged: bool
    method: str
    passes: int
    storage: str
    dtype: str
    rounding: float
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def values_over_n(self) -> NDArray[np.float64]:
        """Eigenvalues of K/N, the operator of the paper's training dynamics."""
        return np.asarray(self.values / len(self.data), dtype=np.float64)

    @property
    def relative_residuals(self) -> NDArray[np.float64]:
        """``||K v - lambda v|| / lambda_1``."""
        return np.asarray(self.residuals / (self.values[0] or 1.0), dtype=np.float64)

    def scores(self, i: int) -> NDArray[np.float64]:
        """Return the coordinates of the samples along component i, counted from 0."""
        return np.asarray(self.vectors[:, i] * self.lengths[i], dtype=np.float64)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Square roots of the eigenvalues, 0 where those are 0 up to rounding, as in KernelPCA."""
        from fastntk.models.kpca import _square_roots

        return _square_roots(self.values, np.dtype(self.dtype), self.rounding)


def prepare(data: Dataset, settings: KpcaSettings, seed: int) -> Dataset:
    """Return the rows to work on: subset first, then normalised.

    Raises
    ------
    ValueError
        More components than samples.
    """
    if settings.samples is not None:
        data = data.subset(settings.samples, seed)
    if settings.components > len(data):
        raise ValueError(
            f"--components must be at most the number of samples, {len(data)}, "
            f"got {settings.components}"
        )
    return data.normalized(settings.normalize, settings.dtype)


def kpca(
    net: fastntk.FullyConnected,
    data: Dataset,
    settings: KpcaSettings,
    engine: Engine,
    progress: Progress | None = None,
) -> KpcaRun:
    """Compute the leading eigenpairs of the kernel on prepared rows."""
    start = time.perf_counter()
    operator = fastntk.GramOperator(
        net,
        data.X,
        kernel=settings.kernel,
        storage=settings.storage,
        scale=data.scale,
        dtype=settings.dtype,
        memory=settings.memory,
        threads=settings.threads,
        device=engine.name,
        copy_X=False,  # nobody else holds the data
        progress=progress,
    )
    engine.wait()  # what a GPU still computes of the kernel is not the solver's time
    stored = time.perf_counter()
    solved = CenteredOperator(operator) if settings.centered else operator
    with warnings.catch_warnings():
        # The result says it, and so does the report.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pairs = fastntk.eigenpairs(
            solved,
            settings.components,
            method=settings.method,
            tol=settings.tol,
            seed=settings.seed,
            progress=progress,
        )
    return KpcaRun(
        data=data,
        kernel=settings.kernel,
        centered=settings.centered,
        values=np.asarray(pairs.values, dtype=np.float64),
        vectors=pairs.vectors,
        residuals=np.asarray(pairs.residuals, dtype=np.float64),
        converged=bool(pairs.converged),
        method=pairs.method,
        passes=int(pairs.passes),
        storage=operator.storage,
        dtype=str(operator.dtype),
        rounding=float(solved.rounding),
        seconds={"kernel": stored - start, "eigenpairs": time.perf_counter() - stored},
    )


def kpca_over_seeds(
    net: fastntk.FullyConnected,
    data: Dataset,
    settings: KpcaSettings,
    engine: Engine,
    seeds: range,
    progress: Progress | None = None,
) -> tuple[KpcaRun, dict[str, Any]]:
    """Repeat kernel PCA on the subsets of several seeds.

    Returns
    -------
    KpcaRun
        Of the first seed.
    dict
        Eigenvalues of K/N of every seed, their mean and spread (standard deviation, n - 1).
    """
    first: KpcaRun | None = None
    values = np.empty((len(seeds), settings.components))
    unconverged = []
    for i, seed in enumerate(seeds):
        if progress is not None:
            progress("subsets", i, len(seeds))
        run = kpca(net, prepare(data, settings, seed), replace(settings, seed=seed), engine)
        values[i] = run.values_over_n
        unconverged += [] if run.converged else [seed]
        first = first or run
    assert first is not None
    several = len(seeds) > 1
    summary = {
        "seeds": list(seeds),
        "eigenvalues_over_n": values,
        "mean": values.mean(axis=0),
        "std": values.std(axis=0, ddof=1) if several else np.zeros(settings.components),
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "not_converged": unconverged,
    }
    return first, summary


def report(
    run: KpcaRun,
    net: fastntk.FullyConnected,
    settings: KpcaSettings,
    over_seeds: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return what ``result.json`` says about a run, machine and timings apart."""
    content: dict[str, Any] = {
        "parameters": {"network": network_parameters(net), **asdict(settings)},
        "data": data_parameters(run.data),
        "solver": {
            "storage": run.storage,
            "dtype": run.dtype,
            "method": run.method,
            "passes": run.passes,
            "converged": run.converged,
        },
        "eigenvalues": run.values,
        "eigenvalues_over_n": run.values_over_n,
        "residuals": run.residuals,
        "residuals_relative": run.relative_residuals,
    }
    if over_seeds is not None:
        content["over_seeds"] = over_seeds
    return content


def network_parameters(net: fastntk.FullyConnected) -> dict[str, Any]:
    """Return the architecture as plain values."""
    return {
        "hidden_layers": net.hidden_layers,
        "activation": str(net.activation),
        "weight_std": net.weight_std,
        "bias_std": net.bias_std,
        "init_std": net.init_std,
    }


def data_parameters(data: Dataset) -> dict[str, Any]:
    """Return what identifies the rows used, together with the seed and number of samples."""
    return {
        "name": data.name,
        "source": data.source,
        "samples": len(data),
        "features": data.X.shape[1],
        "dtype": str(data.X.dtype),
        "scale": data.scale,
        "normalize": data.normalize,
    }
