# SPDX-License-Identifier: Apache-2.0
"""CuPy is imported where a GPU may be used, and nowhere else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastntk as fn

PACKAGE = Path(fn.__file__).parent


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_nothing_imports_cupy_by_a_statement(path):
    """`_backend` imports it by name, when asked for a GPU."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.partition(".")[0] in ("cupy", "cupyx")]


def test_importing_the_package_imports_no_cupy():
    code = (
        "import sys; sys.modules['cupy'] = None\n"
        "import fastntk, fastntk.gram.limiting, fastntk.linalg, fastntk.app.machine\n"
        "fastntk.FullyConnected().ntk([[1.0, 2.0]], device='cpu')\n"
        "del sys.modules['cupy']\n"
        "fastntk.FullyConnected().ntk([[1.0, 2.0]], device='cpu')\n"
        "assert 'cupy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
