# SPDX-License-Identifier: Apache-2.0
"""The eigenvalues of section 6.3: of the exact limit, of a wide network, and of other batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk.paper import circle, digits, table_plot
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome
from fastntk.paper.power_iteration import power_iteration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from fastntk._progress import Progress
    from fastntk.datasets import Dataset
    from fastntk.paper.digits import Array
    from fastntk.paper.parts import Parts

NAME, TITLE = "table", "The first eigenvalues of the NTK on 512 digits"
_DEPTHS = (3, 4)
_WIDTH, _QUICK_WIDTH = 10_000, 1000
# Random batches, of which that of the seed is one.
_BATCHES, _QUICK_BATCHES = 20, 8
_GAP_BIAS = 1.0
# Of power iteration, relative to each eigenvalue: its error is far below what is compared here.
_TOLERANCE = 1e-6
# "Within the sampling spread": of a normal distribution one batch in 20 is outside.
_SPREADS = 2.0
_ALMOST_CONSTANT = 0.99
_PAIRS = 3


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Compute the eigenvalues of K/N and of Theta/N.

    The arrays are ``paper`` (3,), for each depth h ``limit_h`` (batches, 3), of which the first is
    the batch of the seed, ``empirical`` (3,), ``empirical_residuals`` (3,), ``products`` (3,),
    ``cosines`` (2,) of f^(1) with the constant (limit, network), ``gap_values`` (2, 2), lambda_1
    and lambda_2 at the two bias_std of footnote 3.
    """
    source = digits.load(quick, progress)
    batches = _QUICK_BATCHES if quick else _BATCHES
    width = _QUICK_WIDTH if quick else _WIDTH
    data = source.batch(seed)
    arrays: dict[str, Any] = {"paper": np.array(digits.PAPER_VALUES)}
    for depth in _DEPTHS:
        arrays[f"limit_{depth}"] = _limits(source, depth, seed, batches, progress, device)
    common = {
        "data": source.data.name,
        "seed": seed,
        "points": digits.POINTS,
        "hidden_layers": digits.HIDDEN_LAYERS,
        "bias_std": digits.BIAS_STD,
    }
    part = parts.of(
        f"table-n{width}",
        {**common, "batch": digits.digest(data), "width": width, "tolerance": _TOLERANCE},
        lambda: _empirical(data, width, seed, progress, device),
    )
    limit = _limit(data, digits.HIDDEN_LAYERS, digits.BIAS_STD, device)
    wide_bias = _limit(data, digits.HIDDEN_LAYERS, _GAP_BIAS, device)
    arrays |= {
        "empirical": part["values"],
        "empirical_residuals": part["residuals"],
        "products": part["products"],
        "cosines": np.array(
            [
                digits.cosine_with_constant(limit.functions[:, 0]),
                digits.cosine_with_constant(part["vectors"][:, 0]),
            ]
        ),
        "gap_values": np.array([limit.values[:2], wide_bias.values[:2]]),
    }
    dense = part["dense_values"]
    return Outcome(
        NAME,
        TITLE,
        arrays,
        source.verdicts(_claims(arrays, width)),
        {**common, "quick": quick, "depths": list(_DEPTHS), "width": width, "batches": batches},
        checks=[
            Check(
                "eigenvalues by power iteration and by LAPACK, relative",
                float(np.abs(part["values"] / dense - 1).max()),
                _TOLERANCE,
            )
        ],
        notes=[
            *source.notes,
            *circle.narrower(quick, [width], [_WIDTH]),
            digits.DEPTH_NOTE,
            f"Batches are those of the seeds {seed} to {seed + batches - 1}.",
            f"Power iteration with deflation took {_listed(part['products'])} products with Theta "
            f"for the three components of the network of n = {width:,}.",
        ],
    )


def _limits(
    source: digits.Digits,
    depth: int,
    seed: int,
    batches: int,
    progress: Progress | None,
    device: str,
) -> Array:
    """Return the first eigenvalues (batches, 3) of random batches; the first is the seed's."""
    values = []
    for number in range(batches):
        batch = source.batch(seed + number)
        values.append(_limit(batch, depth, digits.BIAS_STD, device).values)
        if progress is not None:
            progress(f"batches, {depth} hidden layers", number + 1, batches)
    return np.array(values)


def _limit(data: Dataset, depth: int, bias_std: float, device: str) -> digits.Components:
    net = digits.limiting_network(depth, bias_std)
    return digits.components(digits.limiting_kernel(data, net, device), _PAIRS)


def _empirical(
    data: Dataset, width: int, seed: int, progress: Progress | None, device: str
) -> Mapping[str, Any]:
    """Find components of one network's Theta/N, which is formed once: a product then costs nothing.

    A product with the network's Jacobian and its transpose instead takes longer than forming Theta.
    """
    kernel = digits.empirical_kernel(data, digits.finite_network(data, width, seed, 0, device))
    found = power_iteration(kernel, _PAIRS, tol=_TOLERANCE, seed=seed, progress=progress)
    return {
        "values": found.values,
        "vectors": digits.unit_functions(found.vectors),
        "residuals": found.residuals,
        "products": np.array(found.products),
        "dense_values": np.linalg.eigvalsh(kernel)[::-1][:_PAIRS],
    }


def _claims(arrays: dict[str, Any], width: int) -> list[Claim]:
    claims = []
    deep, shallow = (arrays[f"limit_{depth}"] for depth in (4, 3))
    for i, paper in enumerate(digits.PAPER_VALUES):
        mean, spread = deep[:, i].mean(), deep[:, i].std(ddof=1)
        claims.append(
            Claim(
                f"lambda_{i + 1} of the limit, 4 hidden layers",
                f"{paper:g}",
                f"{_spread(deep[:, i])} over {len(deep)} batches, {deep[0, i]:.4g} of the seed's",
                abs(paper - mean) <= _SPREADS * spread,
            )
        )
    off = np.abs(arrays["empirical"] / deep[0] - 1)
    claims.append(
        Claim(
            f"lambda_1 to lambda_3 of one network, n = {width:,}",
            ", ".join(f"{value:g}" for value in digits.PAPER_VALUES),
            ", ".join(f"{value:.4g}" for value in arrays["empirical"])
            + ": off the limit of its batch by "
            + ", ".join(f"{share:.1%}" for share in off),
            None,
        )
    )
    claims.append(
        Claim(
            "lambda_1 to lambda_3, 3 hidden layers",
            ", ".join(f"{value:g}" for value in digits.PAPER_VALUES),
            ", ".join(_spread(shallow[:, i]) for i in range(_PAIRS))
            + ": the depth of figures 1 and 2 does not fit",
            None,
        )
    )
    cosines = arrays["cosines"]
    claims.append(
        Claim(
            "the first component",
            "almost equal to the constant function",
            f"cosine with the constant {cosines[0]:.4f} in the limit, {cosines[1]:.4f} at "
            f"n = {width:,}",
            cosines.min() >= _ALMOST_CONSTANT,
        )
    )
    (one, two), (one_wide, two_wide) = arrays["gap_values"]
    gaps = one / two, one_wide / two_wide
    claims.append(
        Claim(
            "gap lambda_1 / lambda_2 at beta = 1.0 and 0.1",
            "about ten times bigger (footnote 3)",
            f"{gaps[1]:.0f} and {gaps[0]:.1f}: {gaps[1] / gaps[0]:.1f} times",
            5 <= gaps[1] / gaps[0] <= 20,
        )
    )
    claims.append(
        Claim(
            "training at beta = 1.0",
            "more difficult (footnote 3)",
            f"the largest stable rate 2 / lambda_1 is {2 / one_wide:.2g} in place of {2 / one:.2g},"
            " so a rate of 1.0 is unstable",
            2 / one_wide < 1 < 2 / one,
        )
    )
    return claims


def _spread(values: Array) -> str:
    mean, spread = values.mean(), values.std(ddof=1)
    places = 1 - int(np.floor(np.log10(spread)))
    return f"{mean:.{places}f} ± {spread:.{places}f}"


def _listed(products: Array) -> str:
    counts = [str(int(count)) for count in products]
    return f"{', '.join(counts[:-1])} and {counts[-1]}"


def draw(outcome: Outcome) -> Figure:
    """Draw each eigenvalue of all batches at both depths beside the paper's."""
    return table_plot.eigenvalues(outcome)


def memory(quick: bool) -> int:
    """Return the bytes of the network and of what its kernel takes."""
    width = _QUICK_WIDTH if quick else _WIDTH
    return digits.parameter_bytes(width) + 4 * 4 * digits.POINTS * digits.HIDDEN_LAYERS * width


EXPERIMENT = Experiment(NAME, TITLE, run, draw, memory)
