# SPDX-License-Identifier: Apache-2.0
"""``Dataset``: samples, labels and the scale that turns stored pixels into inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        ValueError
            ``samples`` outside ``[1, n]`` or a negative seed.
        """
        if not 1 <= samples <= len(self):
            raise ValueError(
                f"samples must be between 1 and the {len(self)} rows of {self.name}, got {samples}"
            )
        if seed is not None and seed < 0:
            raise ValueError(f"seed must be an integer >= 0, got {seed}")
        rows = np.random.default_rng(seed).choice(len(self), size=samples, replace=False)
        return replace(
            self,
            X=self.X[rows],
            y=None if self.y is None else self.y[rows],
            indices=rows if self.indices is None else self.indices[rows],
        )

    def normalized(self, normalize: str, dtype: str | None = None) -> Dataset:
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

        Returns
        -------
        Dataset
            With ``scale`` 1 unless ``normalize`` is "none".

        Raises
        ------
        ValueError
            An unknown normalisation, a data set already normalised, or a zero row for "sphere".
        """
        if normalize not in NORMALIZATIONS:
            raise ValueError(
                f"normalize must be one of {', '.join(NORMALIZATIONS)}, got {normalize!r}"
            )
        if normalize == "none":
            return self
        if self.normalize != "none":
            raise ValueError(f"{self.name} is already normalised ({self.normalize})")
        target = np.dtype(dtype or ("float64" if self.X.dtype == np.float64 else "float32"))
        if normalize == "sphere":
            return replace(
                self, X=self._by_blocks(self._on_sphere, target), scale=1.0, normalize=normalize
            )
        mean = self.X.mean(axis=0, dtype=np.float64) * self.scale
        X = self._by_blocks(lambda rows, _: rows * self.scale - mean, target)
        return replace(self, X=X, scale=1.0, normalize=normalize, mean=mean)

    def _on_sphere(self, rows: NDArray[np.float64], first: int) -> NDArray[np.float64]:
        norms = np.linalg.norm(rows, axis=1)
        if not norms.all():
            row = first + int(np.argmin(norms != 0))
            raise ValueError(
                f"normalize='sphere' needs rows that are not zero, row {row} of {self.name} is"
            )
        return np.asarray(rows * (np.sqrt(rows.shape[1]) / norms)[:, None], dtype=np.float64)

    def _by_blocks(
        self,
        change: Callable[[NDArray[np.float64], int], NDArray[np.float64]],
        dtype: np.dtype[Any],
    ) -> NDArray[Any]:
        out = np.empty(self.X.shape, dtype=dtype)
        for first in range(0, len(self), _BLOCK_ROWS):
            rows = self.X[first : first + _BLOCK_ROWS].astype(np.float64)
            out[first : first + _BLOCK_ROWS] = change(rows, first)
        return out
