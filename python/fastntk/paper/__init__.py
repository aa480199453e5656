# SPDX-License-Identifier: Apache-2.0
"""The experiments of Jacot, Gabriel and Hongler (2018), section 6, and their figures.

``fastntk paper NAME`` runs them; from Python

>>> from fastntk.paper import registry
>>> registry.NAMES[0], registry.experiment("fig1").title
('fig1', 'The NTK on the circle converges as networks grow wide')

experiment.py what an experiment is, and what it gives; registry.py all of them by name; parts.py
finished parts of a long run, on disk; circle.py and one file per experiment the rest.
"""
