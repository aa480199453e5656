# SPDX-License-Identifier: Apache-2.0
"""Section 5's argument for early stopping, on the circle: high frequencies are learnt last.

A kernel K(g - g') of the angle alone has the Fourier modes as eigenfunctions of its integral
operator over uniform inputs; the eigenvalue of frequency k is the k-th Fourier coefficient of K,

    lambda_k = 1/(2 pi) int K(g) cos(k g) dg,

and on N even angles the eigenvalues of K/N are lambda_k + lambda_{N-k} + lambda_{N+k} + ..., which
is also what the trapezoidal rule gives. In gradient flow a mode of the error shrinks as
exp(-t lambda_k).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import fastntk as fn
from fastntk.paper import circle
from fastntk.paper.experiment import Check, Claim, Experiment, Outcome
from fastntk.paper.frequency_plot import draw

if TYPE_CHECKING:
    from fastntk._progress import Progress
    from fastntk.paper.circle import Array
    from fastntk.paper.parts import Parts

NAME, TITLE = "frequency", "High frequencies have small eigenvalues, and are learnt last"
_HIDDEN_LAYERS = (1, circle.HIDDEN_LAYERS, 6)
_LENGTH_SCALE = 0.5
# Aliasing adds to an eigenvalue that falls as k^-2 some 3 (k/M)^2 of it: 6e-5 at most.
_GRID = 2**16
_FREQUENCIES = 301
# Eigenvalues below this share of the first are rounding.
_ROUNDING = 1e-13
_TIMES = (1e1, 1e2, 1e3, 1e4, 1e5)
# The noisy task: f* = x_1 x_2, of frequency 2, at so many even angles, and the noise's deviation.
_POINTS, _NOISE = 64, 0.5
# Mean square of f* = sin(2 g) / 2.
_POWER = 1 / 8
_FLOW_TIMES = np.concatenate([[0.0], np.geomspace(0.3, 1e7, 200)])


def run(*, quick: bool, seed: int, parts: Parts, progress: Progress | None, device: str) -> Outcome:
    """Compute spectra, and training on noisy values by formula and on points.

    The arrays are ``frequencies`` (F,), for each kernel ``eigenvalues_NAME`` (F,), ``times`` (T,),
    ``error_NAME`` (T,), the expected mean-square error of f_t at the points, and ``error_once``
    (T,), that of one draw of the noise; and ``learnt_after`` (33,), the time at which the component
    of each frequency of that draw's error is down to 1/e.
    """
    del quick, parts  # seconds in any case
    nets = {f"ntk_{layers}": _network(layers) for layers in _HIDDEN_LAYERS}
    kernels: dict[str, Any] = {**nets, "rbf": fn.RBF(_LENGTH_SCALE)}
    spectra: dict[str, Array] = {}
    for done, (name, kernel) in enumerate(kernels.items()):
        if progress is not None:
            progress(f"{NAME}: spectra", done, len(kernels))
        spectra[name] = spectrum(kernel, _GRID, device)[:_FREQUENCIES]
    main = f"ntk_{circle.HIDDEN_LAYERS}"
    even = {name: spectrum(kernels[name], _POINTS, device) for name in (main, "rbf")}
    errors = {name: _expected_error(values) for name, values in even.items()}
    once, after, off = _on_points(kernels[main], even[main], seed, device)
    arrays: dict[str, Any] = {
        "frequencies": np.arange(_FREQUENCIES),
        **{f"eigenvalues_{name}": values for name, values in spectra.items()},
        "times": _FLOW_TIMES,
        **{f"error_{name}": values for name, values in errors.items()},
        "error_once": once,
        "learnt_after": after,
    }
    linear = spectrum(_network(0), 64, device)[:3]
    bessel = np.array([_bessel(k) for k in range(20)])
    return Outcome(
        NAME,
        TITLE,
        arrays,
        _claims(spectra, main, errors[main], even[main], after),
        {
            "hidden_layers": list(_HIDDEN_LAYERS),
            "bias_std": circle.BIAS_STD,
            "length_scale": _LENGTH_SCALE,
            "grid": _GRID,
            "learnt_at": list(_TIMES),
            "main": main,
            "points": _POINTS,
            "noise": _NOISE,
            "seed": seed,
        },
        checks=[
            # bias_std^2 and 1/4 of each of two coordinates, by half of whose squares' mean.
            Check(
                "eigenvalues of the linear kernel from beta^2, 1/4, 0",
                float(np.abs(linear - (circle.BIAS_STD**2, 0.25, 0)).max()),
                1e-12,
            ),
            Check(
                "eigenvalues of the Gaussian kernel from exp(-a) I_k(a), a = 1 / length_scale^2",
                float(np.abs(spectra["rbf"][: len(bessel)] - bessel).max()),
                1e-12,
            ),
            Check(f"gradient flow on {_POINTS} points from the formula", off, 1e-9),
        ],
        notes=[
            "The paper has no figure of this: its section 5 says it of the RBF kernel, here "
            f"exp(-|x - x'|^2 / (2 l^2)) with l = {_LENGTH_SCALE:g}.",
        ],
    )


def spectrum(kernel: Any, count: int, device: str) -> Array:
    """Return the eigenvalues of K/N on N even angles by frequency, (N // 2 + 1,)."""
    points = circle.at(2 * np.pi * np.arange(count) / count)
    if isinstance(kernel, fn.FullyConnected):
        row = kernel.ntk(points[:1], points, device=device)
    else:
        row = kernel(points[:1], points)
    return np.asarray(np.fft.rfft(np.asarray(row[0], np.float64)).real / count)


def _network(hidden_layers: int) -> fn.FullyConnected:
    return fn.FullyConnected(hidden_layers=hidden_layers, bias_std=circle.BIAS_STD)


def _bessel(k: int) -> float:
    """Return exp(-a) I_k(a), the Gaussian kernel's eigenvalue, by the power series of I_k."""
    a = 1 / _LENGTH_SCALE**2
    terms = (
        (a / 2) ** (2 * m + k) / (math.factorial(m) * math.factorial(m + k)) for m in range(60)
    )
    return math.exp(-a) * sum(terms)


def _expected_error(rates: Array) -> Array:
    """Return E |f_t - f*|^2 / N at the points over time (T,), of networks that start at 0.

    A mode of f* of power p is missing by exp(-2 t lambda) p, and (1 - exp(-t lambda))^2 of the
    noise's power in every mode, noise^2 / N, has been learnt.
    """
    # Frequencies other than 0 and N/2 have a cosine and a sine; x_1 x_2 = sin(2 g) / 2.
    modes = np.full(len(rates), 2.0)
    modes[[0, -1]] = 1.0
    power = np.zeros(len(rates))
    power[2] = _POWER
    left = np.exp(-_FLOW_TIMES[:, None] * rates)
    return np.asarray(left**2 @ power + (1 - left) ** 2 @ modes * _NOISE**2 / _POINTS)


def _on_points(
    net: fn.FullyConnected, rates: Array, seed: int, device: str
) -> tuple[Array, Array, float]:
    """Train on one draw of the noise.

    Returns
    -------
    error : ndarray of shape (T,)
        Mean-square distance from f*.
    after : ndarray of shape (F,)
        When the component of each frequency of f_t - y is down to 1/e.
    off : float
        How far f_t is off the formula.
    """
    X = circle.at(2 * np.pi * np.arange(_POINTS) / _POINTS)
    target = circle.product(X)
    y = target + _NOISE * np.random.default_rng(seed).standard_normal(_POINTS)
    op = fn.GramOperator(net, X, dtype="float64", device=device)
    f = np.asarray(fn.GradientFlow(op, y).outputs(_FLOW_TIMES))
    learnt = -np.expm1(-_FLOW_TIMES[:, None] * rates)
    formula = np.fft.irfft(learnt * np.fft.rfft(y), _POINTS, axis=1)
    left = np.abs(np.fft.rfft(f - y, axis=1)) / np.abs(np.fft.rfft(y))
    error = np.mean((f - target) ** 2, axis=1)
    return error, down_to_1_e(left, _FLOW_TIMES), float(np.abs(f - formula).max())


def down_to_1_e(left: Array, times: Array) -> Array:
    """Return when each column of `left` (T, F), 1 at first, passes 1/e; inf for one that does not.

    Between two times it is taken as an exponential.
    """
    found = np.full(left.shape[1], np.inf)
    for k, column in enumerate(left.T):
        below = np.flatnonzero(column <= np.exp(-1))
        if len(below):
            i = int(below[0])
            # Later values are rounding; np.interp wants the smaller first.
            found[k] = np.interp(1.0, -np.log(column[i - 1 : i + 1]), times[i - 1 : i + 1])
    return found


def shrinking(power: float, noise: float) -> float:
    """Return the least error of c y over numbers c, for f* of this power with this noise's power.

    It is that of a kernel all of whose eigenvalues are the same: (1 - c)^2 p + c^2 s at its least.
    """
    return power * noise / (power + noise)


def _claims(
    spectra: dict[str, Array], main: str, error: Array, rates: Array, after: Array
) -> list[Claim]:
    """Return the claims; `rates` (F,) are eigenvalues on the points, `after` (F,) times there."""
    falls = {name: _falls_to(values) for name, values in spectra.items()}
    highest = ", ".join(f"{_reached(spectra[main], t)} at t = {t:g}" for t in _TIMES[1:])
    best, best_time, last = _stopping(error)
    alike = shrinking(_POWER, _NOISE**2)
    in_order = after[np.argsort(-rates, kind="stable")]
    some = ", ".join(f"{after[k]:.3g} for {k}" for k in (1, 2, 4, 8, 16, len(after) - 1))
    shallow = spectra[f"ntk_{_HIDDEN_LAYERS[0]}"]
    deep = [name for name in falls if name not in ("rbf", f"ntk_{_HIDDEN_LAYERS[0]}")]
    return [
        Claim(
            "RBF kernel, section 5",
            "lower eigenvalues correspond to high frequencies",
            f"eigenvalues fall with every frequency up to {falls['rbf']}, where they are rounding",
            falls["rbf"] == _above_rounding(spectra["rbf"]),
        ),
        Claim(
            "the NTK",
            "(not said)",
            f"the same with {circle.HIDDEN_LAYERS} and {_HIDDEN_LAYERS[-1]} hidden layers, to "
            f"frequency {_FREQUENCIES - 1}, and as k^-2 only: {spectra[main][10]:.1e} at 10, "
            f"{spectra[main][100]:.1e} at 100. With one hidden layer odd frequencies from 3 on are "
            f"slower than the even ones after them: {shallow[3]:.1e} at 3, {shallow[4]:.1e} at 4",
            all(falls[name] == _FREQUENCIES - 1 for name in deep),
        ),
        Claim(
            "convergence, section 5",
            "faster along the largest kernel principal components",
            f"in training on {_POINTS} points the error's component of a frequency is down to 1/e "
            f"at t = {some}: all {len(after)} in the order of their eigenvalues"
            + (", " if (np.diff(in_order) > 0).all() else " but for some, ")
            + f"and on many points that has reached frequency {highest}",
            bool((np.diff(in_order) > 0).all()),
        ),
        Claim(
            "early stopping, section 5",
            "avoids fitting what has lower eigenvalues, typically noise",
            f"f* = x_1 x_2 at {_POINTS} points with noise of deviation {_NOISE:g}: the mean-square "
            f"error is {best:.4f} at t = {best_time:.0f}, {last:.4f} at the end, and would be at "
            f"best {alike:.4f} if all frequencies were learnt at the same rate",
            best < min(alike, last),
        ),
    ]


def _above_rounding(values: Array) -> int:
    """Return the last frequency before the first whose eigenvalue is rounding."""
    small = np.flatnonzero(values < _ROUNDING * values[0])
    return int(small[0]) - 1 if len(small) else len(values) - 1


def _falls_to(values: Array) -> int:
    """Return up to which frequency every eigenvalue is below the one before."""
    last = _above_rounding(values)
    rises = np.flatnonzero(np.diff(values[: last + 1]) >= 0)
    return int(rises[0]) if len(rises) else last


def _reached(values: Array, t: float) -> int:
    """Return the highest frequency with t lambda_k >= 1."""
    return int(np.flatnonzero(values * t >= 1)[-1])


def _stopping(error: Array) -> tuple[float, float, float]:
    best = int(error.argmin())
    return float(error[best]), float(_FLOW_TIMES[best]), float(error[-1])


def memory(quick: bool) -> int:
    """Return the bytes of points and kernel on the grid."""
    del quick
    return 64 * _GRID


EXPERIMENT = Experiment(NAME, TITLE, run, draw, memory)
