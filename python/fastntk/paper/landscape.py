# SPDX-License-Identifier: Apache-2.0
"""The cost over a plane: convex in the space of functions, not in that of parameters.

The paper's introduction and section 3 rest on this: as a function of f the cost of least squares is
convex, as a function of the parameters it is not. Networks of the task of section 6.1 are trained;
then, with theta_T their parameters, the cost at theta_T + a u + b v stands beside that at the
functions f_T + a J u + b J v, J being the Jacobian at theta_T: the plane in function space that the
plane in parameter space touches. There are two planes: a random one, each array of its directions
as long as that array of theta_T, and the one on which the training lies at its start, middle and
end.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import fastntk as fn
from fastntk.paper import circle, planes
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome
from fastntk.paper.landscape_plot import draw
from fastntk.paper.parts import digest

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.paper.parts import Parts

NAME, TITLE = "landscape", "Convex in the space of functions, not in that of parameters"
_WIDTHS, _QUICK_WIDTHS = (20, 1000), (20, 300)
_CELLS, _QUICK_CELLS = 41, 21
#: A random plane reaches as far as the parameters are long; that of training, beyond both ends.
_RANDOM = (-1.0, 1.0)
_ALONG, _ACROSS = (-1.4, 0.5), (-0.95, 0.95)
PLANES = ("random", "training")
# Steps until the point of the training that decides its plane, beside its ends.
_MIDDLE = 10
# Share of a surface that is not convex by more than chance and rounding.
_SOME = 0.05
# Of a derivative by differences: the step, within which no kink of ReLU is likely, and its error,
# rounding over the step, relative to the derivative.
_STEP, _DERIVATIVE = 1e-8, 1e-5
# Of second differences of a quadratic cost in float64, relative to the largest one.
_QUADRATIC = 1e-6


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Compute the cost over both planes, for a narrow and a wide network.

    The arrays of each width n and plane p are ``n_p_a`` (A,), ``n_p_b`` (B,), the coordinates;
    ``n_p_parameters`` (A, B) and ``n_p_functions`` (A, B), the cost; ``n_p_curvature``
    (A - 2, B - 2), the least second derivative of the first; ``n_p_hessian`` (2, 2), of the second;
    ``n_p_derivative`` (), how far J u is from differences, relative; and of the plane of training
    ``n_training_path`` (S, 2).
    """
    widths, cells = (_QUICK_WIDTHS, _QUICK_CELLS) if quick else (_WIDTHS, _CELLS)
    settings = {
        "seed": seed,
        "hidden_layers": circle.HIDDEN_LAYERS,
        "bias_std": circle.BIAS_STD,
        "points": circle.POINTS,
        "learning_rate": circle.LEARNING_RATE,
        "steps": circle.STEPS,
        "cells": cells,
        "random": list(_RANDOM),
        "along": list(_ALONG),
        "across": list(_ACROSS),
        "middle": _MIDDLE,
        "every": planes.EVERY,
        "difference": _STEP,
        "data": digest(*circle.data(seed)),
    }
    arrays: dict[str, Any] = {}
    for width in widths:
        part = parts.of(
            f"{NAME}-n{width}",
            {**settings, "width": width},
            lambda width=width: _of_width(width, cells, seed, progress, device),  # type: ignore[misc]
        )
        arrays |= {f"{width}_{name}": array for name, array in part.items()}
    return Outcome(
        NAME,
        TITLE,
        arrays,
        _claims(widths, arrays),
        {**settings, "quick": quick, "widths": list(widths), "planes": list(PLANES)},
        checks=_checks(widths, arrays),
        notes=[
            "The paper has no such figure; the task is that of section 6.1, and planes are at the "
            "trained networks."
        ],
    )


def _of_width(
    width: int, cells: int, seed: int, progress: Progress | None, device: str
) -> dict[str, Any]:
    """Train one network, and compute the cost over both planes."""
    w = fn.FiniteNetwork(
        circle.limiting_network(),
        (2, *[width] * circle.HIDDEN_LAYERS, 1),
        seed=seed,
        networks=[0],
        dtype="float64",
        device=device,
    )[0]
    X, y = circle.data(seed)
    along, across, path = planes.of_training(w, X, y, circle.STEPS, _MIDDLE)
    u, v = planes.random_directions(w, seed)
    coordinates = {
        "random": (u, v, *[np.linspace(*_RANDOM, cells)] * 2),
        "training": (
            along,
            across,
            np.linspace(*_ALONG, cells),
            np.linspace(*_ACROSS, cells),
        ),
    }
    found: dict[str, Any] = {"training_path": path}
    for plane, (one, two, a, b) in coordinates.items():
        stage = f"{NAME}: n = {width:,}, {plane} plane"
        told = None if progress is None else partial(progress, stage)
        surface = planes.Plane(w, one, two, X, y)
        derivative = surface.derivative_by_differences(_STEP)
        exact = surface.tangents[0]
        own = surface.in_parameters(a, b, told)
        found |= {
            f"{plane}_a": a,
            f"{plane}_b": b,
            f"{plane}_parameters": own,
            f"{plane}_curvature": planes.least_curvature(own, a, b),
            f"{plane}_functions": surface.in_functions(a, b),
            f"{plane}_hessian": surface.hessian,
            f"{plane}_derivative": np.linalg.norm(derivative - exact) / np.linalg.norm(exact),
        }
    return found


def _claims(widths: tuple[int, int], arrays: dict[str, Any]) -> list[Claim]:
    lowest = {
        plane: min(
            planes.least_curvature(
                *(arrays[f"{n}_{plane}_{name}"] for name in ("functions", "a", "b"))
            ).min()
            for n in widths
        )
        for plane in PLANES
    }
    random = {n: arrays[f"{n}_random_curvature"] for n in widths}
    negative = " and ".join(
        f"{(random[n] < 0).mean():.0%} of it at n = {n:,} (down to {random[n].min():.2g})"
        for n in widths
    )
    apart = {n: _apart(arrays, n) for n in widths}
    return [
        Claim(
            "the cost in the space of functions",
            "convex",
            f"its second differences are at least {lowest['random']:.3g} on the random "
            f"planes and {lowest['training']:.3g} on those of training",
            min(lowest.values()) > 0,
        ),
        Claim(
            "the cost in the space of parameters, on a random plane",
            "not convex",
            f"a negative second derivative on {negative}",
            all((curvature < 0).mean() > _SOME for curvature in random.values()),
        ),
        Claim(
            "the cost on the plane of training",
            "in the limit of wide networks, that of functions",
            "RMS difference of the two, relative to the cost of functions: "
            + " and ".join(f"{apart[n]:.1%} at n = {n:,}" for n in widths),
            apart[widths[1]] < apart[widths[0]],
        ),
    ]


def _apart(arrays: dict[str, Any], width: int) -> float:
    own, exact = (arrays[f"{width}_training_{what}"] for what in ("parameters", "functions"))
    return float(np.sqrt(((own - exact) ** 2).mean() / (exact**2).mean()))


def _checks(widths: tuple[int, int], arrays: dict[str, Any]) -> list[Check]:
    checks = []
    for n in widths:
        for plane in PLANES:
            least = planes.least_curvature(
                *(arrays[f"{n}_{plane}_{name}"] for name in ("functions", "a", "b"))
            )
            values = np.linalg.eigvalsh(arrays[f"{n}_{plane}_hessian"])
            checks.append(
                Check(
                    f"second differences of the functions' cost, n = {n:,}, {plane} plane",
                    float(np.abs(least - values[0]).max() / values[1]),
                    _QUADRATIC,
                )
            )
            checks.append(
                Check(
                    f"the tangent plane's direction by differences, n = {n:,}, {plane} plane",
                    float(arrays[f"{n}_{plane}_derivative"]),
                    _DERIVATIVE,
                )
            )
    return checks


def memory(quick: bool) -> int:
    """Return the bytes of the network in float64, its directions and copies; ten at most."""
    return 10 * 2 * circle.parameter_bytes((_QUICK_WIDTHS if quick else _WIDTHS)[-1])


EXPERIMENT = Experiment(NAME, TITLE, run, draw, memory)
