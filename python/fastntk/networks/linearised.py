# SPDX-License-Identifier: Apache-2.0
"""Networks linearised in their parameters: f_lin(x) = f_0(x) + J(x) (theta - theta_0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend
from fastntk._arrays import array_namespace, in_library
from fastntk.costs import LeastSquares, direction_norm
from fastntk.networks.arguments import require_finite
from fastntk.networks.closed_form import ClosedForm
from fastntk.networks.network import FiniteNetwork
from fastntk.networks.network_jacobian import NetworkJacobian

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastntk._progress import Progress
    from fastntk.costs import Cost
    from fastntk.networks.problem import Direction
    from fastntk.networks.record import Record, Run


class LinearisedNetwork:
    """A finite network, or a batch, to first order in its parameters.

    Parameters
    ----------
    network : FiniteNetwork
        It is copied: its present parameters are theta_0.

    Attributes
    ----------
    network : FiniteNetwork
        The copy, with the parameters theta_0.
    displacement : ndarray of shape (P,) or (m, P)
        theta - theta_0, zero at first: what training moves. Of the network's dtype, on its device,
        in the order of its ``flat``; it may be written.

    Notes
    -----
    The tangent kernel of f_lin is that of the network at theta_0, for good: its training is kernel
    regression. A wide network follows it, "lazily" [1]_, [2]_, at a distance that is bounded by
    1 / sqrt(width): `distance`.

    References
    ----------
    .. [1] J. Lee et al., "Wide neural networks of any depth evolve as linear models under gradient
       descent", NeurIPS 2019, theorem 2.1.
    .. [2] L. Chizat, E. Oyallon, F. Bach, "On lazy training in differentiable programming", NeurIPS
       2019.

    Examples
    --------
    >>> import numpy as np
    >>> import fastntk as fn
    >>> w = fn.FiniteNetwork(fn.FullyConnected(1), (2, 512, 1), dtype="float64")
    >>> X, y = np.eye(2), np.array([0.5, -0.5])
    >>> lin = w.linearised()
    >>> exact = lin.closed_form(X, y).outputs([20.0])
    >>> run = lin.train(X, y, learning_rate=0.01, steps=2000)
    >>> bool(np.abs(lin(X) - exact[0]).max() < 1e-3)
    True
    """

    def __init__(self, network: FiniteNetwork) -> None:
        self.network = network.copy()
        self.network.require_finite()
        with self.network.engine.here():
            self.displacement = self.network.flat * 0

    @property
    def networks(self) -> int | None:
        """Number of networks in a batch; None for a single one."""
        return self.network.networks

    def __call__(self, X: ArrayLike, scale: float = 1.0) -> Any:
        """Return the outputs at the present displacement, (N, C) or (m, N, C); see `FiniteNetwork`.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            Points.
        scale : float
            Multiplies X.
        """
        data = self.network.points(X, "X")
        change = [
            NetworkJacobian(one, data, scale=scale) @ self._in(moved, array_namespace(data))
            for one, moved in self._each()
        ]
        f = self.network(data, scale)
        with self.network.engine.here():
            result = f + array_namespace(f).stack(change).reshape(f.shape)
        return _backend.like(result, X)

    def train(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        learning_rate: float = 1.0,
        steps: int = 200,
        *,
        cost: Cost | None = None,
        scale: float = 1.0,
        batch_size: int | None = None,
        seed: int | np.random.Generator = 0,
        direction: Direction | None = None,
        flow: bool = False,
        tolerance: float | None = None,
        record: Record | None = None,
        run: Run | None = None,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> Run:
        """Train by gradient descent or gradient flow, with products of the Jacobian only.

        Parameters and results are those of `FiniteNetwork.train`; what moves is the
        ``displacement``. A record has no activations, and its kernels are all those
        of theta_0. A step costs a product with J and one with its transpose; for least squares
        `closed_form` gives the whole flow at once.

        Raises
        ------
        ValueError
            As `FiniteNetwork.train`; a record that asks for activations.
        """
        from fastntk.networks.training import train

        if record is not None and record.activations is not False:
            raise ValueError(
                "record.activations must be False for a linearised network, which has none"
            )
        return train(
            self.network,
            X,
            y,
            learning_rate,
            steps,
            cost=cost,
            scale=scale,
            batch_size=batch_size,
            seed=seed,
            direction=direction,
            flow=flow,
            tolerance=tolerance,
            record=record,
            run=run,
            updates="dense",
            memory=memory,
            threads=None,
            progress=progress,
            linear=self.displacement,
        )

    def closed_form(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        scale: float = 1.0,
        memory: int | str | None = None,
    ) -> ClosedForm:
        """Return the gradient flow of least squares from the present displacement, solved.

        Parameters
        ----------
        X : array_like of shape (N, n_0)
            Points, which are copied.
        y : array_like of shape (N, C) or (m, N, C); for one output also (N,)
            Targets.
        scale : float
            Multiplies X, and the points that are asked for later.
        memory : int or str, optional
            Budget of the kernel and its eigenvectors; what is available by default.

        Returns
        -------
        ClosedForm
            Outputs and parameters at any time, infinity included.

        Raises
        ------
        ValueError
            Shapes that do not fit, or values that are not finite.
        MemoryError
            Three N C x N C matrices in float64 do not fit: said before they are computed.

        Notes
        -----
        The eigenpairs of the N C x N C kernel cost some 9 (N C)^3 operations, once for each
        network.
        """
        with self.network.engine.here():
            data = self.network.points(X, "X").copy()
        f = self(data, scale)
        with self.network.engine.here():
            residual = LeastSquares().direction(f, y)
            require_finite(residual, "y")
            return ClosedForm(self, data, residual, scale, memory)

    def distance(
        self, network: FiniteNetwork | LinearisedNetwork, X: ArrayLike, scale: float = 1.0
    ) -> Any:
        """Return how far the outputs are from a network's: ``sqrt((1/N) sum_i |f_lin - f|^2)``.

        Parameters
        ----------
        network : FiniteNetwork or LinearisedNetwork
            For instance the one that was linearised, after its own training.
        X : array_like of shape (N, n_0)
            Points.
        scale : float
            Multiplies X.

        Returns
        -------
        float, or ndarray of shape (m,) for a batch

        Raises
        ------
        TypeError
            ``network`` is none.
        ValueError
            Outputs of another shape.
        """
        if not isinstance(network, FiniteNetwork | LinearisedNetwork):
            raise TypeError(
                f"network must be a FiniteNetwork or a LinearisedNetwork, got {network!r}"
            )
        ours, theirs = self(X, scale), network(X, scale)
        if ours.shape != theirs.shape:
            raise ValueError(
                f"network must have outputs of shape {ours.shape} like this one's, "
                f"got {theirs.shape}"
            )
        norm = direction_norm(ours - theirs)
        return float(norm) if self.networks is None else norm

    def _each(self) -> list[tuple[FiniteNetwork, Any]]:
        """Return each network with its displacement."""
        if self.networks is None:
            return [(self.network, self.displacement)]
        return [(self.network[i], self.displacement[i]) for i in range(self.networks)]

    def _in(self, moved: Any, xp: Any) -> Any:
        with self.network.engine.here():
            return in_library(moved, xp)
