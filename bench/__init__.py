# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of fastntk against NumPy: ``python -m bench [--quick] [--case NAME] [--out FILE]``.

With ``--device cuda`` the cases of a GPU, against CuPy and PyTorch.

The files, in the order in which a run uses them:

cases.py        the whole case list, as data
data.py         the matrices a case works on: MNIST, or synthetic digits where MNIST is not found
contestants.py  what is run for a case: fastntk and its baselines, under one face
baselines/      NumPy and CuPy implementations of the same kernel
reference.py    the exact answer on a seeded sample, in extended precision; the gate
measure.py      one case: check, then time, then weigh
timing.py       interleaved rounds, medians, the band of a ratio
memory.py       peak memory of one contestant, in a fresh process
machine.py      what the figures were measured on
report.py       the JSON record and the table
gpu.py          contestants and clock of the cases on a GPU
gpu_check.py    everything that needs a GPU, from the build to the figures, in one go
"""
