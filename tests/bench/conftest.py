# SPDX-License-Identifier: Apache-2.0
"""The folder bench/ lies beside the package."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let tests import `bench`."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
