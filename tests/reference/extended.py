# SPDX-License-Identifier: Apache-2.0
"""Whole Gram matrices in np.longdouble (64-bit mantissa), in the angle-deficit form.

A pair is described by x = (1 - cos theta) / 2 and its complement xc = (1 + cos theta) / 2, both
computed without subtracting nearly equal numbers, so that near-duplicates, proportional rows and
antipodal rows keep their digits. uint8 data enter through exact integers.
"""

from typing import NamedTuple

import numpy as np

from reference.network import NetworkLike, gradient_factor

LD = np.longdouble
PI = LD("3.14159265358979323846264338327950288419716939937510")
# False where the C compiler's long double is a plain double; this rung proves nothing there.
AVAILABLE = bool(np.finfo(LD).eps < 1e-18)


class Gram(NamedTuple):
    """Kernels of all pairs: (n, m), (n, m) and (hidden_layers + 1, n, m)."""

    nngp: np.ndarray
    ntk: np.ndarray
    layers: np.ndarray


class _Pairs(NamedTuple):
    """Inner products and angles of all pairs."""

    dot: np.ndarray
    x: np.ndarray
    xc: np.ndarray


def _integer_pairs(X: np.ndarray, Y: np.ndarray, B: np.longdouble) -> _Pairs:
    """Angles from exact integers: sin^2 theta = (n n' - dot^2 + B D) / g^2."""
    big = object if X.shape[1] > 46_000 else np.int64  # the squares of the norms fit int64
    A, C = X.astype(big), Y.astype(big)
    n, m, dot = (A * A).sum(1)[:, None], (C * C).sum(1)[None, :], A @ C.T
    gram, distance = (n * m - dot * dot).astype(LD), (n + m - 2 * dot).astype(LD)
    g = np.sqrt((n.astype(LD) + B) * (m.astype(LD) + B))
    h = dot.astype(LD) + B
    empty = g == 0
    g = np.where(empty, LD(1), g)
    x = np.where(empty, LD(0.5), (gram + B * distance) / (2 * g * (g + h)))
    return _Pairs(dot.astype(LD), x, np.where(empty, LD(0.5), (g + h) / (2 * g)))


def _float_pairs(X: np.ndarray, Y: np.ndarray, B: np.longdouble) -> _Pairs:
    """Angles from the difference and the sum of the unit vectors (rows with bias appended)."""
    A, C = X.astype(LD), Y.astype(LD)
    unit = []
    for rows in (A, C):
        full = np.concatenate([rows, np.full((len(rows), 1), np.sqrt(B))], axis=1)
        biggest = np.abs(full).max(axis=1, keepdims=True)
        full = full / np.where(biggest == 0, LD(1), biggest)
        norm = np.sqrt((full * full).sum(axis=1, keepdims=True))
        unit.append(full / np.where(norm == 0, LD(1), norm))
    u, v = unit
    x = np.stack([((row - v) ** 2).sum(axis=1) for row in u]) / 4
    xc = np.stack([((row + v) ** 2).sum(axis=1) for row in u]) / 4
    empty = ~u.any(axis=1)[:, None] | ~v.any(axis=1)[None, :]
    return _Pairs(A @ C.T, np.where(empty, LD(0.5), x), np.where(empty, LD(0.5), xc))


def _sin_minus_theta_cos(theta: np.ndarray) -> np.ndarray:
    """Sin(theta) - theta cos(theta); below 1 by its series, 2k / (2k+1)! theta^(2k+1)."""
    t2 = theta * theta
    series, power, factorial = np.zeros_like(theta), theta, LD(1)
    for k in range(1, 15):
        power, factorial = -power * t2, factorial * (2 * k) * (2 * k + 1)
        series = series - power * (2 * k) / factorial
    return np.where(theta < 1, series, np.sin(theta) - theta * np.cos(theta))


def _relu(pairs: _Pairs, q: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, _Pairs]:
    """Duals of ReLU and the angle of the first of them."""
    theta = 2 * np.arctan2(np.sqrt(pairs.x), np.sqrt(pairs.xc))
    rest = 2 * np.arctan2(np.sqrt(pairs.xc), np.sqrt(pairs.x))
    z = pairs.x - _sin_minus_theta_cos(theta) / (2 * PI)
    cosine = np.where(pairs.x > pairs.xc, _sin_minus_theta_cos(rest) / PI, 1 - 2 * z)
    value = np.sqrt(q)[:, None] * np.sqrt(p)[None, :] / 2 * cosine
    return value, rest / (2 * PI), _Pairs(value, z, 1 - z)


def _erf(pairs: _Pairs, q: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, _Pairs]:
    """Duals of erf: asin(2s / sqrt(...)) as an atan2, so that large variances keep their digits."""
    r, t = np.sqrt(q)[:, None], np.sqrt(p)[None, :]
    s = r * t * (pairs.xc - pairs.x)
    root = np.sqrt(1 + 2 * r * r + 2 * t * t + 16 * (r * t) ** 2 * pairs.x * pairs.xc)
    value = 2 / PI * np.arctan2(2 * s, root)
    own = [np.sqrt(2 / PI * np.arctan2(2 * v, np.sqrt(1 + 4 * v))) for v in (q, p)]
    norm = own[0][:, None] * own[1][None, :]
    cosine = np.clip(value / np.where(norm == 0, LD(1), norm), -1, 1)
    return value, 4 / PI / root, _Pairs(value, (1 - cosine) / 2, (1 + cosine) / 2)


def _own_dual(activation: str, q: np.ndarray) -> np.ndarray:
    """E[f(u)^2] for u ~ N(0, q)."""
    if activation == "relu":
        return q / 2
    return 2 / PI * np.arctan2(2 * q, np.sqrt(1 + 4 * q))


def _add_bias(pairs: _Pairs, w2: np.longdouble, b2: np.longdouble, own: list[np.ndarray]) -> _Pairs:
    """Angles of w^2 K + b^2 from those of K, whose rows and columns have the variances `own`."""
    after = [np.where(w2 * q + b2 == 0, LD(1), w2 * q + b2) for q in own]
    w, u = (np.sqrt(w2 * q / total) for q, total in zip(own, after, strict=True))
    v, t = (np.sqrt(b2 / total) for total in after)
    w, v, u, t = w[:, None], v[:, None], u[None, :], t[None, :]
    difference = ((w - u) ** 2 + (v - t) ** 2) / 4
    total = (w - u) ** 2 / 4 + (v + t) ** 2 / 4
    return _Pairs(pairs.dot, w * u * pairs.x + difference, w * u * pairs.xc + total)


def gram(net: NetworkLike, X: np.ndarray, Y: np.ndarray | None = None, scale: float = 1.0) -> Gram:
    """Kernels of X's rows with Y's rows (with X's own rows by default).

    Parameters
    ----------
    net : NetworkLike
    X, Y : ndarray of shape (n, d) and (m, d)
        uint8 or float; each number is taken as the exact value it stores.
    scale : float
        Multiplies both X and Y.
    """
    Y = X if Y is None else Y
    factor, scaled = gradient_factor(net)
    w2, b2 = LD(factor) ** 2, LD(net.bias_std) ** 2
    own_factor = w2 if scaled else LD(1)
    unit = LD(scale) ** 2 / X.shape[1]
    first = _integer_pairs if X.dtype == Y.dtype == np.uint8 else _float_pairs
    pairs = first(X, Y, b2 / (w2 * unit))
    q, p = (w2 * unit * (Z.astype(LD) ** 2).sum(axis=1) + b2 for Z in (X, Y))

    sigma = w2 * unit * pairs.dot + b2
    layers = [own_factor * unit * pairs.dot + b2]
    step = {"relu": _relu, "erf": _erf}[net.activation]
    for _ in range(net.hidden_layers):
        value, slope, pairs = step(pairs, q, p)
        own = [_own_dual(net.activation, v) for v in (q, p)]
        layers = [w2 * slope * part for part in layers]
        layers.append(own_factor * value + b2)
        q, p = (w2 * v + b2 for v in own)
        pairs = _add_bias(pairs, w2, b2, own)
        sigma = w2 * value + b2
    return Gram(sigma, np.sum(layers, axis=0), np.stack(layers))
