# SPDX-License-Identifier: Apache-2.0
"""Training moves a wide network's kernel and activations less, yet its lower layers take part.

Every network learns the task of fastntk.paper.circle.  Theta(t) is that of the training points.
The paper bounds its change by O(n^(-1/2)) (Theorem 2).  Each preactivation does move by that much,
but in a mean over n units moves of either sign cancel, which leaves 1/n ("Dynamics of deep neural
networks and the neural tangent hierarchy", ICML 2020, arXiv:1909.08156, for smooth activations).
Of ReLU units a share n^(-1/2) passes zero and adds +-1/n each: n^(-3/4) in all, where n is large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import fastntk as fn
from bench.convergence.claims import Claim, Estimate, mean, slope, slope_claim, slope_text
from fastntk.paper import circle

_SLOPE = -0.5
_TOLERANCE = 0.1
_HIDDEN_LAYER = 1  # the middle one of three
_TIMES = (0, 1, 2, 5, 10, 20, 50, 100, 150, 200)
_LEAST_SHARE = 0.1

FULL = {50: 30, 121: 30, 292: 20, 707: 10, 1_710: 6, 4_135: 3, 10_000: 2}
QUICK = {50: 10, 121: 6, 292: 4}


@dataclass
class Figures:
    """What was found of every network, by width."""

    drift: dict[int, list[float]] = field(default_factory=dict)
    activation_change: dict[int, list[float]] = field(default_factory=dict)
    lower_share: dict[int, list[float]] = field(default_factory=dict)


def claims(networks: dict[int, int], say: Callable[[str], None]) -> tuple[list[Claim], Figures]:
    """Measure, telling `say` what comes next, and return what holds."""
    found = Figures()
    for n, count in networks.items():
        say(f"training {count} networks of {n} units")
        trained = np.array([_trained(n, seed) for seed in range(count)])
        found.drift[n], found.activation_change[n], found.lower_share[n] = trained.T.tolist()

    def fit(values: dict[int, list[float]]) -> Estimate:
        return slope({n: np.asarray(part) for n, part in values.items()})

    shares = {n: mean(np.asarray(part)) for n, part in found.lower_share.items()}
    widest = max(shares)
    drift, share = fit(found.drift), fit(found.lower_share)
    lines = [
        Claim(
            "sup over t of the drift of Theta", f"slope <= {_SLOPE} +- {_TOLERANCE} (bound)",
            slope_text(drift), drift.value <= _SLOPE + _TOLERANCE,
        ),
        slope_claim(
            "RMS change of a hidden activation", _SLOPE, _TOLERANCE, fit(found.activation_change)
        ),
        Claim(
            "lower layers' share of the function's change", f"slope >= -{_TOLERANCE}",
            slope_text(share), share.value >= -_TOLERANCE,
        ),
        Claim(
            f"that share at n = {widest}", f"> {_LEAST_SHARE}", str(shares[widest]),
            shares[widest].value > _LEAST_SHARE,
        ),
    ]  # fmt: skip
    return lines, found


def _trained(n: int, seed: int) -> tuple[float, float, float]:
    """Return drift of Theta, change of an activation, and the lower layers' share, of a network."""
    X, _ = circle.data()
    w = circle.finite_network(n, seed)
    last = [array.copy() for array in w.parameters[-1]]
    run = circle.train(w, fn.Record(at=_TIMES, ntk=X, activations=True))
    drift = fn.ntk_drift(run).max()
    a = run.activations[_HIDDEN_LAYER]
    changes = np.sqrt(np.mean((a - a[0]) ** 2, axis=(1, 2), dtype=np.float64))
    before, after = run.outputs[0], run.outputs[-1]
    for array, initial in zip(w.parameters[-1], last, strict=True):
        array[...] = initial
    by_lower = w(X) - before
    share = np.linalg.norm(by_lower) / np.linalg.norm(after - before)
    return float(drift), float(changes.max()), float(share)
