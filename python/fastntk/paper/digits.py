# SPDX-License-Identifier: Apache-2.0
"""The digits and the networks of the paper's section 6.3, and their kernel principal components.

A batch is 512 digits of MNIST, pixels in [0, 1], beta = 0.1. The section states no depth: with
``hidden_layers=4`` the limiting kernel has the eigenvalues that it prints, with 3, the depth of the
figures before, it does not (`fastntk.paper.table`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from fastntk.paper import parts

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.datasets import Dataset
    from fastntk.paper.experiment import Claim

Array = NDArray[np.float64]

POINTS = 512
HIDDEN_LAYERS = 4
BIAS_STD = 0.1
#: lambda_1, lambda_2 and lambda_3 of section 6.3.
PAPER_VALUES = (0.0457, 0.00108, 0.00078)
#: What every experiment on them says of its setting.
DEPTH_NOTE = (
    "The depth is open in section 6.3; hidden_layers=4 is what fits the eigenvalues it prints."
)
_MNIST, _INSTEAD = "mnist", "digits"


@dataclass(frozen=True)
class Digits:
    """The data set that batches are drawn from.

    Attributes
    ----------
    data : Dataset
        All of it.
    notes : list of str
        What is to be said of it.
    """

    data: Dataset
    notes: list[str]

    @property
    def of_paper(self) -> bool:
        """Whether it is MNIST."""
        return not self.notes

    def verdicts(self, claims: list[Claim]) -> list[Claim]:
        """Return claims as they are of MNIST, which the paper speaks of; else without verdicts."""
        return claims if self.of_paper else [replace(claim, holds=None) for claim in claims]

    def batch(self, seed: int) -> Dataset:
        """Return 512 digits at random; the same seed draws the same."""
        return self.data.subset(POINTS, seed)


@dataclass(frozen=True)
class Components:
    """Kernel principal components of a batch, uncentred, in the paper's normalisation.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Eigenvalues of K/N, descending.
    functions : ndarray of shape (N, k)
        f^(1), f^(2), ... at the batch, of unit p_in norm: their mean square is 1.
    """

    values: Array
    functions: Array


def load(quick: bool, progress: Progress | None = None) -> Digits:
    """Return MNIST; without it a quick run takes the 8 x 8 digits of scikit-learn.

    Raises
    ------
    FileNotFoundError
        MNIST is not here and cannot be fetched: the message says where to put it.
    """
    try:
        return Digits(fn.datasets.load(_MNIST, progress=progress), [])
    except FileNotFoundError:
        if not quick:
            raise
    note = (
        "MNIST is not here: these are scikit-learn's digits of 8 x 8 pixels, on which the paper's "
        "numbers cannot be checked."
    )
    return Digits(fn.datasets.load(_INSTEAD), [note])


def digest(data: Dataset) -> str:
    """Return what tells a batch from others, for the settings of a part."""
    return parts.digest(data.X, np.asarray(data.scale))


def limiting_network(
    hidden_layers: int = HIDDEN_LAYERS, bias_std: float = BIAS_STD
) -> fn.FullyConnected:
    """Return the network of infinite width."""
    return fn.FullyConnected(hidden_layers=hidden_layers, bias_std=bias_std)


def finite_network(
    data: Dataset, width: int, seed: int, number: int = 0, device: str = "auto"
) -> fn.FiniteNetwork:
    """Return network ``number`` of a seed, with ``width`` units in each hidden layer, in float32.

    Parameters
    ----------
    data : Dataset
        What it reads; only the number of pixels matters.
    width, seed, number
        As said.
    device : str
        Where it computes.
    """
    widths = (data.X.shape[1], *[width] * HIDDEN_LAYERS, 1)
    net = limiting_network()
    return fn.FiniteNetwork(net, widths, seed=seed, networks=[number], device=device)[0]


def parameter_bytes(width: int, inputs: int = 784) -> int:
    """Return the bytes of a network's parameters in float32."""
    return 4 * ((HIDDEN_LAYERS - 1) * width * width + (inputs + HIDDEN_LAYERS + 2) * width)


def limiting_kernel(data: Dataset, net: fn.FullyConnected, device: str) -> Array:
    """Return K/N of a batch in float64, (N, N)."""
    K = net.ntk(data.X, scale=data.scale, dtype="float64", device=device)
    return np.asarray(K / len(data))


def empirical_kernel(data: Dataset, w: fn.FiniteNetwork) -> Array:
    """Return Theta/N of a finite network at a batch in float64, (N, N)."""
    return np.asarray(w.ntk(data.X, scale=data.scale), dtype=np.float64) / len(data)


def components(kernel: Array, count: int = 3) -> Components:
    """Return the first principal components of K/N, (N, N)."""
    pairs = fn.eigenpairs(kernel, count)
    return Components(pairs.values, unit_functions(pairs.vectors))


def unit_functions(vectors: NDArray[Any]) -> Array:
    """Return orthonormal columns (N, k) as functions of unit p_in norm, with positive skewness.

    An eigenvector is determined up to its sign only; the sign of its third moment hardly depends on
    rounding, where that of one entry may.
    """
    functions = np.asarray(vectors, dtype=np.float64) * np.sqrt(len(vectors))
    return np.asarray(functions * np.where((functions**3).mean(axis=0) < 0, -1.0, 1.0))


def cosine_with_constant(function: Array) -> float:
    """Return the cosine of the angle between a function (N,) and the constant ones, >= 0."""
    return float(abs(function.mean()) / np.sqrt((function**2).mean()))
