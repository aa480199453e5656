# SPDX-License-Identifier: Apache-2.0
"""``Dataset``: samples, labels and the scale that turns stored pixels into inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastntk import _validate

#: The values of ``normalize``.
NORMALIZATIONS = ("none", "center", "sphere")

# Rows converted to float64 at a time: a block of MNIST takes 13 MB.
_BLOCK_ROWS = 2048


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in rows, with their labels.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Samples as stored (uint8 pixels stay uint8) or, once normalised, floats.
    y : ndarray of shape (n,) or None
        Labels, in the order of the rows.
    scale : float
        The inputs of the network are ``scale * X``.
    name : str
        Name for titles and reports.
    source : str
        Where the bytes came from.
    image_shape : tuple of int or None
        Shape of one sample as an image; its product is ``d``.
    normalize : {"none", "center", "sphere"}
        What has been done to the rows.
    mean : ndarray of shape (d,) or None
        The mean image that "center" took away, in units of the inputs: ``Z * scale - mean`` puts
        new samples ``Z`` into the same coordinates.
    indices : ndarray of shape (n,) or None
        Rows of the full data set that a random subset kept.
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    scale: float
    name: str
    source: str = ""
    image_shape: tuple[int, ...] | None = None
    normalize: str = "none"
    mean: NDArray[np.float64] | None = None
    indices: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.X.shape[0])

    def subset(self, samples: int, seed: int | None = None) -> Dataset:
        """Keep a random subset of the rows, drawn without replacement.

        Parameters
        ----------
        samples : int
            Rows to keep, ``1 <= samples <= n``.
        seed : int, optional
            Seed of ``numpy.random.default_rng``; the same seed keeps the same rows. None draws
            different rows at each call.

        Returns
        -------
        Dataset
            ``indices`` says which rows, in the order drawn.

        Raises
        ------
        TypeError
            ``samples`` or ``seed`` is not an integer.
        ValueError
            ``samples`` outside ``[1, n]`` or a negative seed.
        """
        samples, seed = checked_subset(samples, seed)
        if samples > len(self):
            raise ValueError(
                f"samples must be at most the {len(self)} rows of {self.name}, got {samples}"
            )
        return self.take(np.random.default_rng(seed).choice(len(self), size=samples, replace=False))

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Keep the rows of these indices, in their order; ``indices`` says which they were."""
        return replace(
            self,
            X=self.X[rows],
            y=None if self.y is None else self.y[rows],
            indices=rows if self.indices is None else self.indices[rows],
        )

    def normalized(
        self,
        normalize: str,
        dtype: str | None = None,
        mean: NDArray[np.float64] | None = None,
    ) -> Dataset:
        """Normalise the rows this data set holds.

        Parameters
        ----------
        normalize : {"none", "center", "sphere"}
            "none" changes nothing. "center" applies the scale and subtracts the mean image of these
            rows. "sphere" gives every row the norm ``sqrt(d)``, hence ``|x|^2 / d = 1``: the
            paper's inputs on a sphere, with the same variance entering every network.
        dtype : {"float32", "float64"}, optional
            Type of the normalised rows, which are computed in float64 and rounded once. Default:
            float64 if X is float64, else float32.
        mean : ndarray of shape (d,), optional
            What "center" subtracts instead of the mean of these rows: the training rows' ``mean``
            puts test rows into the same coordinates.

        Returns
        -------
        Dataset
            With ``scale`` 1 unless ``normalize`` is "none".

        Raises
        ------
        ValueError
            An unknown normalisation, a data set already normalised, a row that is not finite, a
            zero row for "sphere", or a centred row beyond the range of ``dtype``.
        TypeError
            Another ``dtype``.
        """
        if normalize not in NORMALIZATIONS:
            raise ValueError(
                f"normalize must be one of {', '.join(NORMALIZATIONS)}, got {normalize!r}"
            )
        if normalize == "none":
            return self
        wanted = dtype or ("float64" if self.X.dtype == np.float64 else "float32")
        target = _validate.result_dtype(wanted)
        if self.normalize != "none":
            raise ValueError(f"{self.name} is already normalised ({self.normalize})")
        self._require_finite()
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
            if normalize == "sphere":
                X = self._by_blocks(self._on_sphere, target)
                return replace(self, X=X, scale=1.0, normalize=normalize)
            away = self._mean() if mean is None else mean
            X = self._by_blocks(lambda rows, _: rows * self.scale - away, target)
        return replace(self, X=X, scale=1.0, normalize=normalize, mean=away)

    def _mean(self) -> NDArray[np.float64]:
        # Scaled by a power of two while summing, which is exact: no sum of finite values overflows.
        largest = max(abs(float(self.X.max())), abs(float(self.X.min())))
        power = max(int(np.frexp(largest)[1]) - 512, 0)
        total = np.zeros(self.X.shape[1])
        for first in range(0, len(self), _BLOCK_ROWS):
            rows = self.X[first : first + _BLOCK_ROWS].astype(np.float64)
            total += np.ldexp(rows, -power).sum(axis=0)
        return np.asarray(np.ldexp(total / len(self), power) * self.scale, dtype=np.float64)

    def _require_finite(self) -> None:
        for first in range(0, len(self) if self.X.dtype.kind == "f" else 0, _BLOCK_ROWS):
            finite = np.isfinite(self.X[first : first + _BLOCK_ROWS])
            if not finite.all():
                row, column = np.argwhere(~finite)[0]
                value = self.X[first + row, column]
                raise ValueError(
                    f"{self.name} must be finite, got {value} in row {self._row(first + int(row))}"
                    f", column {column}"
                )

    def _row(self, i: int) -> int:
        """Return the number that row i has in the full data set."""
        return i if self.indices is None else int(self.indices[i])

    def _on_sphere(self, rows: NDArray[np.float64], first: int) -> NDArray[np.float64]:
        largest = np.abs(rows).max(axis=1)
        if not largest.all():
            row = self._row(first + int(np.argmin(largest != 0)))
            raise ValueError(
                f"normalize='sphere' needs rows that are not zero, row {row} of {self.name} is"
            )
        # Powers of two, hence exact: squares neither overflow nor vanish.
        rows = np.ldexp(rows, -np.frexp(largest)[1][:, None])
        norms = np.linalg.norm(rows, axis=1)
        return np.asarray(rows * (np.sqrt(rows.shape[1]) / norms)[:, None], dtype=np.float64)

    def _by_blocks(
        self,
        change: Callable[[NDArray[np.float64], int], NDArray[np.float64]],
        dtype: np.dtype[Any],
    ) -> NDArray[Any]:
        out = np.empty(self.X.shape, dtype=dtype)
        for first in range(0, len(self), _BLOCK_ROWS):
            rows = self.X[first : first + _BLOCK_ROWS].astype(np.float64)
            block = out[first : first + _BLOCK_ROWS]
            block[:] = change(rows, first)
            finite = np.isfinite(block).all(axis=1)
            if not finite.all():
                row = self._row(first + int(np.argmin(finite)))
                hint = "; use dtype='float64'" if dtype == np.float32 else ""
                raise ValueError(
                    f"normalised values must be within the range of {dtype}, row {row} of "
                    f"{self.name} is not{hint}"
                )
        return out


def checked_subset(samples: int, seed: int | None) -> tuple[int, int | None]:
    """Return the arguments of a random subset as plain integers.

    Raises
    ------
    TypeError
        Not integers.
    ValueError
        ``samples`` below 1 or a negative seed.
    """
    count = _validate.integer(samples, "samples", at_least=1)
    return count, None if seed is None else _validate.integer(seed, "seed", at_least=0)
