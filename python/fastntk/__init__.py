# SPDX-License-Identifier: Apache-2.0
"""Neural tangent kernels, exact and fast: Gram matrices, operators, eigenpairs, kernel PCA.

>>> import fastntk as fn
>>> net = fn.FullyConnected(hidden_layers=4, bias_std=0.1)

See `FullyConnected` for kernels, `GramOperator` for matrices too large to store, `eigenpairs` and
`KernelPCA` for their principal components, and `fastntk.datasets` for data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastntk._version import __version__

if TYPE_CHECKING:
    from fastntk import costs, datasets
    from fastntk._backend import CudaError
    from fastntk._saving import load
    from fastntk._stops import DivergenceError, TrainingInterrupted
    from fastntk.activations import Activation
    from fastntk.dynamics import (
        DescentRecord,
        Gaussian,
        GradientFlow,
        KernelDescent,
        kernel_gradient,
        kernel_norm,
    )
    from fastntk.gram.architecture import FullyConnected
    from fastntk.gram.gradients import KernelGradients
    from fastntk.gram.route import Route
    from fastntk.gram.user_kernel import RBF, UserKernel
    from fastntk.linalg import (
        CenteredOperator,
        ConvergenceWarning,
        Eigenpairs,
        GramOperator,
        Solution,
        SolveInterrupted,
        eigenpairs,
        select_method,
        select_solver,
        solve,
    )
    from fastntk.models import GaussianProcess, KernelClassifier, KernelPCA, KernelRidge
    from fastntk.networks.averages import MonteCarloInterrupted, MonteCarloKernels
    from fastntk.networks.callbacks import CallbackJacobian
    from fastntk.networks.drift import effective_rank, kernel_alignment, ntk_drift
    from fastntk.networks.jacobian import Jacobian
    from fastntk.networks.jacobian_operator import JacobianOperator
    from fastntk.networks.linearised import LinearisedNetwork
    from fastntk.networks.monte_carlo import monte_carlo_kernels
    from fastntk.networks.network import FiniteNetwork
    from fastntk.networks.random_functions import RandomFunctions
    from fastntk.networks.record import Record, Run
    from fastntk.networks.torch_module import torch_jacobian
    from fastntk.theory import (
        Definiteness,
        EdgeOfChaos,
        MeanField,
        SphereSpectrum,
        edge_of_chaos,
        is_positive_definite,
        mean_field,
        sphere_spectrum,
    )

__all__ = [
    "RBF",
    "Activation",
    "CallbackJacobian",
    "CenteredOperator",
    "ConvergenceWarning",
    "CudaError",
    "Definiteness",
    "DescentRecord",
    "DivergenceError",
    "EdgeOfChaos",
    "Eigenpairs",
    "FiniteNetwork",
    "FullyConnected",
    "Gaussian",
    "GaussianProcess",
    "GradientFlow",
    "GramOperator",
    "Jacobian",
    "JacobianOperator",
    "KernelClassifier",
    "KernelDescent",
    "KernelGradients",
    "KernelPCA",
    "KernelRidge",
    "LinearisedNetwork",
    "MeanField",
    "MonteCarloInterrupted",
    "MonteCarloKernels",
    "RandomFunctions",
    "Record",
    "Route",
    "Run",
    "Solution",
    "SolveInterrupted",
    "SphereSpectrum",
    "TrainingInterrupted",
    "UserKernel",
    "__version__",
    "costs",
    "datasets",
    "edge_of_chaos",
    "effective_rank",
    "eigenpairs",
    "is_positive_definite",
    "kernel_alignment",
    "kernel_gradient",
    "kernel_norm",
    "load",
    "mean_field",
    "monte_carlo_kernels",
    "ntk_drift",
    "select_method",
    "select_solver",
    "solve",
    "sphere_spectrum",
    "torch_jacobian",
]

# Where each name comes from; a folder stands for itself.
_ORIGINS = {
    "RBF": "fastntk.gram.user_kernel",
    "Activation": "fastntk.activations",
    "CallbackJacobian": "fastntk.networks.callbacks",
    "CudaError": "fastntk._backend",
    "DescentRecord": "fastntk.dynamics",
    "DivergenceError": "fastntk._stops",
    "FiniteNetwork": "fastntk.networks.network",
    "FullyConnected": "fastntk.gram.architecture",
    "Gaussian": "fastntk.dynamics",
    "GaussianProcess": "fastntk.models",
    "GradientFlow": "fastntk.dynamics",
    "Jacobian": "fastntk.networks.jacobian",
    "JacobianOperator": "fastntk.networks.jacobian_operator",
    "KernelClassifier": "fastntk.models",
    "KernelDescent": "fastntk.dynamics",
    "KernelGradients": "fastntk.gram.gradients",
    "KernelPCA": "fastntk.models",
    "KernelRidge": "fastntk.models",
    "LinearisedNetwork": "fastntk.networks.linearised",
    "MonteCarloInterrupted": "fastntk.networks.averages",
    "MonteCarloKernels": "fastntk.networks.averages",
    "RandomFunctions": "fastntk.networks.random_functions",
    "Record": "fastntk.networks.record",
    "Route": "fastntk.gram.route",
    "Run": "fastntk.networks.record",
    "TrainingInterrupted": "fastntk._stops",
    "UserKernel": "fastntk.gram.user_kernel",
    "activations": "fastntk.activations",
    "costs": "fastntk.costs",
    "datasets": "fastntk.datasets",
    "dynamics": "fastntk.dynamics",
    "effective_rank": "fastntk.networks.drift",
    "gram": "fastntk.gram",
    "kernel_alignment": "fastntk.networks.drift",
    "kernel_gradient": "fastntk.dynamics",
    "kernel_norm": "fastntk.dynamics",
    "linalg": "fastntk.linalg",
    "load": "fastntk._saving",
    "models": "fastntk.models",
    "monte_carlo_kernels": "fastntk.networks.monte_carlo",
    "networks": "fastntk.networks",
    "ntk_drift": "fastntk.networks.drift",
    "torch_jacobian": "fastntk.networks.torch_module",
} | dict.fromkeys(
    (
        "CenteredOperator",
        "ConvergenceWarning",
        "Eigenpairs",
        "GramOperator",
        "Solution",
        "SolveInterrupted",
        "eigenpairs",
        "select_method",
        "select_solver",
        "solve",
    ),
    "fastntk.linalg",
)
_ORIGINS |= dict.fromkeys(
    (
        "Definiteness",
        "EdgeOfChaos",
        "MeanField",
        "SphereSpectrum",
        "edge_of_chaos",
        "is_positive_definite",
        "mean_field",
        "sphere_spectrum",
        "theory",
    ),
    "fastntk.theory",
)

if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        """Import a name at its first use: the command line starts, and can be stopped, at once."""
        if name not in _ORIGINS:
            raise AttributeError(f"module 'fastntk' has no attribute {name!r}")
        import importlib

        module = importlib.import_module(_ORIGINS[name])
        value = module if module.__name__ == f"fastntk.{name}" else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ORIGINS})
