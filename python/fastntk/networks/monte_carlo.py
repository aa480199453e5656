# SPDX-License-Identifier: Apache-2.0
"""The average of the empirical kernels of random networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk import _backend, _validate
from fastntk._arrays import beside, to_host
from fastntk._memory import Budget
from fastntk._progress import Meter
from fastntk.networks.averages import MonteCarloInterrupted, MonteCarloKernels
from fastntk.networks.initial import count_parameters
from fastntk.networks.network import FiniteNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike

    from fastntk._progress import Progress
    from fastntk.gram.architecture import FullyConnected

KERNELS = ("nngp", "ntk")


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
    >>> from fastntk import FullyConnected
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
        result.sums = dict(start.sums)
    engine = _backend.engine(device, X=points)
    rows = len(points) * (result.widths[-1] if outputs == "full" else 1)
    itemsize = _validate.result_dtype(dtype).itemsize
    sums = len(names) * (7 * 8 + itemsize) * rows**2
    parameters = itemsize * count_parameters(result.widths)
    budget = Budget(engine.budget_bytes(memory), 0, engine.name)
    budget.require(sums + parameters, f"one network and {len(names)} average kernel(s)")
    # A budget that is taken to the byte leaves none, which is no budget: the kernels then ask.
    left, meter = max(1, budget.total - sums - parameters), Meter(progress, "networks", networks)
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
                result.add(dict(zip(names, kernels, strict=True)))
            meter.add(1)
    except KeyboardInterrupt:
        raise MonteCarloInterrupted(
            f"interrupted after {result.networks} of {networks} networks; the exception's result "
            "has them, and start=result goes on",
            result,
        ) from None
    return result


def _require_same(start: MonteCarloKernels, new: MonteCarloKernels) -> None:
    """Require that an average is of the same networks at the same points."""
    if not isinstance(start, MonteCarloKernels):
        raise TypeError(f"start must be a MonteCarloKernels, got {type(start).__name__}")
    for name in ("net", "widths", "seed", "scale", "outputs"):
        if getattr(start, name) != getattr(new, name):
            raise ValueError(
                f"start must have {name}={getattr(new, name)!r}, got {getattr(start, name)!r}"
            )
    if tuple(start.sums) != tuple(new.sums):
        raise ValueError(f"start must have get={tuple(new.sums)}, got {tuple(start.sums)}")
    if not np.array_equal(to_host(start.X), to_host(new.X)):
        raise ValueError("start must be of the same X, got other points")
