# SPDX-License-Identifier: Apache-2.0
"""Networks of finite width in plain float64 NumPy: backpropagation into a dense Jacobian.

One sample and one output at a time, as the chain rule is written on paper: obvious and slow. A
network is a list of maps z = w W a + c b with an activation between them.
"""

from typing import NamedTuple

import numpy as np

from reference.functions import FUNCTIONS


class Map(NamedTuple):
    """A linear map, and what its parameters' learning rates are multiplied by."""

    W: np.ndarray
    b: np.ndarray
    w: float
    c: float
    weight_rate: float = 1.0
    bias_rate: float = 1.0


# A name of `FUNCTIONS`, or one per hidden layer; with scales (name, b, a) it is a f(b u).
Activations = str | list[str | tuple[str, float, float]]


def value(activation: str, z: np.ndarray) -> np.ndarray:
    """f(z)."""
    return FUNCTIONS[activation].f(z.astype(np.longdouble)).astype(np.float64)


def slope(activation: str, z: np.ndarray) -> np.ndarray:
    """f'(z), that of ReLU at 0 being 0."""
    return FUNCTIONS[activation].df(z.astype(np.longdouble)).astype(np.float64)


def of_layer(activation: Activations, number: int) -> tuple[str, float, float]:
    """Name, input scale and output scale of a hidden layer's activation."""
    one = activation if isinstance(activation, str) else activation[number]
    return (one, 1.0, 1.0) if isinstance(one, str) else one


def trace_of(maps: list[Map], activation: Activations, x: np.ndarray) -> tuple[list, list]:
    """What each map reads, and what it writes, for one sample."""
    reads, writes = [], []
    a = x
    for number, one in enumerate(maps):
        reads.append(a)
        z = one.w * one.W @ a + one.c * one.b
        writes.append(z)
        if number < len(maps) - 1:
            name, b, factor = of_layer(activation, number)
            a = factor * value(name, b * z)
    return reads, writes


def outputs(maps: list[Map], activation: Activations, X: np.ndarray) -> np.ndarray:
    """The outputs, (N, C)."""
    return np.array([trace_of(maps, activation, x)[1][-1] for x in X.astype(np.float64)])


def last_hidden(maps: list[Map], activation: Activations, X: np.ndarray) -> np.ndarray:
    """What the last map reads, (N, n)."""
    return np.array([trace_of(maps, activation, x)[0][-1] for x in X.astype(np.float64)])


def jacobian(maps: list[Map], activation: Activations, X: np.ndarray) -> np.ndarray:
    """df_k(x_i) by all parameters, (N C, P): row i C + k; columns W_0 row by row, b_0, W_1, ..."""
    rows = []
    for x in X.astype(np.float64):
        reads, writes = trace_of(maps, activation, x)
        for k in range(len(writes[-1])):
            signal = np.eye(len(writes[-1]))[k]
            parts = []
            for number in reversed(range(len(maps))):
                one = maps[number]
                parts.append(one.c * signal)
                parts.append(one.w * np.outer(signal, reads[number]).ravel())
                if number > 0:
                    name, b, a = of_layer(activation, number - 1)
                    slopes = a * b * slope(name, b * writes[number - 1])
                    signal = one.w * (one.W.T @ signal) * slopes
            rows.append(np.concatenate(parts[::-1]))
    return np.array(rows)


def rates(maps: list[Map]) -> np.ndarray:
    """What multiplies the learning rate of each parameter, (P,)."""
    return np.concatenate(
        [
            part
            for one in maps
            for part in (
                np.full(one.W.size, one.weight_rate),
                np.full(one.b.size, one.bias_rate),
            )
        ]
    )


def ntk(
    maps: list[Map], activation: Activations, X: np.ndarray, Y: np.ndarray | None = None
) -> np.ndarray:
    """J(X) diag(rates) J(Y)^T, (N C, M C)."""
    J = jacobian(maps, activation, X)
    other = J if Y is None else jacobian(maps, activation, Y)
    return (J * rates(maps)) @ other.T


def layer_kernels(
    maps: list[Map], activation: Activations, X: np.ndarray, Y: np.ndarray | None = None
) -> np.ndarray:
    """Each map's part of the NTK, (L, N C, M C)."""
    only = [
        [
            one if number == chosen else one._replace(weight_rate=0.0, bias_rate=0.0)
            for number, one in enumerate(maps)
        ]
        for chosen in range(len(maps))
    ]
    return np.array([ntk(several, activation, X, Y) for several in only])


def flat(maps: list[Map]) -> np.ndarray:
    """All parameters, (P,), in the order of the Jacobian's columns."""
    return np.concatenate([part.ravel() for one in maps for part in (one.W, one.b)])


def with_flat(maps: list[Map], theta: np.ndarray) -> list[Map]:
    """The same maps with other parameters."""
    new, first = [], 0
    for one in maps:
        middle, end = first + one.W.size, first + one.W.size + one.b.size
        new.append(one._replace(W=theta[first:middle].reshape(one.W.shape), b=theta[middle:end]))
        first = end
    return new


def differences(maps: list[Map], activation: Activations, X: np.ndarray, step: float) -> np.ndarray:
    """Central differences of the outputs by each parameter, (N C, P)."""
    theta = flat(maps)
    columns = []
    for p in range(len(theta)):
        moved = np.zeros_like(theta)
        moved[p] = step
        above = outputs(with_flat(maps, theta + moved), activation, X)
        below = outputs(with_flat(maps, theta - moved), activation, X)
        columns.append((above - below).ravel() / (2 * step))
    return np.array(columns).T
