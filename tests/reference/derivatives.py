# SPDX-License-Identifier: Apache-2.0
"""Derivatives of kernel entries by weight_std and bias_std: differences of mpmath kernels.

The central difference of a step of 1e-20 of the parameter errs by its square, and keeps 60 of the
80 digits of `reference.multiprecision`. K is an even function of bias_std, whose derivative is
taken to be 0 where bias_std is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

from reference import data
from reference.exact import to_longdouble
from reference.multiprecision import DIGITS, Entry, _inner, _recursion
from reference.network import Network, NetworkLike


class Derivatives(NamedTuple):
    """One pair of points: derivatives of Sigma of the last layer, and of Theta."""

    nngp: mpf
    ntk: mpf


@dataclass(frozen=True)
class _Varied:
    """A network with parameters of many digits."""

    hidden_layers: int
    activation: str
    weight_std: mpf
    bias_std: mpf
    init_std: None = None


def derivatives(
    net: NetworkLike,
    X: np.ndarray,
    Y: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    parameter: str,
    scale: float = 1.0,
) -> list[Derivatives]:
    """Derivatives of entries (i, j) of the kernels of X's rows with Y's rows.

    Parameters
    ----------
    net, X, Y, pairs, scale
        As for `reference.multiprecision.entries`.
    parameter : {"weight_std", "bias_std"}
        What the derivatives are by.
    """
    with mp.workdps(DIGITS):
        unit = mpf(scale) ** 2 / X.shape[1]
        at = mpf(getattr(net, parameter))
        step = at * mpf(10) ** -20

        def kernels(value: mpf, products: tuple[mpf, mpf, mpf]) -> Entry:
            values = {"weight_std": mpf(net.weight_std), "bias_std": mpf(net.bias_std)}
            values[parameter] = value
            return _recursion(_Varied(net.hidden_layers, net.activation, **values), *products)

        found = []
        for i, j in pairs:
            if step == 0:
                found.append(Derivatives(mpf(0), mpf(0)))
                continue
            products = tuple(
                unit * _inner(a, b) for a, b in ((X[i], X[i]), (Y[j], Y[j]), (X[i], Y[j]))
            )
            above, below = (kernels(at + sign * step, products) for sign in (1, -1))
            found.append(
                Derivatives(
                    (above.nngp - below.nngp) / (2 * step), (above.ntk - below.ntk) / (2 * step)
                )
            )
        return found


@lru_cache(maxsize=256)
def sampled(name: str, net: Network, parameter: str) -> dict[str, np.ndarray]:
    """Derivatives of "nngp" and "ntk" at the case's chosen pairs, as np.longdouble."""
    X, scale, pairs = data.case(name)
    found = derivatives(net, X, X, pairs, parameter, scale)
    return {
        kernel: np.array([to_longdouble(getattr(entry, kernel)) for entry in found])
        for kernel in Derivatives._fields
    }
