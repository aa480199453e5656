# SPDX-License-Identifier: Apache-2.0
"""The cases of the empirical NTK: one network for all, its contestants, and the exact answer."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastntk as fn
from bench import peers
from bench.baselines import numpy_empirical
from bench.cases import Case
from bench.contestant import Contestant, Run
from bench.data import Problem
from bench.reference import Expected, host

_NETWORK_SEED = 0
# Contracting whole Jacobians takes minutes to hours on all but the smallest case.
_JACOBIAN_OPERATIONS = 1e12
_SAMPLE_SEED = 20180620
_POINTS = 40  # points between which the exact kernel is formed
_PAIRS = 256
_DIAGONAL = 32
_PRODUCT_ROWS = 8
# A preactivation this near zero, relative to its layer's largest, may have either sign in float32,
# and with it the kernel one of two right values.
_KINK = 1e-6


def network(case: Case) -> fn.FiniteNetwork:
    """Return the network of `case`; the same parameters at every call."""
    net = fn.FullyConnected(case.hidden_layers, "relu", case.weight_std, case.bias_std)
    return fn.FiniteNetwork(
        net, case.widths, seed=_NETWORK_SEED, dtype=case.dtype, device=case.device
    )


def contestants(
    case: Case, problem: Problem, pythons: tuple[str, ...]
) -> tuple[list[Contestant], dict[str, str]]:
    """Return everything that competes, fastntk first, and what does not, with the reason.

    All have the data and the parameters in their own arrays before they are timed or weighed.
    """
    w = network(case)
    X, scale = problem.X, problem.scale
    net = numpy_empirical.Network(w.parameters, case.weight_std, case.bias_std)
    a_0 = X.astype(case.dtype) * np.dtype(case.dtype).type(scale)
    found = [
        Contestant("fastntk", True, lambda: lambda: w.ntk(X, scale=scale)),
        Contestant("numpy", False, lambda: lambda: numpy_empirical.empirical_ntk(a_0, net)),
    ]
    parts = _for_peers(case, a_0, w)
    skipped = {}
    for library in ("torch.func", "torch.func jacobians", "neural-tangents"):
        if library.endswith("jacobians") and case.entries * w.n_parameters > _JACOBIAN_OPERATIONS:
            operations = case.entries * w.n_parameters
            skipped[library] = f"{operations:.0e} operations, minutes for a call"
            continue
        where = peers.find(library, pythons)
        if where.python is None:
            skipped[library] = where.remark
        else:
            found.append(_peer(library, where.python, where.remark, parts))
    return found, skipped


def _for_peers(case: Case, a_0: NDArray[Any], w: fn.FiniteNetwork) -> dict[str, Any]:
    parts: dict[str, Any] = {"X": a_0, "layers": len(w.parameters)}
    parts |= {"weight_std": case.weight_std, "bias_std": case.bias_std}
    for layer, (W, b) in enumerate(w.parameters):
        parts |= {f"W{layer}": W, f"b{layer}": b}
    return parts


def _peer(library: str, python: str, version: str, parts: dict[str, Any]) -> Contestant:
    running: list[peers.Peer] = []

    def setup() -> Run:
        running.append(peers.Peer(python, library, parts))
        return running[-1].run

    def close() -> None:
        while running:
            running.pop().close()

    def weigh() -> int:
        peer = peers.Peer(python, library, parts)
        try:
            return peer.peak_bytes()
        finally:
            peer.close()

    return Contestant(library, False, setup, close, version, weigh)


def expected(case: Case, problem: Problem) -> Expected:
    """Return entries of the exact kernel between some points, clear of the kinks of the ReLU."""
    rng = np.random.default_rng(_SAMPLE_SEED)
    net = network(case)
    parameters = [
        (host(W).astype(np.float64), host(b).astype(np.float64)) for W, b in net.parameters
    ]
    candidates = rng.permutation(len(problem.X))
    chosen, terms = [], []
    for point in candidates:
        x = problem.X[point].astype(np.float64) * problem.scale
        found = _terms(case, parameters, x)
        if found is not None:
            chosen.append(point)
            terms.append(found)
        if len(chosen) == _POINTS:
            break
    C, count = case.outputs, len(chosen)
    K = np.zeros((count * C, count * C))
    for layer, (W, _) in enumerate(parameters):
        A = np.stack([inputs[layer] for inputs, _ in terms])
        D = np.concatenate([signals[layer] for _, signals in terms])
        G = case.weight_std**2 / W.shape[1] * (A @ A.T) + case.bias_std**2
        K += (D @ D.T) * np.repeat(np.repeat(G, C, axis=0), C, axis=1)
    i, j = rng.integers(count * C, size=(2, _PAIRS))
    diagonal = rng.integers(count * C, size=_DIAGONAL)
    i, j = np.concatenate([i, diagonal]), np.concatenate([j, diagonal])
    sizes = np.sqrt(K.diagonal())
    rows = (np.asarray(chosen)[:, None] * C + np.arange(C)).reshape(-1)
    values, relative_to = K[i, j], sizes[i] * sizes[j]
    wide = np.longdouble
    return Expected(rows[i], rows[j], values.astype(wide), relative_to.astype(wide), symmetric=True)


def expected_product(case: Case, problem: Problem) -> Expected:
    """Return some exact rows of K @ V, of points clear of the kinks of the ReLU; for one output."""
    assert case.outputs == 1
    assert problem.V is not None
    parameters = [
        (host(W).astype(np.float64), host(b).astype(np.float64))
        for W, b in network(case).parameters
    ]
    X = problem.X.astype(np.float64) * problem.scale
    candidates = np.random.default_rng(_SAMPLE_SEED).permutation(len(X))
    clear = (point for point in candidates if _terms(case, parameters, X[point]) is not None)
    rows = np.array(list(itertools.islice(clear, _PRODUCT_ROWS)))
    inputs = [X]
    for W, b in parameters[:-1]:
        z = case.weight_std / np.sqrt(W.shape[1]) * (inputs[-1] @ W.T) + case.bias_std * b
        inputs.append(np.maximum(z, 0))
    D, K = np.ones((len(X), 1)), np.zeros((len(rows), len(X)))
    for (W, _), A in zip(parameters[::-1], inputs[::-1], strict=True):
        factor = case.weight_std / np.sqrt(W.shape[1])
        K += (D[rows] @ D.T) * (factor**2 * (A[rows] @ A.T) + case.bias_std**2)
        D = factor * (D @ W) * (A > 0)
    V = problem.V.astype(np.float64)
    values, relative_to = K @ V, np.abs(K) @ np.abs(V)
    wide = np.longdouble
    return Expected(
        rows, slice(None), values.astype(wide), relative_to.astype(wide), symmetric=False
    )


def _terms(
    case: Case, parameters: list[tuple[NDArray[Any], NDArray[Any]]], x: NDArray[Any]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]] | None:
    """Return each layer's input and df/dz of one point by the chain rule; None at a kink."""
    inputs, slopes = [x], []
    for W, b in parameters[:-1]:
        z = case.weight_std / np.sqrt(W.shape[1]) * (W @ inputs[-1]) + case.bias_std * b
        if np.min(np.abs(z)) <= _KINK * np.max(np.abs(z)):
            return None
        inputs.append(z * (z > 0))
        slopes.append((z > 0).astype(np.float64))
    signals = [np.eye(case.outputs)]
    for (W, _), slope in zip(parameters[:0:-1], slopes[::-1], strict=True):
        signals.insert(0, case.weight_std / np.sqrt(W.shape[1]) * signals[0] @ (W * slope))
    return inputs, signals
