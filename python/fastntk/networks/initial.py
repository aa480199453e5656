# SPDX-License-Identifier: Apache-2.0
"""Initial parameters: drawn on the host, so that every device has the same network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fastntk.networks.parametrisation import MapScales

# Weights of one stream: several threads draw the pieces of a large map.
_PIECE = 2**20
# Numbers drawn at a time: their float64 values stay in the cache.
_CHUNK = 2**14


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
        Network i of it has the stream ``SeedSequence(seed).spawn(...)[i]``, map l of that one the
        l-th spawn, for the bias, and 2^20 weights at a time a further one. So numbers depend
        neither on how many networks are drawn, nor on the widths of other maps, nor on threads.
    numbers : sequence of int
        Which networks of the seed.
    zero_bias : bool
        Whether biases start at 0.
    dtype : dtype
        Of the result; float32 parameters are the float64 ones, rounded.
    """
    flat: NDArray[Any] = _backend.CPU.empty((len(numbers), count_parameters(widths)), dtype)
    pieces = [
        piece
        for place, views in enumerate(parameter_views(flat, widths))
        for W, b, number in zip(*views, numbers, strict=True)
        for piece in _pieces(W.reshape(-1), b, scales[place], zero_bias, (number, place))
    ]

    def fill(piece: tuple[NDArray[Any], float, tuple[int, ...]]) -> None:
        out, std, key = piece
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        numbers = np.empty(min(_CHUNK, len(out)))
        for start in range(0, len(out), _CHUNK):
            part = out[start : start + _CHUNK]
            drawn = numbers[: len(part)]
            rng.standard_normal(out=drawn)
            drawn *= std
            part[...] = drawn

    with ThreadPoolExecutor(_backend.default_threads()) as pool:
        list(pool.map(fill, pieces))
    return flat


def _pieces(
    W: NDArray[Any], b: NDArray[Any], scale: MapScales, zero_bias: bool, key: tuple[int, ...]
) -> Iterator[tuple[NDArray[Any], float, tuple[int, ...]]]:
    """Give what has a stream of its own: numbers to draw, their deviation, and the stream's key."""
    yield b, 0.0 if zero_bias else scale.bias_std, key
    for piece, start in enumerate(range(0, len(W), _PIECE)):
        yield W[start : start + _PIECE], scale.weight_std, (*key, piece)
