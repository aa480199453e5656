# SPDX-License-Identifier: Apache-2.0
"""The limiting ReLU NTK as one would write it for a GPU: the formulas of numpy_ntk.py.

``limiting_ntk`` is the NumPy code by blocks of rows, for CuPy and PyTorch alike, which spell these
functions as NumPy does.  ``limiting_ntk_fused`` has one product by cuBLAS and one elementwise CuPy
kernel per block, so that the recursion stays in registers.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from bench.baselines.numpy_ntk import Parameters

_ROWS = 2_000  # of a block: 0.5 GB per temporary at 60,000 columns

_RECURSION = """
    T s = product, a = q, b = p;
    t = s;
    for (int layer = 0; layer < layers; ++layer) {
      const T norm = sqrt(a * b);
      const T c = min(max(s / norm, (T)-1), (T)1);
      const T rest = (T)M_PI - acos(c);
      s = w2 * norm * (sqrt(1 - c * c) + rest * c) / (T)(2 * M_PI) + b2;
      t = w2 * t * rest / (T)(2 * M_PI) + s;
      a = w2 * a / 2 + b2;
      b = w2 * b / 2 + b2;
    }
"""


def limiting_ntk(xp: Any, A: Any, out: Any, net: Parameters) -> Any:
    """Write the kernel of float rows A, already scaled, to `out` on their device."""
    q = _first_norms(A, net)
    for start in range(0, len(A), _ROWS):
        rows = slice(start, start + _ROWS)
        out[rows] = _recursion(xp, _products(A[rows], A, net), q[rows, None], q[None, :], net)
    return out


def limiting_ntk_fused(A: Any, out: Any, net: Parameters) -> Any:
    """Write the kernel of a CuPy array, already scaled, to `out`."""
    q = _first_norms(A, net)
    recursion = _fused_kernel()
    w2, b2 = A.dtype.type(net.weight_std**2), A.dtype.type(net.bias_std**2)
    for start in range(0, len(A), _ROWS):
        rows = slice(start, start + _ROWS)
        S = _products(A[rows], A, net)
        recursion(S, q[rows, None], q[None, :], w2, b2, net.hidden_layers, out[rows])
    return out


def matmat(xp: Any, A: Any, V: Any, out: Any, net: Parameters) -> Any:
    """Write K @ V to `out` without storing K: some rows are formed, used and dropped."""
    q = _first_norms(A, net)
    for start in range(0, len(A), _ROWS):
        rows = slice(start, start + _ROWS)
        K = _recursion(xp, _products(A[rows], A, net), q[rows, None], q[None, :], net)
        out[rows] = K @ V
    return out


def _first_norms(A: Any, net: Parameters) -> Any:
    return net.weight_std**2 * (A**2).sum(axis=1) / A.shape[1] + net.bias_std**2


def _products(A: Any, B: Any, net: Parameters) -> Any:
    return (net.weight_std**2 / A.shape[1]) * (A @ B.T) + net.bias_std**2


def _recursion(xp: Any, S: Any, q: Any, p: Any, net: Parameters) -> Any:
    w2, b2 = net.weight_std**2, net.bias_std**2
    T = S
    for _ in range(net.hidden_layers):
        norm = xp.sqrt(q * p)
        c = xp.clip(S / norm, -1, 1)
        theta = xp.arccos(c)
        S = w2 * norm * (xp.sqrt(1 - c**2) + (math.pi - theta) * c) / (2 * math.pi) + b2
        T = w2 * T * (math.pi - theta) / (2 * math.pi) + S
        q = w2 * q / 2 + b2
        p = w2 * p / 2 + b2
    return T


@functools.cache
def _fused_kernel() -> Any:
    import cupy

    return cupy.ElementwiseKernel(
        "T product, T q, T p, T w2, T b2, int32 layers", "T t", _RECURSION, "ntk_recursion"
    )
