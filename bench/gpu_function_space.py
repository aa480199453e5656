# SPDX-License-Identifier: Apache-2.0
"""Regression, Gaussian processes and training dynamics on CuPy arrays: as on the CPU, then timed.

    python -m bench.gpu_function_space [--points N] [--large N] [--out FILE]

Each subject is computed for N small images by both engines, which must agree, and then for N large
ones on the GPU alone: its second call is timed.  Estimators need scikit-learn, and are left out
where that is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastntk as fn
from bench import gpu
from bench.data import synthetic_digits

# Kernels agree to 1e-14, K + ridge I has a condition number below 1e6.
_AGREEMENT = 1e-7
_RIDGE = 1e-3
_TIMES = (1.0, 100.0, 1e4, float("inf"))
_TEST_POINTS = 500
_OUTPUTS = 10

Subject = Callable[[Any, Any, Any], Any]  # of X, Z and Y, all of one library: an array like them


def _network() -> fn.FullyConnected:
    return fn.FullyConnected(hidden_layers=4, bias_std=0.1)


_OPTIONS: dict[str, Any] = {"scale": 1 / 255, "dtype": "float64"}


def _flow(X: Any, Z: Any, Y: Any) -> Any:
    flow = fn.GradientFlow(fn.GramOperator(_network(), X, **_OPTIONS), Y)
    return flow.outputs(_TIMES, Z)


def _solve(X: Any, Z: Any, Y: Any) -> Any:
    op = fn.GramOperator(_network(), X, storage="lazy", **_OPTIONS)
    return op.cross_matmat(Z, op.solve(Y, _RIDGE, method="cg", tol=1e-10).value)


def _ridge(X: Any, Z: Any, Y: Any) -> Any:
    return fn.KernelRidge(_network(), ridge=_RIDGE, **_OPTIONS).fit(X, Y).predict(Z)


def _process(law: str) -> Subject:
    def run(X: Any, Z: Any, Y: Any) -> Any:
        process = fn.GaussianProcess(_network(), law, ridge=_RIDGE, **_OPTIONS).fit(X, Y)
        mean, std = process.predict(Z, return_std=True)
        return mean + std.reshape(len(Z), -1)

    return run


_SUBJECTS: dict[str, Subject] = {"GradientFlow": _flow, "solve": _solve}
_ESTIMATORS: dict[str, Subject] = {
    "KernelRidge": _ridge,
    "GaussianProcess nngp": _process("nngp"),
    "GaussianProcess ntk": _process("ntk"),
}


def subjects() -> dict[str, Subject]:
    """Return what can be run here, by name."""
    learn = importlib.util.find_spec("sklearn") is not None
    return _SUBJECTS | (_ESTIMATORS if learn else {})


def data(points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training images, test images, and ten smooth functions of the training ones."""
    images = synthetic_digits(points + _TEST_POINTS)
    weights = np.random.default_rng(1).standard_normal((images.shape[1], _OUTPUTS))
    return images[:points], images[points:], np.tanh(images[:points] / 255.0 @ weights / 8)


def compared(cupy: Any, name: str, subject: Subject, points: int) -> float:
    """Return how far CuPy's answer is from NumPy's, relative to its largest entry."""
    arrays = data(points)
    expected = subject(*arrays)
    found = subject(*map(cupy.asarray, arrays))
    if not isinstance(found, cupy.ndarray):
        raise AssertionError(f"{name}: CuPy arrays give a {type(found).__name__}")
    error = float(np.abs(found.get() - expected).max() / np.abs(expected).max())
    if not error <= _AGREEMENT:
        raise AssertionError(f"{name}: {error:.1e} away from the CPU, admitted {_AGREEMENT:.0e}")
    return error


def seconds(cupy: Any, subject: Subject, points: int) -> float:
    """Return the seconds of the second call."""
    arrays = [cupy.asarray(array) for array in data(points)]
    subject(*arrays)
    return gpu.Clock(cupy).seconds(lambda: subject(*arrays))


def main(arguments: list[str] | None = None) -> int:
    """Run every subject; an exception where the engines disagree."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_function_space")
    parser.add_argument("--points", type=int, default=400, metavar="N", help="on both engines")
    parser.add_argument("--large", type=int, default=8_000, metavar="N", help="on the GPU, timed")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON record here")
    args = parser.parse_args(arguments)
    import cupy

    record: dict[str, Any] = {"points": args.points, "large": args.large, "subjects": {}}
    for name, subject in subjects().items():
        error = compared(cupy, name, subject, args.points)
        took = seconds(cupy, subject, args.large)
        record["subjects"][name] = {"error": error, "seconds": took}
        print(
            f"{name}: {error:.1e} from the CPU, {args.large:,} points in {took:.3g} s", flush=True
        )
    if set(_ESTIMATORS) - set(record["subjects"]):
        print("left out, without scikit-learn: " + ", ".join(_ESTIMATORS))
    if args.out:
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
