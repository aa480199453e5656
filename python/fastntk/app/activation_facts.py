# SPDX-License-Identifier: Apache-2.0
"""Facts about a nonlinearity, for ``fastntk info --activation``."""

from __future__ import annotations

from typing import Any

from fastntk.activations import as_activation
from fastntk.activations.definitions import Functor
from fastntk.activations.facts import covering


def facts(text: str) -> dict[str, dict[str, Any]]:
    """Return what there is to say of an activation, as `machine.facts` of the machine.

    Raises
    ------
    ValueError
        There is no such activation.
    """
    f = as_activation(text)
    square, slope = f.dual(1.0, 1.0, 1.0)
    closed = isinstance(f.base, Functor)
    known: dict[str, Any] = {
        "name": str(f),
        "Lipschitz": f.lipschitz,
        "smooth": f.smooth,
        "NTK": f.has_ntk,
        "theory": covering(f.facts),
        "kernels": "closed form" if closed else "tabulated for the variances of the data",
        "E[f(u)^2], u ~ N(0, 1)": square,
    }
    if f.has_ntk:
        known["E[f'(u)^2], u ~ N(0, 1)"] = slope
    return {"activation": known}
