# SPDX-License-Identifier: Apache-2.0
"""Training in function space: what infinitely wide networks do, from the kernel alone."""

from fastntk.dynamics.gaussian import Gaussian
from fastntk.dynamics.gradient_flow import GradientFlow

__all__ = ["Gaussian", "GradientFlow"]
