# SPDX-License-Identifier: Apache-2.0
"""Networks at initialisation: Theta tends to its limit, and the outputs to a Gaussian process.

Points lie evenly on the unit circle, so that all diagonal entries have one limit and every point
has its antipode.  Networks have three outputs: one kernel per output, and the blocks between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench.convergence.claims import (
    Claim,
    Estimate,
    kolmogorov_smirnov,
    mean,
    slope,
    slope_claim,
    slope_of_means,
    zero_claim,
)

_POINTS = 12
_OUTPUTS = 3
_SLOPE = -0.5
_TOLERANCE = 0.1
_BIAS_TOLERANCE = 0.25  # the bias at a few narrow widths still bends towards its power
_ANTIPODAL_BIAS = -0.22  # at 4 units
_BATCH = 500  # narrow networks at a time
_GAUSSIAN_WIDTH = 1_000


@dataclass(frozen=True)
class Plan:
    """How many networks of which width."""

    networks: dict[int, int]  # for the distance to the limit
    narrow: dict[int, int]  # for the bias off the diagonal
    gaussian: int  # for the outputs, of 1,000 units


FULL = Plan(
    {50: 80, 121: 80, 292: 60, 707: 40, 1_710: 20, 4_135: 10, 10_000: 6},
    {4: 20_000, 8: 20_000, 16: 20_000, 32: 20_000, 64: 20_000},
    400,
)
QUICK = Plan({50: 30, 121: 20, 292: 10, 707: 6}, {4: 4_000, 8: 4_000}, 100)


@dataclass
class Figures:
    """What was found at every width, for the record."""

    distance: dict[int, list[float]] = field(default_factory=dict)
    off_block: dict[int, list[float]] = field(default_factory=dict)
    diagonal: dict[int, Estimate] = field(default_factory=dict)
    antipodal: dict[int, Estimate] = field(default_factory=dict)
    off_diagonal: dict[int, Estimate] = field(default_factory=dict)


def circle(count: int) -> NDArray[np.float64]:
    """Return points spread evenly over the unit circle."""
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def claims(
    net: fn.FullyConnected, plan: Plan, say: Callable[[str], None]
) -> tuple[list[Claim], Figures]:
    """Measure, telling `say` what comes next, and return what holds."""
    found = Figures()
    say(f"kernels of networks of {', '.join(map(str, plan.networks))} units")
    _kernels(net, plan.networks, found)
    say(f"means over networks of {', '.join(map(str, plan.narrow))} units")
    _narrow(net, plan.narrow, found)
    say(f"outputs of networks of {_GAUSSIAN_WIDTH} units")
    narrowest = min(found.antipodal)
    bias, power = found.antipodal[narrowest], slope_of_means(found.antipodal)
    lines = [
        slope_claim(
            "distance of Theta from its limit", _SLOPE, _TOLERANCE, _fit(found.distance)
        ),
        zero_claim("mean of the diagonal / limit - 1", found.diagonal),
        Claim(
            f"bias of antipodal pairs, n = {narrowest}", f"{_ANTIPODAL_BIAS:.2f}", str(bias),
            abs(bias.value - _ANTIPODAL_BIAS) <= 3 * bias.error + 0.005,  # known to two digits
        ),
        slope_claim(
            "bias of antipodal pairs, narrow networks", -1,
            max(_BIAS_TOLERANCE, 3 * power.error), power,
        ),
        slope_claim(
            "blocks of Theta between two of 3 outputs", _SLOPE, _TOLERANCE, _fit(found.off_block)
        ),
    ]  # fmt: skip
    return lines + _outputs(net, plan.gaussian), found


def _fit(values: dict[int, list[float]]) -> Estimate:
    return slope({n: np.asarray(part) for n, part in values.items()})


def _kernels(net: fn.FullyConnected, networks: dict[int, int], found: Figures) -> None:
    X = circle(_POINTS)
    limit = net.ntk(X, dtype="float64")
    size = np.linalg.norm(limit)
    same = np.eye(_OUTPUTS, dtype=bool)
    for n, count in networks.items():
        distance, off_block, diagonal = [], [], []
        for seed in range(count):  # one after another: a network of 10,000 units has 0.8 GB
            w = fn.FiniteNetwork(net, (2, n, n, n, _OUTPUTS), seed=seed)
            K = w.ntk(X).astype(np.float64)
            blocks = K.reshape(_POINTS, _OUTPUTS, _POINTS, _OUTPUTS).transpose(1, 3, 0, 2)
            distance += list(np.linalg.norm(blocks[same] - limit, axis=(1, 2)) / size)
            off_block.append(_root_mean_square(np.linalg.norm(blocks[~same], axis=(1, 2)) / size))
            diagonal.append(np.mean(K.diagonal()) / limit[0, 0] - 1)
        found.distance[n], found.off_block[n] = distance, off_block
        found.diagonal[n] = mean(np.asarray(diagonal))


def _narrow(net: fn.FullyConnected, networks: dict[int, int], found: Figures) -> None:
    X = circle(_POINTS)
    limit = net.ntk(X, dtype="float64")
    points = np.arange(_POINTS)
    off = ~np.eye(_POINTS, dtype=bool)
    for n, count in networks.items():
        antipodal: list[Any] = []
        others: list[Any] = []
        for start in range(0, count, _BATCH):
            numbers = range(start, min(start + _BATCH, count))
            w = fn.FiniteNetwork(net, (2, n, n, n, 1), seed=n, networks=numbers)
            ratio = w.ntk(X).astype(np.float64) / limit
            opposite = ratio[:, points, (points + _POINTS // 2) % _POINTS]
            antipodal += list(opposite.mean(axis=1) - 1)
            others += list(ratio[:, off].mean(axis=1) - 1)
        found.antipodal[n] = mean(np.asarray(antipodal))
        found.off_diagonal[n] = mean(np.asarray(others))


def _outputs(net: fn.FullyConnected, count: int) -> list[Claim]:
    """Outputs at initialisation: Gaussian, uncorrelated, of covariance Sigma(L)."""
    X = circle(_POINTS)
    n = _GAUSSIAN_WIDTH
    f = np.stack([
        fn.FiniteNetwork(net, (2, n, n, n, _OUTPUTS), seed=1_000 + seed)(X) for seed in range(count)
    ]).astype(np.float64)  # (networks, points, outputs)  # fmt: skip
    covariance = net.nngp(X, dtype="float64")
    of_one = f[:, 0, 0] / np.sqrt(covariance[0, 0])
    statistic = kolmogorov_smirnov(of_one)
    # Coordinates in which the limit is the standard Gaussian: their second moments are the
    # identity, and each has standard error sqrt((1 + [i = j]) / samples).
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), f.transpose(1, 0, 2).reshape(12, -1))
    moments = whitened @ whitened.T / whitened.shape[1]
    errors = np.sqrt((1 + np.eye(_POINTS)) / whitened.shape[1])
    upper = np.triu_indices(_POINTS)
    z = ((moments - np.eye(_POINTS)) / errors)[upper]
    chi = float(z @ z) / len(z)
    chi_error = np.sqrt(2 / len(z))
    pairs = [(k, j) for k in range(_OUTPUTS) for j in range(k)]
    correlations = {
        number: mean((f[:, :, k] * f[:, :, j]).mean(axis=1) / covariance[0, 0])
        for number, (k, j) in enumerate(pairs)
    }
    worst = max(correlations.values(), key=lambda e: abs(e.value / e.error))
    return [
        Claim(
            f"outputs at n = {n}, {count} networks: Kolmogorov-Smirnov", "< 1.63 (1 %)",
            f"{statistic:.2f}", statistic < 1.63,
        ),
        Claim(
            "their covariance: chi^2 / dof against Sigma(L)", f"1 +- {chi_error:.2f}",
            f"{chi:.2f}", abs(chi - 1) <= 3 * chi_error,
        ),
        Claim(
            "their correlation between outputs", "0 within 3.4 s.e.", f"{worst}",
            abs(worst.value) <= 3.4 * worst.error,
        ),
    ]  # fmt: skip


def _root_mean_square(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))
