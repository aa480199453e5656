# SPDX-License-Identifier: Apache-2.0
"""Derivatives of kernels on a GPU: those of the CPU, where the data are."""

import numpy as np
import pytest

import fastntk as fn
from tolerances import tolerance

NETWORKS = [
    fn.FullyConnected(3, bias_std=0.2),
    fn.FullyConnected(2, "erf", weight_std=1.3),
    fn.FullyConnected(2, ["gelu", "tanh"], bias_std=0.2),
]


@pytest.mark.parametrize("net", NETWORKS, ids=["relu", "erf", "gelu and tanh"])
@pytest.mark.parametrize("rectangular", [False, True])
def test_against_the_cpu(gpu, X, net, rectangular, dtype):
    """Arrays on the device stay there; arrays of the host go through the device and back."""
    rows, others = X[:70], X[200:] if rectangular else None
    expected = net.gradients(rows, others, scale=1 / 255, dtype="float64", device="cpu")
    there = [None if side is None else gpu.cupy.asarray(side) for side in (rows, others)]
    on_device = net.gradients(*there, scale=1 / 255, dtype=dtype)
    through = net.gradients(rows, others, scale=1 / 255, dtype=dtype, device="cuda")
    # Two matrices, each within the bound; these rows have no entry below a tenth of the largest.
    bound = 20 * tolerance("gradient-exact", dtype)
    for one, other, truth in zip(on_device, through, expected, strict=True):
        assert isinstance(one, gpu.cupy.ndarray)
        assert isinstance(other, np.ndarray)
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(one.get(), truth, rtol=0, atol=bound * np.abs(truth).max())
        np.testing.assert_array_equal(other, one.get())


def test_one_preparation(standin, X):
    """All three matrices come of one native source."""
    NETWORKS[0].gradients(standin.cupy.asarray(X), kernel="nngp")
    assert [name for name, *_ in standin.native.calls] == ["prepare", "to_dense"]
