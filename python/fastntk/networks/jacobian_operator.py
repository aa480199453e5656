# SPDX-License-Identifier: Apache-2.0
"""The empirical NTK as an operator that forms neither the Jacobian nor the kernel."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastntk._arrays import array_namespace, in_library
from fastntk._memory import parse_bytes
from fastntk._progress import Meter
from fastntk.linalg.operator import SymmetricOperator
from fastntk.networks.jacobian import Jacobian

if TYPE_CHECKING:
    from fastntk._progress import Progress


class JacobianOperator(SymmetricOperator):
    """Theta = J diag(multipliers) J^T of a Jacobian J, as an operator.

    The neural tangent kernel of section 4 of [1]_.

    Parameters
    ----------
    jacobian : Jacobian
        Of N samples and C outputs; kept, not copied.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB"; that of the Jacobian by default.

    Attributes
    ----------
    jacobian : Jacobian
        As given.

    Raises
    ------
    TypeError
        Not a Jacobian.

    Notes
    -----
    A product with a vector is a gradient and a directional derivative over all samples: O(N P)
    operations, and P numbers at a time for as many columns as fit half of the budget. Rows and
    columns are sample-major, i C + k for output k at sample i. Products of a float32 Jacobian with
    float64 vectors are formed in float64 wherever the function can be: `CallbackJacobian` cannot.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural Tangent Kernel: Convergence and Generalization
       in Neural Networks", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from fastntk.networks.callbacks import CallbackJacobian
    >>> J = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    >>> theta = JacobianOperator(CallbackJacobian(lambda v: J @ v, lambda u: J.T @ u, J.shape))
    >>> theta.to_dense()
    array([[14.,  2.],
           [ 2.,  1.]])
    """

    def __init__(self, jacobian: Jacobian, *, memory: int | str | None = None) -> None:
        if not isinstance(jacobian, Jacobian):
            raise TypeError(f"jacobian must be a Jacobian, got {type(jacobian).__name__}")
        self.jacobian = jacobian
        rows = jacobian.shape[0]
        self.shape, self.dtype = (rows, rows), jacobian.dtype
        self.nbytes = jacobian.nbytes
        self.budget = jacobian.budget if memory is None else parse_bytes(memory)
        self.place, self.xp, self.host = jacobian.place, jacobian.xp, jacobian.host

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the operator's device CuPy's current one, if it has one."""
        return self.jacobian.here()

    def matmat(self, V: ArrayLike, progress: Progress | None = None) -> NDArray[np.float64]:
        """Return the product with the columns of V; see `fastntk.linalg.SymmetricOperator.matmat`.

        Raises
        ------
        MemoryError
            The P numbers of one column do not fit half of the budget.
        """
        columns, jacobian = self._check_columns(V), self.jacobian
        count = columns.shape[1]
        meter = Meter(progress, "product", 2 * jacobian.samples * count)
        with self.here():
            product = self.xp.empty(columns.shape)
            step = self._columns_at_once(columns.dtype)
            for first in range(0, count, step):
                own = slice(first, first + step)
                gradients = jacobian.pullback(self.xp.ascontiguousarray(columns[:, own].T), meter)
                jacobian.scale_by_rates(gradients)
                product[:, own] = jacobian.pushforward(gradients, meter).T
            returned: NDArray[np.float64] = self._returned(product, V)
            return returned

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal, (N C,), of the operator's dtype."""
        with self.here():
            diagonal = self.jacobian.tangent_diagonal().astype(self.dtype, copy=False)
            returned: NDArray[Any] = self._returned(diagonal)
            return returned

    def to_dense(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the whole matrix; see `fastntk.linalg.SymmetricOperator.to_dense`."""
        dense = self._dense_out(out)
        with self.here():
            if array_namespace(dense) is self.xp:
                self.jacobian.tangent_kernel(dense, 0 if out is dense else dense.nbytes)
                return dense
            entries = self.xp.empty(self.shape, dense.dtype)
            self.jacobian.tangent_kernel(entries, entries.nbytes)
            dense[...] = in_library(entries, array_namespace(dense))
        return dense

    def _columns_at_once(self, dtype: np.dtype[Any]) -> int:
        """Return of how many columns the gradients take half of the budget."""
        gradient = self.jacobian.shape[1] * dtype.itemsize
        self.room.require(2 * gradient, "the gradient of one column and its product")
        return max(1, self.room.left // (2 * gradient))
