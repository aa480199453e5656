# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious implementations the tests compare with; the package never imports them.

Three rungs, each checked against the one above by the tests in this folder: `multiprecision`
(mpmath, single entries), `extended` (np.longdouble, whole matrices of a few hundred rows),
`naive` (plain float64 NumPy, the textbook formulas).
"""
