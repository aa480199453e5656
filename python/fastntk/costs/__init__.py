# SPDX-License-Identifier: Apache-2.0
"""Costs in function space: what a model is trained on, apart from what the model is.

A cost of outputs ``f`` is a mean over N points, ``C(f) = (1/N) sum_i c(f(x_i), y_i)``. Its training
direction is minus the gradient with respect to the input distribution's inner product
``<f, g> = (1/N) sum_i f(x_i) . g(x_i)`` [1]_, so ``d_i = -dc/df(x_i)``, without the factor 1/N; the
parameters then move by ``d theta / dt = (1/N) J^T d`` and the outputs by ``(1/N) Theta d``.

Any object with the methods of `Cost` is one.

References
----------
.. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization in
   neural networks", NeurIPS 2018, sections 3 and 5.
"""

from __future__ import annotations

from fastntk.costs.cost import Cost, direction_norm
from fastntk.costs.cross_entropy import CrossEntropy
from fastntk.costs.hinge import SmoothHinge
from fastntk.costs.least_squares import LeastSquares
from fastntk.costs.user_cost import UserCost

__all__ = ["Cost", "CrossEntropy", "LeastSquares", "SmoothHinge", "UserCost", "direction_norm"]
