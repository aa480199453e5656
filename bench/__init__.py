# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of fastntk against NumPy: ``python -m bench [--quick] [--case NAME] [--out FILE]``.

The files, in the order in which a run uses them:

cases.py        the whole case list, as data
data.py         the matrices a case works on: MNIST, or synthetic digits where MNIST is not found
contestants.py  what is run for a case: fastntk and its baselines, under one face
baselines/      NumPy implementations of the same kernel
reference.py    the exact answer on a seeded sample, in extended precision; the gate
timing.py       interleaved rounds, medians, the band of a ratio
memory.py       peak memory of one contestant, in a fresh process
machine.py      what the figures were measured on
report.py       the JSON record and the table
"""
