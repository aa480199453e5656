# SPDX-License-Identifier: Apache-2.0
"""Estimators say what they need where scikit-learn is missing."""

import sys

import pytest

import fastntk as fn
from fastntk import models


@pytest.mark.parametrize("name", models.__all__)
def test_without_scikit_learn(monkeypatch, name):
    assert getattr(fn, name).__name__ == name
    for module in list(sys.modules):
        if module.startswith("fastntk.models."):
            monkeypatch.delitem(sys.modules, module)
    for module in ("sklearn", "sklearn.base", "sklearn.utils"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{name} needs scikit-learn 1.6 or later: pip install"):
        getattr(models, name)


def test_other_names():
    with pytest.raises(AttributeError, match=r"'fastntk\.models' has no attribute 'Lasso'"):
        models.Lasso  # noqa: B018
