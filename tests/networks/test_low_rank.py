# SPDX-License-Identifier: Apache-2.0
"""Weights with factors beside them: the same products and the same matrix as rewriting it."""

import sys

import numpy as np
import pytest

from fastntk._backend import CPU
from fastntk.networks.layer import DenseWeight
from fastntk.networks.low_rank import DenseUpdates, LowRankUpdates, add_product, low_rank_rows

# Sums of at most 60 terms, 12 of them updates, in another order: sqrt(60) roundings.
CLOSE = {"float32": {"rtol": 0, "atol": 1e-4}, "float64": {"rtol": 0, "atol": 1e-12}}


@pytest.mark.parametrize("shape", [(40, 60), (1, 60), (60, 2), (300, 7)])
@pytest.mark.parametrize("rank", [1, 5, 200])
def test_add_product(rng, shape, rank, dtype, monkeypatch):
    """Blocks of 64 rows and more, the last one shorter."""
    monkeypatch.setattr("fastntk.networks.low_rank._BLOCK_BYTES", 1)
    W = rng.standard_normal(shape).astype(dtype)
    left = rng.standard_normal((rank, shape[0])).astype(dtype)
    right = rng.standard_normal((rank, shape[1])).astype(dtype)
    expected = W.astype(np.float64) + left.astype(np.float64).T @ right
    add_product(W, left, right)
    np.testing.assert_allclose(W, expected, **CLOSE[dtype])


@pytest.mark.parametrize("rows", [4, 5, 12, 100])
def test_low_rank_is_dense(rng, rows, dtype):
    """Through several folds; the array is untouched between them."""
    W = rng.standard_normal((40, 60)).astype(dtype)
    dense = DenseUpdates(DenseWeight(W.copy(), CPU))
    low = LowRankUpdates(DenseWeight(W, CPU), rows)
    first = W.copy()
    A, D = (rng.standard_normal((3, n)).astype(dtype) for n in (60, 40))
    for step in range(6):
        left, right = (rng.standard_normal((4, n)).astype(dtype) for n in (40, 60))
        dense.add(left, right)
        low.add(left, right)
        if 4 * (step + 1) <= rows:
            np.testing.assert_array_equal(W, first)
        np.testing.assert_allclose(low.times(A), dense.times(A), **CLOSE[dtype])
        D_W = low.transposed_times(D)
        np.testing.assert_allclose(D_W, dense.transposed_times(D), **CLOSE[dtype])
    np.testing.assert_allclose(low.array, dense.array, **CLOSE[dtype])
    assert low.array is W
    assert low.shape == (40, 60)


def test_an_update_with_more_rows_than_are_kept(rng):
    """It is added at once, after what was kept."""
    W = np.zeros((3, 4))
    low = LowRankUpdates(DenseWeight(W, CPU), 2)
    parts = [(rng.standard_normal((r, 3)), rng.standard_normal((r, 4))) for r in (2, 5, 1)]
    for left, right in parts:
        low.add(left, right)
    expected = sum(left.T @ right for left, right in parts)
    np.testing.assert_allclose(low.array, expected, rtol=0, atol=1e-14)


def raise_at(number):
    """Return a trace function that raises before an operation of `low_rank.py`; and how many."""
    count = [0]

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.endswith("low_rank.py"):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            count[0] += 1
            if count[0] == number:
                raise KeyboardInterrupt
        return trace

    return trace, count


def test_a_fold_that_is_interrupted_anywhere(rng, monkeypatch):
    """Folding again completes it: each block of three is added once, and later updates too."""
    monkeypatch.setattr("fastntk.networks.low_rank._BLOCK_BYTES", 1)
    W = rng.standard_normal((150, 4))
    parts = [(rng.standard_normal((2, 150)), rng.standard_normal((2, 4))) for _ in range(2)]
    expected = W + sum(left.T @ right for left, right in parts)
    number, before = 0, sys.gettrace()
    while True:
        number += 1
        now = W.copy()
        low = LowRankUpdates(DenseWeight(now, CPU), 2)
        low.add(*parts[0])
        trace, count = raise_at(number)
        try:
            sys.settrace(trace)
            low.fold()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        low.fold()
        low.add(*parts[1])
        np.testing.assert_allclose(low.array, expected, rtol=0, atol=1e-13)
        if count[0] < number:
            break
    assert number > 50


def test_the_choice():
    """Few points against the widths; whole steps; nothing for small or thin matrices."""
    assert low_rank_rows((10_000, 10_000), 16) == 16 * 25
    assert low_rank_rows((2048, 2048), 64) == 64 * 6
    assert low_rank_rows((500, 500), 16) == 16 * 6
    assert low_rank_rows((2048, 2048), 86) == 0
    assert low_rank_rows((10_000, 2), 16) == 0
    assert low_rank_rows((1, 10_000), 1) == 0
    assert low_rank_rows((100, 100), 1) == 0
