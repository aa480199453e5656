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
    new = None if Z is None and cross is None else NewPoints(op, Z, cross)
    if new is None and not isinstance(engine, DenseFlow):
        raise ValueError("Z must be given: the law at all training points needs method='dense'")
    with op.here(), _backend.strict_linalg(op.xp):
        N, M = op.shape[0], op.shape[0] if new is None else new.rows
        # The map, Sigma, their products and differences; Sigma at the points, and the covariance.
        needed = 8 * (5 * N * N if new is None else 6 * N * M + (4 * M * M if covariance else M))
        room = flow._room.holding(engine.nbytes)
        room.require(needed, "the law of f_t at {} points", M)
        law = InitialLaw(op, prior, new, room.holding(needed), flow._progress)
        mean = flow.outputs(time, Z, f0_Z, cross=cross)
        if new is None:
            assert isinstance(engine, DenseFlow)
            left, S = engine.remaining(time), law.training_matrix()
            found, total = left @ S @ left, abs(left).sum(axis=1)
            found = found if covariance else op.xp.diagonal(found)
        else:
            W = engine.transposed_map(time, new.matrix(room))
            S_XZ, S_ZZ = law.new_to_training(), law.new(covariance)
            found, total = trained_covariance(W, S_XZ, law.times(W), S_ZZ), 1 + abs(W).sum(axis=0)
        # A quadratic form of Sigma, whose entries are rounded, as K's are.
        rounding = 4 * max(law.eps, float(np.finfo(op.dtype).eps)) * float(total.max()) ** 2
        rounding *= law.largest
        found = in_library(found, array_namespace(mean))
    if covariance:
        return Gaussian(mean, found, rounding=rounding)
    return Gaussian(mean, variance=found, rounding=rounding)
