# SPDX-License-Identifier: Apache-2.0
"""Every operation of the CUDA engine on small data, beside the CPU engine.

A program for compute-sanitizer: each array has an allocation of its own, so that one entry too far
is seen, and sizes straddle the tiles.  Speed is of no interest here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import fastntk as fn

_ROWS = (1, 33, 129, 257)
_OTHER_ROWS = 65
# Both engines keep 6e-7 of the largest entries of two rows in float32, K @ V some more.
_BOUND = {"float32": 2e-6, "float64": 1e-14}
_PRODUCT_BOUND = {"float32": 4e-6, "float64": 1e-13}
# Products of the passes are summed in another order.
_NETWORK_BOUND = {"float32": 1e-5, "float64": 1e-12}


def _problems() -> Iterator[tuple[str, fn.FullyConnected, np.ndarray, str]]:
    """Yield a name, a network, data and the type of the result: one for each kind of product."""
    rng = np.random.default_rng(0)
    plain = fn.FullyConnected(hidden_layers=3, bias_std=0.0)
    biased = fn.FullyConnected(hidden_layers=3, bias_std=0.1)
    smooth = fn.FullyConnected(hidden_layers=2, activation="erf", bias_std=0.1)
    for rows in _ROWS:
        pixels = rng.integers(0, 256, (rows, 100), np.uint8)
        floats = rng.random((rows, 100), np.float32)
        for dtype in ("float32", "float64"):
            yield f"uint8 {rows} {dtype}", biased, pixels, dtype
            yield f"float32 {rows} {dtype}", biased, floats, dtype
            yield f"float64 {rows} {dtype}", plain, floats.astype(np.float64), dtype
        yield f"uint8 {rows} no bias", plain, pixels, "float32"
        yield f"erf {rows}", smooth, pixels, "float32"
    wide = rng.integers(0, 256, (40, 67_000), np.uint8)  # sums beyond 32 bits
    yield "wide uint8", biased, wide, "float64"


def _require(name: str, got: Any, expected: Any, bound: float) -> None:
    error = float(np.max(np.abs(got.get() - expected)) / np.max(np.abs(expected)))
    if not error <= bound:
        raise AssertionError(f"{name}: {error:.1e} away from the CPU engine, admitted {bound:.0e}")


def _finite_networks() -> Iterator[str]:
    """Compare passes, kernels and products of small networks; yield what was done."""
    import cupy

    rng = np.random.default_rng(2)
    # One tile in parts and several whole ones; points with one row and with three.
    for points, widths in ((40, (31, 300, 65, 1)), (30, (31, 64, 33, 3)), (700, (9, 17, 1))):
        X = rng.standard_normal((points, widths[0])).astype(np.float32)
        for activation in ("relu", "erf"):
            for dtype in ("float32", "float64"):
                net = fn.FullyConnected(len(widths) - 2, activation)
                host, device = (
                    fn.FiniteNetwork(net, widths, dtype=dtype, device=place)
                    for place in ("cpu", "cuda")
                )
                name, data = f"network {widths} {activation} {dtype}", cupy.asarray(X)
                K, bound = host.ntk(X), _NETWORK_BOUND[dtype]
                _require(name, device(data), host(X), bound)
                _require(name, device.ntk(data), K, bound)
                _require(f"{name} cross", device.ntk(data[:9], data), host.ntk(X[:9], X), bound)
                V = rng.standard_normal((len(K), 5))
                for storage in ("lazy", "packed"):
                    op = fn.GramOperator(device, data, storage=storage)
                    _require(f"{name} {storage}", op @ cupy.asarray(V), K @ V, bound)
                yield name


def main() -> int:
    """Run all of it; an exception where the engines disagree."""
    import cupy

    cupy.cuda.set_allocator(None)  # no pool: memcheck knows the bounds of every array
    for name, net, X, dtype in _problems():
        scale = 1 / 255 if X.dtype == np.uint8 else 1.0
        settings: dict[str, Any] = {"scale": scale, "dtype": dtype}
        on_device = cupy.asarray(X)
        K = net.ntk(X, **settings, device="cpu")
        _require(name, net.ntk(on_device, **settings), K, _BOUND[dtype])
        Z = X[:_OTHER_ROWS]
        _require(
            f"{name} rectangular",
            net.ntk(on_device[:_OTHER_ROWS], on_device, **settings),
            net.ntk(Z, X, **settings, device="cpu"),
            _BOUND[dtype],
        )
        V = np.random.default_rng(1).standard_normal((len(X), 5))
        for storage in ("lazy", "packed", "dense"):
            op = fn.GramOperator(net, on_device, storage=storage, **settings, device="cuda")
            expected = K.astype(np.float64) @ V
            _require(f"{name} {storage}", op @ cupy.asarray(V), expected, _PRODUCT_BOUND[dtype])
            _require(f"{name} {storage} diagonal", op.diagonal(), K.diagonal(), _BOUND[dtype])
        print(name, flush=True)
    for name in _finite_networks():
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
