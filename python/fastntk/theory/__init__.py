# SPDX-License-Identifier: Apache-2.0
"""What theory computes from a limiting kernel: spectra on spheres, definiteness, phases."""

from fastntk.theory.critical import EdgeOfChaos, edge_of_chaos
from fastntk.theory.definiteness import Definiteness, is_positive_definite
from fastntk.theory.phases import MeanField, mean_field
from fastntk.theory.sphere import SphereSpectrum, sphere_spectrum

__all__ = [
    "Definiteness",
    "EdgeOfChaos",
    "MeanField",
    "SphereSpectrum",
    "edge_of_chaos",
    "is_positive_definite",
    "mean_field",
    "sphere_spectrum",
]
