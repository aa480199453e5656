# SPDX-License-Identifier: Apache-2.0
"""Averages of the empirical kernels of random networks, and how far they are from the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import array_namespace, beside, place_of, to_host
from fastntk._memory import Budget
from fastntk._progress import Meter
from fastntk.networks.initial import count_parameters
from fastntk.networks.network import FiniteNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected

KERNELS = ("nngp", "ntk")


class Distance(NamedTuple):
    """A distance to the limit, relative to the limit's size, and the error of it."""

    value: float
    error: float


class _Sums(NamedTuple):
    """Welford's sums of a kernel: replaced as a whole, so that Ctrl-C leaves none half done."""

    networks: int
    mean: Any
    squares: Any

    def with_one_more(self, K: Any) -> _Sums:
        networks = self.networks + 1
        delta = K - self.mean
        mean = self.mean + delta / networks
        return _Sums(networks, mean, self.squares + delta * (K - mean))


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
        self._sums: dict[str, _Sums] = dict.fromkeys(names, _Sums(0, 0.0, 0.0))

    @property
    def networks(self) -> int:
        """Number of networks."""
        return next(iter(self._sums.values())).networks

    @property
    def ntk(self) -> KernelEstimate:
        """Mean of the empirical NTK, shaped as `FiniteNetwork.ntk`'s; "full" is sample-major."""
        return self._estimate("ntk")

    @property
    def nngp(self) -> KernelEstimate:
        """Mean of the empirical NNGP, (N, N)."""
        return self._estimate("nngp")

    def _estimate(self, name: str) -> KernelEstimate:
        if name not in self._sums:
            raise AttributeError(f"the {name} was not asked for: get has {tuple(self._sums)}")
        count, mean, squares = self._sums[name]
        if count < 2:
            raise ValueError(f"a standard error takes at least two networks, got {count}")
        xp = array_namespace(mean)
        with beside(mean):
            error = xp.sqrt(squares / (count - 1) / count)
            return KernelEstimate(mean, error, count, self._limit(name))

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

    def _add(self, kernels: dict[str, Any]) -> None:
        self._sums = {name: self._sums[name].with_one_more(K) for name, K in kernels.items()}

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


def monte_carlo_kernels(
    net: FullyConnected,
    X: ArrayLike,
    widths: Sequence[int],
    *,
    networks: int = 100,
    seed: int = 0,
    get: tuple[str, ...] = KERNELS,
    outputs: str | tuple[int, int] = "full",
    scale: float = 1.0,
    dtype: DTypeLike = "float32",
    device: str = "auto",
    threads: int | None = None,
    memory: int | str | None = None,
    start: MonteCarloKernels | None = None,
    progress: Progress | None = None,
) -> MonteCarloKernels:
    """Average the empirical kernels of random networks in the NTK parametrisation.

    Parameters
    ----------
    net : FullyConnected
        The architecture.
    X : array_like of shape (N, n_0)
        The points.
    widths : sequence of int
        n_0 .. n_L.
    networks : int
        How many, at least 2: those that ``FiniteNetwork(net, widths, seed=seed,
        networks=networks)`` draws. One is held at a time.
    seed : int
        Same seed, same networks.
    get : tuple of {"nngp", "ntk"}
        Which kernels.
    outputs : {"full", "trace"} or (int, int)
        Which blocks of the NTK, see `FiniteNetwork.ntk`.
    scale : float
        Multiplies X.
    dtype : {"float32", "float64"}
        Of the networks; means are in float64.
    device, threads
        As for `FiniteNetwork`.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; by default half of what is available.
    start : MonteCarloKernels, optional
        An average of fewer of these networks, to go on from: same arguments, same seed.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    MonteCarloKernels
        ``ntk`` and ``nngp``, each with ``mean``, ``standard_error``, ``limit``, ``distance()``.

    Raises
    ------
    ValueError
        Fewer than two networks, another argument out of range, or a ``start`` of other arguments.
    MemoryError
        One network and the sums do not fit the budget: said before anything is drawn.
    MonteCarloInterrupted
        Ctrl-C, a KeyboardInterrupt: ``result`` has the networks that were done.

    Notes
    -----
    Memory beside one network and its kernels: seven float64 matrices per kernel. Sums are
    Welford's [1]_: none cancels.

    The diagonal's mean is the limit at any width for ReLU, whose layers keep expected squares;
    between different points the mean is off by O(1 / n): with three hidden layers of n = 4 units
    the NTK of opposite points is 22 % too small.

    References
    ----------
    .. [1] B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
       Technometrics 4 (1962), 419-420.

    Examples
    --------
    >>> import numpy as np
    >>> net = FullyConnected(hidden_layers=2)
    >>> average = monte_carlo_kernels(net, np.eye(3), (3, 32, 32, 1), networks=20)
    >>> average.ntk.mean.shape, average.networks
    ((3, 3), 20)
    """
    networks = _validate.integer(networks, "networks", at_least=2)
    names = (get,) if isinstance(get, str) else tuple(dict.fromkeys(get))
    for name in names or ("",):
        _validate.choice(name, "get", KERNELS)
    points = _validate.samples(X, copy=True)
    result = MonteCarloKernels(net, points, widths, seed, scale, outputs, names)
    if start is not None:
        _require_same(start, result)
        result._sums = dict(start._sums)
    engine = _backend.engine(device, X=points)
    rows = len(points) * (result.widths[-1] if outputs == "full" else 1)
    itemsize = _validate.result_dtype(dtype).itemsize
    sums = len(names) * (7 * 8 + itemsize) * rows**2
    parameters = itemsize * count_parameters(result.widths)
    budget = Budget(engine.budget_bytes(memory), 0, engine.name)
    budget.require(sums + parameters, f"one network and {len(names)} average kernel(s)")
    left, meter = budget.total - sums - parameters, Meter(progress, "networks", networks)
    meter.add(result.networks)
    try:
        for number in range(result.networks, networks):
            w = FiniteNetwork(
                net, widths, seed=seed, networks=[number], dtype=dtype, device=engine.name
            )[0]
            kernels = w.kernels(
                points, get=names, scale=scale, outputs=outputs, memory=left, threads=threads
            )
            with beside(kernels[0]):
                result._add(dict(zip(names, kernels, strict=True)))
            meter.add(1)
    except KeyboardInterrupt:
        raise MonteCarloInterrupted(
            f"interrupted after {result.networks} of {networks} networks; the exception's result "
            "has them, and start=result goes on",
            result,
        ) from None
    return result


def _norm(K: Any) -> float:
    """Return the Frobenius norm."""
    return math.sqrt(float((K * K).sum()))


def _require_same(start: MonteCarloKernels, new: MonteCarloKernels) -> None:
    """Require that an average is of the same networks at the same points."""
    if not isinstance(start, MonteCarloKernels):
        raise TypeError(f"start must be a MonteCarloKernels, got {type(start).__name__}")
    for name in ("net", "widths", "seed", "scale", "outputs"):
        if getattr(start, name) != getattr(new, name):
            raise ValueError(
                f"start must have {name}={getattr(new, name)!r}, got {getattr(start, name)!r}"
            )
    if tuple(start._sums) != tuple(new._sums):
        raise ValueError(f"start must have get={tuple(new._sums)}, got {tuple(start._sums)}")
    if not np.array_equal(to_host(start.X), to_host(new.X)):
        raise ValueError("start must be of the same X, got other points")
