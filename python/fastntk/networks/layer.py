# SPDX-License-Identifier: Apache-2.0
"""One linear map of a finite network with the activation behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fastntk._backend import Engine
    from fastntk.activations import Activation


class Weight(Protocol):
    """A matrix W of shape (n', n), known by its products."""

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the map."""

    @property
    def array(self) -> Any:
        """The whole matrix, (n', n)."""

    def times(self, A: Any) -> Any:
        """Return A W^T, (rows, n'), of activations (rows, n): a new array."""

    def transposed_times(self, D: Any) -> Any:
        """Return D W, (rows, n), of signals (rows, n'): a new array."""


@dataclass(frozen=True)
class DenseWeight:
    """A stored weight matrix.

    Attributes
    ----------
    array : ndarray of shape (n', n)
        C-contiguous, on the engine's device; products read it when they are asked for.
    engine : Engine
        Computes the products.
    """

    array: Any
    engine: Engine

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the map."""
        rows, columns = self.array.shape
        return rows, columns

    def times(self, A: Any) -> Any:
        """Return A W^T."""
        return self.engine.rows_product(A, self.array)

    def transposed_times(self, D: Any) -> Any:
        """Return D W."""
        return self.engine.product(D, self.array)


@dataclass(frozen=True)
class Layer:
    """z = weight_factor a W^T + bias_factor b, and g(z) of an activation a g(b u).

    Attributes
    ----------
    weight : Weight
        W of shape (n', n).
    bias : ndarray of shape (n',)
        On the device of the weights.
    weight_factor, bias_factor : float
        Of the parametrisation.
    activation : Activation or None
        Behind the map, its scales being in the factors; None behind the last one.
    weight_rate, bias_rate : float
        Multiply the learning rate; 0 for what is not trained.
    """

    weight: Weight
    bias: Any
    weight_factor: float
    bias_factor: float
    activation: Activation | None
    weight_rate: float = 1.0
    bias_rate: float = 1.0

    @property
    def trained(self) -> bool:
        """Whether any of its parameters is."""
        return self.weight_rate > 0 or self.bias_rate > 0

    @property
    def kernel_factors(self) -> tuple[float, float]:
        """What the inner products of activations, and 1, count in the NTK of training."""
        return (
            self.weight_factor**2 * self.weight_rate,
            self.bias_factor**2 * self.bias_rate,
        )
