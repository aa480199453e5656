# SPDX-License-Identifier: Apache-2.0
"""The kernel on the unit circle before and after training, as in the paper's section 6.1.

    python -m bench.circle [--quick] [--out FOLDER]

Ten initialisations of 500 and of 10,000 units learn the task of section_6_1.py, one after another;
of each, Theta(x_0, x) for x_0 = (1, 0) and x = (cos g, sin g) at t = 0 and t = 200.  `FOLDER` gets
circle.npz with the curves and circle.json with what they show.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench import machine, section_6_1
from bench.resident import peak_bytes

_ANGLES = 201
_NETWORKS = 10
_WIDTHS = (500, 10_000)
_QUICK_WIDTHS = (50, 500)


def curves(width: int, seed: int, x_0: NDArray[Any], circle: NDArray[Any]) -> NDArray[np.float64]:
    """Return Theta(x_0, circle) of one network before and after training, (2, angles)."""
    w = section_6_1.finite_network(width, seed)
    run = section_6_1.train(w, fn.Record(ntk=(x_0, circle)))
    return np.asarray(run.ntk[:, 0], np.float64)


def summary(kernels: NDArray[np.float64], seconds: list[float]) -> dict[str, Any]:
    """Return what the curves (networks, 2, angles) of one width show.

    ``spread`` is the deviation between networks, ``inflation`` the kernel at the end over the one
    at the start, ``drift`` the change |Theta(200) - Theta(0)| / |Theta(0)| of a network, each as a
    mean over the circle; inflation and drift with their deviation between networks.
    """
    before, after = kernels[:, 0], kernels[:, 1]
    inflation = after.mean(axis=1) / before.mean(axis=1)
    drift = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)
    return {
        "mean": kernels.mean(axis=(0, 2)).tolist(),
        "spread": kernels.std(axis=0, ddof=1).mean(axis=1).tolist(),
        "inflation": [float(inflation.mean()), float(inflation.std(ddof=1))],
        "drift": [float(drift.mean()), float(drift.std(ddof=1))],
        "seconds": float(sum(seconds)),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.circle", description="The kernel on the circle, section 6.1."
    )
    parser.add_argument("--quick", action="store_true", help=f"widths {_QUICK_WIDTHS}")
    parser.add_argument("--networks", type=int, default=_NETWORKS, metavar="COUNT")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    return parser.parse_args()


def main() -> int:
    """Run it; 1 if wide networks move as much as narrow ones."""
    args = _arguments()
    angles = np.linspace(-np.pi, np.pi, _ANGLES)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x_0 = np.array([[1.0, 0.0]])
    limit = section_6_1.limiting_network().ntk(x_0, circle)[0]
    arrays: dict[str, Any] = {"angles": angles, "limit": limit}
    arrays["training_inputs"], arrays["training_targets"] = section_6_1.data()
    found: dict[int, dict[str, Any]] = {}
    widths = _QUICK_WIDTHS if args.quick else _WIDTHS
    for width in widths:
        kernels, seconds = [], []
        for seed in range(args.networks):
            start = perf_counter()
            kernels.append(curves(width, seed, x_0, circle))
            seconds.append(perf_counter() - start)
            print(f"n = {width}, network {seed}: {seconds[-1]:.1f} s", file=sys.stderr, flush=True)
        arrays[f"theta_{width}"] = np.stack(kernels)
        found[width] = summary(arrays[f"theta_{width}"], seconds)
    print(_table(found, float(limit.mean())))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        np.savez(args.out / "circle.npz", **arrays)
        record = {
            "machine": machine.describe(),
            "training_points": section_6_1.POINTS,
            "networks": args.networks,
            "peak_bytes": peak_bytes(),
            "widths": found,
        }
        (args.out / "circle.json").write_text(json.dumps(record, indent=1) + "\n")
    narrow, wide = (found[width]["drift"][0] for width in widths)
    return 0 if wide < narrow else 1


def _table(found: dict[int, dict[str, Any]], limit: float) -> str:
    lines = [
        f"{section_6_1.POINTS} training inputs, {section_6_1.STEPS} steps of learning rate "
        f"{section_6_1.LEARNING_RATE:g}; the limit's mean over the circle is {limit:.4f}",
        "",
        "| n | mean, t = 0 | spread | mean, t = 200 | spread | inflation | drift | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for width, part in found.items():
        (first, last), (spread, spread_last) = part["mean"], part["spread"]
        inflation, drift = ("{:.3f} +- {:.3f}".format(*part[key]) for key in ("inflation", "drift"))
        lines.append(
            f"| {width} | {first:.4f} | {spread:.4f} | {last:.4f} | {spread_last:.4f} "
            f"| {inflation} | {drift} | {part['seconds']:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
