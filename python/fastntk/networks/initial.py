# SPDX-License-Identifier: Apache-2.0
"""Initial parameters: drawn on the host, so that every device has the same network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastntk.networks.parametrisation import MapScales

# Numbers drawn at a time: their float64 copy stays in the cache.
_CHUNK = 2**16


def count_parameters(widths: Sequence[int]) -> int:
    """Return the sum of (n_l + 1) n_{l+1} over the maps."""
    return sum((n + 1) * after for n, after in pairwise(widths))


def parameter_views(flat: Any, widths: Sequence[int]) -> list[tuple[Any, Any]]:
    """Return (W, b) of every map as views of a vector (P,), or of a batch of vectors (m, P).

    Parameters
    ----------
    flat : ndarray of shape (P,) or (m, P)
        W_0 row by row, b_0, W_1, ...
    widths : sequence of int
        n_0 .. n_L.

    Returns
    -------
    list of (ndarray, ndarray)
        Of shapes (n_{l+1}, n_l) and (n_{l+1},), behind an axis for the networks of a batch.
    """
    views, first, batch = [], 0, flat.shape[:-1]
    for n, after in pairwise(widths):
        middle, end = first + n * after, first + (n + 1) * after
        W = flat[..., first:middle].reshape(*batch, after, n)
        views.append((W, flat[..., middle:end]))
        first = end
    return views


def draw(
    scales: Sequence[MapScales],
    widths: Sequence[int],
    seed: int,
    numbers: Sequence[int],
    zero_bias: bool,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Return the initial parameters of networks of a seed, (m, P).

    Parameters
    ----------
    scales, widths
        Of the maps.
    seed : int
        Each network and each of its maps has a stream of its own, ``SeedSequence(seed).spawn``:
        they depend neither on how many networks are drawn, nor on the widths of other maps.
    numbers : sequence of int
        Which networks of the seed.
    zero_bias : bool
        Whether biases start at 0.
    dtype : dtype
        Of the result; float32 parameters are the float64 ones, rounded.
    """
    flat = np.empty((len(numbers), count_parameters(widths)), dtype)
    tasks = [
        (W[i], b[i], np.random.SeedSequence(seed, spawn_key=(number, place)), scales[place])
        for place, (W, b) in enumerate(parameter_views(flat, widths))
        for i, number in enumerate(numbers)
    ]

    def fill(W: Any, b: Any, sequence: np.random.SeedSequence, scale: MapScales) -> None:
        rng = np.random.default_rng(sequence)
        _normal(rng, W.reshape(-1), scale.weight_std)
        if zero_bias:
            b[...] = 0
        else:
            _normal(rng, b, scale.bias_std)

    with ThreadPoolExecutor(_backend.default_threads()) as pool:
        list(pool.map(fill, *zip(*tasks, strict=True)))
    return flat


def _normal(rng: np.random.Generator, out: NDArray[Any], std: float) -> None:
    for start in range(0, len(out), _CHUNK):
        part = out[start : start + _CHUNK]
        np.multiply(rng.standard_normal(len(part)), std, out=part, casting="same_kind")
