# SPDX-License-Identifier: Apache-2.0
"""Every experiment is found under its name, and says how much memory it takes."""

import pytest

from fastntk.paper import registry


@pytest.mark.parametrize("name", registry.NAMES)
def test_an_experiment_by_name(name):
    experiment = registry.experiment(name)
    assert experiment.name == name
    # What runs in CI, and what a machine of 16 GB has.
    assert 0 < experiment.memory(True) < 2e9
    assert experiment.memory(True) <= experiment.memory(False) < 8e9


def test_others_are_refused():
    with pytest.raises(ValueError, match="there is no experiment 'fig9': fig1, fig2, "):
        registry.experiment("fig9")
