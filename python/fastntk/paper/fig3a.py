# SPDX-License-Identifier: Apache-2.0
"""Figure 3a: 512 digits in the plane of the 2nd and 3rd kernel principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _ink as ink
from fastntk._component_plane import component_plane
from fastntk.paper import digits
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fastntk._progress import Progress
    from fastntk.paper.digits import Array
    from fastntk.paper.parts import Parts

NAME, TITLE = "fig3a", "512 digits in the plane of the 2nd and 3rd components of the NTK"
# Components counted from 0.
_PLANE = (1, 2)
# How much of a component's variance classes explain is compared with this many shuffles of them.
_SHUFFLES = 200
_ROUNDING = 1e-9


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Compute the components of the limiting kernel.

    The arrays are ``functions`` (512, 3), f^(1) to f^(3) at the batch, of unit p_in norm,
    ``values`` (3,) of K/N, ``labels`` (512,), ``rows`` (512,) of the data set, ``explained`` (3,),
    the share of each component's variance that the class explains, and ``shuffled`` (shuffles, 3),
    the same of labels in random order.
    """
    source = digits.load(quick, progress)
    data = source.batch(seed)
    kernel = digits.limiting_kernel(data, digits.limiting_network(), device)
    found = digits.components(kernel)
    assert data.y is not None
    rng = np.random.default_rng(seed)
    arrays: dict[str, Any] = {
        "functions": found.functions,
        "values": found.values,
        "labels": data.y,
        "rows": data.indices,
        "explained": explained(found.functions, data.y),
        "shuffled": np.array(
            [explained(found.functions, rng.permutation(data.y)) for _ in range(_SHUFFLES)]
        ),
    }
    settings = {
        "quick": quick,
        "seed": seed,
        "data": source.data.name,
        "points": digits.POINTS,
        "hidden_layers": digits.HIDDEN_LAYERS,
        "bias_std": digits.BIAS_STD,
    }
    claims = _claims(arrays)
    residuals = kernel @ found.functions - found.functions * found.values
    return Outcome(
        NAME,
        TITLE,
        arrays,
        source.verdicts(claims),
        settings,
        checks=[
            Check(
                "||K f - lambda f|| / N of the components, relative to lambda_1",
                float(np.sqrt((residuals**2).mean(axis=0)).max() / found.values[0]),
                _ROUNDING,
            )
        ],
        notes=[
            *source.notes,
            digits.DEPTH_NOTE,
            "Components are those of the exact limiting kernel; the paper's are those of one "
            "network of n = 10,000. Their signs are free.",
        ],
    )


def explained(functions: Array, labels: NDArray[Any]) -> Array:
    """Return the share of the variance of functions (N, k) that lies between classes, (k,)."""
    centred = functions - functions.mean(axis=0)
    between = np.zeros(functions.shape[1])
    for label in np.unique(labels):
        own = centred[labels == label]
        between += len(own) * own.mean(axis=0) ** 2
    return np.asarray(between / (centred**2).sum(axis=0))


def _claims(arrays: dict[str, Any]) -> list[Claim]:
    functions, shares, shuffled = arrays["functions"], arrays["explained"], arrays["shuffled"]
    cosines = [digits.cosine_with_constant(f) for f in functions.T]
    chance = np.quantile(shuffled[:, list(_PLANE)], 0.99, axis=0)
    plane = shares[list(_PLANE)]
    return [
        Claim(
            "the first component",
            "almost equal to the constant function",
            f"cosine with the constant {cosines[0]:.4f}; of the 2nd and 3rd {cosines[1]:.3f} and "
            f"{cosines[2]:.3f}",
            cosines[0] > 0.99,
        ),
        Claim(
            "the next two components",
            "much more interesting",
            f"the class explains {plane[0]:.0%} and {plane[1]:.0%} of their variance, of shuffled "
            f"labels {chance.max():.1%} at most in 99 of 100",
            bool((plane > chance).all()),
        ),
    ]


def draw(outcome: Outcome) -> Figure:
    """Draw every digit where its 2nd and 3rd components are."""
    arrays, settings = outcome.arrays, outcome.settings
    return component_plane(
        arrays["functions"][:, list(_PLANE)],
        arrays["values"][list(_PLANE)],
        arrays["labels"],
        (_PLANE[0] + 1, _PLANE[1] + 1),
        title=outcome.title,
        subtitle=f"{settings['data']}; " + ink.network_words(digits.limiting_network()),
    )


def memory(quick: bool) -> int:
    """Return the bytes of a few kernels."""
    return 8 * 8 * digits.POINTS**2


EXPERIMENT = Experiment(NAME, TITLE, run, draw, memory)
