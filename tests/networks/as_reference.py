# SPDX-License-Identifier: Apache-2.0
"""Finite networks of the package as the reference takes them, and what errors are relative to."""

import numpy as np

from reference.finite import Map

# Of sums of a few hundred products, 5 layers deep: in float32 of sqrt(200) 6e-8 each; the float64
# bound leaves as many digits.
BOUNDS = {"float32": 1e-5, "float64": 1e-10}


def maps_of(w):
    """The maps of a single network in float64."""
    return [
        Map(W.astype(np.float64), b.astype(np.float64), s.weight_factor, s.bias_factor, *rates)
        for (W, b), s, rates in zip(w.parameters, w.scales, w.rates, strict=True)
    ]


def relative_error(K, reference, own_rows, own_columns=None):
    """The largest error of an entry, relative to sqrt(K_ii K_jj)."""
    own_columns = own_rows if own_columns is None else own_columns
    scale = np.sqrt(np.outer(own_rows, own_columns))
    error = np.abs(K.astype(np.float64) - reference)
    assert K.shape == reference.shape
    assert (error[scale == 0] == 0).all()
    return (error[scale > 0] / scale[scale > 0]).max(initial=0.0)
