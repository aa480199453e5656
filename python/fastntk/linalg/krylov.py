# SPDX-License-Identifier: Apache-2.0
"""Block Krylov: thick-restart block Lanczos with full reorthogonalisation [1]_, [2]_.

Ritz pairs and their residuals ||K v - lambda v|| come from products that were made, not from
estimates, at no further pass over K: see `fastntk.linalg.basis`.

References
----------
.. [1] K. Wu, H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM
   J. Matrix Anal. Appl. 22 (2000), 602-616.
.. [2] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
   singular value decomposition", NIPS 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastntk.linalg.basis import Basis
from fastntk.linalg.pairs import Eigenpairs, block_product, spectral_scale, with_signs

if TYPE_CHECKING:
    from fastntk._memory import Budget
    from fastntk._progress import Progress
    from fastntk.linalg.operator import SymmetricOperator

# Float32 products err by up to about 1e-7 of the largest eigenvalue: they certify nothing smaller.
_FLOAT32_TOL = 5e-7
# Room for ten blocks besides the pairs: most problems end before a restart.
_BLOCKS_KEPT = 10


def block_krylov(
    op: SymmetricOperator,
    k: int,
    tol: float,
    rng: np.random.Generator,
    *,
    block: int,
    max_passes: int,
    room: Budget,
    progress: Progress | None,
) -> Eigenpairs:
    """Return the k largest eigenpairs of an operator, or the best of ``max_passes`` products.

    Arguments are those of `fastntk.eigenpairs`, checked; ``room`` is for the basis.
    """
    n = op.shape[0]
    single = op.dtype == np.float32 and tol >= _FLOAT32_TOL
    # Products made from float32 vectors hold no more digits than float32 keeps.
    precision = np.float32 if single else np.float64
    basis = Basis(op, capacity_for(n, k, block, room), rng, precision)
    V = basis.complement(basis.random(block))
    for done in range(1, max_passes + 1):
        stage = f"eigenpairs, pass {done}"
        product = block_product(op, V.astype(precision, copy=False), stage, progress)
        remainder = basis.append(V, product)
        values, Y = basis.ritz()
        scale = spectral_scale(values)
        relative = basis.residuals(values[:k] / scale, Y[:, :k], scale)
        converged = len(relative) == k and relative.max() <= max(tol, op.rounding / scale)
        if converged or done == max_passes or basis.size == n:
            break
        if basis.size + block > basis.capacity < n:
            basis.restart(values, Y, k + (basis.capacity - k - block) // 2)
        V = basis.next_block(remainder, scale)
    vectors = with_signs(basis.Q[:, : basis.size] @ basis.xp.asarray(Y[:, :k]))
    return Eigenpairs(values[:k].copy(), vectors, relative * scale, "krylov", done, bool(converged))


def capacity_for(n: int, k: int, block: int, room: Budget) -> int:
    """Return the columns of basis that the budget allows, up to those that are useful."""
    # Beside the basis: the block, its product, and the copies made in rounding, centring and QR.
    spare, column = 48 * n * block + 8 * n * k, 16 * n
    least = min(n, k + 2 * block)
    room.require(spare + column * least, f"a Krylov basis of {least} columns for {n} rows")
    return min(n, k + _BLOCKS_KEPT * block, (room.left - spare) // column)
