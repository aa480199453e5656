# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of fastntk: ``python -m bench [--quick] [--case NAME] [--out FILE]``.

Against NumPy, and over empirical NTKs against PyTorch and neural-tangents too, where they are found
(``--peer-python PATH``); with ``--device cuda`` the cases of a GPU, against CuPy and PyTorch.

The files, in the order in which a run uses them:

cases.py        the whole case list, as data
data.py         the matrices a case works on: MNIST, or synthetic digits where MNIST is not found
contestants.py  what is run for a case: fastntk and its baselines
contestant.py   their one face
empirical.py    contestants and exact answer of the empirical NTK
activations.py  every activation beside ReLU
quadrature.py   the kernels of any activation on a few rows, in plain NumPy
peers.py        libraries in interpreters of their own, peer_server.py their side
baselines/      implementations of the same kernels with other libraries
reference.py    the exact answer on a seeded sample, in extended precision; the gate
measure.py      one case: check, then time, then weigh
timing.py       interleaved rounds, medians, the band of a ratio
memory.py       peak memory of one contestant, in a fresh process; resident.py reads it
machine.py      what the figures were measured on
report.py       the JSON record and the table
convergence/    how finite networks approach the limit
gpu.py          contestants and clock of the cases on a GPU
gpu_check.py    everything that needs a GPU, from the build to the figures, in one go
"""
