# SPDX-License-Identifier: Apache-2.0
"""Fit the polynomials of ``angle.h`` and print ``angle_polynomials.h``.

With ``x = (1 - cos theta) / 2`` and ``y = theta / pi``::

    P(x)   = y / sqrt(x)                                      on 0 <= x <= x_max
    Q(y^2) = (sin theta - theta cos theta) / (2 pi y^3)       on the matching y

One pair is fitted per level: level 0 covers every ``cos theta >= 0``; level ``l`` covers what ``l`` ReLU layers leave of
it, ``cos theta >= kappa_1^l(0)`` with ``kappa_1`` the arc-cosine map of order one [Cho and Saul 2009]. Lower degrees
suffice there. Interpolation at Chebyshev nodes with 50 digits; the degree is the first one whose largest relative error
meets the goal of the type: 2^-25.2 (float) and 2^-54 (double) for P, four times that for Q, which only enters as a
correction of order ``y^3``.

Usage: ``python csrc/common/generate_angle_polynomials.py > csrc/common/angle_polynomials.h`` (needs mpmath).
"""

import sys

from mpmath import acos, asin, cos, lu_solve, matrix, mp, mpf, nstr, pi, sin, sqrt

mp.dps = 50
LEVELS = 4
GOALS = {"float": mpf(2) ** mpf("-25.2"), "double": mpf(2) ** -54}
DIGITS = {"float": 12, "double": 20}


def p_exact(x):
    return asin(sqrt(x)) / sqrt(x) * 2 / pi if x else 2 / pi


def q_exact(v):
    theta = pi * sqrt(v)
    if theta < mpf(10) ** -8:
        return pi**2 / 6 * (1 - theta**2 / 10)
    return pi**2 / 2 * (sin(theta) - theta * cos(theta)) / theta**3


def arc_cosine(c):
    theta = acos(c)
    return (sin(theta) + (pi - theta) * c) / pi


def horner(coefficients, x):
    value = mpf(0)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def interpolate(f, bound, degree):
    """Coefficients of the Chebyshev interpolant of f on [0, bound], and its largest relative error."""
    count = degree + 1
    nodes = [(1 + cos(pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    vandermonde = matrix(count, count)
    for i, node in enumerate(nodes):
        for j in range(count):
            vandermonde[i, j] = node**j
    scaled = lu_solve(vandermonde, matrix([f(bound * node) for node in nodes]))
    coefficients = [scaled[j] / bound**j for j in range(count)]
    error = mpf(0)
    for i in range(201):
        x = bound * i / 200
        exact = f(x)
        error = max(error, abs(horner(coefficients, x) / exact - 1))
    return coefficients, error


def fit(f, bound, goal):
    for degree in range(2, 30):
        coefficients, error = interpolate(f, bound, degree)
        if error < goal:
            return coefficients, error
    raise RuntimeError(f"no degree below 30 reaches {goal}")


def emit_function(name, ctype, coefficients, error, out):
    values = ", ".join(nstr(c, DIGITS[ctype]) for c in coefficients)
    out.write(f"  // largest relative error {nstr(error, 2)}\n")
    out.write(f"  static constexpr int k{name}Degree = {len(coefficients) - 1};\n")
    out.write(f"  FASTNTK_HD static constexpr {ctype} {name.lower()}(int i) {{\n")
    out.write(f"    constexpr {ctype} kCoefficients[] = {{{values}}};\n")
    out.write("    return kCoefficients[i];\n  }\n")


def main(out=sys.stdout):
    out.write(
        "// SPDX-License-Identifier: Apache-2.0\n"
        "// Written by generate_angle_polynomials.py, which explains every line; do not edit.\n"
        "// clang-format off\n#pragma once\n\n"
        '#include "common/macros.h"\n\nnamespace fastntk {\n\n'
        "template <class T, int kLevel>\nstruct AnglePolynomials;\n"
    )
    c = mpf(0)
    for level in range(LEVELS):
        x_max = (1 - c) / 2 * mpf("1.0001")  # a margin for rounding at the end of the interval
        v_max = (2 * asin(sqrt(x_max)) / pi) ** 2
        for ctype, goal in GOALS.items():
            out.write(
                f"\n// cos theta >= {nstr(c, 6)}\ntemplate <>\nstruct AnglePolynomials<{ctype}, {level}> {{\n"
            )
            emit_function("P", ctype, *fit(p_exact, x_max, goal), out)
            emit_function("Q", ctype, *fit(q_exact, v_max, 4 * goal), out)
            out.write("};\n")
        c = arc_cosine(c)
    out.write("\n}  // namespace fastntk\n")


if __name__ == "__main__":
    main()
