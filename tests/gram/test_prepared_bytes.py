# SPDX-License-Identifier: Apache-2.0
"""What is asked of the budget before data are prepared covers what the engine then holds."""

import numpy as np
import pytest

import fastntk as fn
from fastntk.gram import limiting, problem


@pytest.mark.parametrize("rows", [3, 512, 1500])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(
    "net",
    [fn.FullyConnected(4), fn.FullyConnected(30), fn.FullyConnected(200, "erf")],
    ids=["shallow", "deep", "erf"],
)
def test_estimate_covers_the_source(dtype, net, kind, rows):
    X = np.random.default_rng(0).integers(0, 255, (rows, 2)).astype(kind)
    source = limiting.limiting_source(net, X, dtype=dtype)
    estimate = problem.prepared_bytes(X, net.program())
    assert source.nbytes <= estimate
    with pytest.raises(MemoryError, match="preparing data"):
        limiting.limiting_source(net, X, dtype=dtype, budget=estimate - 1)
