# SPDX-License-Identifier: Apache-2.0
"""What depth, bias and activation do to the NTK of MNIST: spectrum and accuracy.

    python -m bench.depth_study [--quick] [--out FILE]

Of each architecture, over ten random batches: the eigenvalues of K/N on 512 digits, as in the
paper's section 6.3, and the accuracy of kernel regression that has seen 1,000 digits.  The ridge
is the best of a grid on 1,000 further digits; the accuracy is that of the 10,000 test digits.
docs/theory/study.md draws the record.  Minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench import machine

_BATCHES, _QUICK_BATCHES = 10, 1
_SPECTRUM_DIGITS, _TRAINING_DIGITS, _VALIDATION_DIGITS = 512, 1000, 1000
_DEPTHS = (0, 1, 2, 3, 4, 5, 8, 16)  # at bias_std 0.1
_BIASES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)  # with 4 hidden layers
_SCALE = 1 / 255
_RIDGES = np.logspace(-7, -1, 7)  # shares of the mean over the kernel's diagonal


def architectures() -> list[fn.FullyConnected]:
    """Return all networks of the study, each once."""
    return [
        fn.FullyConnected(layers, activation, bias_std=bias)
        for activation in ("relu", "erf")
        for layers, bias in dict.fromkeys(
            [(layers, 0.1) for layers in _DEPTHS] + [(4, bias) for bias in _BIASES]
        )
    ]


def spectrum(net: fn.FullyConnected, X: NDArray[np.uint8]) -> dict[str, Any]:
    """Return eigenvalues of K/N, and how constant the first eigenvector is."""
    K = net.ntk(X, scale=_SCALE, dtype="float64")
    values, vectors = np.linalg.eigh(K / len(K))
    return {
        "first": values[:-4:-1].tolist(),
        "last": float(values[0]),
        "constant_cosine": float(abs(vectors[:, -1].mean()) * np.sqrt(len(K))),
    }


def accuracy(
    net: fn.FullyConnected,
    training: fn.datasets.Dataset,
    held_out: fn.datasets.Dataset,
    test: fn.datasets.Dataset,
) -> tuple[float, float]:
    """Return the share of test digits that are right, and the ridge that was chosen."""
    K = net.ntk(training.X, scale=_SCALE, dtype="float64")
    values, vectors = np.linalg.eigh(K)
    codes = vectors.T @ (np.eye(10)[np.asarray(training.y)] - 0.1)

    def shares(digits: fn.datasets.Dataset, ridges: NDArray[np.float64]) -> NDArray[np.float64]:
        cross = net.ntk(digits.X, training.X, scale=_SCALE, dtype="float64")
        learnt = codes / (values + values.mean() * ridges[:, None])[..., None]
        outputs = cross @ (vectors @ learnt)  # (ridges, digits, classes)
        return np.asarray((outputs.argmax(axis=2) == digits.y).mean(axis=1))

    ridge = _RIDGES[shares(held_out, _RIDGES).argmax()]
    return float(shares(test, np.array([ridge]))[0]), float(ridge)


def batches(count: int) -> list[tuple[NDArray[np.uint8], fn.datasets.Dataset, fn.datasets.Dataset]]:
    """Return digits for the spectrum, for training and for the choice of a ridge."""
    digits = fn.datasets.load("mnist")
    drawn = []
    for seed in range(count):
        order = np.random.default_rng(seed).permutation(len(digits.X))
        ends = np.cumsum([_SPECTRUM_DIGITS, _TRAINING_DIGITS, _VALIDATION_DIGITS])
        parts = [
            replace(digits, X=digits.X[rows], y=np.asarray(digits.y)[rows])
            for rows in np.split(order, ends)[:3]
        ]
        drawn.append((parts[0].X, parts[1], parts[2]))
    return drawn


def main() -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m bench.depth_study", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one batch instead of ten")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON record here")
    args = parser.parse_args()
    start, drawn = perf_counter(), batches(_QUICK_BATCHES if args.quick else _BATCHES)
    test = fn.datasets.load("mnist-test")
    rows: list[dict[str, Any]] = []
    for net in architectures():
        scores = [accuracy(net, training, held_out, test) for _, training, held_out in drawn]
        rows.append(
            {
                "activation": net.activation,
                "hidden_layers": net.hidden_layers,
                "bias_std": net.bias_std,
                "spectra": [spectrum(net, X) for X, _, _ in drawn],
                "accuracy": [score for score, _ in scores],
                "ridge": [ridge for _, ridge in scores],
            }
        )
        mean = np.mean([score for score, _ in scores])
        print(
            f"{perf_counter() - start:5.0f} s  {net.activation}, {net.hidden_layers} hidden, bias "
            f"{net.bias_std:g}: {mean:.2%}",
            file=sys.stderr,
            flush=True,
        )
    if args.out:
        record = {
            "machine": machine.describe(),
            "seconds": perf_counter() - start,
            "digits": [_SPECTRUM_DIGITS, _TRAINING_DIGITS, _VALIDATION_DIGITS],
            "architectures": rows,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
