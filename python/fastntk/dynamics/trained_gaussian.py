# SPDX-License-Identifier: Apache-2.0
"""The law of trained networks on data: a Gaussian at every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastntk import _backend
from fastntk._arrays import array_namespace, in_library
from fastntk.dynamics.dense_flow import DenseFlow
from fastntk.dynamics.evolution import checked_times
from fastntk.dynamics.gaussian import Gaussian
from fastntk.dynamics.initial_law import InitialLaw
from fastntk.dynamics.new_points import NewPoints
from fastntk.dynamics.trained_law import trained_covariance

if TYPE_CHECKING:
    from fastntk.dynamics.gradient_flow import GradientFlow


def trained_gaussian(
    flow: GradientFlow, t: Any, Z: Any, f0_Z: Any, prior: Any, cross: Any, covariance: bool
) -> Gaussian:
    """Return the law of f_t; arguments are those of `GradientFlow.gaussian`."""
    times, _ = checked_times(t)
    if len(times) != 1:
        raise ValueError(f"t must be a single time, got {len(times)}")
    time = times[0]
    op, engine = flow.operator, flow._engine
    if flow._problem.joint:
        raise ValueError("the law of f_t needs a kernel with one row per point, got N C rows")
    at_training = Z is None and cross is None
    mean = flow.outputs(time, Z, f0_Z, cross=cross)
    with op.here(), _backend.strict_linalg(op.xp):
        law = InitialLaw(op, prior, Z, flow._room, flow._progress)
        eps = float(np.finfo(op.dtype).eps)
        if at_training:
            if not isinstance(engine, DenseFlow):
                raise ValueError(
                    "Z must be given: the law at all training points needs method='dense'"
                )
            left = engine.remaining(time)
            S = law.training_matrix()
            found = left @ S @ left
            size = float(abs(left).sum(axis=1).max()) ** 2 * float(abs(S).max())
            found = found if covariance else op.xp.diagonal(found)
        else:
            K_ZX = NewPoints(op, Z, cross).matrix(flow._room)
            W = engine.transposed_map(time, K_ZX)
            S_XZ, S_ZZ = law.new_to_training(), law.new(covariance)
            found = trained_covariance(W, S_XZ, law.times(W), S_ZZ)
            size = (1 + float(abs(W).sum(axis=0).max())) ** 2 * float(abs(S_ZZ).max())
        # The covariance is a quadratic form of Sigma, whose entries are rounded.
        rounding = 4 * eps * size
        found = in_library(found, array_namespace(mean))
    if covariance:
        return Gaussian(mean, found, rounding=rounding)
    return Gaussian(mean, variance=found, rounding=rounding)
