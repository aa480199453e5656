# SPDX-License-Identifier: Apache-2.0
"""The benchmarks read MNIST packed or unpacked, as the package does."""

from pathlib import Path

import numpy as np
import pytest


@pytest.mark.parametrize("packed", [False, True])
def test_benchmarks_find_mnist(monkeypatch, tmp_path, write_idx, rng, packed):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    from bench import data

    images = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    name = "train-images-idx3-ubyte" + (".gz" if packed else "")
    write_idx(name, images, folder=tmp_path / "mnist", packed=packed)
    monkeypatch.setenv("FASTNTK_DATA", str(tmp_path))
    found, origin = data.pixels(3)
    assert origin == "MNIST training images"
    np.testing.assert_array_equal(found, images[:3].reshape(3, 784))
