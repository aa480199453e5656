# SPDX-License-Identifier: Apache-2.0
"""Measures of a kernel's movement: by hand, by explicit matrices, and along leading axes."""

import numpy as np
import pytest

from fastntk.networks.drift import effective_rank, kernel_alignment, ntk_drift

# Sums of at most 144 terms in float64.
CLOSE = {"rtol": 1e-12, "atol": 0}


def kernel(rng, n=6):
    A = rng.standard_normal((n, n + 2))
    return A @ A.T


def test_drift_by_hand():
    """Both norms of diagonal matrices."""
    K_0, K_t = np.diag([3.0, 4.0]), np.diag([3.0, 6.0])
    assert ntk_drift(K_t, K_0) == pytest.approx(2 / 5)
    assert ntk_drift(K_t, K_0, norm="operator") == pytest.approx(2 / 4)
    assert ntk_drift(K_0, K_0) == 0


def test_drift_over_time(rng):
    """Several matrices: an array, a list, the first as the default; blocks need not be square."""
    K = rng.standard_normal((4, 3, 5))
    expected = [np.linalg.norm(k - K[0]) / np.linalg.norm(K[0]) for k in K]
    np.testing.assert_allclose(ntk_drift(K), expected, **CLOSE)
    np.testing.assert_allclose(ntk_drift(list(K), K[0]), expected, **CLOSE)
    batch = rng.standard_normal((4, 2, 3, 5))
    assert ntk_drift(batch).shape == (4, 2)
    assert ntk_drift(batch)[3, 1] == pytest.approx(ntk_drift(batch[3, 1], batch[0, 1]))


def centred(M):
    H = np.eye(len(M)) - 1 / len(M)
    return H @ M @ H


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_alignment_is_the_cosine_of_matrices(rng, centered, columns):
    """Against the target matrix, formed."""
    K, y = kernel(rng), rng.standard_normal(6 if columns is None else (6, columns))
    Y = y.reshape(6, -1)
    target = Y @ Y.T
    A, B = (centred(K), centred(target)) if centered else (K, target)
    expected = (A * B).sum() / np.linalg.norm(A) / np.linalg.norm(B)
    assert kernel_alignment(K, y, centered=centered) == pytest.approx(expected, rel=1e-12)
    both = kernel_alignment(np.stack([K, 2 * K]), y, centered=centered)
    np.testing.assert_allclose(both, [expected, expected], **CLOSE)


def test_alignment_of_all_outputs(rng):
    """Rows sample-major: the labels' entries in their order."""
    K, y = kernel(rng), rng.standard_normal((3, 2))
    assert kernel_alignment(K, y) == kernel_alignment(K, y.reshape(-1))
    assert kernel_alignment(np.outer(y, y), y) == pytest.approx(1)


def test_effective_ranks():
    """Of a projection its rank; of a spectrum by hand."""
    for kind in ("entropy", "trace", "participation"):
        assert effective_rank(np.diag([2.0, 2, 2, 0]), kind=kind) == pytest.approx(3)
    K = np.diag([0.5, 0.25, 0.25])
    assert effective_rank(K) == pytest.approx(2**1.5)
    assert effective_rank(K, kind="trace") == pytest.approx(2)
    assert effective_rank(K, kind="participation") == pytest.approx(1 / 0.375)
    assert effective_rank([K, np.eye(3)], kind="trace") == pytest.approx([2, 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ntk_drift(np.eye(2)), "K_0 must be given"),
        (lambda: ntk_drift(np.eye(2), np.eye(3)), r"K_0 must have K_t's last axes \(2, 2\)"),
        (lambda: ntk_drift(np.eye(2), np.zeros((2, 2))), "K_0 must not be zero"),
        (lambda: ntk_drift(np.eye(2), np.eye(2), norm="max"), "norm must be one of"),
        (lambda: ntk_drift(np.ones(2)), "must be a matrix or several"),
        (lambda: kernel_alignment(np.eye(3), np.ones(4)), "y must have 3 rows"),
        (lambda: kernel_alignment(np.eye(3), np.ones(3), centered=True), "after centring"),
        (lambda: kernel_alignment(np.ones((2, 3)), np.ones(2)), "K must be square"),
        (lambda: effective_rank(-np.eye(2)), "positive trace, got -2.0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
