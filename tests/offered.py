# SPDX-License-Identifier: Apache-2.0
"""Which activations of the references the package computes elementwise."""

from fastntk import _backend
from fastntk.activations import as_activation
from fastntk.activations.definitions import Elementwise
from reference.functions import FUNCTIONS


def _is_elementwise(text):
    base = as_activation(text).base
    return isinstance(base, Elementwise) or base.name in _backend.activations()


ELEMENTWISE = [text for text in FUNCTIONS if _is_elementwise(text)]
