# SPDX-License-Identifier: Apache-2.0
"""Nonlinearities: their functions, their parameters, and which theorem covers them."""

from fastntk.activations.activation import Activation
from fastntk.activations.text import as_activation, known_names

__all__ = ["Activation", "as_activation", "known_names"]
