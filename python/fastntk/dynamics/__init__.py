# SPDX-License-Identifier: Apache-2.0
"""Training in function space: what infinitely wide networks do, from the kernel alone."""

from fastntk.dynamics.descent_record import DescentRecord
from fastntk.dynamics.gaussian import Gaussian
from fastntk.dynamics.gradient_flow import GradientFlow
from fastntk.dynamics.kernel_descent import KernelDescent
from fastntk.dynamics.kernel_gradients import kernel_gradient, kernel_norm

__all__ = [
    "DescentRecord",
    "Gaussian",
    "GradientFlow",
    "KernelDescent",
    "kernel_gradient",
    "kernel_norm",
]
