# SPDX-License-Identifier: Apache-2.0
"""The polynomials in csrc/common are those that their generators fit."""

import importlib
import io
from pathlib import Path

import pytest

COMMON = Path(__file__).parents[2] / "csrc" / "common"


@pytest.mark.parametrize("subject", ["angle", "arc_cosine"])
def test_header_is_what_the_generator_writes(subject, monkeypatch):
    monkeypatch.syspath_prepend(str(COMMON))  # one generator imports the other
    generator = importlib.import_module(f"generate_{subject}_polynomials")
    out = io.StringIO()
    generator.main(out)
    assert out.getvalue() == (COMMON / f"{subject}_polynomials.h").read_text()
