# SPDX-License-Identifier: Apache-2.0
"""Duals of functions without closed form: E[f(u) f(v)] and E[f'(u) f'(v)] by quadrature."""
