# SPDX-License-Identifier: Apache-2.0
"""Compare a computed Gram matrix of a named data set with the references, entry by entry."""

from dataclasses import asdict

import numpy as np

import fastntk as fn
from reference import data, exact
from reference.errors import entry_errors
from reference.extended import AVAILABLE
from reference.network import Network
from tolerances import gram_gate


def build(net: Network) -> fn.FullyConnected:
    """Return the package's network of the same parameters."""
    return fn.FullyConnected(**asdict(net))


def assert_within_gate(
    K: np.ndarray,
    kernel: str,
    name: str,
    net: Network,
    *,
    rows: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> None:
    """Fail where an entry of K is further from the references than its precision gate.

    Parameters
    ----------
    K : ndarray of shape (len(rows), len(columns)), or (hidden_layers + 1, ...) for "layers"
        The kernel of the case's rows X[rows], X[columns]; all of them by default.
    kernel : {"nngp", "ntk", "layers"}
        Each layer's part is compared relative to the whole NTK.
    name, net
        The data set of `reference.data`, and the network.
    """
    X = data.case(name).X
    everything = np.arange(len(X))
    rows = everything if rows is None else rows
    columns = everything if columns is None else columns
    assert K.shape[-2:] == (len(rows), len(columns))
    gate = gram_gate(K.dtype, X.dtype, net.hidden_layers)

    row_of, column_of = ({int(i): k for k, i in enumerate(side)} for side in (rows, columns))
    sample = exact.sampled(name, net)
    keep = [
        k
        for k, (i, j) in enumerate(zip(sample.rows, sample.columns, strict=True))
        if int(i) in row_of and int(j) in column_of
    ]
    at = (
        [row_of[int(i)] for i in sample.rows[keep]],
        [column_of[int(j)] for j in sample.columns[keep]],
    )
    scale_name = "nngp_scale" if kernel == "nngp" else "ntk_scale"
    truth, scale = getattr(sample, kernel)[..., keep], getattr(sample, scale_name)[keep]
    _assert_small(entry_errors(K[(..., *at)], truth, scale), gate, f"mpmath, {name}, {net}")
    if AVAILABLE:
        whole = exact.complete(name, net)
        block = (..., *np.ix_(rows, columns))
        truth, scale = getattr(whole, kernel)[block], getattr(whole, scale_name)[block]
        _assert_small(entry_errors(K, truth, scale), gate, f"longdouble, {name}, {net}")


def _assert_small(errors: np.ndarray, gate: float, what: str) -> None:
    """Fail with the worst entry."""
    if errors.size and not (errors <= gate).all():
        worst = tuple(int(v) for v in np.unravel_index(errors.argmax(), errors.shape))
        raise AssertionError(
            f"{what}: entry {worst} is off by {float(errors.max()):.3g}, the gate is {gate:.3g}; "
            f"{int((errors > gate).sum())} of {errors.size} entries are beyond it"
        )
