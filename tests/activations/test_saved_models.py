# SPDX-License-Identifier: Apache-2.0
"""Estimators whose network has layers of its own, as files."""

import json

import numpy as np
import pytest

import fastntk as fn
from fastntk import _archive

A = fn.Activation
X = np.random.default_rng(8).standard_normal((12, 3))


def test_layers_of_their_own(tmp_path):
    """The network is equal, and so are predictions, to the bit."""
    layers = ["relu", A.erf().scaled(input=0.5, output=2)]
    net = fn.FullyConnected(2, layers, weight_std=[1, 1.5, 2], bias_std=[0.1, 0.2, 0])
    model = fn.KernelRidge(net, ridge=0.1).fit(X, X[:, 0])
    model.save(tmp_path / "model")
    again = fn.load(tmp_path / "model")
    assert again.net == net
    assert hash(again.net) == hash(net)
    np.testing.assert_array_equal(again.predict(X[:4]), model.predict(X[:4]))


def test_files_from_before(tmp_path):
    """A network's name of one activation and its one deviation each, and nothing else."""
    fn.KernelRidge(fn.FullyConnected(2, "erf", 1.5, 0.2), ridge=0.1).fit(X, X[:, 0]).save(
        tmp_path / "model"
    )
    content, arrays = _archive.read(tmp_path / "model")
    text = json.dumps(content["saved"])
    start = text.index('{"class": "FullyConnected"')
    node, _ = json.JSONDecoder().raw_decode(text[start:])
    old = {"hidden_layers": 2, "activation": "erf", "weight_std": 1.5, "bias_std": 0.2}
    old["init_std"] = None
    assert {name: node["parts"][name] for name in old} == old
    content["saved"] = json.loads(text.replace(json.dumps(node), json.dumps(node | {"parts": old})))
    _archive.write(tmp_path / "old", {"saved": content["saved"]}, arrays)
    assert fn.load(tmp_path / "old").net == fn.FullyConnected(2, "erf", 1.5, 0.2)


def test_functions_are_no_data(tmp_path):
    net = fn.FullyConnected(1, ["relu"])
    own = fn.FullyConnected(2, ["relu", A.custom(np.arctan, name="arc")])
    model = fn.KernelRidge(net, ridge=0.1).fit(X, X[:, 0])
    model.net = own
    with pytest.raises(TypeError, match=r"activation\.1\.functions is .* cannot be saved"):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
