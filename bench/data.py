# SPDX-License-Identifier: Apache-2.0
"""The matrices a case works on.  MNIST where it is found, synthetic digits otherwise."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.cases import Case

_SIDE = 28
_IDX_HEADER = 16  # magic number, images, rows, columns: four 32-bit integers
_STROKE_POINTS = 10
_BATCH = 1_000
_VECTOR_SEED = 7
_WHITE = 100  # pixels of an image where all have as many: about those that have ink


@dataclass(frozen=True)
class Problem:
    """The inputs of one case."""

    X: NDArray[np.generic]  # (columns, inputs)
    Z: NDArray[np.generic] | None  # (rows, inputs), rectangular cases only
    V: NDArray[np.float32] | None  # (columns, vectors), matmat cases only
    scale: float


def pixels(count: int) -> tuple[NDArray[np.uint8], str]:
    """Return `count` images as uint8 rows of 784 pixels, and a sentence on where they come from."""
    for folder in _folders():
        plain = folder / "mnist" / "train-images-idx3-ubyte"
        for path, read in ((plain, open), (plain.with_name(f"{plain.name}.gz"), gzip.open)):
            if not path.is_file():
                continue
            # Only what is asked for: the memory of reading more would be weighed with the cases.
            with read(path, "rb") as stream:
                raw = stream.read(_IDX_HEADER + count * _SIDE**2)
            images = np.frombuffer(raw, np.uint8, offset=_IDX_HEADER)
            return images.reshape(count, _SIDE**2).copy(), "MNIST training images"
    return synthetic_digits(count), "synthetic digits (MNIST not found; set FASTNTK_DATA)"


def _folders() -> list[Path]:
    """Return where data may lie: the named folder, else a folder beside the checkout."""
    named = os.environ.get("FASTNTK_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return [Path(named)] if named else [beside]


def synthetic_digits(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return images like handwritten digits: one blurred stroke each, an empty margin, ten classes.

    Images of a class differ little, and every hundredth repeats its neighbour but for one grey
    level, so near-duplicates are there as in real data.
    """
    rng = np.random.default_rng(seed)
    grid = np.arange(_SIDE)
    classes = np.cumsum(rng.normal(0, 3.2, (10, _STROKE_POINTS, 2)), axis=1)
    classes += _SIDE / 2 - classes.mean(axis=1, keepdims=True)
    images = np.empty((count, _SIDE, _SIDE), np.uint8)
    for start in range(0, count, _BATCH):
        stop = min(start + _BATCH, count)
        points = classes[np.arange(start, stop) % 10]
        points = np.clip(points + rng.normal(0, 0.7, points.shape), 5, _SIDE - 6)
        profile = np.exp(-((points[..., None] - grid) ** 2) / 3)  # (batch, points, 2, 28)
        ink = np.einsum("bpi,bpj->bij", profile[:, :, 0], profile[:, :, 1])
        images[start:stop] = np.where(ink < 0.1, 0, np.minimum(1.2 * ink, 1.0) * 255)
    flat = images.reshape(count, _SIDE**2)
    flat[99::100] = flat[98::100][: len(flat[99::100])]
    flat[99::100, _SIDE**2 // 2] ^= 1
    return flat


def problem(case: Case, images: NDArray[np.uint8]) -> Problem:
    """Return the inputs of `case`, cut from `images`."""
    if len(images) < case.images:
        raise ValueError(f"case {case.name} needs {case.images} images, got {len(images)}")
    points = case.columns + (case.rows if case.operation == "rectangular" else 0)
    rows = images[: case.images].reshape(points, -1)[:, : case.inputs]
    chosen: NDArray[np.generic] = rows
    scale = 1 / 255
    if case.data == "float32":
        chosen, scale = rows.astype(np.float32) / np.float32(255), 1.0
    elif case.data == "equal norms":
        chosen = _brightest(rows)
    rng = np.random.default_rng(_VECTOR_SEED)
    return Problem(
        X=chosen[: case.columns],
        Z=chosen[case.columns :] if case.operation == "rectangular" else None,
        V=rng.standard_normal((case.columns * case.outputs, case.vectors), np.float32)
        if case.vectors and case.operation != "kpca"
        else None,
        scale=scale,
    )


def _brightest(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images of one norm: the brightest pixels of each are white, all others black."""
    order = np.argsort(rows, axis=1, kind="stable")
    white = np.zeros_like(rows)
    np.put_along_axis(white, order[:, -_WHITE:], np.uint8(255), axis=1)
    return white


def images_needed(cases: tuple[Case, ...]) -> int:
    """Return how many images the largest of `cases` uses."""
    return max(case.images for case in cases)
