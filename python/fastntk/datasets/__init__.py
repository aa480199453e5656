# SPDX-License-Identifier: Apache-2.0
"""Data sets: scikit-learn's digits, MNIST, and any ``.npy``, ``.npz`` or IDX file.

``load`` is the door; the modules behind it do one thing each: ``catalog`` (names and file
kinds), ``dataset`` (subset, normalise), ``mnist`` (find, fetch, verify), ``idx`` and ``arrays``
(read one file, refuse a damaged one).
"""

from fastntk.datasets.catalog import NAMES, load
from fastntk.datasets.dataset import NORMALIZATIONS, Dataset
from fastntk.datasets.idx import read_idx

__all__ = ["NAMES", "NORMALIZATIONS", "Dataset", "load", "read_idx"]
