# SPDX-License-Identifier: Apache-2.0
"""What a record says of the machine can be published."""

import sys

from bench import machine


def test_the_command_names_no_folders(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "--out", "/home/somebody/results.json"])
    assert machine.describe()["command"] == "python -m bench --quick --out results.json"
