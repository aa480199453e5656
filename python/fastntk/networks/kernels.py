# SPDX-License-Identifier: Apache-2.0
"""The empirical kernels of one finite network: their terms and factors.

The NTK of training at rates eta r_l and eta q_l is

    Theta[(i, k), (j, k')]
        = sum_l (D_l[(i, k)] . D_l[(j, k')]) (alpha_l a_l(x_i) . a_l(x_j) + beta_l)

with alpha_l = w_l^2 r_l and beta_l = c_l^2 q_l. Its trace over outputs is the same formula for the
signals of all outputs side by side; its block (k, k') that for the signals of k on the left and of
k' on the right. The NNGP is the covariance of the outputs over draws of the last map alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _validate
from fastntk._arrays import array_namespace
from fastntk.activations.facts import why_no_ntk
from fastntk.gram.empirical import Outputs, Plane, Term
from fastntk.networks.passes import downwards, forward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastntk._backend import Engine
    from fastntk.networks.layer import Layer

# Fixed-point rows are whole runs of so many numbers; what a row takes besides.
_RUN = 64
_ROW_BYTES = 32


@dataclass(frozen=True)
class NetworkSides:
    """Terms of a network's kernels; see `fastntk.gram.empirical.Sides`.

    Attributes
    ----------
    layers : sequence of Layer
        The network.
    engine : Engine
        Its device.
    dtype : dtype
        Of its parameters.
    planes : tuple of Plane
        The kernels.
    outputs : "full", "trace" or (int, int)
        Which blocks of the NTK.
    scale : float
        Multiplies the points.
    lowest : int
        The first map whose signals are needed.
    threads : int
        Of the activations.
    """

    layers: Sequence[Layer]
    engine: Engine
    dtype: np.dtype[Any]
    planes: tuple[Plane, ...]
    outputs: Outputs
    scale: float
    lowest: int
    threads: int = 0

    @property
    def symmetric(self) -> bool:
        """Whether rows and columns of the same points have the same terms."""
        return isinstance(self.outputs, str) or self.outputs[0] == self.outputs[1]

    @property
    def bytes_per_point(self) -> int:
        """Activations, preactivations, signals, and the engine's copies of the terms."""
        inputs = [layer.weight.shape[1] for layer in self.layers]
        C = self.layers[-1].weight.shape[0]
        R = C if isinstance(self.outputs, str) else 1
        hidden, outputs = inputs[1:], inputs[self.lowest + 1 :]
        own = sum(inputs) + sum(hidden) + R * sum(outputs) + C
        rows = [(1, n) for n in inputs]
        rows += [(1, R * n) if self.outputs == "trace" else (R, n) for n in outputs]
        copies = sum(count * self._copied_bytes(n) for count, n in rows)
        return int(self.dtype.itemsize * own + copies)

    def _copied_bytes(self, n: int) -> int:
        """Bytes of a row of n numbers in the engine: as they are, and in 24-bit fixed point.

        Either way is packed only where it is the better one, which the numbers decide.
        """
        fixed = 3 * _RUN * -(-n // _RUN) if self.dtype == np.float32 else 0
        return self.dtype.itemsize * n + fixed + _ROW_BYTES

    def rows(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give the terms of points as rows, from the last map down."""
        return self._terms(X, 0)

    def columns(self, X: NDArray[Any]) -> Iterator[tuple[int, Term]]:
        """Give the terms of points as columns, from the last map down."""
        return self._terms(X, 1)

    def _terms(self, X: NDArray[Any], side: int) -> Iterator[tuple[int, Term]]:
        with self._quietly():
            a_0 = scaled(X, self.scale, self.dtype, self.engine)
            state = forward(self.layers, a_0, self.engine, self.threads)
            require_finite_outputs(state.outputs, self.dtype)
            seeds = None
            if not isinstance(self.outputs, str):
                seeds = self.engine.xp.zeros(state.outputs.shape, self.dtype)
                seeds[:, self.outputs[side]] = 1
        steps = downwards(self.layers, state, self.engine, seeds, self.lowest, self.threads)
        while True:
            with self._quietly():
                number, D = next(steps, (-1, None))
            if number < 0:
                return
            # What the steps before needed goes, as does what this one gave, when it is used.
            del state.preactivations[number:]
            if number == len(self.layers) - 1:
                D = None  # the factors of the last map know which outputs are meant
            elif self.outputs == "trace" and D is not None:
                D = D.reshape(len(X), -1)
            yield number, (state.activations.pop(), D)

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """Compute on the network's device; overflow is found in the outputs, and said there."""
        with self.engine.here(), np.errstate(over="ignore", invalid="ignore"):
            yield


def scaled(X: NDArray[Any], scale: float, dtype: np.dtype[Any], engine: Engine) -> Any:
    """Return a_0: points of any type, scaled, as an array of the engine.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Checked; copied if it is of another type or scaled.
    scale : float
        Positive.
    dtype : dtype
        Of the result.
    engine : Engine
        Whose array it will be.
    """
    factor = _validate.positive(scale, "scale")
    with engine.here():
        points = engine.asarray(X)
        if factor == 1:
            return points.astype(dtype, copy=False)
        a_0 = points.astype(dtype)
        a_0 *= dtype.type(factor)
        return a_0


def require_finite_outputs(f: Any, dtype: np.dtype[Any]) -> None:
    """Require that outputs are finite: an overflow in any layer reaches them."""
    if not array_namespace(f).isfinite(f).all():
        raise ValueError(
            f"scale, X and the parameters must keep the outputs within {dtype}, got infinity or NaN"
        )


def planes_of(
    names: Sequence[str], layers: Sequence[Layer], nngp: tuple[float, float], outputs: Outputs
) -> tuple[tuple[Plane, ...], int]:
    """Return the planes of kernels, and the first map whose signals they need.

    Parameters
    ----------
    names : sequence of {"ntk", "layers", "nngp"}
        The kernels; "layers" has a plane per map.
    layers : sequence of Layer
        The network.
    nngp : (float, float)
        alpha and beta of the NNGP.
    outputs : "full", "trace" or (int, int)
        Which blocks of the NTK.

    Raises
    ------
    ValueError
        Signals are needed that pass an activation which jumps.
    """
    last = len(layers) - 1
    C = layers[last].weight.shape[0]
    per_point = C if outputs == "full" else 1
    factors = [layer.kernel_factors for layer in layers]
    if outputs != "full":
        # What one row per point leaves of the identity over outputs.
        share = C if outputs == "trace" else float(outputs[0] == outputs[1])
        factors[last] = (share * factors[last][0], share * factors[last][1])
    needed = [number for number, pair in enumerate(factors) if any(pair)] or [last]
    planes: list[Plane] = []
    lowest = last
    for name in names:
        if name == "nngp":
            planes.append(Plane((last,), (nngp,), 1))
        elif name == "ntk":
            pairs = tuple(factors[number] for number in needed)
            planes.append(Plane(tuple(needed), pairs, per_point))
        else:
            planes += [Plane((number,), (pair,), per_point) for number, pair in enumerate(factors)]
        first = {"nngp": last, "ntk": needed[0], "layers": 0}[name]
        for layer in layers[first:last]:
            if layer.activation is not None and not layer.activation.has_ntk:
                raise ValueError(why_no_ntk(repr(name), layer.activation))
        lowest = min(lowest, first)
    return tuple(planes), lowest


def result_shapes(
    names: Sequence[str], planes: Sequence[Plane], n: int, m: int, maps: int, networks: int | None
) -> list[tuple[int, ...]]:
    """Return the shape of each kernel between n and m points.

    Parameters
    ----------
    names, planes
        The kernels, and the planes of `planes_of`.
    n, m : int
        Points.
    maps : int
        Linear maps, for "layers".
    networks : int or None
        Networks of the batch, if it is one.
    """
    shapes, first = [], 0
    for name in names:
        C = planes[first].outputs
        several = (maps,) if name == "layers" else ()
        batch = () if networks is None else (networks,)
        shapes.append((*batch, *several, n * C, m * C))
        first += maps if several else 1
    return shapes


def matrices_of(K: Any, name: str, networks: int | None) -> list[list[Any]]:
    """Return the matrices of a result, one per plane, for each network of a batch."""
    batch = [K] if networks is None else list(K)
    return [list(one) if name == "layers" else [one] for one in batch]
