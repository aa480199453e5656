# SPDX-License-Identifier: Apache-2.0
"""All experiments by name, in the order in which "all" runs them; each is imported at its use."""

from __future__ import annotations

from importlib import import_module

from fastntk.paper.experiment import Experiment

# A module of this folder each, whose EXPERIMENT it is.
NAMES = ("fig1", "fig2", "table", "fig3a", "fig3b", "fig3c", "landscape", "frequency")


def experiment(name: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    ValueError
        There is none of this name.
    """
    if name not in NAMES:
        raise ValueError(f"there is no experiment {name!r}: {', '.join(NAMES)}")
    found: Experiment = import_module(f"fastntk.paper.{name}").EXPERIMENT
    return found
