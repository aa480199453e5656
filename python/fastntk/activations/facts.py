# SPDX-License-Identifier: Apache-2.0
"""What the theorems ask of a nonlinearity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """Which theorems of Jacot, Gabriel and Hongler (2018) cover a function.

    Attributes
    ----------
    lipschitz : bool
        Theorem 1, the limit at initialisation, asks for it.
    smooth : bool
        Twice differentiable with a bounded second derivative: Theorem 2, the limit in training,
        asks for it beside ``lipschitz``.
    has_ntk : bool
        Whether f' is a function. That of a jump is a point mass, for which E[f'(u) f'(v)] is
        infinite where u = v.
    """

    lipschitz: bool
    smooth: bool
    has_ntk: bool = True


KINKED = Facts(lipschitz=True, smooth=False)
SMOOTH = Facts(lipschitz=True, smooth=True)
STEEP = Facts(lipschitz=False, smooth=False)
JUMPING = Facts(lipschitz=False, smooth=False, has_ntk=False)


def of_polynomial(degree: int) -> Facts:
    """Return the facts of polynomials of a degree."""
    return Facts(lipschitz=degree <= 1, smooth=degree <= 2)


def why_no_ntk(what: str, activation: object) -> str:
    """Return what is said where the derivative of a function that jumps is asked for."""
    return (
        f"{what} needs the derivative of activation {activation}, which jumps: it is a point mass, "
        "so that there is no NTK; the NNGP there is"
    )


def covering(facts: Facts) -> str:
    """Return in words what covers a function."""
    if not facts.has_ntk:
        return "outside the theory: not Lipschitz, it jumps; it has an NNGP and no NTK"
    if not facts.lipschitz:
        return "outside the theory: not Lipschitz"
    if facts.smooth:
        return "Theorem 1 (limit at initialisation) and Theorem 2 (training)"
    return (
        "Theorem 1 (limit at initialisation); Theorem 2 (training) asks for a bounded second "
        "derivative too, which by footnote 1 is probably not needed"
    )
