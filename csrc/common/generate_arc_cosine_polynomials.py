# SPDX-License-Identifier: Apache-2.0
"""Fit the polynomials of ``arc_cosine.h`` and print ``arc_cosine_polynomials.h``.

The tails of the arc-cosine kernels of orders 2 and 3 [Cho and Saul 2009, section 2], over the power of ``y = theta / pi``
that they begin with, on acute angles::

    Q_2(y^2) = (theta (1 + 2 cos^2) - 3 sin cos) / (6 pi y^5)
    Q_3(y^2) = ((4 + 11 cos^2) sin - theta (9 cos + 6 cos^3)) / (30 pi y^7)

They are fitted as ``generate_angle_polynomials.py`` fits Q, to the same goals.

Usage: ``python csrc/common/generate_arc_cosine_polynomials.py > csrc/common/arc_cosine_polynomials.h`` (needs mpmath).
"""

import sys

from generate_angle_polynomials import GOALS, emit_function, fit
from mpmath import cos, mpf, pi, sin, sqrt

V_MAX = mpf("0.25") * mpf("1.0001")  # a margin for rounding at the end of the interval
SMALL = mpf(10) ** -4  # of 50 digits the differences below lose 4 for each power of y


def q_2(v):
    theta = pi * sqrt(v)
    if theta < SMALL:
        return 2 * pi**4 / 45 * (1 - 4 * theta**2 / 21)
    tail = theta * (1 + 2 * cos(theta) ** 2) - 3 * sin(theta) * cos(theta)
    return pi**4 / 6 * tail / theta**5


def q_3(v):
    theta = pi * sqrt(v)
    if theta < SMALL:
        return 2 * pi**6 / 175 * (1 - 5 * theta**2 / 18)
    c = cos(theta)
    tail = (4 + 11 * c**2) * sin(theta) - theta * (9 * c + 6 * c**3)
    return pi**6 / 30 * tail / theta**7


def main(out=sys.stdout):
    out.write(
        "// SPDX-License-Identifier: Apache-2.0\n"
        "// Written by generate_arc_cosine_polynomials.py, which explains every line; do not edit.\n"
        "// clang-format off\n#pragma once\n\n"
        '#include "common/macros.h"\n\nnamespace fastntk {\n\n'
        "template <class T, int kOrder>\nstruct TailPolynomial;\n"
    )
    for order, exact in ((2, q_2), (3, q_3)):
        for ctype, goal in GOALS.items():
            out.write(f"\ntemplate <>\nstruct TailPolynomial<{ctype}, {order}> {{\n")
            emit_function("Q", ctype, *fit(exact, V_MAX, 4 * goal), out)
            out.write("};\n")
    out.write("\n}  // namespace fastntk\n")


if __name__ == "__main__":
    main()
