# SPDX-License-Identifier: Apache-2.0
"""Data sets: scikit-learn's digits, MNIST, and any ``.npy``, ``.npz`` or IDX file.

``load`` is the door, ``load_split`` the one to a part for training and a part for tests; the
modules behind them do one thing each: ``catalog`` (names and file kinds), ``split``, ``dataset``
(subset, normalise), ``mnist`` (find, fetch, verify), ``idx`` and ``arrays`` (read one file, refuse
a damaged one).
"""

from fastntk.datasets.catalog import NAMES, load
from fastntk.datasets.dataset import NORMALIZATIONS, Dataset
from fastntk.datasets.idx import read_idx
from fastntk.datasets.split import Split, load_split

__all__ = ["NAMES", "NORMALIZATIONS", "Dataset", "Split", "load", "load_split", "read_idx"]
