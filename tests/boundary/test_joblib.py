# SPDX-License-Identifier: Apache-2.0
"""Kernels inside joblib's workers: the same bits as here, in processes and in threads."""

import numpy as np
import pytest

import fastntk as fn

joblib = pytest.importorskip("joblib")


@pytest.mark.parametrize("prefer", ["processes", "threads"])
def test_workers_return_the_same_bits(prefer):
    X = np.random.default_rng(0).random((300, 20))
    net = fn.FullyConnected()
    expected = net.ntk(X)
    jobs = (joblib.delayed(net.ntk)(X) for _ in range(4))
    for K in joblib.Parallel(n_jobs=2, prefer=prefer)(jobs):
        assert np.array_equal(K, expected)
