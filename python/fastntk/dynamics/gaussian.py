# SPDX-License-Identifier: Apache-2.0
"""Gaussian vectors of function values: a mean for each output and one covariance for all."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside, place_of, to_host

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_EPS = float(np.finfo(np.float64).eps)


class Gaussian:
    """The law of a function's values at M points; outputs are independent and vary alike.

    Parameters
    ----------
    mean : array_like of shape (M,) or (M, C)
        Means of one or of C outputs.
    covariance : array_like of shape (M, M), optional
        Of the values of every output; symmetric and positive semidefinite to rounding.
    variance : array_like of shape (M,), optional
        Only the diagonal of the covariance, where that is not known; not negative to rounding.
    rounding : float, optional
        How far an eigenvalue, or a variance, may be below 0 and is then taken as 0: the absolute
        error of a covariance that is a difference of larger matrices. By default ``M eps`` of the
        largest variance.

    Attributes
    ----------
    mean : ndarray
        As given, float64, NumPy's or CuPy's.
    covariance : ndarray of shape (M, M) or None
        As given, float64.
    variance : ndarray of shape (M,)
        The diagonal, not negative.

    Raises
    ------
    TypeError
        Arrays that are not real, or in different places.
    ValueError
        Shapes that do not fit, entries that are not finite, a covariance that is not symmetric or
        has an eigenvalue below ``-rounding``; neither covariance nor variance, or both.

    Examples
    --------
    >>> import numpy as np
    >>> law = Gaussian([0.0, 1.0], [[4.0, 0.0], [0.0, 1.0]])
    >>> law.std.tolist()
    [2.0, 1.0]
    >>> law.percentiles([50, 97.5]).round(2).tolist()
    [[0.0, 1.0], [3.92, 2.96]]
    >>> law.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(
        self,
        mean: ArrayLike,
        covariance: ArrayLike | None = None,
        *,
        variance: ArrayLike | None = None,
        rounding: float | None = None,
    ) -> None:
        if (covariance is None) == (variance is None):
            raise ValueError("give covariance or variance, one of them")
        self.mean = _finite(mean, "mean")
        if self.mean.ndim not in (1, 2) or self.mean.size == 0:
            raise ValueError(f"mean must have shape (M,) or (M, C), got {self.mean.shape}")
        points = len(self.mean)
        self.covariance: Any = None
        self._root: Any = None
        with beside(self.mean):
            if covariance is not None:
                self.covariance = _finite(covariance, "covariance")
                self._require_shape(self.covariance, (points, points), "covariance")
                diagonal = array_namespace(self.mean).diagonal(self.covariance)
            else:
                diagonal = _finite(variance, "variance")
                self._require_shape(diagonal, (points,), "variance")
            if rounding is None:
                self._rounding = points * _EPS * max(float(diagonal.max()), 0.0)
            else:
                self._rounding = _validate.non_negative(rounding, "rounding")
            lowest = float(diagonal.min())
            if lowest < -self._rounding:
                raise ValueError(f"variances must not be negative, got {lowest:.3g}")
            if covariance is not None:
                self._require_semidefinite()
            self.variance = array_namespace(diagonal).maximum(diagonal, 0.0)

    @property
    def std(self) -> Any:
        """Standard deviations, (M,)."""
        with beside(self.variance):
            return array_namespace(self.variance).sqrt(self.variance)

    def percentiles(self, q: ArrayLike) -> Any:
        """Return percentiles at each point, (Q, M) or (Q, M, C); no first axis for a single q.

        Parameters
        ----------
        q : float or array_like of shape (Q,)
            In percent, between 0 and 100, neither of them: (5, 50, 95) gives a band and its centre.
        """
        wanted = to_host(_validate.real_array(q, "q")).astype(np.float64)
        if wanted.ndim > 1 or wanted.size == 0 or not ((wanted > 0) & (wanted < 100)).all():
            raise ValueError(f"q must be one or several percentages in (0, 100), got {q!r}")
        scores = [NormalDist().inv_cdf(one / 100) for one in wanted.reshape(-1)]
        with beside(self.mean):
            std = self.std if self.mean.ndim == 1 else self.std[:, None]
            found = array_namespace(self.mean).stack([self.mean + score * std for score in scores])
        return found[0] if wanted.ndim == 0 else found

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> Any:
        """Return joint samples, (n, M) or (n, M, C); the outputs of each are independent.

        Parameters
        ----------
        n : int
            How many.
        seed : int or numpy.random.Generator
            Same seed, same samples, on every device.

        Raises
        ------
        ValueError
            Only the variances are known.

        Notes
        -----
        The root of the covariance, by its eigenpairs, is that of a singular one too; it costs some
        9 M^3 operations, once.
        """
        count = _validate.integer(n, "n", at_least=1)
        rng = _validate.generator(seed)
        if self.covariance is None:
            raise ValueError("samples need the covariance, but only the variance was given")
        xp = array_namespace(self.mean)
        normal = rng.standard_normal((count, *self.mean.shape))
        with beside(self.mean), _backend.strict_linalg(xp):
            if self._root is None:
                values, vectors = xp.linalg.eigh(self.covariance)
                self._root = vectors * xp.sqrt(xp.maximum(values, 0.0))
            drawn = xp.asarray(normal)
            # One product for all samples and outputs: (M, n) or (M, n C).
            flat = drawn.reshape(count, len(self.mean), -1).transpose(1, 0, 2)
            moved = (self._root @ flat.reshape(len(self.mean), -1)).reshape(flat.shape)
            return self.mean + moved.transpose(1, 0, 2).reshape(drawn.shape)

    def __repr__(self) -> str:
        known = "variance" if self.covariance is None else "covariance"
        return f"<Gaussian of mean {self.mean.shape} and {known}>"

    def _require_shape(self, array: Any, shape: tuple[int, ...], name: str) -> None:
        if array.shape != shape:
            raise ValueError(
                f"{name} must have shape {shape} for a mean of {shape[0]} points, got {array.shape}"
            )
        if place_of(array) != place_of(self.mean):
            raise TypeError(
                f"{name} must be where mean is, on {place_of(self.mean)}, got {place_of(array)}"
            )

    def _require_semidefinite(self) -> None:
        """Require symmetry, and eigenvalues that are not negative beyond rounding."""
        covariance = self.covariance
        xp = array_namespace(covariance)
        scale = float(abs(covariance).max())
        uneven = float(abs(covariance - covariance.T).max())
        if uneven > self._rounding + 64 * _EPS * scale:
            raise ValueError(
                f"covariance must be symmetric, but it and its transpose differ by {uneven:.3g}"
            )
        self.covariance = covariance / 2 + covariance.T / 2
        with _backend.strict_linalg(xp):
            lowest = float(xp.linalg.eigvalsh(self.covariance)[0])
        if lowest < -self._rounding - len(covariance) * _EPS * scale:
            raise ValueError(
                f"covariance must be positive semidefinite, got the eigenvalue {lowest:.3g} "
                f"beside variances up to {scale:.3g}"
            )


def _finite(array: Any, name: str) -> Any:
    """Return an argument as float64, NumPy's or CuPy's, all of it finite."""
    found = _validate.real_array(array, name)
    with beside(found):
        found = found.astype("float64")
        if found.size and not bool(array_namespace(found).isfinite(found).all()):
            raise ValueError(f"{name} must be finite, got NaN or infinity")
    return found
