# SPDX-License-Identifier: Apache-2.0
"""Every bound the tests compare against: family x dtype -> a value and the reason for it.

Families
--------
gram-exact
    Entries of a Gram matrix from uint8 pixels, whose squared distances are exact integers.
gram-float
    Entries of a Gram matrix from float32 or float64 data.
dual
    Normalised duals of activations, relative to the diagonals.
gradient-exact, gradient-float
    Derivatives of entries from pixels and from other data, relative to the larger of themselves
    and of the geometric mean of the two diagonal ones.
spectral
    Relative error of the 50 smallest eigenvalues of a Gram matrix with near-duplicates.
psd
    How negative an eigenvalue may be, relative to the trace.
reduction
    A sum of entries (``K @ V``, the sum of the layers), relative to the sum of absolute values.
transform
    A float identity whose inputs are rounded by the test itself (rotations, scalings).
reference
    One rung of the references against the rung above it.

"dtype" is that of the result; "longdouble" is the 64-bit-mantissa rung of the references.
Entries are compared by `reference.errors.entry_errors`, which says what an error is relative to.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike


class Bound(NamedTuple):
    """A bound and why it is what it is."""

    value: float
    reason: str


TOLERANCES: dict[tuple[str, str], Bound] = {
    ("gram-exact", "float32"): Bound(
        6e-7,
        "the float32 gate of the design: about ten roundings of 6e-8 in the layer recursion and "
        "its polynomials; independent of depth because later layers contract the deficit",
    ),
    ("gram-exact", "float64"): Bound(
        2e-15,
        "the float64 gate of the design: nine roundings of 2.2e-16 on an exact integer distance, "
        "up to 10 hidden layers; see `gram_gate` for deeper networks",
    ),
    ("gram-float", "float32"): Bound(
        6e-7, "the float32 gate; distances are repaired so that float data cost no more than uint8"
    ),
    ("gram-float", "float64"): Bound(
        1e-12,
        "the float64 gate on float data: a distance rounded to 1e-16 |x|^2 moves the angle of "
        "a pair just above the repair threshold by up to 1e-12",
    ),
    ("dual", "float32"): Bound(6e-7, "the float32 gate: ten roundings of 6e-8"),
    ("dual", "float64"): Bound(
        1e-13,
        "the gate of closed forms; those without exponentials lose a few roundings of 2.2e-16",
    ),
    ("gradient-exact", "float32"): Bound(1e-7, "a result of float64 rounded once: 6e-8"),
    ("gradient-float", "float32"): Bound(1e-7, "a result of float64 rounded once: 6e-8"),
    ("gradient-exact", "float64"): Bound(
        1e-14,
        "ten layers of a jet's roundings of 2.2e-16, most of which later layers contract: 1e-15 is "
        "reached here",
    ),
    ("gradient-float", "float64"): Bound(
        1e-12,
        "that of float data in float64, for the same reason; 1e-13 is reached here",
    ),
    ("spectral", "float32"): Bound(
        4e-3,
        "rounding the exact matrix to float32 alone moves the smallest eigenvalues by 8e-4 here; "
        "the recursion may cost a few times that. A cosine-based float32 matrix is off by 1",
    ),
    ("spectral", "float64"): Bound(
        2e-11,
        "rounding the exact matrix to float64 moves them by 1.6e-12 (5e-16 in every entry: "
        "3.4e-12), so the gate of 2e-15 allows 1.4e-11; an eigenvalue solver's own error, up to "
        "1e-10 here, is kept out of the measure",
    ),
    ("psd", "float32"): Bound(6e-7, "entrywise relative error <= 6e-7 bounds ||E||_2 by 6e-7 tr K"),
    ("psd", "float64"): Bound(
        4e-15, "2e-15 from the entries and N eps from the eigenvalue solver, N <= 8"
    ),
    ("reduction", "float32"): Bound(
        3e-6, "256 float32 terms of random sign per tile: sqrt(256) * 6e-8, times 3; plus the gate"
    ),
    ("reduction", "float64"): Bound(
        1e-14, "sums of at most 300 float64 terms: sqrt(300) * 1.1e-16, times 3; plus the gate"
    ),
    ("transform", "float32"): Bound(
        3e-6,
        "a float32 product of length <= 16 moves a row by sqrt(16) * 6e-8 of its norm, the angle "
        "by as much and the kernel by hidden_layers <= 4 times that over pi; plus two gates",
    ),
    ("transform", "float64"): Bound(
        2e-12, "rounding of the transformed rows (1e-15) is far below the two gates of 1e-12"
    ),
    ("reference", "longdouble"): Bound(
        5e-18,
        "about 50 roundings of 1.1e-19, counting the layers' factors; 400 times below the gate it "
        "is used to hold",
    ),
    ("reference", "float64"): Bound(
        2e-7,
        "arccos near 1 turns one rounding into sqrt(2 * 2.2e-16) = 2e-8 per layer, 10 layers",
    ),
}


def tolerance(family: str, dtype: DTypeLike) -> float:
    """Return the bound of a family for a result dtype."""
    name = "longdouble" if np.dtype(dtype) == np.longdouble else np.dtype(dtype).name
    return TOLERANCES[family, name].value


def gram_gate(result_dtype: DTypeLike, input_dtype: DTypeLike, hidden_layers: int) -> float:
    """Return the precision gate of a Gram entry.

    float64 results on uint8 data may lose another 2e-16 (one rounding) per layer beyond 10.
    """
    exact = np.dtype(input_dtype) == np.uint8
    gate = tolerance("gram-exact" if exact else "gram-float", result_dtype)
    if exact and np.dtype(result_dtype) == np.float64:
        gate += 2e-16 * max(0, hidden_layers - 10)
    return gate
