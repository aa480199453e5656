# SPDX-License-Identifier: Apache-2.0
"""Means of kernels over random networks, their standard errors, and their distance to the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fastntk._arrays import array_namespace, beside, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastntk.gram.architecture import FullyConnected


class Distance(NamedTuple):
    """A distance to the limit, relative to the limit's size, and the error of it."""

    value: float
    error: float


class Sums(NamedTuple):
    """Welford's sums of a kernel: replaced as a whole, so that Ctrl-C leaves none half done."""

    networks: int
    mean: Any
    squares: Any

    def with_one_more(self, K: Any) -> Sums:
        """Return the sums with another network's kernel."""
        networks = self.networks + 1
        delta = K - self.mean
        mean = self.mean + delta / networks
        return Sums(networks, mean, self.squares + delta * (K - mean))


@dataclass(frozen=True, eq=False)
class KernelEstimate:
    """The mean of a kernel over random networks.

    Attributes
    ----------
    mean, standard_error : ndarray
        Mean over the networks and its standard error, entry by entry, float64; in the library of
        the points.
    networks : int
        Number of networks.
    limit : ndarray
        The kernel of infinitely wide networks, in float64.
    """

    mean: Any
    standard_error: Any
    networks: int
    limit: Any

    def distance(self) -> Distance:
        r"""Return how far the mean is from the limit, in the Frobenius norm.

        Returns
        -------
        Distance
            ``value`` is ``||mean - limit|| / ||limit||``, ``error`` the root mean square of
            ``||mean - expectation|| / ||limit||`` as the standard errors give it: by the triangle
            inequality the bias ``||expectation - limit|| / ||limit||`` is within the error of the
            value. Where both are alike nothing but the number of networks is seen.
        """
        with beside(self.mean):
            size = _norm(self.limit)
            return Distance(_norm(self.mean - self.limit) / size, _norm(self.standard_error) / size)


class MonteCarloKernels:
    """Kernels of random networks, averaged: what `monte_carlo_kernels` returns.

    Attributes
    ----------
    net, X, widths, seed, scale, outputs
        As given to `monte_carlo_kernels`.
    networks : int
        Number of networks that were drawn, numbers 0 to ``networks - 1`` of the seed.
    sums : dict
        What the means are made of, by the kernel's name.
    """

    def __init__(
        self,
        net: FullyConnected,
        X: NDArray[Any],
        widths: Sequence[int],
        seed: int,
        scale: float,
        outputs: str | tuple[int, int],
        names: tuple[str, ...],
    ) -> None:
        self.net, self.X, self.widths, self.seed = net, X, tuple(widths), seed
        self.scale, self.outputs = scale, outputs
        self.sums = dict.fromkeys(names, Sums(0, 0.0, 0.0))
        self._estimates: dict[str, KernelEstimate] = {}

    @property
    def networks(self) -> int:
        """Number of networks."""
        return next(iter(self.sums.values())).networks

    @property
    def ntk(self) -> KernelEstimate:
        """Mean of the empirical NTK, shaped as `FiniteNetwork.ntk`'s; "full" is sample-major."""
        return self._estimate("ntk")

    @property
    def nngp(self) -> KernelEstimate:
        """Mean of the empirical NNGP, (N, N)."""
        return self._estimate("nngp")

    def _estimate(self, name: str) -> KernelEstimate:
        if name not in self.sums:
            raise AttributeError(f"the {name} was not asked for: get has {tuple(self.sums)}")
        count, mean, squares = self.sums[name]
        if count < 2:
            raise ValueError(f"a standard error takes at least two networks, got {count}")
        known = self._estimates.get(name)
        if known is not None and known.networks == count:
            return known
        xp = array_namespace(mean)
        with beside(mean):
            error = xp.sqrt(squares / (count - 1) / count)
            limit = self._limit(name) if known is None else known.limit
        self._estimates[name] = KernelEstimate(mean, error, count, limit)
        return self._estimates[name]

    def _limit(self, name: str) -> Any:
        """Return the limiting kernel, as the empirical one is shaped."""
        (K,) = self.net.kernels(
            self.X, get=(name,), scale=self.scale, dtype="float64", device=place_of(self.X)
        )
        if name == "nngp":
            return K
        C, xp = self.widths[-1], array_namespace(K)
        if self.outputs == "full":
            with beside(K):
                blocks = xp.zeros((len(K), C, len(K), C))
                for k in range(C):
                    blocks[:, k, :, k] = K
                return blocks.reshape(len(K) * C, -1)
        if self.outputs == "trace":
            return C * K
        return K if self.outputs[0] == self.outputs[1] else 0 * K

    def add(self, kernels: dict[str, Any]) -> None:
        """Add another network's kernels, by name."""
        self.sums = {name: self.sums[name].with_one_more(K) for name, K in kernels.items()}

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.networks} networks of widths {self.widths} "
            f"at {len(self.X)} points>"
        )


class MonteCarloInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped an average between two networks.

    Attributes
    ----------
    result : MonteCarloKernels
        Of the networks that were done: ``monte_carlo_kernels(..., start=result)`` goes on.
    """

    def __init__(self, message: str, result: MonteCarloKernels) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.result)


def _norm(K: Any) -> float:
    """Return the Frobenius norm."""
    return math.sqrt(float((K * K).sum()))
