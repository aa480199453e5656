# SPDX-License-Identifier: Apache-2.0
"""The polynomials in csrc/common are those that their generator fits."""

import importlib.util
import io
from pathlib import Path

COMMON = Path(__file__).parents[2] / "csrc" / "common"


def test_header_is_what_the_generator_writes():
    spec = importlib.util.spec_from_file_location(
        "generator", COMMON / "generate_angle_polynomials.py"
    )
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    out = io.StringIO()
    generator.main(out)
    assert out.getvalue() == (COMMON / "angle_polynomials.h").read_text()
