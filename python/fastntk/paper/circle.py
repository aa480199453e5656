# SPDX-License-Identifier: Apache-2.0
"""The unit circle and the networks of the paper's sections 6.1 and 6.2, and the task of 6.1.

Their depth L = 4 is ``hidden_layers=3``. The task is f*(x) = x_1 x_2 at random inputs, 200 steps of
rate 1; the paper does not say how many inputs: here there are 16, drawn from N(0, I_2), not on the
circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.paper.parts import Parts

Array = NDArray[np.float64]

POINTS = 16
HIDDEN_LAYERS = 3
BIAS_STD = 0.1
LEARNING_RATE = 1.0
STEPS = 200
# Number of a network that is none of those which are trained.
APART = 1000
_SEED = 61


def limiting_network() -> fn.FullyConnected:
    """Return the network of infinite width."""
    return fn.FullyConnected(hidden_layers=HIDDEN_LAYERS, bias_std=BIAS_STD)


def finite_network(
    width: int, seed: int, number: int = 0, device: str = "auto"
) -> fn.FiniteNetwork:
    """Return one initialisation with `width` units in each hidden layer, in float32.

    Parameters
    ----------
    width : int
        Units.
    seed : int
        Of all networks.
    number : int
        Which of the seed's networks.
    device : str
        Where it computes.
    """
    widths = (2, *[width] * HIDDEN_LAYERS, 1)
    batch = fn.FiniteNetwork(
        limiting_network(), widths, seed=seed, networks=[number], device=device
    )
    return batch[0]


def product(X: Array) -> Array:
    """Return f*(x) = x_1 x_2 at points (N, 2)."""
    return np.asarray(X[:, 0] * X[:, 1])


def data(seed: int = 0) -> tuple[Array, Array]:
    """Return the training inputs (16, 2) of section 6.1 and their targets (16,)."""
    X = np.random.default_rng([_SEED, seed]).standard_normal((POINTS, 2))
    return X, product(X)


def train(
    w: fn.FiniteNetwork,
    record: Any,
    steps: int = STEPS,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Any:
    """Train a network on the task of section 6.1."""
    X, y = data(seed)
    return w.train(X, y, learning_rate=LEARNING_RATE, steps=steps, record=record, progress=progress)


def angles(count: int) -> Array:
    """Return angles (count,) from -pi to pi, both ends included."""
    return np.linspace(-np.pi, np.pi, count)


def at(gamma: Array) -> Array:
    """Return the points (cos g, sin g) of the circle, (..., 2)."""
    return np.stack([np.cos(gamma), np.sin(gamma)], axis=-1)


def parameter_bytes(width: int) -> int:
    """Return the bytes of a network's parameters in float32."""
    return 4 * ((HIDDEN_LAYERS - 1) * width * width + (4 + HIDDEN_LAYERS) * width)


def training_bytes(width: int) -> int:
    """Return the bytes that a network takes with its training or its kernels, roughly.

    A quarter more than its parameters: in all 0.97 GB were measured at width 10,000.
    """
    return 5 * parameter_bytes(width) // 4


def narrower(quick: bool, widths: Iterable[int], full: Iterable[int]) -> list[str]:
    """Return what a quick run says of its networks."""
    if not quick:
        return []
    took, paper = (" and ".join(f"{width:,}" for width in group) for group in (widths, full))
    return [f"Quick: n = {took}, the paper has n = {paper}; not all it says need hold here."]


def networks(
    name: str,
    width: int,
    numbers: Sequence[int],
    settings: Mapping[str, Any],
    parts: Parts,
    compute: Callable[[int, int, Progress | None], Array],
    steps: int,
    progress: Progress | None,
) -> Array:
    """Return what is computed of each network of one width, (networks, ...), a part each.

    Parameters
    ----------
    name : str
        Of the experiment.
    width : int
        Of the networks.
    numbers : sequence of int
        Which of the seed's networks.
    settings : dict
        What a network's result depends on beside width and number.
    parts : Parts
        Keeps the finished ones.
    compute : callable (width, number, progress) -> ndarray
        Of one network, float64.
    steps : int
        Of each training, for the progress.
    progress : callable or None
        Told of all steps of all networks.
    """
    whole, found = len(numbers) * steps, []
    heading = f"{name}: {len(numbers)} networks of width {width:,}"
    for index, number in enumerate(numbers):

        def values(number: int = number, before: int = index * steps) -> dict[str, Array]:
            def told(stage: str, done: int, total: int) -> None:
                del stage, total  # those of this network's training
                if progress is not None:
                    progress(heading, before + done, whole)

            told("", 0, steps)
            return {"values": compute(width, number, told)}

        key = {**settings, "width": width, "network": number}
        found.append(parts.of(f"{name}-n{width}-network{number}", key, values)["values"])
    return np.stack(found)
