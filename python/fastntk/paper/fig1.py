# SPDX-License-Identifier: Apache-2.0
"""Figure 1: the NTK on the circle, of networks of two widths, before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastntk as fn
from fastntk import _ink as ink
from fastntk.paper import circle
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome
from fastntk.paper.parts import digest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastntk._progress import Progress
    from fastntk.paper.circle import Array
    from fastntk.paper.parts import Parts

NAME, TITLE = "fig1", "The NTK on the circle converges as networks grow wide"
_ANGLES = 201
_STEPS = circle.STEPS
_NETWORKS = 10
_WIDTHS, _QUICK_WIDTHS = (500, 10_000), (50, 500)
# Frequencies up to here are the shape of the curve, those above its roughness.
_SMOOTH = 5
# Of its norm.
_ALMOST_FIXED = 0.05
_COLORS = ("#7fb2e5", "#1f5fa8", "#f5b971", "#c25a00")
# Of the mean of the wide networks from the limit before training, in standard errors: their
# distribution is Student's with 9 degrees of freedom, beyond 6 once in 5,000 runs.
_STANDARD_ERRORS = 6.0


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Train the networks, and compare their kernels with each other and with the limit.

    The arrays are ``angles`` (A,), ``limit`` (A,), for each width n ``theta_n`` (networks, 2, A) at
    t = 0 and t = 200, ``training_inputs`` (16, 2), ``training_targets`` (16,).
    """
    gamma = circle.angles(_ANGLES)
    points, x_0 = circle.at(gamma), circle.at(np.zeros(1))
    X, y = circle.data(seed)
    arrays: dict[str, Any] = {
        "angles": gamma,
        "limit": circle.limiting_network().ntk(x_0, points, device=device)[0],
        "training_inputs": X,
        "training_targets": y,
    }
    widths = _QUICK_WIDTHS if quick else _WIDTHS
    settings: dict[str, Any] = {
        "hidden_layers": circle.HIDDEN_LAYERS,
        "bias_std": circle.BIAS_STD,
        "learning_rate": circle.LEARNING_RATE,
        "steps": _STEPS,
        "training_points": circle.POINTS,
        "angles": _ANGLES,
        "data": digest(X, y),
        "seed": seed,
    }

    def curves(width: int, number: int, told: Progress | None) -> Array:
        w = circle.finite_network(width, seed, number, device)
        record = fn.Record(outputs=False, ntk=(x_0, points))
        return np.asarray(
            circle.train(w, record, _STEPS, seed=seed, progress=told).ntk[:, 0], np.float64
        )

    for width in widths:
        arrays[f"theta_{width}"] = circle.networks(
            NAME, width, range(_NETWORKS), settings, parts, curves, _STEPS, progress
        )
    settings |= {"widths": list(widths), "networks": _NETWORKS}
    return Outcome(
        NAME,
        TITLE,
        arrays,
        _claims(widths, arrays),
        settings,
        checks=[_at_first(arrays, widths[-1])],
        notes=[
            f"The paper does not say how many training inputs: {circle.POINTS}, from N(0, I_2).",
            *circle.narrower(quick, widths, _WIDTHS),
        ],
    )


def _claims(widths: tuple[int, int], arrays: dict[str, Any]) -> list[Claim]:
    limit = arrays["limit"]
    narrow, wide = (_Curves(arrays[f"theta_{n}"], limit) for n in widths)
    names = [f"n = {n:,}" for n in widths]

    def both(format: str, quantity: str) -> str:
        one, two = (format.format(getattr(curves, quantity)) for curves in (narrow, wide))
        return f"{one} at {names[0]}, {two} at {names[1]}"

    between = rms(narrow.mean - wide.mean) / rms(limit)
    error = float(np.hypot(narrow.mean_error, wide.mean_error))
    grown = [curves.inflation.mean() - 1 for curves in (narrow, wide)]
    return [
        Claim(
            "variance of the NTK at t = 0",
            "less for the wider network",
            "deviation between networks " + both("{:.1%}", "spread") + " of the limit",
            wide.spread < narrow.spread,
        ),
        Claim(
            "smoothness at t = 0",
            "the wider network's is smoother",
            f"what frequencies above {_SMOOTH} add to the limit: "
            + both("{:.2%}", "roughness")
            + "; of the deviation between networks that is "
            + both("{:.0%}", "rough_share"),
            wide.roughness < narrow.roughness,
        ),
        Claim(
            "expectation of the NTK at t = 0",
            "very close for both widths",
            f"the two means differ by {between:.1%}, their standard error is {error:.1%}; from the "
            "limit by " + both("{:.1%}", "distance"),
            between < 2 * error,
        ),
        Claim(
            f"the NTK after {_STEPS} steps",
            'tends to "inflate"',
            f"{_spread(narrow.inflation)} times its mean at the start at {names[0]}",
            grown[0] > 2 * narrow.inflation.std(ddof=1) / np.sqrt(len(narrow.inflation)),
        ),
        Claim(
            "inflation of the wider network",
            "much less",
            f"{_spread(wide.inflation)} times at {names[1]}",
            abs(grown[1]) < grown[0] / 2,
        ),
        Claim(
            "the wider network's NTK in training",
            "almost fixed",
            f"it moves by {_spread(wide.drift)} of its norm ({names[0]}: {_spread(narrow.drift)})",
            wide.drift.mean() < _ALMOST_FIXED,
        ),
    ]


def _spread(values: Array) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


class _Curves:
    """What the curves (networks, 2, angles) of one width show; shares are of the limit's RMS."""

    def __init__(self, theta: Array, limit: Array) -> None:
        before, after = theta[:, 0], theta[:, 1]
        scale = rms(limit)
        self.mean = before.mean(axis=0)
        self.spread = rms(before.std(axis=0, ddof=1)) / scale
        self.mean_error = self.spread / np.sqrt(len(theta))
        self.distance = rms(self.mean - limit) / scale
        # The last angle is the first one again.
        waves = np.fft.rfft((before - limit)[:, :-1], axis=1, norm="forward")[:, _SMOOTH + 1 :]
        self.roughness = float(np.sqrt(2 * np.sum(np.abs(waves) ** 2, axis=1).mean())) / scale
        self.rough_share = self.roughness / self.spread
        self.inflation = after.mean(axis=1) / before.mean(axis=1)
        self.drift = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)


def rms(values: Array) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(values**2)))


def _at_first(arrays: dict[str, Any], width: int) -> Check:
    """Compare the networks' means over the circle with the limit's, in standard errors."""
    off = (arrays[f"theta_{width}"][:, 0] - arrays["limit"]).mean(axis=1)
    error = off.std(ddof=1) / np.sqrt(len(off))
    return Check(
        f"standard errors between {len(off)} untrained networks of width {width:,} and the limit",
        abs(off.mean()) / error,
        _STANDARD_ERRORS,
    )


def draw(outcome: Outcome) -> Figure:
    """Draw every network's curve, a colour for each width and time, and the limit."""
    arrays, settings = outcome.arrays, outcome.settings
    figure = ink.figure((8.2, 5.6))
    axes = figure.add_subplot()
    colors = iter(_COLORS)
    for width in settings["widths"]:
        for i, t in enumerate((0, settings["steps"])):
            curves = arrays[f"theta_{width}"][:, i].T
            lines = axes.plot(
                arrays["angles"], curves, color=next(colors), linewidth=0.8, alpha=0.85
            )
            lines[0].set_label(f"n = {width:,}, t = {t}")
    limit: dict[str, Any] = {"color": ink.INK, "linewidth": 1.6, "linestyle": "--"}
    axes.plot(arrays["angles"], arrays["limit"], label="n = ∞, exact", **limit)
    axes.set_xlim(-np.pi, np.pi)
    axes.set_xlabel(r"$\gamma$", color=ink.INK)
    axes.set_ylabel(r"$\Theta(x_0, x)$,  $x = (\cos\gamma, \sin\gamma)$", color=ink.INK)
    for line in axes.legend(frameon=False, fontsize=9.5).get_lines():
        line.set_linewidth(1.6)
    ink.plain(axes)
    ink.titles(
        figure,
        outcome.title,
        f"{settings['networks']} networks of each width, {settings['hidden_layers']} hidden layers,"
        f" bias std {settings['bias_std']:g}; {settings['steps']} steps of rate "
        f"{settings['learning_rate']:g} on f* = x₁x₂ at {settings['training_points']} points",
    )
    return figure


def memory(quick: bool) -> int:
    """Return the bytes of one wide network's training."""
    return circle.training_bytes((_QUICK_WIDTHS if quick else _WIDTHS)[-1])


EXPERIMENT = Experiment(NAME, TITLE, run, draw, memory)
